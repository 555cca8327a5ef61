//! Joining over REST, tickets, leaving, and logins that are revoked.

use domain::ports::{Closure, Held, IdempotencyKey};
use domain::sessions::{Created, NewSession, Seated};
use domain::{
    Caller, ConnectionId, Error, Lifetime, Membership, Person, Presence, Result, SessionId, SessionKind, SessionName,
    SessionState, Throttle, Visibility, eviction, sessions,
};

use crate::fake::{Fake, at};

/// A session of alice with two seats, both taken: alice over `a1`, bob over `b1`.
fn full_house() -> (Fake, [Person; 2], Held, Held) {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let session = fake.session(&alice, 2);
    let (a, b) = (fake.connected(session, &alice, "a1"), fake.connected(session, &bob, "b1"));
    (fake, [alice, bob], a, b)
}

async fn join(fake: &Fake, caller: &Person, session: SessionId, seconds: u64) -> Result<Seated> {
    sessions::join(fake.ports(seconds), caller, session).await?.seated()
}

#[tokio::test]
async fn whoever_finds_too_many_others_in_front_of_a_full_session_hears_that_it_is_full() {
    let fake = Fake::default();
    let (alice, bob, carol) = (fake.caller("alice"), fake.caller("bob"), fake.caller("carol"));
    let session = fake.session(&alice, 2);
    fake.connected(session, &alice, "a1");
    fake.fail("take seat");
    let crowd = sessions::join(fake.ports(5), &bob, session).await.map(drop);
    assert_eq!(crowd.unwrap_err().code(), "unavailable", "there is a seat to come back for");
    fake.connected(session, &bob, "b1");
    let full = sessions::join(fake.ports(5), &carol, session).await.map(drop);
    assert_eq!(full.unwrap_err().code(), "session_full");
}

#[tokio::test]
async fn a_seat_waits_a_minute_for_its_connection() {
    let fake = Fake::default();
    let alice = fake.caller("alice");
    let session = fake.session(&alice, 2);
    let seated = join(&fake, &alice, session, 10).await.unwrap();
    assert_eq!(seated.attempt, 1);
    let participant = seated.roster.seated(alice.user_id).unwrap();
    assert_eq!((participant.presence, participant.lease_until), (Presence::Disconnected, at(70)));
    assert_eq!(fake.journal(), ["hit tickets", "after 60 s check lease", "take seat", "read roster"]);
}

#[tokio::test]
async fn a_full_session_refuses_one_more() {
    let (fake, _, a, _) = full_house();
    let refused = join(&fake, &fake.caller("carol"), a.session, 10).await.err().unwrap();
    assert!(matches!(refused, Error::SessionFull { limit: 2 }), "{refused}");
}

#[tokio::test]
async fn whoever_holds_a_seat_joins_a_full_session_again() {
    let (fake, [_, bob], a, _) = full_house();
    let seated = join(&fake, &bob, a.session, 10).await.unwrap();
    assert_eq!(seated.attempt, 2, "a newer attempt");
    assert_eq!(fake.state().sessions[0].seats_taken, 2);
}

#[tokio::test]
async fn a_refusal_that_does_not_say_so_takes_nobodys_seat_away() {
    let (fake, [_, bob], a, _) = full_house();
    fake.state().refusing_seats = true;
    assert_eq!(join(&fake, &bob, a.session, 10).await.unwrap().attempt, 2);
    assert!(matches!(
        join(&fake, &fake.caller("carol"), a.session, 10).await.err().unwrap(),
        Error::SessionFull { .. }
    ));
}

#[tokio::test]
async fn a_full_session_gives_up_the_seats_that_ran_out() {
    let (fake, _, a, b) = full_house();
    fake.change(&b, |p| p.lease_until = at(10));
    let carol = fake.caller("carol");
    let seated = join(&fake, &carol, a.session, 10).await.unwrap();
    assert!(seated.roster.seated(carol.user_id).is_some());
    assert!(fake.has_left(&b));
    assert!(fake.journal().contains(&"push a1 userLeft bob Timeout".to_owned()));
}

#[tokio::test]
async fn whoever_left_takes_a_new_seat_with_a_newer_attempt() {
    let (fake, [_, bob], a, b) = full_house();
    sessions::leave(fake.ports(5), &bob, b.session).await.unwrap();
    let seated = join(&fake, &bob, a.session, 10).await.unwrap();
    assert_eq!((seated.attempt, fake.row(&b).attempt), (2, 1));
    assert_eq!(fake.row(&b).joined_at, at(10));
    assert_eq!(fake.row(&b).unfenced, [b.connection], "what was not fenced then is still to be fenced");
}

#[tokio::test]
async fn an_ended_or_unknown_session_cannot_be_joined() {
    let (fake, _, a, _) = full_house();
    let carol = fake.caller("carol");
    let unknown = SessionId::first_at(at(99));
    assert!(matches!(join(&fake, &carol, unknown, 10).await.err().unwrap(), Error::SessionNotFound));
    fake.state().sessions[0].state = SessionState::Ended(at(9));
    assert!(matches!(join(&fake, &carol, a.session, 10).await.err().unwrap(), Error::SessionEnded));
    let ticket = sessions::ticket(&fake, fake.context(10), &carol, a.session).await;
    assert!(matches!(ticket.unwrap_err(), Error::SessionEnded));
}

#[tokio::test]
async fn a_revoked_login_neither_joins_nor_gets_a_ticket() {
    let (fake, [_, bob], a, _) = full_house();
    fake.state().families.clear();
    assert!(matches!(join(&fake, &bob, a.session, 10).await.err().unwrap(), Error::Unauthorized));
    let ticket = sessions::ticket(&fake, fake.context(10), &bob, a.session).await;
    assert!(matches!(ticket.unwrap_err(), Error::Unauthorized));
}

#[tokio::test]
async fn tickets_are_counted() {
    let (mut fake, [_, bob], a, _) = full_house();
    fake.policy.tickets_per_user = Throttle { limit: 1, ..fake.policy.tickets_per_user };
    sessions::ticket(&fake, fake.context(10), &bob, a.session).await.unwrap();
    let refused = join(&fake, &bob, a.session, 10).await.err().unwrap();
    assert!(matches!(refused, Error::RateLimited { .. }), "{refused}");
}

#[tokio::test]
async fn each_ticket_is_a_newer_attempt_and_leaves_a_connected_lease_alone() {
    let (fake, [_, bob], a, b) = full_house();
    let ticket = || sessions::ticket(&fake, fake.context(10), &bob, a.session);
    assert_eq!([ticket().await.unwrap(), ticket().await.unwrap()], [2, 3]);
    assert_eq!(fake.row(&b).lease_until, at(600));
}

#[tokio::test]
async fn asking_for_a_ticket_lets_a_seat_wait_anew() {
    let (fake, [_, bob], a, b) = full_house();
    fake.change(&b, |p| (p.presence, p.connection, p.lease_until) = (Presence::Reconnecting, None, at(30)));
    sessions::ticket(&fake, fake.context(20), &bob, a.session).await.unwrap();
    assert_eq!(fake.row(&b).lease_until, at(80));
}

#[tokio::test]
async fn a_ticket_is_for_participants() {
    let (fake, _, a, _) = full_house();
    let refused = sessions::ticket(&fake, fake.context(10), &fake.caller("carol"), a.session).await.unwrap_err();
    assert!(matches!(refused, Error::NotInSession), "{refused}");
}

#[tokio::test]
async fn leaving_frees_the_seat_tells_the_others_and_closes_the_connection() {
    let (fake, [_, bob], a, _) = full_house();
    sessions::leave(fake.ports(5), &bob, a.session).await.unwrap();
    let expected = ["read roster", "free seat", "read roster", "push a1 userLeft bob Left", "told", "close b1"];
    assert_eq!(fake.journal(), expected);
    let again = sessions::leave(fake.ports(6), &bob, a.session).await;
    assert!(matches!(again.unwrap_err(), Error::NotInSession));
}

#[tokio::test]
async fn leaving_is_finished_by_its_repetition() {
    let (fake, [_, bob], a, _) = full_house();
    fake.fail("push a1 userLeft bob Left");
    fake.fail("put userLeft bob Left");
    assert!(sessions::leave(fake.ports(5), &bob, a.session).await.is_err());
    fake.state().failing.clear();
    fake.journal();
    sessions::leave(fake.ports(6), &bob, a.session).await.unwrap();
    assert_eq!(fake.journal(), ["read roster", "push a1 userLeft bob Left", "told", "close b1"]);
}

#[tokio::test]
async fn the_end_of_a_seat_is_arranged_before_the_seat_is_taken() {
    let (fake, [_, bob], a, _) = full_house();
    sessions::leave(fake.ports(5), &bob, a.session).await.unwrap();
    let carol = fake.caller("carol");
    fake.journal();
    fake.fail("after 60 s check lease");
    assert!(join(&fake, &carol, a.session, 10).await.is_err());
    assert!(!fake.journal().contains(&"take seat".to_owned()));
}

#[tokio::test]
async fn a_full_session_gives_up_one_seat_for_one_who_joins() {
    let (fake, _, a, b) = full_house();
    for held in [&a, &b] {
        fake.change(held, |p| p.lease_until = at(10));
    }
    join(&fake, &fake.caller("carol"), a.session, 10).await.unwrap();
    assert!(fake.has_left(&a) && fake.row(&b).holds_seat());
}

#[tokio::test]
async fn nobody_hears_of_the_end_of_somebody_who_was_never_announced() {
    let (fake, [_, bob], a, b) = full_house();
    fake.change(&b, |p| (p.presence, p.connection) = (Presence::Disconnected, None));
    sessions::leave(fake.ports(5), &bob, a.session).await.unwrap();
    assert_eq!(fake.journal(), ["read roster", "free seat", "read roster", "told", "close b1"]);
}

fn stand_up() -> NewSession {
    NewSession {
        name: SessionName::parse("stand-up").expect("valid"),
        max_participants: 2,
        kind: SessionKind::VideoCall,
        visibility: Some(Visibility::Unlisted),
        locked: false,
        waiting_room: false,
        room: None,
        lifetime: Lifetime::default(),
        metadata: None,
    }
}

#[tokio::test]
async fn creating_is_counted_and_does_not_join() {
    let mut fake = Fake::default();
    fake.policy.sessions_per_user = Throttle { limit: 1, ..fake.policy.sessions_per_user };
    let alice = fake.caller("alice");
    let caller = Caller::from(alice.clone());
    let session = sessions::create(&fake, fake.context(5), &caller, stand_up(), None).await.unwrap().session();
    assert_eq!((session.seats_taken, session.creator_id, session.created_at), (0, alice.user_id, at(5)));
    assert!(fake.state().participants.is_empty());
    let refused = sessions::create(&fake, fake.context(6), &caller, stand_up(), None).await.unwrap_err();
    assert!(matches!(refused, Error::RateLimited { .. }), "{refused}");
    assert_eq!(fake.state().sessions.len(), 1);
}

#[tokio::test]
async fn a_session_is_found_by_whom_its_maker_says_or_else_the_operator() {
    for usual in [Visibility::Public, Visibility::Unlisted] {
        let mut fake = Fake::default();
        fake.policy.default_visibility = usual;
        let caller = Caller::from(fake.caller("alice"));
        for said in [None, Some(Visibility::Public), Some(Visibility::Unlisted)] {
            let new = NewSession { visibility: said, ..stand_up() };
            let made = sessions::create(&fake, fake.context(5), &caller, new, None).await.unwrap().session();
            assert_eq!(made.visibility, said.unwrap_or(usual));
        }
    }
}

#[tokio::test]
async fn a_request_to_create_that_is_sent_again_creates_nothing_more() {
    let fake = Fake::default();
    let [alice, bob] = ["alice", "bob"].map(|name| Caller::from(fake.caller(name)));
    let named = |name: &str| NewSession { name: SessionName::parse(name).unwrap(), ..stand_up() };
    let key = IdempotencyKey::parse("\"monday\"").unwrap();
    let create = async |caller, name| {
        sessions::create(&fake, fake.context(5), caller, named(name), Some(&key)).await.map(Created::session)
    };
    let first = create(&alice, "stand-up").await.unwrap();
    assert_eq!(create(&alice, "stand-up").await.unwrap(), first);
    let refused = create(&alice, "retro").await.unwrap_err();
    assert_eq!(refused.code(), "idempotency_key_reused");
    assert_ne!(create(&bob, "stand-up").await.unwrap().id, first.id);
    assert_eq!(fake.state().sessions.len(), 2);
}

#[test]
fn an_idempotency_key_is_short_and_visible() {
    for good in ["1", "\"1\"", &"x".repeat(64), "8e03978e-40d5-43e8-bc93-6894a57f9324"] {
        assert!(IdempotencyKey::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "\"\"", "a b", "ä", "\n", &"x".repeat(65)] {
        assert!(IdempotencyKey::parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_revoked_login_loses_its_seat_and_its_connection() {
    let (fake, [_, bob], a, b) = full_house();
    fake.log(&b, &bob);
    eviction::evict(fake.ports(10), b.user, |family| family == bob.family).await.unwrap();
    let expected = [
        "read member",
        "after 10 s evict",
        "free seat",
        "read roster",
        "push a1 userLeft bob Removed",
        "told",
        "close b1",
    ];
    assert_eq!(fake.journal(), expected);
    assert!(fake.row(&a).holds_seat());
}

#[tokio::test]
async fn another_login_of_the_same_user_stays() {
    let (fake, [_, bob], _, b) = full_house();
    fake.log(&b, &bob);
    eviction::evict(fake.ports(10), b.user, |family| family != bob.family).await.unwrap();
    assert_eq!(fake.journal(), [""; 0]);
}

#[tokio::test]
async fn an_old_connection_of_a_revoked_login_is_closed_and_the_newer_one_keeps_the_seat() {
    let (fake, [_, bob], _, b) = full_house();
    fake.log(&b, &bob);
    let newer = fake.caller("bob").family;
    fake.change(&b, |p| (p.connection, p.family, p.attempt) = (Some(ConnectionId::new("b2")), Some(newer), 2));
    eviction::evict(fake.ports(10), b.user, |family| family == bob.family).await.unwrap();
    assert_eq!(fake.journal(), ["read member", "after 10 s evict", "close b1"]);
    assert!(fake.row(&b).holds_seat());
}

#[tokio::test]
async fn one_connection_that_cannot_be_closed_does_not_save_the_others() {
    let (fake, [_, bob], a, b) = full_house();
    fake.log(&b, &bob);
    for connection in ["b2", "b3"] {
        fake.log(&Held { connection: ConnectionId::new(connection), ..b.clone() }, &bob);
    }
    fake.fail("close b2");
    let evicted = eviction::evict(fake.ports(10), b.user, |_| true).await;
    assert_eq!(evicted.unwrap_err().code(), "unavailable");
    let journal = fake.journal();
    assert!(journal.contains(&"close b1".to_owned()) && journal.contains(&"close b3".to_owned()), "{journal:?}");
    assert!(fake.row(&a).holds_seat());
}

#[tokio::test]
async fn a_revoked_login_loses_seats_without_a_connection_too() {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let [waiting, lost] = [fake.session(&alice, 3), fake.session(&alice, 3)];
    sessions::join(fake.ports(5), &bob, waiting).await.unwrap();
    let reconnecting = fake.connected(lost, &bob, "b1");
    fake.log(&reconnecting, &bob);
    fake.change(&reconnecting, |p| (p.connection, p.presence) = (None, Presence::Reconnecting));
    fake.state().connections[0].closure = Some(Closure { at: at(6), code: 1006, reason: String::new() });
    eviction::evict(fake.ports(10), bob.user_id, |family| family == bob.family).await.unwrap();
    assert!(fake.state().participants.iter().all(|participant| participant.membership == Membership::Left));
}

#[tokio::test]
async fn an_eviction_that_was_interrupted_anywhere_is_finished_by_a_delayed_message() {
    for step in ["free seat", "read roster", "push a1 userLeft bob Removed", "told", "close b1"] {
        let (fake, [_, bob], a, b) = full_house();
        fake.log(&b, &bob);
        fake.state().families.remove(&(b.user, bob.family));
        fake.fail(step);
        let _interrupted = eviction::evict(fake.ports(10), b.user, |family| family == bob.family).await;
        assert!(fake.journal().contains(&"after 10 s evict".to_owned()), "{step}");
        fake.state().failing.clear();
        eviction::evict_ended(fake.ports(20), b.user).await.unwrap();
        assert!(fake.has_left(&b), "{step}");
        assert!(fake.state().gone.contains(&b.connection), "{step}");
        assert!(fake.row(&a).holds_seat());
    }
}

#[tokio::test]
async fn a_delayed_eviction_leaves_logins_alone_that_go_on() {
    let (fake, [_, bob], _, b) = full_house();
    fake.log(&b, &bob);
    eviction::evict_ended(fake.ports(20), b.user).await.unwrap();
    assert!(fake.row(&b).holds_seat());
    assert_eq!(fake.journal(), [""; 0]);
}
