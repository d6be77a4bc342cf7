//! Server reflection, v1 and v1alpha: the contract, the error details of `google.rpc`, and health.

use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};

/// Adds both versions of the reflection service.
///
/// # Errors
/// When a descriptor set does not decode, which is a defect of the build.
pub fn add(routes: Routes) -> Result<Routes, Error> {
    Ok(routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}

fn builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(reform_api::descriptors::ENCODED)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
