//! The trials, as large as every change can afford. Each prints its seed, and `REFORM_SEED` repeats it.

mod compact_watch;
mod full_disk;
mod hostile;
mod io_errors;
mod kills;
mod linearizable;
mod one_effect;
mod overload;
mod own_writes;
mod parsers;
mod soak;
mod stall;
mod watching;

use std::path::Path;

/// The program whose hidden command is the service.
fn trials() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_reform-trials"))
}
