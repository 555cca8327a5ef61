//! In which order the messages of one connection run.

use std::time::Duration;

use tokio::sync::oneshot;

/// In which order the messages of one connection run. AWS promises none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageOrder {
    /// All at the same time, as they come.
    #[default]
    Concurrent,
    /// One after the other.
    Serial,
    /// About every second message is held until the next one has been answered, or for `hold`.
    Reordered {
        /// Decides which messages are held.
        seed: u64,
        /// How long a message waits for one to overtake it.
        hold: Duration,
    },
}

/// Gives each message of one connection its turn.
#[derive(Debug)]
pub(crate) struct Sequencer {
    order: MessageOrder,
    random: fastrand::Rng,
    /// Serial: resolves when the message before is done.
    previous: Option<oneshot::Receiver<()>>,
    /// Reordered: lets the held message go.
    held: Option<oneshot::Sender<()>>,
}

impl Sequencer {
    pub(crate) fn new(order: MessageOrder) -> Self {
        let seed = match order {
            MessageOrder::Reordered { seed, .. } => seed,
            MessageOrder::Concurrent | MessageOrder::Serial => 0,
        };
        Self { order, random: fastrand::Rng::with_seed(seed), previous: None, held: None }
    }

    /// The turn of the message that came last.
    pub(crate) fn turn(&mut self) -> Turn {
        match self.order {
            MessageOrder::Concurrent => Turn::default(),
            MessageOrder::Serial => {
                let (done, next) = oneshot::channel();
                let previous = self.previous.replace(next);
                Turn { after: previous.map(|previous| (previous, None)), done: Some(done) }
            }
            MessageOrder::Reordered { hold, .. } => match self.held.take() {
                Some(held) => Turn { after: None, done: Some(held) },
                None if self.random.bool() => {
                    let (overtaken, after) = oneshot::channel();
                    self.held = Some(overtaken);
                    Turn { after: Some((after, Some(hold))), done: None }
                }
                None => Turn::default(),
            },
        }
    }
}

/// When a message may run; dropping it lets the one that waits for it go.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    after: Option<(oneshot::Receiver<()>, Option<Duration>)>,
    done: Option<oneshot::Sender<()>>,
}

impl Turn {
    /// Waits for the turn. A sender that was dropped means the same as one that sent.
    pub(crate) async fn come(&mut self) {
        match self.after.take() {
            None => {}
            Some((before, None)) => drop(before.await),
            Some((before, Some(hold))) => drop(tokio::time::timeout(hold, before).await),
        }
    }

    /// Lets the message that waits for this one go.
    pub(crate) fn finish(self) {
        drop(self.done);
    }
}
