use std::{ops::Range, path::Path};

use super::MAX_FILE_BYTES;

/// Why a registry file is not in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It could not be read.
    #[error("{0}")]
    Read(String),
    /// A directory, a pipe or a device.
    #[error("is no regular file")]
    NoFile,
    /// Over [`MAX_FILE_BYTES`].
    #[error("is longer than {MAX_FILE_BYTES} bytes")]
    TooLong,
    /// No UTF-8.
    #[error("is no UTF-8 text")]
    Encoding,
    /// It does not say what services there are: empty, or half written.
    #[error("has no `services`: expected [[services]] tables, or `services = []` for none")]
    NoServices,
    /// Something in it is wrong.
    #[error("{what}")]
    Wrong {
        /// Where, if it is in one place.
        at: Option<Position>,
        /// What is wrong, and what was expected.
        what: String,
    },
}

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// Where `span` starts in `text`.
    pub(super) fn of(text: &str, span: &Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl FileError {
    /// The error as an operator reads it: `FILE:LINE:COLUMN: what`.
    pub(super) fn in_file(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Wrong {
                at: Some(Position { line, column }),
                ..
            } => format!("{path}:{line}:{column}: {self}"),
            _ => format!("{path}: {self}"),
        }
    }
}
