//! How long a broadcast takes, in a time that passes only while everybody waits.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use domain::ports::{ChatMessage, DelayedMessage, Delays, Ports, Pushed, Sockets};
use domain::{ConnectionId, Error, Frame, Result, chat};

use crate::fake::Fake;

/// What a push takes, from a small function over TLS.
const PUSH: Duration = Duration::from_millis(25);
/// What sending a message to the delay queue takes.
const QUEUE: Duration = Duration::from_millis(25);
/// How long a push that is not answered is tried.
const PATIENCE: Duration = Duration::from_secs(3);
/// Those who are in the session, and how many of them are dead.
const PEOPLE: usize = 100;
const DEAD: usize = 10;

/// A time that is moved on by hand, and who waits for which moment of it.
#[derive(Default)]
struct Time(Mutex<(Duration, Vec<(Duration, Waker)>)>);

impl Time {
    async fn pass(&self, time: Duration) {
        let end = self.now() + time;
        poll_fn(|context| {
            let (now, sleepers) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if *now >= end {
                return Poll::Ready(());
            }
            sleepers.push((end, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn now(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// On to the next moment that somebody waits for.
    fn move_on(&self) {
        let (now, sleepers) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = sleepers.iter().map(|(end, _)| *end).min().expect("somebody waits");
        let (due, waiting) = std::mem::take(sleepers).into_iter().partition::<Vec<_>, _>(|(end, _)| end <= now);
        *sleepers = waiting;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Runs to the end; how long it took.
    fn run<T>(&self, work: impl Future<Output = T>) -> (T, Duration) {
        struct Awake;
        impl Wake for Awake {
            fn wake(self: Arc<Self>) {}
        }
        let waker = Waker::from(Arc::new(Awake));
        let (mut work, begin) = (pin!(work), self.now());
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return (done, self.now() - begin);
            }
            self.move_on();
        }
    }
}

/// Sockets and a queue that take time.
#[derive(Default)]
struct Slow {
    time: Time,
    /// What becomes of pushes to the dead.
    silent: bool,
    under_way: AtomicUsize,
    most: AtomicUsize,
    reached: Mutex<Vec<Duration>>,
}

impl Sockets for Slow {
    async fn push(&self, connection: &ConnectionId, _: &Frame) -> Result<Pushed> {
        self.most.fetch_max(1 + self.under_way.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        let dead = connection.as_str().starts_with("dead");
        self.time.pass(if dead && self.silent { PATIENCE } else { PUSH }).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        match (dead, self.silent) {
            (true, true) => Err(Error::Unavailable("it does not answer".into())),
            (true, false) => Ok(Pushed::Gone),
            (false, _) => {
                self.reached.lock().unwrap_or_else(PoisonError::into_inner).push(self.time.now());
                Ok(Pushed::Accepted)
            }
        }
    }

    async fn close(&self, _: &ConnectionId) -> Result<()> {
        self.time.pass(PUSH).await;
        Ok(())
    }
}

impl Delays for Slow {
    async fn after(&self, _: Duration, _: &DelayedMessage) -> Result<()> {
        self.time.pass(QUEUE).await;
        Ok(())
    }
}

/// One of a hundred says something; the dead stand first. How long it took.
fn say_something(slow: &Slow) -> Duration {
    let fake = Fake::default();
    let writer = fake.caller("writer");
    let session = fake.session(&writer, 100);
    for number in 1..PEOPLE {
        let state = if number <= DEAD { "dead" } else { "alive" };
        fake.connected(session, &fake.caller(&format!("guest{number}")), &format!("{state}{number}"));
    }
    let held = fake.connected(session, &writer, "writer");
    let message: ChatMessage = fake.message(&held, &writer, 5, "hello");
    let Ports { store, encoder, context, .. } = fake.ports(5);
    let ports = Ports { store, sockets: slow, delays: slow, encoder, context };
    let (sent, took) = slow.time.run(chat::send(ports, &message));
    sent.expect("it is accepted");
    assert_eq!(slow.reached.lock().unwrap_or_else(PoisonError::into_inner).len(), PEOPLE - DEAD);
    took
}

#[test]
fn a_broadcast_to_a_hundred_ends_within_a_second_when_ten_are_dead() {
    let slow = Slow::default();
    let took = say_something(&slow);
    assert!(took <= Duration::from_secs(1), "{took:?}");
    assert_eq!(slow.most.into_inner(), 16, "pushes at once");
}

#[test]
fn whoever_does_not_answer_keeps_a_broadcast_from_nobody_else() {
    let slow = Slow { silent: true, ..Slow::default() };
    let took = say_something(&slow);
    let last = slow.reached.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().max();
    assert!(last <= Some(Duration::from_secs(1)), "{last:?}");
    // The writer waits for as long as those are tried.
    assert!(took >= PATIENCE && took < 2 * PATIENCE, "{took:?}");
}
