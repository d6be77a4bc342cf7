//! Server reflection, v1 and v1alpha: the contract, the error details of `google.rpc`, and health.

use tonic_reflection::server::{Builder, Error};

use crate::routes::Routes;

/// What every process serves besides its own services; each version of reflection lists itself too.
const HEALTH: &str = "grpc.health.v1.Health";

/// Adds both versions of the reflection service. They list those of `names` that are services of the contract, and
/// describe every message of it.
///
/// # Errors
/// When a descriptor set does not decode, which is a defect of the build.
pub fn add<'a>(routes: Routes, names: impl IntoIterator<Item = &'a str>) -> Result<Routes, Error> {
    let pool = reform_api::descriptors::pool();
    let services: Vec<&str> =
        names.into_iter().filter(|name| pool.get_service_by_name(name).is_some()).chain([HEALTH]).collect();
    let v1 = builder(&services).with_service_name("grpc.reflection.v1.ServerReflection").build_v1()?;
    let alpha =
        builder(&services).with_service_name("grpc.reflection.v1alpha.ServerReflection").build_v1alpha()?;
    Ok(routes.add_service(v1).add_service(alpha))
}

fn builder(services: &[&str]) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(reform_api::descriptors::ENCODED)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    services.iter().fold(builder, |builder, name| builder.with_service_name(*name))
}
