//! The only way to stdout: tables, JSON Lines and CSV, written so that a reader who leaves early is no panic.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ContentArrangement, Table, TableComponent};

/// Columns of a table when stdout is no terminal: nothing is wrapped to the width of a screen that is not there.
const WIDTH_UNKNOWN: u16 = 160;

/// Buffered stdout.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Writes a text and flushes, so that it stands before whatever happens next.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = stdout();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A table as text, fitted to the terminal.
pub(crate) fn table<R: IntoIterator<Item = String>>(
    header: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─');
    fit(&mut table);
    // Bold shows on a terminal only.
    table.set_header(header.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row);
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Columns of the terminal; none where stdout is no terminal.
pub(crate) fn width() -> Option<u16> {
    if io::stdout().is_terminal() { Table::new().width() } else { None }
}

/// Fits a table to the terminal, or to a width of its own where there is none.
pub(crate) fn fit(table: &mut Table) {
    if !io::stdout().is_terminal() {
        table.set_width(WIDTH_UNKNOWN).force_no_tty();
    }
}

/// Writes CSV with a header.
pub(crate) fn csv<R: IntoIterator<Item = String>>(
    header: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(stdout());
    writer.write_record(header).map_err(plain)?;
    for row in rows {
        writer.write_record(row).map_err(plain)?;
    }
    writer.flush()
}

/// The system's own error inside one of the CSV writer, whose kind must survive.
pub(crate) fn plain(error: csv::Error) -> io::Error {
    let text = error.to_string();
    if let csv::ErrorKind::Io(error) = error.into_kind() { error } else { io::Error::other(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_header_and_rows() {
        let text = table(&["a", "b"], [["1".to_owned(), "2".to_owned()]]);
        assert!(text.lines().any(|line| line.split_whitespace().eq(["a", "b"])), "{text}");
        assert!(text.lines().any(|line| line.split_whitespace().eq(["1", "2"])), "{text}");
    }
}
