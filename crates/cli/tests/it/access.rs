//! Who may call what, on both services as they run: every method with every sort of credential.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod audit;
mod certified;
mod matrix;
mod pair;
mod signer;
