//! How deep TOML may nest. The parser has no limit of its own for keys such as `a.b.c`, nor for brackets that nothing closes,
//! and what nests deeply overflows the stack of whoever reads or drops it.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// Dots on a line. Keys end with their line, so that this bounds what a table's name, a key and inline tables nest together.
const DOTS_MAX: usize = 128;
/// Brackets that are open at once.
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
    let dots = |line: &str| line.bytes().filter(|byte| *byte == b'.').count();
    if let Some(before) = text.split('\n').position(|line| dots(line) > DOTS_MAX) {
        return Err(TooDeep { line: before + 1 });
    }
    // What would close them. A bracket of another sort closes nothing: the parser goes on in the one that is open.
    let mut open = Vec::new();
    for token in Source::new(text).lex() {
        let kind = token.kind();
        if kind == TokenKind::LeftSquareBracket {
            open.push(TokenKind::RightSquareBracket);
        } else if kind == TokenKind::LeftCurlyBracket {
            open.push(TokenKind::RightCurlyBracket);
        } else {
            open.pop_if(|closing| *closing == kind);
        }
        if open.len() > OPEN_MAX {
            let before =
                text.as_bytes()[..token.span().start()].iter().filter(|byte| **byte == b'\n').count();
            return Err(TooDeep { line: before + 1 });
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
        // What closes in a string, in a comment or for another bracket closes nothing.
        for nested in
            ["a = {b = {c = 1}\n", "a = ['}',\n", "a = [[] # ]\n", "a = {b = [}\n", "a = [\"\"\"]\"\"\",\n"]
        {
            assert_eq!(
                check_depth(&nested.repeat(5_000)).map_err(|deep| deep.line <= OPEN_MAX + 1),
                Err(true),
                "{nested}"
            );
        }
        let strings = "a = ['[', \"{\"] # [\n".repeat(5_000);
        assert_eq!(check_depth(&strings), Ok(()));
        drop(strings.parse::<Table>());
    }
}
