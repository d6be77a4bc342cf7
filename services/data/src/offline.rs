//! What works on a folder or a file without the service: `restore`, `verify` and `compact`.

pub mod compact;
pub mod restore;
pub mod verify;
