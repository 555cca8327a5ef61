//! Telling an endpoint of something: one try, and what comes after it.

use crate::ports::{Deliveries, Delivery, Disabling, Endpoints, Letter, Lines, Post, Receipt};
use crate::webhooks::{Answer, DELIVERIES_KEPT, IN_ORDER_TRIES, Next, after_in_order, after_spread};
use crate::{Clock, Error, Result, Timestamp};

/// Everything that telling needs beside the letter.
pub struct Telling<'a, S, L, P> {
    /// The table.
    pub store: &'a S,
    /// The lines to receivers.
    pub lines: &'a L,
    /// What signs and posts.
    pub post: &'a P,
    /// The present moment.
    pub clock: &'a dyn Clock,
}

/// How a letter came out of its queue.
#[derive(Debug, Clone)]
pub struct Coming {
    /// What the queue knows it by.
    pub receipt: Receipt,
    /// How often it came, this time included.
    pub times: usize,
    /// Of 0 to 1: spreads the waits.
    pub chance: f64,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is done with.
    Done,
    /// The queue brings it again.
    ComesAgain,
}

/// Tries once to tell an endpoint.
///
/// It may die between any two of its steps: the letter then comes again when the queue has not heard of it for long enough, and everything
/// here may be done twice. What a receiver gets twice has the same identifier.
///
/// # Errors
/// Where the table or a queue fails: the letter comes again.
pub async fn tell(
    with: &Telling<'_, impl Endpoints + Disabling + Deliveries + Sync, impl Lines + Sync, impl Post + Sync>,
    letter: &Letter,
    coming: &Coming,
) -> Result<Tried> {
    let announcement = &letter.announcement;
    let endpoint = with.store.endpoint(&announcement.project, letter.endpoint).await?;
    // Removed or disabled meanwhile: nobody waits for it.
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.disabled_at.is_none()) else {
        return Ok(Tried { fate: Fate::Done, unnoted: None });
    };
    let started = with.clock.now();
    if endpoint.is_slow(started) && letter.slow_line.is_none() && !coming.receipt.is_aside {
        with.lines.line_up(&letter.slowed()).await?;
        return Ok(Tried { fate: Fate::Done, unnoted: None });
    }
    let answer = with.post.post(&endpoint, announcement, started).await?;
    let (next, attempt) = match coming.receipt.is_aside {
        false => (after_in_order(coming.times, answer.outcome), coming.times),
        true => (after_spread(coming.times, answer.outcome, coming.chance), coming.times + IN_ORDER_TRIES),
    };
    let ended = with.clock.now();
    if let Some(until) = endpoint.slow_after(ended.since(started), ended) {
        with.store.note_slow(&announcement.project, endpoint.id, until).await?;
    }
    let delivery = delivery(letter, &answer, next, attempt, started, ended);
    let unnoted = with.store.note_delivery(&delivery, started + DELIVERIES_KEPT).await.err();
    Ok(Tried { fate: follow(with, letter, &coming.receipt, next).await?, unnoted })
}

/// What came of one try.
#[derive(Debug)]
pub struct Tried {
    /// What becomes of the message.
    pub fate: Fate,
    /// Why the try could not be noted. That changes nothing: it is for the log.
    pub unnoted: Option<Error>,
}

fn delivery(
    letter: &Letter,
    answer: &Answer,
    next: Next,
    attempt: usize,
    started: Timestamp,
    ended: Timestamp,
) -> Delivery {
    let outcome = match next {
        Next::Done => "delivered",
        Next::Disable => "disabled",
        Next::Again(_) | Next::Later(_) => "retrying",
        Next::GiveUp => "gaveUp",
    };
    Delivery {
        endpoint: letter.endpoint,
        event: letter.announcement.id.clone(),
        kind: letter.announcement.kind.clone(),
        at: started,
        attempt,
        took: ended.since(started),
        status: answer.status,
        failure: answer.failure.map(str::to_owned),
        outcome,
    }
}

/// Does what comes after a try.
async fn follow(
    with: &Telling<'_, impl Disabling + Sync, impl Lines + Sync, impl Sync>,
    letter: &Letter,
    receipt: &Receipt,
    next: Next,
) -> Result<Fate> {
    match next {
        Next::Done => Ok(Fate::Done),
        Next::Disable => {
            // The others are told by the table's stream, so that they are, whatever happens after this write.
            let now = with.clock.now();
            with.store.disable_endpoint(&letter.announcement.project, letter.endpoint, now).await?;
            Ok(Fate::Done)
        }
        Next::Again(wait) => {
            with.lines.come_again(receipt, wait).await?;
            Ok(Fate::ComesAgain)
        }
        Next::Later(wait) => {
            with.lines.put_aside(letter, wait).await?;
            Ok(Fate::Done)
        }
        // The queue has brought it as often as it may, and puts it with the dead letters.
        Next::GiveUp => Ok(Fate::ComesAgain),
    }
}
