//! What works on a folder or a file without the service: `restore` and `verify`.

pub mod restore;
pub mod verify;
