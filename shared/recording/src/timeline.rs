//! What the recording's time is covered with, and where it is not.

use crate::{Gap, Millis};

/// Time between two segments that is no loss: a recorder that begins anew, with other tracks say, takes a moment.
const PAUSE_MS: u64 = 500;
/// Time at the end that is no loss: what a recorder says it ran and what it encoded differ a little.
const END_MS: u64 = 1_000;
/// Time for which a recorder may have nothing to write: a picture that does not change. More is a machine that slept, say.
const LONGEST_STILLNESS_MS: u64 = 10_000;
/// Gaps that are named one by one; what comes then widens the last.
const MOST_GAPS: usize = 500;
/// Where media ends at the latest, in milliseconds from the recording's start. Times beyond it are damage.
pub(crate) const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// The least time between two places that one can seek to: it bounds their number.
pub(crate) const INDEXED_MS: u64 = 250;

/// Times are milliseconds from the recording's start.
pub(crate) struct Timeline {
    recording_start: Millis,
    covered_to: u64,
    /// Since when something is missing.
    lost_at: Option<u64>,
    gaps: Vec<Gap>,
}

impl Timeline {
    pub fn new(recording_start: Millis, covered_to: u64, lost_at: Option<u64>) -> Self {
        Self { recording_start, covered_to, lost_at, gaps: Vec::new() }
    }

    /// Where the next media should begin, and since when something is missing.
    pub fn state(&self) -> (u64, Option<u64>) {
        (self.covered_to, self.lost_at)
    }

    /// Where a segment begins: when its clock says, but never before what is there ends, nor absurdly late.
    pub fn place_segment(&mut self, started_at: Millis) -> u64 {
        let said = started_at.saturating_sub(self.recording_start);
        let at = if said > LONGEST_MS { self.covered_to } else { said.max(self.covered_to) };
        if at > self.covered_to + PAUSE_MS {
            self.lose();
        }
        at
    }

    /// Bytes were missing or damaged since the last `cover`.
    pub fn lose(&mut self) {
        self.lost_at.get_or_insert(self.covered_to);
    }

    /// Media that can be played, from and to; `whole` where nothing of that time is missing.
    pub fn cover(&mut self, from: u64, to: u64, whole: bool) {
        if from > self.covered_to.saturating_add(LONGEST_STILLNESS_MS) {
            self.lose();
        }
        self.covered_to = self.covered_to.max(to);
        if whole
            && let Some(lost_at) = self.lost_at.take()
            && from > lost_at
        {
            self.name_gap(lost_at, from);
        }
    }

    /// The gaps, the last one up to when recording ended, where that is known.
    pub fn end(mut self, ended_at: Option<Millis>) -> Vec<Gap> {
        let end = ended_at.map_or(0, |at| at.saturating_sub(self.recording_start)).min(LONGEST_MS);
        if end > self.covered_to + END_MS {
            let from = self.lost_at.unwrap_or(self.covered_to);
            self.name_gap(from, end);
        }
        self.gaps
    }

    /// The gaps so far; more of the recording follows.
    pub fn pause(self) -> Vec<Gap> {
        self.gaps
    }

    fn name_gap(&mut self, from: u64, to: u64) {
        if self.gaps.len() >= MOST_GAPS
            && let Some(last) = self.gaps.last_mut()
        {
            last.to_ms = to;
        } else {
            self.gaps.push(Gap { from_ms: from, to_ms: to });
        }
    }
}
