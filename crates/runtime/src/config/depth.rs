//! How deep TOML may nest. The parser has no limit of its own for keys such as `a.b.c`, nor for brackets that nothing closes,
//! and what nests deeply overflows the stack of whoever reads or drops it.

/// Dots on a line. Keys end with their line, so that this bounds what a table's name, a key and inline tables nest together.
const DOTS_MAX: usize = 128;
/// Brackets that are open at once, those in strings counted.
const OPEN_MAX: usize = 128;

/// A text may nest too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} has more than {DOTS_MAX} dots, or there more than {OPEN_MAX} brackets are open")]
pub struct TooDeep {
    /// The line, from 1.
    pub line: usize,
}

/// Refuses a text that may nest too deeply to be read.
///
/// # Errors
/// The first line that has too many dots or opens too many brackets.
pub fn check_depth(text: &str) -> Result<(), TooDeep> {
    let mut open = 0_usize;
    for (before, line) in text.split('\n').enumerate() {
        let mut dots = 0;
        for byte in line.bytes() {
            match byte {
                b'.' => dots += 1,
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            if dots > DOTS_MAX || open > OPEN_MAX {
                return Err(TooDeep { line: before + 1 });
            }
        }
    }
    Ok(())
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
        assert_eq!(check_depth(&"a = {b = {c = 1}\n".repeat(OPEN_MAX - 1)), Ok(()));
        assert_eq!(check_depth(&"a = {b = {c = 1}\n".repeat(5_000)), Err(TooDeep { line: OPEN_MAX }));
    }
}
