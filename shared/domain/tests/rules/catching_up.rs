//! Connections of the hub come back: their clients neither say what they have seen nor put frames in order.

use domain::ports::{Attempt, Held, Inbox, Members};
use domain::resume::CaughtUp;
use domain::{
    ConnectionId, Membership, Person, Presence, Result, SessionId, TicketId, Timestamp, chat, leases, relay, resume,
};
use futures_util::future::{join, join3};

use crate::fake::{Fake, at};

/// So many orders of steps are tried.
const ORDERS: u64 = 400;
/// Alice sends so many signals, and so many messages.
const SENT: u64 = 6;

/// How Bob's last connection ended.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It was noticed.
    Noticed,
    /// Nobody has noticed: what is pushed there is accepted.
    Silent,
}

/// Alice, and Bob who comes back.
struct Story {
    fake: Fake,
    session: SessionId,
    alice: Person,
    bob: Person,
    at_alice: Held,
    at_bob: Held,
}

impl Story {
    async fn new(end: End) -> Self {
        let fake = Fake::default();
        let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
        let session = fake.session(&alice, 5);
        let at_alice = fake.connected(session, &alice, "a1");
        let at_bob = fake.connected(session, &bob, "hub:b1");
        // The last sign of life.
        fake.change(&at_bob, |bob| bob.lease_until = at(100) + fake.policy.lease);
        if let End::Noticed = end {
            leases::lose_connection(fake.ports(105), &at_bob).await.expect("nothing fails");
        }
        fake.journal();
        Self { fake, session, alice, bob, at_alice, at_bob }
    }

    fn attempt(&self, number: u64, connection: &str) -> Attempt {
        let held = Held { connection: ConnectionId::new(connection), ..self.at_bob.clone() };
        Attempt { held, number, family: self.bob.family, ticket: TicketId::first_at(at(5)) }
    }

    async fn comes_back(&self) -> Result<()> {
        resume::join_caught_up(self.fake.ports(110), &self.attempt(2, "hub:b2"), None).await.map(drop)
    }

    /// Signals one after the other: the next when the one before was acknowledged.
    async fn sends(&self) {
        for n in 0..SENT {
            let signal = self.fake.signal(&self.at_bob, 110, &format!("signal {n}"));
            relay::relay(self.fake.ports(110), &signal).await.expect("acknowledged");
        }
    }

    async fn writes(&self) {
        for n in 0..SENT {
            let message = self.fake.message(&self.at_alice, &self.alice, 110, &format!("message {n}"));
            chat::send(self.fake.ports(110), &message).await.expect("acknowledged");
        }
    }

    /// What was pushed to a connection and begins so, each the first time.
    fn pushed(&self, connection: &str, kind: &str) -> Vec<String> {
        let mut first = Vec::new();
        for call in self.fake.state().journal.iter() {
            let pushed = call.strip_prefix(&format!("push {connection} ")).filter(|frame| frame.contains(kind));
            if let Some(frame) = pushed.filter(|frame| !first.iter().any(|before| before == frame)) {
                first.push(frame.to_owned());
            }
        }
        first
    }

    async fn bob_now(&self) -> domain::Participant {
        self.fake.member(self.session, self.bob.user_id).await.expect("nothing fails").expect("seated")
    }
}

fn numbered(frames: &[String]) -> Vec<u64> {
    let number = |frame: &String| frame.chars().rfind(char::is_ascii_digit)?.to_digit(10).map(u64::from);
    frames.iter().filter_map(number).collect()
}

#[tokio::test]
async fn what_is_sent_while_somebody_comes_back_reaches_them_in_order_whatever_the_order_of_steps() {
    for end in [End::Noticed, End::Silent] {
        for order in 1..=ORDERS {
            let story = Story::new(end).await;
            story.fake.state().seed = order;
            let (back, (), ()) = join3(story.comes_back(), story.sends(), story.writes()).await;
            back.unwrap_or_else(|error| panic!("{end:?} {order}: {error}"));
            let expected: Vec<_> = (0..SENT).collect();
            assert_eq!(numbered(&story.pushed("hub:b2", "signal")), expected, "{end:?} {order}: signals");
            assert_eq!(numbered(&story.pushed("hub:b2", "message")), expected, "{end:?} {order}: chat");
            let bob = story.bob_now().await;
            assert_eq!((bob.presence, bob.catching_up, bob.unheard), (Presence::Connected, None, None));
        }
    }
}

/// That the test above can fail: a connection that takes over at once hears of what is new before what it missed.
#[tokio::test]
async fn without_catching_up_first_the_order_is_lost_in_some_order_of_steps() {
    let mut lost = 0;
    for order in 1..=ORDERS {
        let story = Story::new(End::Noticed).await;
        story.fake.state().seed = order;
        let (ports, attempt) = (story.fake.ports(110), story.attempt(2, "hub:b2"));
        let (back, ()) = join(resume::join_connection(ports, &attempt, Some(at(100))), story.sends()).await;
        back.expect("nothing fails");
        lost += u64::from(!numbered(&story.pushed("hub:b2", "signal")).is_sorted());
    }
    assert!(lost > 0);
}

#[tokio::test]
async fn of_two_connections_that_come_back_at_once_one_is_live_and_hears_everything() {
    for order in 1..=ORDERS {
        let story = Story::new(End::Silent).await;
        story.fake.state().seed = order;
        let (older, newer) = (story.attempt(2, "hub:b2"), story.attempt(3, "hub:b3"));
        let back = |attempt| resume::join_caught_up(story.fake.ports(110), attempt, None);
        let (first, second, ()) = join3(back(&older), back(&newer), story.sends()).await;
        assert!(second.is_ok() || first.is_ok(), "{order}");
        let live = story.bob_now().await.connection.expect("a live connection");
        assert_eq!(live.as_str(), "hub:b3", "{order}: the newest attempt wins");
        assert_eq!(numbered(&story.pushed("hub:b3", "signal")), (0..SENT).collect::<Vec<_>>(), "{order}");
    }
}

#[tokio::test]
async fn a_connection_that_asks_twice_at_once_joins_and_is_not_replaced_by_itself() {
    for order in 1..=ORDERS {
        let story = Story::new(End::Noticed).await;
        story.fake.state().seed = order;
        let (one, two) = (story.attempt(2, "hub:b2"), story.attempt(3, "hub:b2"));
        let back = |attempt| resume::join_caught_up(story.fake.ports(110), attempt, None);
        let (first, second) = join(back(&one), back(&two)).await;
        for refused in [first.err(), second.err()].into_iter().flatten() {
            assert_eq!(refused.code(), "unavailable", "{order}");
        }
        assert!(story.bob_now().await.is_on(&one.held.connection), "{order}");
        let closed = story.fake.journal().iter().any(|call| call.contains("close hub:b2"));
        assert!(!closed, "{order}");
    }
}

#[tokio::test]
async fn what_was_missed_is_told_from_the_last_sign_of_life_on_and_not_from_before() {
    for (seconds, is_told) in [(60, false), (75, true), (104, true)] {
        let story = Story::new(End::Noticed).await;
        let signal = story.fake.signal(&story.at_bob, seconds, "signal 0");
        story.fake.put(&signal, at(900)).await.expect("nothing fails");
        story.comes_back().await.expect("nothing fails");
        // The last sign of life came at 100 s; the margin before it is 30 s.
        assert_eq!(!story.pushed("hub:b2", "signal").is_empty(), is_told, "{seconds}");
    }
}

#[tokio::test]
async fn a_replay_that_was_cut_short_begins_again_where_the_first_one_began() {
    let story = Story::new(End::Noticed).await;
    let signal = story.fake.signal(&story.at_bob, 101, "signal 0");
    story.fake.put(&signal, at(900)).await.expect("nothing fails");
    story.fake.state().gone.insert(ConnectionId::new("hub:b2"));
    assert_eq!(story.comes_back().await.map_err(|error| error.code()), Err("not_joined"));
    let again = resume::join_caught_up(story.fake.ports(400), &story.attempt(3, "hub:b3"), None).await;
    again.map(drop).expect("nothing fails");
    assert_eq!(numbered(&story.pushed("hub:b3", "signal")), [0]);
}

#[tokio::test]
async fn more_than_one_call_can_tell_is_told_by_the_next_from_there_on() {
    const MANY: u64 = 2_500;
    let story = Story::new(End::Noticed).await;
    for n in 0..MANY {
        let signal = story.fake.signal(&story.at_bob, 101, &format!("signal {n:04}"));
        story.fake.put(&signal, at(900)).await.expect("nothing fails");
    }
    let (mut told, mut calls) = (None, 0);
    loop {
        calls += 1;
        let attempt = story.attempt(1 + calls, "hub:b2");
        match resume::join_caught_up(story.fake.ports(110), &attempt, told).await.expect("nothing fails") {
            CaughtUp::Joined(_) => break,
            CaughtUp::More(next) => told = Some(next),
        }
        assert_eq!(story.bob_now().await.connection, None, "not live before everything was told");
    }
    assert_eq!(calls, 2);
    let pushed = story.pushed("hub:b2", "signal");
    assert_eq!(pushed.len() as u64, MANY);
    assert!(pushed.is_sorted());
}

#[tokio::test]
async fn what_a_throttled_push_held_up_is_not_overtaken() {
    let story = Story::new(End::Noticed).await;
    story.comes_back().await.expect("nothing fails");
    let [first, second] = [0, 1].map(|n| story.fake.signal(&story.at_bob, 111, &format!("signal {n}")));
    let [push_first, push_second] = [&first, &second].map(|signal| format!("push hub:b2 {:.80}", signal.frame.0));
    story.fake.state().failing.insert(push_first);
    for signal in [&first, &second] {
        relay::relay(story.fake.ports(111), signal).await.expect("acknowledged");
    }
    let journal = story.fake.journal();
    let at = |call: &str| journal.iter().position(|made| made == call).expect("made");
    assert!(at("close hub:b2") < at(&push_second), "what is pushed later finds it closed: {journal:?}");
    let again = resume::join_caught_up(story.fake.ports(112), &story.attempt(3, "hub:b3"), None).await;
    again.map(drop).expect("nothing fails");
    assert_eq!(numbered(&story.pushed("hub:b3", "signal")), [0, 1]);
}

#[tokio::test]
async fn a_first_connection_hears_what_was_sent_to_its_seat_and_nothing_from_before() {
    let story = Story::new(End::Noticed).await;
    story.fake.change(&story.at_bob, |bob| {
        (bob.membership, bob.presence, bob.unheard) = (Membership::Seated, Presence::Disconnected, None);
        bob.joined_at = at(108);
    });
    for (n, seconds) in [(0, 107), (1, 109)] {
        let signal = story.fake.signal(&story.at_bob, seconds, &format!("signal {n}"));
        story.fake.put(&signal, at(900)).await.expect("nothing fails");
    }
    story.comes_back().await.expect("nothing fails");
    assert_eq!(numbered(&story.pushed("hub:b2", "signal")), [1]);
}

#[test]
fn a_sign_of_life_is_as_old_as_the_lease_that_it_gave() {
    let fake = Fake::default();
    let (alice, lease) = (fake.caller("alice"), fake.policy.lease);
    let held = fake.connected(fake.session(&alice, 5), &alice, "hub:a1");
    let heard = |at: Timestamp, unheard| {
        fake.change(&held, |row| (row.lease_until, row.unheard) = (at, unheard));
        fake.row(&held).heard_until(lease)
    };
    assert_eq!(heard(at(100) + lease, None), at(100));
    assert_eq!(heard(at(900), Some(at(50) + lease)), at(50));
    assert_eq!(heard(at(0), None), fake.row(&held).joined_at);
}
