//! How deep TOML may nest. A key such as `a.b.c` nests, without a limit in the parser, and what nests deeply overflows the
//! stack of whoever reads or drops it.

/// Dots on a line. Keys end with their line, so that this bounds what a table's name, a key and inline tables nest together.
const DOTS_MAX: usize = 128;

/// A line may nest too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has more than {DOTS_MAX} dots")]
pub struct TooDeep {
    /// The line, from 1.
    pub line: usize,
}

/// Refuses a text that may nest too deeply to be read.
///
/// # Errors
/// The first line with too many dots.
pub fn check_depth(text: &str) -> Result<(), TooDeep> {
    let dots = |line: &str| line.bytes().filter(|byte| *byte == b'.').count();
    match text.split('\n').position(|line| dots(line) > DOTS_MAX) {
        Some(before) => Err(TooDeep { line: before + 1 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;
    use toml::de::DeTable;

    use super::*;

    #[test]
    fn what_passes_is_read_on_a_small_stack() {
        let key = ["a"; DOTS_MAX + 1].join(".");
        let text = format!("[{key}]\n{key} = 1\nb = {{{key} = 2}}\n");
        assert_eq!(check_depth(&text), Ok(()));
        // Whatever they say of it.
        drop((DeTable::parse(&text), text.parse::<Table>()));
        assert_eq!(check_depth(&format!("\n{key}.a = 1")), Err(TooDeep { line: 2 }));
    }
}
