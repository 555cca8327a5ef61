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
    began: Instant,
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
            began: Instant::now(),
            refuses: AtomicBool::new(false),
        }
    }

    /// Waits for a slot, for something that came at `since`; none when that takes too long. Work that computes without a
    /// pause leaves slots free and makes others wait for the processor, so what counts is the time and not the slot.
    pub(crate) async fn enter(&self, since: Instant) -> Option<Slot<'_>> {
        let permit = match self.slots.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) => {
                let acquired =
                    tokio::time::timeout_at((since + self.patience.usual).into(), self.slots.acquire()).await;
                acquired.ok().and_then(Result::ok)
            }
        };
        let waited = since.elapsed();
        let patience = self.patience.after(waited, self.began.elapsed());
        match permit.filter(|_| waited <= patience) {
            Some(permit) => {
                if patience == self.patience.usual {
                    self.relax();
                }
                Some(Slot { permit, holds: self.holds })
            }
            None => {
                self.refuse();
                None
            }
        }
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

/// How long one may wait, by how long others have been waiting without a pause. Times count from one moment.
#[derive(Debug)]
struct Patience {
    usual: Duration,
    standing: Duration,
    /// Milliseconds to the first and to the last of those who waited, since the last pause.
    first: AtomicU64,
    last: AtomicU64,
}

impl Patience {
    fn new(usual: Duration, standing: Duration) -> Self {
        Self { usual, standing: standing.min(usual), first: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    /// How long somebody may have waited who is looked at `now`, and waited for so long.
    fn after(&self, waited: Duration, now: Duration) -> Duration {
        let [now, pause] = [now, self.standing].map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let last = self.last.load(Ordering::Relaxed);
        if waited > self.standing / 4 {
            if now.saturating_sub(last) > pause || last == 0 {
                self.first.store(now, Ordering::Relaxed);
            }
            self.last.fetch_max(now, Ordering::Relaxed);
        } else if now.saturating_sub(last) > pause {
            return self.usual;
        }
        let crowded = now.saturating_sub(self.first.load(Ordering::Relaxed));
        if u128::from(crowded) > self.usual.as_millis() { self.standing } else { self.usual }
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
    async fn whoever_waited_too_long_is_refused_even_where_a_slot_is_free() {
        let admission = admission(1, Duration::from_millis(10), LONG);
        let came = Instant::now();
        tokio::time::sleep(Duration::from_millis(11)).await;
        assert!(admission.enter(came).await.is_none());
        assert!(admission.enter(Instant::now()).await.is_some());
    }

    #[tokio::test]
    async fn a_wait_ends_although_no_slot_becomes_free() {
        let admission = admission(1, Duration::from_millis(10), LONG);
        let _slot = admission.enter(Instant::now()).await;
        assert!(admission.enter(Instant::now()).await.is_none());
    }

    #[test]
    fn where_somebody_always_waits_there_is_less_patience_than_in_a_rush() {
        let millis = Duration::from_millis;
        let [usual, standing, at_once, late] = [2000, 500, 5, 400].map(millis);
        let patience = Patience::new(usual, standing);
        // One who is served at once beside the others means nothing.
        for now in (1000..=3000).step_by(100) {
            assert_eq!(patience.after(late, millis(now)), usual, "{now}");
            assert_eq!(patience.after(at_once, millis(now)), usual, "{now}");
        }
        for now in (3001..6000).step_by(100) {
            assert_eq!(patience.after(late, millis(now)), standing, "{now}");
            assert_eq!(patience.after(at_once, millis(now)), standing, "{now}");
        }
        // A pause, and everything begins anew.
        assert_eq!(patience.after(at_once, millis(6500)), usual);
        assert_eq!(patience.after(late, millis(6600)), usual);
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
