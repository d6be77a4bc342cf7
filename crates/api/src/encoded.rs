//! Answers that are encoded already, or whose records are: on the wire the same as those of the contract, without a decode
//! and an encode of every record on its way from the store, and of a figure that was asked for before.

use bytes::{Buf, BufMut, Bytes};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType};

pub use crate::generated::encoded::*;

/// An encoded message as the whole of an answer: a record, or the figures of one indicator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer(pub Bytes);

impl prost::Message for Answer {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }

    /// Servers only send it.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        prost::encoding::skip_field(wire_type, tag, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
