//! A question before what cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::Failure;

/// Says what is about to happen and goes on only after a `y`; without a terminal there is nobody to ask.
pub(crate) fn confirm(what: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("{what} Say --yes, for there is nobody to ask")));
    }
    write!(io::stderr(), "{what} Go on? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::Conflict("nothing was done".to_owned()))
    }
}
