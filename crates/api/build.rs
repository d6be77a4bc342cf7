//! Compiles `proto/` with protox, so that no system `protoc` is needed.
//!
//! The descriptor set is kept beside the generated code: reflection, JSON, field paths and filters all read it.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::{Label, Type};

fn main() -> Result<(), Box<dyn Error>> {
    // Asked at run time: a shared target folder may hold this program compiled in another checkout.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // `encode_file_descriptor_set` alone keeps custom options; the set for the generator may lose them.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .boxed(".reform.data.v1.Record.body.election")
        .boxed(".reform.data.v1.Record.body.reform")
        .compile_fds(compiler.file_descriptor_set())?;
    let out = out.join("encoded");
    fs::create_dir_all(&out)?;
    encoded_records(compiler.file_descriptor_set(), &out)?;
    encoded_figures(compiler.file_descriptor_set(), &out)
}

/// The answers that hold whole records, and what stands between them and a record.
const ENCODED: &[&str] = &[
    "BatchGetRecordsResponse",
    "Change",
    "CommitRecordsResponse",
    "ListRecordRevisionsResponse",
    "ListRecordsResponse",
    "RecordRevision",
    "WatchChangesResponse",
];

/// Generates the servers of the data service once more, with records in answers as bytes: a field of bytes and one of a
/// message look the same on the wire, so what is stored can be sent without a decode.
fn encoded_records(mut files: FileDescriptorSet, out: &Path) -> Result<(), Box<dyn Error>> {
    const PACKAGE: &str = "reform.data.v1";
    files.file.retain(|file| !file.package().starts_with("reform.analytics"));
    let mut config = tonic_prost_build::configure().build_client(false).out_dir(out).bytes(".");
    for file in files.file.iter_mut().filter(|file| file.package() == PACKAGE) {
        for name in file.enum_type.iter().map(|kind| kind.name()) {
            config = config.extern_path(format!(".{PACKAGE}.{name}"), format!("crate::data::v1::{name}"));
        }
        for message in &mut file.message_type {
            let name = message.name().to_owned();
            if name == "Record" {
                config = config.extern_path(format!(".{PACKAGE}.{name}"), "crate::encoded::Answer");
            } else if !ENCODED.contains(&name.as_str()) {
                config = config.extern_path(format!(".{PACKAGE}.{name}"), format!("crate::data::v1::{name}"));
            }
            for field in &mut message.field {
                if ENCODED.contains(&name.as_str()) && field.type_name() == format!(".{PACKAGE}.Record") {
                    field.set_type(Type::Bytes);
                    field.type_name = None;
                    // A message is absent or there, and so are its bytes.
                    field.proto3_optional = (field.label() == Label::Optional).then_some(true);
                }
            }
        }
    }
    Ok(config.compile_fds(files)?)
}

/// Generates the server of the analytics service once more, with the answer to one query as bytes: a figure that was asked
/// for before is sent as it was encoded then.
fn encoded_figures(mut files: FileDescriptorSet, out: &Path) -> Result<(), Box<dyn Error>> {
    const PACKAGE: &str = "reform.analytics.v1";
    files.file.retain(|file| file.package() == PACKAGE);
    let mut config = tonic_prost_build::configure().build_client(false).out_dir(out).bytes(".");
    config = config.extern_path(".reform.data.v1", "crate::data::v1");
    for file in &files.file {
        let messages = file.message_type.iter().map(|message| message.name());
        for name in messages.chain(file.enum_type.iter().map(|kind| kind.name())) {
            let path = match name {
                "QueryIndicatorResponse" => "crate::encoded::Answer".to_owned(),
                _ => format!("crate::analytics::v1::{name}"),
            };
            config = config.extern_path(format!(".{PACKAGE}.{name}"), path);
        }
    }
    Ok(config.compile_fds(files)?)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo:rerun-if-changed={}", path.display());
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
