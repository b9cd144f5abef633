//! What output looks like: tables, colours, quantities, and text from elsewhere made harmless.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

/// Whether output goes to somebody who sees colours.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    colourful: bool,
}

/// Rows of cells in aligned columns, under a head.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Paint {
    /// For standard output.
    pub(super) fn of_stdout() -> Paint {
        Paint::of(&io::stdout())
    }

    /// For standard error.
    pub(super) fn of_stderr() -> Paint {
        Paint::of(&io::stderr())
    }

    fn of(stream: &impl IsTerminal) -> Paint {
        // https://no-color.org: set, and not empty.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint {
            colourful: stream.is_terminal() && !unwanted,
        }
    }

    #[cfg(test)]
    pub(super) fn none() -> Paint {
        Paint { colourful: false }
    }

    /// For what matters less.
    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For what stands out.
    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For failures.
    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// For what may become a failure.
    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// For what went well.
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Text that a terminal opens on a click (OSC 8). Terminals find most URLs by themselves, but not one with braces.
    pub(super) fn link(self, target: &str, text: &str) -> String {
        if !self.colourful {
            return text.to_owned();
        }
        format!("\x1b]8;;{target}\x1b\\{text}\x1b]8;;\x1b\\")
    }

    fn with(self, code: &str, text: &str) -> String {
        if !self.colourful || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Table {
    /// An empty table.
    pub(super) fn new<const COLUMNS: usize>(head: [&str; COLUMNS]) -> Table {
        Table {
            rows: vec![head.map(str::to_owned).to_vec()],
        }
    }

    /// Adds a row, of as many cells as the head has.
    pub(super) fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        let cells = cells.iter().map(|cell| printable(cell).replace('\n', " "));
        self.rows.push(cells.collect());
    }

    /// Writes it, the head dimmed.
    pub(super) fn write(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let widths = self.widths();
        for (index, row) in self.rows.iter().enumerate() {
            let padded = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            let line = padded.collect::<Vec<_>>().join("  ");
            let line = line.trim_end();
            match index {
                0 => writeln!(out, "{}", paint.dim(line))?,
                _ => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.rows
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or_default()
        };
        (0..columns).map(width).collect()
    }
}

/// The text with control characters written out: what a function or a host says must not steer the terminal.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match harmless(c) {
            true => shown.push(c),
            false => shown.extend(c.escape_default()),
        }
    }
    Cow::Owned(shown)
}

/// Writes bytes as they are and ends the line, unless there are none.
pub(super) fn line_of_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// A number of bytes, to three digits.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        // Where rounding would show 1024 of the smaller unit.
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    match value < 9.95 {
        true => format!("{value:.1} {unit}"),
        false => format!("{value:.0} {unit}"),
    }
}

/// A span of time, given in milliseconds.
pub(super) fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1000.0),
        ms => format!("{:.1} min", ms / 60_000.0),
    }
}

/// As much of a digest as tells revisions apart.
pub(super) fn short_digest(digest: &str) -> String {
    let digits = digest.rsplit(':').next().unwrap_or(digest);
    digits.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        let check = |count, expected: &str| assert_eq!(bytes(count), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(10 * 1024 - 1, "10 KiB");
        check(1024 * 1024 - 1, "1.0 MiB");
        check(5 * 1024 * 1024 / 2, "2.5 MiB");
        check(u64::MAX, "16777216 TiB");
    }

    #[test]
    fn spans_have_the_unit_that_suits_them() {
        let check = |ms, expected: &str| assert_eq!(milliseconds(ms), expected);
        check(0.0, "0.0 ms");
        check(1.26, "1.3 ms");
        check(12.4, "12 ms");
        check(999.9, "1.0 s");
        check(59_990.0, "1.0 min");
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["NAME", "N"]);
        table.row(["a".to_owned(), "1".to_owned()]);
        table.row(["längste".to_owned(), "22\n\u{1b}".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out, Paint::none()).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "NAME     N\na        1\nlängste  22 \\u{1b}\n");
    }

    #[test]
    fn digests_are_cut() {
        assert_eq!(short_digest("sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(short_digest("0123"), "0123");
    }
}
