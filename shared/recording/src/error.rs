//! What composing can end with.

use std::error::Error;

/// What a port failed with; for the log alone.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why no file was made.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Nothing was uploaded.
    #[error("nothing was uploaded")]
    Empty,
    /// Chunks are there, but no segment of them begins as an MP4 or WebM file with a track in it, or nothing whole follows.
    #[error("nothing of what was uploaded can be played")]
    Unreadable,
    /// A chunk has not the length that it had when the chunks were listed. Composing again lists them again.
    #[error("chunk {seq} changed while it was read")]
    Changed {
        /// Its number.
        seq: u32,
    },
    /// A chunk could not be read. Composing again may succeed.
    #[error("a chunk could not be read")]
    Read(#[source] Cause),
    /// A file could not be written. Composing again may succeed.
    #[error("a file could not be written")]
    Write(#[source] Cause),
}

impl ComposeError {
    /// Its stable name, as a recording that failed carries it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "recording_empty",
            Self::Unreadable => "recording_unreadable",
            Self::Changed { .. } | Self::Read(_) | Self::Write(_) => "unavailable",
        }
    }

    /// Whether composing again may end otherwise.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Empty | Self::Unreadable => false,
            Self::Changed { .. } | Self::Read(_) | Self::Write(_) => true,
        }
    }
}
