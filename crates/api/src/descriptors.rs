//! The descriptors of the contract, as compiled.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// The encoded `FileDescriptorSet` of `proto/` with its imports, as reflection serves it.
pub const ENCODED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(ENCODED).expect("the build encoded this descriptor set"));

/// Every message, enum and service of the contract.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// The descriptor of `reform.data.v1.Record`.
pub fn record() -> MessageDescriptor {
    message("reform.data.v1.Record")
}

/// The descriptor of one message by its full name, such as `reform.data.v1.Date`.
///
/// # Panics
/// When the contract has no message of that name: names are literals in this code base.
pub fn message(full_name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(full_name).expect("a message of the contract")
}
