//! How many functions run at once, as Lambda's concurrency bounds them, and how long others wait for that.
//!
//! Without a bound an overloaded server works off what nobody waits for any more: clients send again what was not answered,
//! and the server is as late for minutes after the load has gone. So whoever would wait too long is refused, which costs
//! next to nothing. A short rush may wait longer than a queue that never empties, where waiting helps nobody; this is the rule of
//! [CoDel](https://queue.acm.org/detail.cfm?id=2839461) as servers use it.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::Limits;

/// Lets so many in at once, first come, first served.
#[derive(Debug)]
pub(crate) struct Admission {
    slots: Semaphore,
    patience: Patience,
    holds: Duration,
    refuses: AtomicBool,
}

/// A place among those that run.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    permit: SemaphorePermit<'a>,
    holds: Duration,
}

impl Admission {
    pub(crate) fn new(slots: usize, limits: &Limits) -> Self {
        Self {
            slots: Semaphore::new(slots),
            patience: Patience::new(limits.wait, limits.standing_wait),
            holds: limits.slot,
            refuses: AtomicBool::new(false),
        }
    }

    /// Waits for a slot, for something that came at `since`; none when that takes too long.
    pub(crate) async fn enter(&self, since: Instant) -> Option<Slot<'_>> {
        if let Ok(permit) = self.slots.try_acquire() {
            // Nobody waits: they would have got it.
            self.patience.calm();
            self.relax();
            return Some(self.slot(permit));
        }
        let entered = tokio::time::timeout_at((since + self.patience.usual).into(), self.slots.acquire()).await;
        match entered {
            Ok(Ok(permit)) if since.elapsed() <= self.patience.now() => Some(self.slot(permit)),
            Ok(_) | Err(_) => {
                self.refuse();
                None
            }
        }
    }

    fn slot<'a>(&self, permit: SemaphorePermit<'a>) -> Slot<'a> {
        Slot { permit, holds: self.holds }
    }

    /// Says once that it begins.
    fn refuse(&self) {
        if !self.refuses.swap(true, Ordering::Relaxed) {
            tracing::warn!(slots = self.slots.available_permits(), "overloaded: what waits too long is refused");
        }
    }

    /// Says once that it is over.
    fn relax(&self) {
        if self.refuses.load(Ordering::Relaxed) && self.refuses.swap(false, Ordering::Relaxed) {
            tracing::warn!("no longer overloaded");
        }
    }
}

impl Slot<'_> {
    /// Does the work. One that takes longer than a slot is held waits for something else, a slow client say, and goes on
    /// without it.
    pub(crate) async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        let Self { permit, holds } = self;
        tokio::pin!(work);
        let done = tokio::time::timeout(holds, &mut work).await;
        drop(permit);
        match done {
            Ok(done) => done,
            Err(_elapsed) => work.await,
        }
    }
}

/// How long one may wait, by how long there has always been somebody who waits.
#[derive(Debug)]
struct Patience {
    usual: Duration,
    standing: Duration,
    began: Instant,
    /// Milliseconds from `began` to the last moment at which nobody waited.
    calm_at: AtomicU64,
}

impl Patience {
    fn new(usual: Duration, standing: Duration) -> Self {
        Self { usual, standing: standing.min(usual), began: Instant::now(), calm_at: AtomicU64::new(0) }
    }

    /// Nobody waits.
    fn calm(&self) {
        self.calm_at.store(self.millis(), Ordering::Relaxed);
    }

    fn now(&self) -> Duration {
        self.after(Duration::from_millis(self.millis().saturating_sub(self.calm_at.load(Ordering::Relaxed))))
    }

    /// When somebody has been waiting for so long.
    fn after(&self, crowded: Duration) -> Duration {
        if crowded > self.usual { self.standing } else { self.usual }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn admission(slots: usize, wait: Duration, slot: Duration) -> Admission {
        Admission::new(slots, &Limits { wait, standing_wait: wait / 4, slot, ..Limits::default() })
    }

    #[tokio::test]
    async fn so_many_run_at_once_and_the_next_one_follows() {
        let admission = admission(2, LONG, LONG);
        let now = Instant::now();
        let (first, _second) = (admission.enter(now).await, admission.enter(now).await);
        let mut third = Box::pin(admission.enter(now));
        assert!(first.is_some() && (&mut third).now_or_never().is_none());
        drop(first);
        assert!(third.await.is_some());
    }

    #[tokio::test]
    async fn whoever_waited_too_long_is_refused() {
        let admission = admission(1, LONG, LONG);
        let slot = admission.enter(Instant::now()).await;
        assert!(slot.is_some());
        let long_ago = Instant::now().checked_sub(2 * LONG);
        if let Some(long_ago) = long_ago {
            assert!(admission.enter(long_ago).await.is_none());
        }
        drop(slot);
        assert!(admission.enter(Instant::now()).await.is_some());
    }

    #[tokio::test]
    async fn a_wait_ends_although_no_slot_becomes_free() {
        let admission = admission(1, Duration::from_millis(10), LONG);
        let _slot = admission.enter(Instant::now()).await;
        assert!(admission.enter(Instant::now()).await.is_none());
    }

    #[test]
    fn a_queue_that_never_empties_has_less_patience_than_a_rush() {
        let patience = Patience::new(Duration::from_secs(2), Duration::from_millis(500));
        assert_eq!(patience.after(Duration::from_secs(2)), Duration::from_secs(2));
        assert_eq!(patience.after(Duration::from_millis(2001)), Duration::from_millis(500));
    }

    #[tokio::test]
    async fn work_that_takes_too_long_goes_on_without_its_slot() {
        let admission = admission(1, LONG, Duration::ZERO);
        let slot = admission.enter(Instant::now()).await.expect("a slot");
        let (go_on, told) = tokio::sync::oneshot::channel();
        let (worked, entered) = tokio::join!(slot.hold(told), async {
            let entered = admission.enter(Instant::now()).await.is_some();
            go_on.send(()).map(|()| entered)
        });
        assert_eq!((worked, entered), (Ok(()), Ok(true)));
    }
}
