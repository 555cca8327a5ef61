//! Where composing goes on, as text that lies in a table meanwhile: numbers with spaces between them, and `-` for what there is not.

use std::fmt;
use std::str::FromStr;

/// Where composing goes on: files are made one by one, each by whoever has time for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The number of the file to make.
    pub file: u32,
    /// The number of the segment in which it begins.
    pub segment: u32,
    /// In the middle of that segment: where.
    pub inside: Option<Inside>,
    /// Milliseconds from the recording's start to the end of what was made.
    pub covered_ms: u64,
    /// Since when something is missing, in milliseconds from the recording's start.
    pub lost_ms: Option<u64>,
}

/// A place in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// A chunk.
    pub seq: u32,
    /// A byte in it.
    pub offset: u64,
    /// What times count from there (WebM).
    pub base: u64,
    /// Milliseconds from the recording's start to the segment's.
    pub segment_ms: u64,
}

/// Says that a text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no place in a recording")]
pub struct NoCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.file, self.segment, self.covered_ms)?;
        match self.lost_ms {
            Some(lost) => write!(f, "{lost}")?,
            None => f.write_str("-")?,
        }
        if let Some(Inside { seq, offset, base, segment_ms }) = self.inside {
            write!(f, " {seq} {offset} {base} {segment_ms}")?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let words: Vec<&str> = text.split(' ').collect();
        let [file, segment, covered, lost, inside @ ..] = words.as_slice() else { return Err(NoCursor) };
        let inside = match inside {
            [] => None,
            [seq, offset, base, segment] => Some(Inside {
                seq: number(seq)?,
                offset: number(offset)?,
                base: number(base)?,
                segment_ms: number(segment)?,
            }),
            _ => return Err(NoCursor),
        };
        let lost_ms = if *lost == "-" { None } else { Some(number(lost)?) };
        Ok(Self { file: number(file)?, segment: number(segment)?, inside, covered_ms: number(covered)?, lost_ms })
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, NoCursor> {
    text.parse().map_err(|_| NoCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is_read() {
        let inside = Inside { seq: 10_799, offset: 8 << 20, base: u64::MAX, segment_ms: 7 };
        for (inside, lost_ms) in [(None, None), (None, Some(5)), (Some(inside), None), (Some(inside), Some(0))] {
            let cursor = Cursor { file: 3, segment: 199, inside, covered_ms: 43_200_000, lost_ms };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        // What a recording has in the table that was begun by an earlier version.
        assert_eq!(Cursor::default().to_string(), "0 0 0 -");
        for odd in ["", "   ", "1 2 3", "1 2 3 - 4", "1 2 3 x", "1 2 3 - 4 5 6 7 8", "-1 2 3 -"] {
            assert_eq!(odd.parse::<Cursor>(), Err(NoCursor), "{odd}");
        }
    }
}
