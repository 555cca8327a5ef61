//! Connections that join, resume, sync, and are lost.

use std::time::Duration;

use domain::ports::{Attempt, Closure, ConnectionLog, Guard, Held, Status, Waiting};
use domain::resume::Joined;
use domain::{
    ConnectionId, Departure, Error, Membership, Person, Presence, Result, SessionState, TicketId, Timestamp, Untold,
    leases, nudge, relay, resume,
};

use crate::fake::{Fake, START, at};

/// A session in which alice and bob are connected, over `a1` and `b1`.
fn call() -> (Fake, Person, Held, Held) {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let session = fake.session(&alice, 10);
    let (a, b) = (fake.connected(session, &alice, "a1"), fake.connected(session, &bob, "b1"));
    (fake, bob, a, b)
}

/// As after joining over REST: no connection yet, and nobody was told.
fn never_connected(fake: &Fake, who: &Held) {
    fake.change(who, |p| {
        (p.presence, p.connection, p.unfenced) = (Presence::Disconnected, None, Vec::new());
        (p.attempt, p.lease_until, p.untold) = (0, at(60), Some(Untold::Join));
    });
}

/// Somebody joins over a new connection.
async fn join(
    fake: &Fake,
    who: (&Held, &Person),
    connection: &str,
    number: u64,
    seconds: u64,
    since: Option<Timestamp>,
) -> Result<Joined> {
    let held = Held { connection: ConnectionId::new(connection), ..who.0.clone() };
    let attempt = Attempt { held, number, family: who.1.family, ticket: TicketId::first_at(at(number)) };
    resume::join_connection(fake.ports(seconds), &attempt, since).await
}

#[tokio::test]
async fn a_resume_fences_then_reads_then_replays() {
    let (fake, bob, _, b) = call();
    relay::relay(fake.ports(5), &fake.signal(&b, 5, "offer")).await.unwrap();
    fake.journal();
    let joined = join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.unwrap();
    assert!(joined.recovered);
    let expected = [
        "take over b2",
        "push b1 replaced",
        "close b1",
        "read roster",
        "read log",
        "read inbox",
        "push b2 offer",
        "read chat",
        "read captions",
        "push a1 userStatusUpdated bob Connected false",
        "unfence",
    ];
    assert_eq!(fake.journal(), expected);
    assert_eq!(fake.row(&b).unfenced, [ConnectionId::new("b2")]);
}

#[tokio::test]
async fn a_connection_that_was_not_fenced_stays_to_be_fenced() {
    let (fake, bob, _, b) = call();
    fake.fail("close b1");
    let refused = join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.err().unwrap();
    assert_eq!(refused.code(), "unavailable");
    assert!(!fake.journal().contains(&"read inbox".to_owned()), "nothing is read before the fence");
    assert_eq!(fake.row(&b).unfenced, ["b1", "b2"].map(ConnectionId::new));

    fake.state().failing.clear();
    join(&fake, (&b, &bob), "b3", 3, 11, Some(at(4))).await.unwrap();
    let journal = fake.journal();
    assert!(journal.contains(&"close b1".to_owned()) && journal.contains(&"close b2".to_owned()), "{journal:?}");
}

#[tokio::test]
async fn an_older_attempt_is_told_that_it_was_replaced() {
    let (fake, bob, _, b) = call();
    join(&fake, (&b, &bob), "b3", 3, 10, None).await.unwrap();
    fake.journal();
    let refused = join(&fake, (&b, &bob), "b2", 2, 11, None).await.err().unwrap();
    assert!(matches!(refused, Error::NotJoined), "{refused}");
    assert_eq!(fake.journal(), ["take over b2", "push b2 replaced", "after 1 s close b2"]);
    assert!(fake.row(&b).is_on(&ConnectionId::new("b3")));
}

#[tokio::test]
async fn joining_twice_over_one_connection_finishes_what_the_first_time_began() {
    let (fake, bob, _, b) = call();
    fake.fail("close b1");
    assert!(join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.is_err());
    fake.state().failing.clear();
    fake.journal();
    let joined = join(&fake, (&b, &bob), "b2", 2, 11, Some(at(4))).await.unwrap();
    assert!(joined.recovered);
    assert!(fake.journal().starts_with(&["take over b2", "push b1 replaced", "close b1"].map(str::to_owned)));
    assert_eq!(fake.row(&b).unfenced, [ConnectionId::new("b2")]);
}

#[tokio::test]
async fn the_first_connection_is_announced_as_joined() {
    let (fake, bob, _, b) = call();
    never_connected(&fake, &b);
    join(&fake, (&b, &bob), "b2", 2, 10, None).await.unwrap();
    assert_eq!(fake.journal(), ["take over b2", "read roster", "read log", "push a1 userJoined bob", "told"]);
}

#[tokio::test]
async fn without_since_nothing_is_replayed_and_nothing_is_recovered() {
    let (fake, bob, _, b) = call();
    relay::relay(fake.ports(5), &fake.signal(&b, 5, "offer")).await.unwrap();
    fake.journal();
    let joined = join(&fake, (&b, &bob), "b2", 2, 10, None).await.unwrap();
    assert!(!joined.recovered);
    assert!(!fake.journal().contains(&"push b2 offer".to_owned()));
}

#[tokio::test]
async fn recovered_ends_with_the_inbox_window() {
    let (fake, bob, _, b) = call();
    let window = fake.policy.inbox_window.as_secs();
    assert!(join(&fake, (&b, &bob), "b2", 2, 1000, Some(at(1000 - window))).await.unwrap().recovered);
    let just_over = Timestamp::from_millis(at(1000 - window).millis() - 1);
    assert!(!join(&fake, (&b, &bob), "b3", 3, 1000, Some(just_over)).await.unwrap().recovered);
}

#[tokio::test]
async fn recovered_begins_with_the_seat() {
    let (fake, bob, _, b) = call();
    fake.change(&b, |p| p.joined_at = at(50));
    assert!(join(&fake, (&b, &bob), "b2", 2, 60, Some(at(50))).await.unwrap().recovered);
    assert!(!join(&fake, (&b, &bob), "b3", 3, 61, Some(at(49))).await.unwrap().recovered);
}

/// The last event seen may be newer than a signal that was on its way at that time, by the margin at most.
#[tokio::test]
async fn what_recovered_speaks_for_is_still_kept() {
    let (fake, bob, _, b) = call();
    let (window, margin) = (fake.policy.inbox_window.as_secs(), fake.policy.replay_margin.as_secs());
    relay::relay(fake.ports(100), &fake.signal(&b, 100, "slow")).await.unwrap();
    fake.journal();
    let last_seen = 100 + margin - 1;
    let joined = join(&fake, (&b, &bob), "b2", 2, last_seen + window, Some(at(last_seen))).await.unwrap();
    assert!(joined.recovered);
    assert!(fake.journal().contains(&"push b2 slow".to_owned()));
}

#[tokio::test]
async fn what_ran_out_is_not_replayed_though_it_is_still_there() {
    let (fake, bob, _, b) = call();
    relay::relay(fake.ports(5), &fake.signal(&b, 5, "old")).await.unwrap();
    fake.journal();
    join(&fake, (&b, &bob), "b2", 2, 5 + 600 + 30, Some(START)).await.unwrap();
    assert!(!fake.journal().contains(&"push b2 old".to_owned()));
    assert_eq!(fake.state().inbox.len(), 1, "deletion comes late");
}

/// While a client resumes it gets new events. If it loses that connection before its replay, they are the last it saw.
#[tokio::test]
async fn a_replay_reaches_back_over_the_window_whatever_was_seen_last() {
    let (fake, bob, a, b) = call();
    relay::relay(fake.ports(10), &fake.signal(&b, 10, "offer")).await.unwrap();
    fake.state().chat.push(fake.message(&a, &bob, 11, "hi"));
    fake.journal();
    let replayed = resume::sync(fake.ports(100), &b, at(99), START).await.unwrap();
    assert_eq!(replayed, 2);
    let journal = fake.journal();
    assert_eq!(journal, ["read inbox", "push b1 offer", "read chat", "push b1 receiveMessage hi", "read captions"]);
}

#[tokio::test]
async fn a_replay_to_a_connection_that_died_stops_and_does_not_count_as_a_join() {
    let (fake, bob, _, b) = call();
    for n in 0..30 {
        relay::relay(fake.ports(5), &fake.signal(&b, 5, &format!("s{n}"))).await.unwrap();
    }
    fake.state().gone.insert(ConnectionId::new("b2"));
    fake.journal();
    let refused = join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.err().unwrap();
    assert!(matches!(refused, Error::NotJoined), "{refused}");
    let pushes = fake.journal().iter().filter(|call| call.starts_with("push b2")).count();
    assert!((1..30).contains(&pushes), "{pushes}");
}

#[tokio::test]
async fn what_a_replay_cannot_push_now_is_looked_after_later() {
    let (fake, bob, _, b) = call();
    relay::relay(fake.ports(5), &fake.signal(&b, 5, "offer")).await.unwrap();
    fake.fail("push b2 offer");
    assert!(join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.unwrap().recovered);
    let journal = fake.journal();
    assert!(journal.contains(&"nudge later".to_owned()) && !journal.contains(&"close b2".to_owned()), "{journal:?}");
}

#[tokio::test]
async fn nobody_joins_without_a_seat_or_after_the_end() {
    let (fake, bob, _, b) = call();
    fake.change(&b, |p| p.membership = Membership::Left);
    assert!(matches!(join(&fake, (&b, &bob), "b2", 2, 10, None).await.err().unwrap(), Error::NotJoined));
    fake.change(&b, |p| p.membership = Membership::Ended);
    assert!(matches!(join(&fake, (&b, &bob), "b2", 2, 10, None).await.err().unwrap(), Error::SessionEnded));
}

/// The session was marked as ended, and its participants are not released yet.
#[tokio::test]
async fn a_connection_that_joins_an_ending_session_is_closed() {
    let (fake, bob, _, b) = call();
    fake.state().sessions[0].state = SessionState::Ended(at(9));
    assert!(matches!(join(&fake, (&b, &bob), "b2", 2, 10, None).await.err().unwrap(), Error::SessionEnded));
    assert!(fake.journal().contains(&"after 1 s close b2".to_owned()));
}

#[tokio::test]
async fn a_lost_connection_keeps_the_seat_for_the_grace() {
    let (fake, _, _, b) = call();
    leases::lose_connection(fake.ports(10), &b).await.unwrap();
    let expected =
        ["lose", "after 30 s check lease", "read roster", "push a1 userStatusUpdated bob Reconnecting false"];
    assert_eq!(fake.journal(), expected);
    let row = fake.row(&b);
    assert_eq!((row.presence, row.lease_until), (Presence::Reconnecting, at(40)));
    assert!(row.unfenced == [b.connection], "nobody knows that it is closed");
}

#[tokio::test]
async fn losing_a_connection_that_was_replaced_means_nothing() {
    let (fake, bob, _, b) = call();
    join(&fake, (&b, &bob), "b2", 2, 10, None).await.unwrap();
    fake.journal();
    leases::lose_connection(fake.ports(11), &b).await.unwrap();
    assert_eq!(fake.journal(), ["lose"]);
    assert_eq!(fake.row(&b).presence, Presence::Connected);
}

#[tokio::test]
async fn the_end_of_the_grace_frees_the_seat() {
    let (fake, _, a, b) = call();
    leases::lose_connection(fake.ports(10), &b).await.unwrap();
    fake.journal();
    let check = |seconds| leases::check_lease(fake.ports(seconds), a.session, b.user);
    check(39).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "after 1 s check lease"], "looked at too early, it looks again");
    check(40).await.unwrap();
    let expected = ["read member", "free seat", "read roster", "push a1 userLeft bob Timeout", "told"];
    assert_eq!(fake.journal(), expected);
    assert!(fake.has_left(&b));
    check(41).await.unwrap();
    assert_eq!(fake.journal(), ["read member"]);
}

#[tokio::test]
async fn whoever_came_back_keeps_the_seat() {
    let (fake, bob, a, b) = call();
    leases::lose_connection(fake.ports(10), &b).await.unwrap();
    let before = fake.row(&b);
    join(&fake, (&b, &bob), "b2", 2, 20, Some(at(9))).await.unwrap();
    fake.journal();
    leases::check_lease(fake.ports(40), a.session, b.user).await.unwrap();
    assert_eq!(fake.journal(), ["read member"], "a connected participant is left to its lease");
    let freed = leases::time_out(fake.ports(40), &before).await.unwrap();
    assert!(!freed, "also if it came back just after it was read");
    assert!(fake.row(&b).holds_seat());
}

#[tokio::test]
async fn a_ping_renews_the_lease() {
    let (fake, _, _, b) = call();
    leases::ping(&fake, fake.context(240), &b).await.unwrap();
    assert_eq!(fake.row(&b).lease_until, at(840));
    assert_eq!(fake.journal(), ["renew"]);
}

#[tokio::test]
async fn a_ping_before_joining_keeps_the_connection_awake() {
    let (fake, _, _, b) = call();
    let fresh = Held { connection: ConnectionId::new("b9"), ..b };
    leases::ping(&fake, fake.context(10), &fresh).await.unwrap();
}

/// A newer attempt whose function died before the fence: nothing is pushed to the older connection any more.
#[tokio::test]
async fn a_ping_over_a_connection_that_lost_its_participant_is_refused() {
    let (fake, _, _, b) = call();
    fake.change(&b, |p| {
        (p.connection, p.attempt) = (Some(ConnectionId::new("b2")), 2);
        p.unfenced.push(ConnectionId::new("b2"));
    });
    assert!(matches!(leases::ping(&fake, fake.context(10), &b).await.unwrap_err(), Error::NotJoined));
    fake.change(&b, |p| (p.membership, p.connection) = (Membership::Left, None));
    assert!(matches!(leases::ping(&fake, fake.context(10), &b).await.unwrap_err(), Error::NotJoined));
    fake.change(&b, |p| p.membership = Membership::Ended);
    assert!(matches!(leases::ping(&fake, fake.context(10), &b).await.unwrap_err(), Error::SessionEnded));
}

#[tokio::test]
async fn a_ping_over_a_connection_whose_participant_left_is_refused() {
    let (fake, _, _, b) = call();
    let seat = fake.row(&b);
    leases::depart(fake.ports(10), &seat, Guard::SameLease, Departure::Timeout).await.unwrap();
    assert!(fake.has_left(&b));
    assert!(matches!(leases::ping(&fake, fake.context(11), &b).await.unwrap_err(), Error::NotJoined));
    let fresh = Held { connection: ConnectionId::new("b9"), ..b };
    leases::ping(&fake, fake.context(12), &fresh).await.expect("it has not joined yet");
}

#[tokio::test]
async fn the_others_are_told_of_a_new_status() {
    let (fake, _, _, b) = call();
    let status = Status { is_muted: true, is_video_enabled: false };
    leases::update_status(fake.ports(10), &b, status).await.unwrap();
    assert_eq!(fake.journal(), ["set status", "read roster", "push a1 userStatusUpdated bob Connected true"]);
    let stranger = Held { connection: ConnectionId::new("b9"), ..b };
    let refused = leases::update_status(fake.ports(10), &stranger, status).await;
    assert!(matches!(refused.unwrap_err(), Error::NotJoined));
}

#[tokio::test]
async fn leaving_over_a_connection_closes_it_once_the_answer_had_time() {
    let (fake, _, _, b) = call();
    leases::leave_connection(fake.ports(10), &b).await.unwrap();
    let expected =
        ["read member", "free seat", "read roster", "push a1 userLeft bob Left", "told", "after 1 s close b1"];
    assert_eq!(fake.journal(), expected);
    let again = leases::leave_connection(fake.ports(11), &b).await;
    assert!(matches!(again.unwrap_err(), Error::NotJoined));
}

#[tokio::test]
async fn leaving_over_an_old_connection_leaves_the_newer_one_its_seat() {
    let (fake, bob, _, b) = call();
    join(&fake, (&b, &bob), "b2", 2, 10, None).await.unwrap();
    let refused = leases::leave_connection(fake.ports(11), &b).await;
    assert!(matches!(refused.unwrap_err(), Error::NotJoined));
    assert!(fake.row(&b).is_present(at(11) + Duration::from_secs(500)));
}

#[tokio::test]
async fn a_departure_that_was_interrupted_is_told_when_the_message_comes_again() {
    let (fake, _, a, b) = call();
    leases::lose_connection(fake.ports(10), &b).await.unwrap();
    fake.fail("read roster");
    assert!(leases::check_lease(fake.ports(40), a.session, b.user).await.is_err());
    fake.state().failing.clear();
    fake.journal();
    leases::check_lease(fake.ports(45), a.session, b.user).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read roster", "push a1 userLeft bob Timeout", "told"]);
    leases::check_lease(fake.ports(50), a.session, b.user).await.unwrap();
    assert_eq!(fake.journal(), ["read member"], "and not again");
}

/// The transaction was written, and its answer was lost: the next try is refused.
#[tokio::test]
async fn a_departure_whose_answer_was_lost_is_told() {
    let (fake, _, _, b) = call();
    let before = fake.row(&b);
    fake.change(&b, |p| {
        (p.membership, p.connection) = (Membership::Left, None);
        p.untold = Some(Untold::Departure(Departure::Left));
    });
    assert!(leases::depart(fake.ports(10), &before, Guard::SameAttempt, Departure::Left).await.unwrap());
    assert_eq!(fake.journal(), ["free seat", "read roster", "push a1 userLeft bob Left", "told"]);
}

#[tokio::test]
async fn leaving_over_a_connection_is_finished_by_its_repetition() {
    let (fake, _, _, b) = call();
    fake.fail("read roster");
    assert!(leases::leave_connection(fake.ports(10), &b).await.is_err());
    fake.state().failing.clear();
    fake.journal();
    leases::leave_connection(fake.ports(11), &b).await.unwrap();
    let expected = ["read member", "read roster", "push a1 userLeft bob Left", "told", "after 1 s close b1"];
    assert_eq!(fake.journal(), expected);
}

#[tokio::test]
async fn a_join_that_was_interrupted_is_announced_as_a_join_when_it_is_tried_again() {
    let (fake, bob, _, b) = call();
    never_connected(&fake, &b);
    fake.fail("read roster");
    assert!(join(&fake, (&b, &bob), "b2", 1, 10, None).await.is_err());
    fake.state().failing.clear();
    fake.journal();
    join(&fake, (&b, &bob), "b2", 1, 11, None).await.unwrap();
    assert!(fake.journal().contains(&"push a1 userJoined bob".to_owned()));
    join(&fake, (&b, &bob), "b3", 2, 12, None).await.unwrap();
    assert!(!fake.journal().contains(&"push a1 userJoined bob".to_owned()), "once is enough");
}

#[tokio::test]
async fn a_join_that_nobody_was_told_of_is_told_by_the_look_at_its_lease() {
    let (fake, bob, a, b) = call();
    never_connected(&fake, &b);
    fake.fail("read roster");
    assert!(join(&fake, (&b, &bob), "b2", 1, 10, None).await.is_err());
    fake.state().failing.clear();
    fake.journal();
    leases::check_lease(fake.ports(60), a.session, b.user).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read roster", "push a1 userJoined bob", "told"]);
}

/// `$disconnect` may run before the `joinSession` of its own connection does.
#[tokio::test]
async fn a_connection_that_closed_before_its_join_keeps_the_seat_for_the_grace_alone() {
    let (fake, bob, a, b) = call();
    never_connected(&fake, &b);
    let ticket = TicketId::first_at(at(1));
    fake.log_with(ticket, &b, &bob);
    let closure = Closure { at: at(10), code: 1006, reason: String::new() };
    ConnectionLog::close(&fake, b.user, ticket, &closure).await.unwrap();
    leases::lose_connection(fake.ports(10), &b).await.unwrap();
    fake.journal();

    let refused = join(&fake, (&b, &bob), "b1", 1, 10, None).await.err().unwrap();
    assert!(matches!(refused, Error::NotJoined), "{refused}");
    let journal = fake.journal();
    assert!(journal.contains(&"after 30 s check lease".to_owned()), "{journal:?}");
    assert!(!journal.iter().any(|call| call.starts_with("push a1")), "nobody hears of it: {journal:?}");
    assert_eq!((fake.row(&b).presence, fake.row(&b).lease_until), (Presence::Reconnecting, at(40)));
    leases::check_lease(fake.ports(40), a.session, b.user).await.unwrap();
    assert!(fake.has_left(&b));
}

#[tokio::test]
async fn every_older_connection_is_told_that_it_was_replaced() {
    let (fake, bob, _, b) = call();
    fake.change(&b, |p| p.unfenced.push(ConnectionId::new("b0")));
    join(&fake, (&b, &bob), "b2", 2, 10, None).await.unwrap();
    let journal = fake.journal();
    for older in ["b0", "b1"] {
        assert!(journal.contains(&format!("push {older} replaced")), "{journal:?}");
        assert!(journal.contains(&format!("close {older}")), "{journal:?}");
    }
}

#[tokio::test]
async fn chat_from_before_the_participant_joined_is_not_replayed() {
    let (fake, bob, a, b) = call();
    fake.state().chat.push(fake.message(&a, &bob, 49, "before"));
    fake.state().chat.push(fake.message(&a, &bob, 50, "after"));
    fake.change(&b, |p| p.joined_at = at(50));
    fake.journal();
    join(&fake, (&b, &bob), "b2", 2, 60, Some(at(50))).await.unwrap();
    let journal = fake.journal();
    assert!(journal.contains(&"push b2 receiveMessage after".to_owned()), "{journal:?}");
    assert!(!journal.contains(&"push b2 receiveMessage before".to_owned()), "{journal:?}");
    let newer = Held { connection: ConnectionId::new("b2"), ..b };
    assert_eq!(resume::sync(fake.ports(61), &newer, START, at(50)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_replay_that_is_too_long_is_cut_short_and_not_called_recovered() {
    let (fake, bob, _, b) = call();
    for n in 0..2001 {
        relay::relay(fake.ports(5), &fake.signal(&b, 5, &format!("s{n}"))).await.unwrap();
    }
    fake.journal();
    assert!(!join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.unwrap().recovered);
    let journal = fake.journal();
    assert_eq!(journal.iter().filter(|call| call.starts_with("push b2 s")).count(), 2000);
    assert_eq!(journal.iter().filter(|call| *call == "read inbox").count(), 21, "a page at a time");
}

#[tokio::test]
async fn a_replay_of_too_many_bytes_is_cut_short_and_not_called_recovered() {
    let (fake, bob, _, b) = call();
    let long = "x".repeat(1024 * 1024);
    for _ in 0..5 {
        relay::relay(fake.ports(5), &fake.signal(&b, 5, &long)).await.unwrap();
    }
    fake.journal();
    assert!(!join(&fake, (&b, &bob), "b2", 2, 10, Some(at(4))).await.unwrap().recovered);
    assert_eq!(fake.journal().iter().filter(|call| call.starts_with("push b2 x")).count(), 4);
}

/// A signal to bob that waits for a nudge.
async fn waiting(fake: &Fake, b: &Held) -> Waiting {
    let signal = fake.signal(b, 5, "offer");
    relay::relay(fake.ports(5), &signal).await.expect("the signal is kept");
    assert!(fake.journal().contains(&"nudge later".to_owned()));
    Waiting::Signal(signal.id)
}

#[tokio::test]
async fn a_nudge_pushes_what_waits_and_nothing_else_to_the_connection_that_is_live_now() {
    let (fake, bob, _, b) = call();
    fake.fail("push b1 offer");
    let waiting = waiting(&fake, &b).await;
    fake.state().failing.clear();
    relay::relay(fake.ports(6), &fake.signal(&b, 6, "answer")).await.unwrap();
    join(&fake, (&b, &bob), "b2", 2, 7, None).await.unwrap();
    fake.journal();
    nudge::nudge(fake.ports(8), b.session, b.user, waiting).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read signal", "push b2 offer"]);
}

#[tokio::test]
async fn a_nudge_for_a_message_pushes_it_unless_it_is_from_before_the_participant_joined() {
    let (fake, bob, a, b) = call();
    let message = fake.message(&a, &bob, 5, "hi");
    fake.state().chat.push(message.clone());
    let nudge = || nudge::nudge(fake.ports(8), b.session, b.user, message.waiting());
    nudge().await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read message", "push b1 receiveMessage hi"]);
    fake.change(&b, |p| p.joined_at = at(6));
    nudge().await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read message"]);
}

#[tokio::test]
async fn a_nudge_after_a_replay_replays_again() {
    let (fake, _, _, b) = call();
    relay::relay(fake.ports(5), &fake.signal(&b, 5, "offer")).await.unwrap();
    fake.journal();
    nudge::nudge(fake.ports(8), b.session, b.user, Waiting::Since(at(5))).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read inbox", "push b1 offer", "read chat", "read captions"]);
}

#[tokio::test]
async fn a_nudge_that_fails_too_cuts_the_connection() {
    let (fake, _, _, b) = call();
    fake.fail("push b1 offer");
    let waiting = waiting(&fake, &b).await;
    nudge::nudge(fake.ports(8), b.session, b.user, waiting).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "read signal", "push b1 offer", "close b1"]);
}

/// A server that was killed sends no `$disconnect`s. A connection that lives in spite of the answer has to learn of it.
#[tokio::test]
async fn a_nudge_that_finds_the_connection_gone_cuts_it_and_starts_the_grace() {
    let (fake, _, _, b) = call();
    fake.state().gone.insert(b.connection.clone());
    let waiting = waiting(&fake, &b).await;
    nudge::nudge(fake.ports(8), b.session, b.user, waiting).await.unwrap();
    let journal = fake.journal();
    assert!(journal.contains(&"close b1".to_owned()), "{journal:?}");
    assert!(journal.contains(&"after 30 s check lease".to_owned()), "{journal:?}");
    assert_eq!((fake.row(&b).presence, fake.row(&b).lease_until), (Presence::Reconnecting, at(38)));
}

#[tokio::test]
async fn whoever_is_away_is_not_nudged() {
    let (fake, _, _, b) = call();
    fake.change(&b, |p| (p.presence, p.connection) = (Presence::Reconnecting, None));
    nudge::nudge(fake.ports(8), b.session, b.user, Waiting::Since(at(5))).await.unwrap();
    assert_eq!(fake.journal(), ["read member"]);
}
