//! Signals, broadcasts, and what is remembered of their senders.

use domain::delivery::Delivery;
use domain::ports::{ChatMessage, ClientMessageId, Held, Members, Status};
use domain::standing::JoinedCache;
use domain::{
    Caller, ConnectionId, Context, Error, Frame, Membership, Person, SessionState, chat, delivery, leases, relay,
};

use crate::fake::{Fake, at};

/// A session in which alice and bob are connected, over `a1` and `b1`.
pub fn call() -> (Fake, Person, Held, Held) {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let session = fake.session(&alice, 10);
    let (a, b) = (fake.connected(session, &alice, "a1"), fake.connected(session, &bob, "b1"));
    (fake, alice, a, b)
}

#[tokio::test]
async fn a_signal_is_written_then_pushed() {
    let (fake, _, _, bob) = call();
    let signal = fake.signal(&bob, 5, "offer");
    let delivery = relay::relay(fake.ports(5), &signal).await.unwrap();
    assert_eq!(delivery, Delivery::Sent);
    assert_eq!(fake.journal(), ["put offer", "read hint", "push b1 offer"]);
}

#[tokio::test]
async fn a_signal_that_was_not_written_is_not_pushed() {
    let (fake, _, _, bob) = call();
    fake.fail("put offer");
    let refused = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap_err();
    assert_eq!(refused.code(), "unavailable");
    assert_eq!(fake.journal(), ["put offer", "read hint"]);
}

#[tokio::test]
async fn a_signal_to_nobody_is_taken_back() {
    let (fake, alice, a, _) = call();
    let stranger = Held { user: fake.caller("carol").user_id, ..a.clone() };
    let signal = fake.signal(&stranger, 5, "offer");
    let refused = relay::relay(fake.ports(5), &signal).await.unwrap_err();
    assert!(matches!(refused, Error::PeerNotFound), "{alice:?}");
    assert_eq!(fake.journal(), ["put offer", "read hint", "read member", "take back offer"]);
    assert!(fake.state().inbox.is_empty());
}

#[tokio::test]
async fn whoever_left_or_ran_out_is_nobody() {
    for gone in [
        (|p| p.membership = Membership::Left) as fn(&mut domain::Participant),
        |p| p.membership = Membership::Ended,
        |p| p.lease_until = at(4),
    ] {
        let (fake, _, _, bob) = call();
        fake.change(&bob, gone);
        let refused = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap_err();
        assert!(matches!(refused, Error::PeerNotFound), "{refused}");
    }
}

#[tokio::test]
async fn a_read_from_before_the_join_does_not_refuse() {
    let (fake, _, _, bob) = call();
    fake.state().hints.insert(bob.user, None);
    let delivery = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap();
    assert_eq!(delivery, Delivery::Sent);
    assert_eq!(fake.journal(), ["put offer", "read hint", "read member", "push b1 offer"]);
}

#[tokio::test]
async fn a_410_leads_to_the_newer_connection() {
    let (fake, _, _, bob) = call();
    let old = fake.row(&bob);
    fake.state().hints.insert(bob.user, Some(old));
    fake.change(&bob, |p| p.connection = Some(ConnectionId::new("b2")));
    fake.state().gone.insert(ConnectionId::new("b1"));
    let delivery = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap();
    assert_eq!(delivery, Delivery::Sent);
    assert_eq!(fake.journal(), ["put offer", "read hint", "push b1 offer", "read member", "push b2 offer"]);
}

#[tokio::test]
async fn a_410_without_a_newer_connection_leaves_the_signal_waiting() {
    let (fake, _, _, bob) = call();
    fake.state().gone.insert(bob.connection.clone());
    let delivery = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap();
    assert_eq!(delivery, Delivery::Queued);
    assert_eq!(fake.state().inbox.len(), 1);
    assert_eq!(fake.journal(), ["put offer", "read hint", "push b1 offer", "read member", "nudge later"]);
}

#[tokio::test]
async fn a_signal_to_somebody_who_is_away_waits_without_a_nudge() {
    let (fake, _, _, bob) = call();
    let old = fake.row(&bob);
    fake.state().hints.insert(bob.user, Some(old));
    fake.change(&bob, |p| p.connection = None);
    fake.state().gone.insert(bob.connection.clone());
    let delivery = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap();
    assert_eq!(delivery, Delivery::Queued);
    assert_eq!(fake.journal(), ["put offer", "read hint", "push b1 offer", "read member"]);
}

#[tokio::test]
async fn a_push_that_is_throttled_waits_for_a_nudge_and_cuts_nobody() {
    let (fake, _, _, bob) = call();
    fake.fail("push b1 offer");
    let delivery = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap();
    assert_eq!(delivery, Delivery::Queued);
    assert_eq!(fake.journal(), ["put offer", "read hint", "push b1 offer", "read member", "nudge later"]);
}

#[tokio::test]
async fn a_signal_is_not_acknowledged_when_nobody_can_be_nudged_and_the_connection_not_be_cut() {
    let (fake, _, _, bob) = call();
    for call in ["push b1 offer", "nudge later", "close b1"] {
        fake.fail(call);
    }
    let refused = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap_err();
    assert_eq!(refused.code(), "unavailable");
}

#[tokio::test]
async fn a_broadcast_reaches_the_living_whatever_becomes_of_the_dead() {
    let (fake, alice, a, _) = call();
    let callers: Vec<_> = (0..8).map(|n| fake.caller(&format!("guest{n}"))).collect();
    let guests: Vec<_> =
        callers.iter().enumerate().map(|(n, who)| fake.connected(a.session, who, &format!("g{n}"))).collect();
    fake.state().gone.extend(guests[..3].iter().map(|guest| guest.connection.clone()));
    fake.fail("push g3 hello");
    fake.fail("put hello");

    let targets = guests.iter().map(|guest| (guest.user, guest.connection.clone())).collect();
    let frame = Frame("hello".to_owned());
    let told = delivery::broadcast(fake.ports(5), a.session, targets, &frame, None).await;

    assert_eq!(told.unwrap_err().code(), "unavailable", "{alice:?}");
    let journal = fake.journal();
    for n in 0..8 {
        assert!(journal.contains(&format!("push g{n} hello")), "{journal:?}");
    }
}

#[tokio::test]
async fn a_message_is_kept_before_anybody_gets_it_and_its_writer_gets_it_too() {
    let (fake, alice, a, _) = call();
    chat::send(fake.ports(5), &fake.message(&a, &alice, 5, "hi")).await.unwrap();
    let expected = ["append hi", "read roster", "push a1 receiveMessage hi", "push b1 receiveMessage hi"];
    assert_eq!(fake.journal(), expected);
}

#[tokio::test]
async fn a_message_sent_again_is_the_first_one_and_goes_to_everybody_again() {
    let (fake, alice, a, _) = call();
    let named = |seconds, text| ChatMessage {
        client_id: Some(ClientMessageId::parse("mine".to_owned()).unwrap()),
        ..fake.message(&a, &alice, seconds, text)
    };
    let first = chat::send(fake.ports(5), &named(5, "hi")).await.unwrap();
    fake.journal();
    assert_eq!(chat::send(fake.ports(8), &named(8, "hi, again")).await.unwrap(), first);
    let expected = ["append hi, again", "read roster", "push a1 receiveMessage hi", "push b1 receiveMessage hi"];
    assert_eq!(fake.journal(), expected);
}

#[tokio::test]
async fn a_message_is_noted_for_endpoints_that_want_it_before_anybody_hears_of_it() {
    let (fake, alice, a, _) = call();
    fake.state().sessions[0].controls.tells_messages = true;
    chat::send(fake.ports(5), &fake.message(&a, &alice, 5, "hi")).await.unwrap();
    let expected = ["append hi", "read roster", "tell of hi", "push a1 receiveMessage hi", "push b1 receiveMessage hi"];
    assert_eq!(fake.journal(), expected);
    fake.fail("tell of hi");
    assert!(chat::send(fake.ports(6), &fake.message(&a, &alice, 6, "hi")).await.is_err(), "not acknowledged");
}

#[tokio::test]
async fn a_message_of_somebody_who_is_gone_is_taken_back_and_not_acknowledged() {
    for (gone, code) in [(Membership::Left, "not_joined"), (Membership::Ended, "session_ended")] {
        let (fake, alice, a, _) = call();
        fake.change(&a, |p| p.membership = gone);
        if gone == Membership::Ended {
            fake.state().sessions[0].state = SessionState::Ended(at(4));
        }
        let refused = chat::send(fake.ports(5), &fake.message(&a, &alice, 5, "hi")).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert_eq!(fake.journal(), ["append hi", "read roster", "take back hi"]);
        assert!(fake.state().chat.is_empty());
    }
}

#[tokio::test]
async fn a_message_that_was_sent_before_its_writer_left_is_kept() {
    let (fake, alice, a, _) = call();
    let named = |seconds| ChatMessage {
        client_id: Some(ClientMessageId::parse("mine".to_owned()).unwrap()),
        ..fake.message(&a, &alice, seconds, "hi")
    };
    chat::send(fake.ports(5), &named(5)).await.unwrap();
    fake.change(&a, |p| p.membership = Membership::Left);
    let refused = chat::send(fake.ports(8), &named(8)).await.unwrap_err();
    assert_eq!((refused.code(), fake.state().chat.len()), ("not_joined", 1));
}

#[tokio::test]
async fn history_is_for_those_who_take_part() {
    let (fake, alice, a, bob) = call();
    fake.state().chat.push(fake.message(&a, &alice, 5, "hi"));
    let [bobs, carols] = [Person { user_id: bob.user, ..alice }, fake.caller("carol")].map(Caller::from);
    let read = |who| chat::history(&fake, fake.context(6), who, a.session, 50, None);
    assert_eq!(read(&bobs).await.unwrap().len(), 1);
    assert!(matches!(read(&carols).await.unwrap_err(), Error::NotInSession));
    fake.change(&bob, |p| p.membership = Membership::Ended);
    assert_eq!(read(&bobs).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_sender_is_read_once_in_a_while() {
    let (fake, _, alice, _) = call();
    let joined = JoinedCache::default();
    for seconds in [1, 2, 10] {
        joined.check(&fake, fake.context(seconds), &alice).await.unwrap();
    }
    assert_eq!(fake.journal(), ["read hint"]);
    joined.check(&fake, fake.context(11), &alice).await.unwrap();
    assert_eq!(fake.journal(), ["read hint"], "trusted for 10 s from the read on");
}

#[tokio::test]
async fn a_forgotten_connection_is_read_again() {
    let (fake, _, alice, _) = call();
    let joined = JoinedCache::default();
    joined.check(&fake, fake.context(1), &alice).await.unwrap();
    joined.forget(&alice.connection);
    fake.change(&alice, |p| p.connection = None);
    assert!(matches!(joined.check(&fake, fake.context(2), &alice).await.unwrap_err(), Error::NotJoined));
}

#[tokio::test]
async fn frames_renew_a_lease_of_which_a_quarter_is_gone() {
    let (fake, _, alice, _) = call();
    let joined = JoinedCache::default();
    joined.check(&fake, fake.context(150), &alice).await.unwrap();
    assert_eq!(fake.row(&alice).lease_until, at(600), "three quarters are left");
    joined.check(&fake, fake.context(151), &alice).await.unwrap();
    assert_eq!(fake.row(&alice).lease_until, at(751));
    fake.journal();
    joined.check(&fake, fake.context(152), &alice).await.unwrap();
    assert_eq!(fake.journal(), [""; 0], "once is enough");
}

#[tokio::test]
async fn a_lease_ends_with_the_access_of_its_connection_and_the_seat_with_the_lease() {
    let (fake, _, alice, _) = call();
    let until_700 = |seconds| Context { access_until: Some(at(700)), ..fake.context(seconds) };
    let joined = JoinedCache::default();
    for seconds in [151, 320, 321, 450, 699] {
        joined.check(&fake, until_700(seconds), &alice).await.unwrap();
    }
    assert_eq!(fake.row(&alice).lease_until, at(700));
    let renewals = fake.journal().iter().filter(|call| call.starts_with("renew")).count();
    assert_eq!(renewals, 1, "a lease that cannot grow is not renewed at each frame");
    leases::ping(&fake, until_700(698), &alice).await.unwrap();
    assert_eq!(fake.row(&alice).lease_until, at(700));
    leases::check_lease(fake.ports(701), alice.session, alice.user).await.unwrap();
    let left = fake.member(alice.session, alice.user).await.unwrap();
    assert!(left.is_none_or(|member| !member.holds_seat()));
}

#[tokio::test]
async fn a_connection_that_is_not_the_live_one_may_not_send() {
    let (fake, _, alice, _) = call();
    let other = Held { connection: ConnectionId::new("a0"), ..alice.clone() };
    let check = async |held: &Held| JoinedCache::default().check(&fake, fake.context(1), held).await.unwrap_err();
    assert!(matches!(check(&other).await, Error::NotJoined));
    assert_eq!(fake.journal(), ["read hint", "read member"], "only the consistent read refuses");
    fake.change(&alice, |p| p.membership = Membership::Ended);
    assert!(matches!(check(&alice).await, Error::SessionEnded));
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_refuses() {
    let (fake, _, alice, _) = call();
    let stale = fake.row(&alice);
    fake.state().hints.insert(alice.user, Some(stale));
    fake.change(&alice, |p| p.connection = Some(ConnectionId::new("a2")));
    let refused = JoinedCache::default().check(&fake, fake.context(500), &alice).await.unwrap_err();
    assert!(matches!(refused, Error::NotJoined), "{refused}");
}

#[tokio::test]
async fn whoever_was_silent_past_the_lease_has_to_join_again() {
    let (fake, _, alice, _) = call();
    let now = fake.row(&alice).lease_until.since(at(0)).as_secs();
    let refused = JoinedCache::default().check(&fake, fake.context(now), &alice).await.unwrap_err();
    assert!(matches!(refused, Error::NotJoined), "{refused}");
    let refused = leases::ping(&fake, fake.context(now), &alice).await.unwrap_err();
    assert!(matches!(refused, Error::NotJoined), "{refused}");
    assert_eq!(fake.row(&alice).lease_until, at(now), "the lease is left as it was");
}

#[tokio::test]
async fn a_message_that_cannot_be_pushed_to_somebody_is_sent_all_the_same() {
    let (fake, alice, a, _) = call();
    fake.fail("push b1 receiveMessage hi");
    chat::send(fake.ports(5), &fake.message(&a, &alice, 5, "hi")).await.unwrap();
    let journal = fake.journal();
    assert!(journal.contains(&"nudge later".to_owned()) && !journal.contains(&"close b1".to_owned()), "{journal:?}");
}

#[tokio::test]
async fn a_status_that_cannot_be_pushed_waits_in_the_inbox() {
    let (fake, _, a, _) = call();
    fake.fail("push b1 userStatusUpdated alice Connected true");
    let status = Status { is_muted: true, is_video_enabled: true };
    leases::update_status(fake.ports(5), &a, status).await.unwrap();
    let journal = fake.journal();
    assert!(journal.contains(&"put userStatusUpdated alice Connected true".to_owned()), "{journal:?}");
    assert!(journal.contains(&"nudge later".to_owned()) && !journal.contains(&"close b1".to_owned()), "{journal:?}");
}

#[tokio::test]
async fn nobody_can_be_nudged_so_the_connection_is_cut() {
    let (fake, _, _, bob) = call();
    for call in ["push b1 offer", "nudge later"] {
        fake.fail(call);
    }
    let delivery = relay::relay(fake.ports(5), &fake.signal(&bob, 5, "offer")).await.unwrap();
    assert_eq!(delivery, Delivery::Queued);
    assert!(fake.journal().contains(&"close b1".to_owned()));
}
