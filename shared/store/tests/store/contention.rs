//! Many who want the seats of one session at once, where a transaction refuses every other on its items as long as it lasts.
//! The embedded database by itself runs one after the other, and conflicts never.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::Families;
use domain::{Person, Result, SessionId, sessions};
use futures_util::future::{join, join_all};
use retry::Backoff;
use testkit::FakeSockets;

use crate::Setting;

const LONG_WAITS: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(8));

/// How long a transaction is under way, as in DynamoDB on a good day.
const LASTS: Duration = Duration::from_millis(5);

impl Setting {
    /// Somebody who is logged in.
    async fn guest(&self, name: String) -> Person {
        let caller = self.samples.caller(&name);
        self.store.start(caller.user_id, caller.family, "hash", self.samples.later(9999)).await.unwrap();
        caller
    }

    async fn guests(&self, count: usize) -> Vec<Person> {
        join_all((0..count).map(|number| self.guest(format!("guest{number}")))).await
    }

    async fn join(&self, session: SessionId, caller: &Person) -> Result<()> {
        sessions::join(self.ports(&FakeSockets::default()), caller, session).await.map(drop)
    }

    async fn leave(&self, session: SessionId, caller: &Person) -> Result<()> {
        sessions::leave(self.ports(&FakeSockets::default()), caller, session).await
    }

    /// Who sits there, by the session's count and by the participants.
    async fn seats_taken(&self, session: SessionId) -> (usize, usize) {
        let roster = self.roster(session).await;
        (usize::from(roster.session.seats_taken), roster.participants.iter().filter(|p| p.holds_seat()).count())
    }
}

/// How often each outcome came, by the code of the error.
fn tally(outcomes: Vec<Result<()>>) -> BTreeMap<&'static str, usize> {
    outcomes.into_iter().fold(BTreeMap::new(), |mut tally, outcome| {
        *tally.entry(outcome.as_ref().map_or_else(domain::Error::code, |()| "ok")).or_default() += 1;
        tally
    })
}

/// Without another try hardly anybody comes in: so the tests below can fail.
#[tokio::test]
async fn without_patience_seats_stay_free_while_people_are_refused() {
    let mut at = Setting::contended(LASTS).await;
    let session = at.session(100).await.id;
    let guests = at.guests(50).await;
    at.store = at.store.with_conflicts(Backoff { within: Duration::ZERO, jitter: || 1.0, ..LONG_WAITS });
    let outcomes = tally(join_all(guests.iter().map(|guest| at.join(session, guest))).await);
    assert!(outcomes.get("unavailable").is_some_and(|refused| *refused > 0), "{outcomes:?}");
}

#[tokio::test]
async fn two_hundred_joins_at_once_take_a_hundred_seats_and_the_others_hear_that_it_is_full() {
    let at = Setting::contended(LASTS).await;
    let session = at.session(100).await.id;
    let guests = at.guests(200).await;
    let outcomes = tally(join_all(guests.iter().map(|guest| at.join(session, guest))).await);
    assert_eq!(outcomes, BTreeMap::from([("ok", 100), ("session_full", 100)]));
    assert_eq!(at.seats_taken(session).await, (100, 100));
}

#[tokio::test]
async fn a_hundred_leave_at_once() {
    let at = Setting::contended(LASTS).await;
    let session = at.session(100).await.id;
    let guests = at.guests(100).await;
    for guest in &guests {
        at.join(session, guest).await.unwrap();
    }
    let outcomes = tally(join_all(guests.iter().map(|guest| at.leave(session, guest))).await);
    assert_eq!(outcomes, BTreeMap::from([("ok", 100)]));
    assert_eq!(at.seats_taken(session).await, (0, 0));
}

#[tokio::test]
async fn joins_and_leaves_at_once_end_in_seats_or_full_and_never_lose_count() {
    let at = Setting::contended(LASTS).await;
    let session = at.session(50).await.id;
    let (inside, outside) = (at.guests(50).await, at.guests(100).await);
    for guest in &inside {
        at.join(session, guest).await.unwrap();
    }
    let leaves = join_all(inside.iter().map(|guest| at.leave(session, guest)));
    let joins = join_all(outside.iter().map(|guest| at.join(session, guest)));
    let (left, joined) = join(leaves, joins).await;
    assert_eq!(tally(left), BTreeMap::from([("ok", 50)]));
    let joined = tally(joined);
    let seated = joined.get("ok").copied().unwrap_or_default();
    assert_eq!(seated + joined.get("session_full").copied().unwrap_or_default(), 100, "{joined:?}");
    assert_eq!(at.seats_taken(session).await, (seated, seated));
    // Whoever was refused came before the seat was free; now there is one for each.
    for guest in &outside[..50 - seated] {
        at.join(session, guest).await.unwrap();
    }
}
