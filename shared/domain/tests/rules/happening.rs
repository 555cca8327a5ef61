//! What a write means to the outside.

use domain::happenings::{
    Happening, Kind, Reason, SessionView, Stay, Wait, Written, of_message, of_session, of_stay, of_wait,
};
use domain::ports::Outcome;
use domain::{
    Attached, Controls, Departure, Ending, Membership, MessageId, Presence, ProjectId, Rights, Role, Sender, Session,
    SessionId, SessionKind, SessionName, SessionState, Timestamp, UserId, Username, Visibility,
};

use crate::fake::START;

fn later(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START.millis() + seconds * 1000)
}

fn alice() -> Username {
    Username::parse("alice").expect("a name")
}

pub fn session() -> Session {
    Session {
        id: SessionId::first_at(START),
        name: SessionName::parse("room").expect("a name"),
        kind: SessionKind::VideoCall,
        visibility: Visibility::Public,
        state: SessionState::Active,
        max_participants: 5,
        seats_taken: 0,
        created_at: START,
        touched_at: START,
        project: ProjectId::default(),
        room: None,
        creator_id: UserId::first_at(START),
        creator_username: alice(),
        controls: Controls::default(),
        metadata: Attached::Nothing,
    }
}

/// A seat that was just taken.
pub fn seat() -> Stay {
    Stay {
        id: "stay_1".to_owned(),
        session: session().id,
        user: UserId::first_at(START),
        username: alice(),
        identity: None,
        rights: Rights::default(),
        joined_at: START,
        connected_at: None,
        membership: Membership::Seated,
        presence: Presence::Disconnected,
        departure: None,
    }
}

fn connected() -> Stay {
    Stay { connected_at: Some(later(2)), presence: Presence::Connected, ..seat() }
}

fn lost() -> Stay {
    Stay { presence: Presence::Reconnecting, ..connected() }
}

fn gone(from: Stay, reason: Departure) -> Stay {
    Stay { membership: Membership::Left, departure: Some(reason), ..from }
}

fn kinds(steps: &[Stay]) -> Vec<Kind> {
    let pairs = steps.windows(2).filter_map(|pair| of_stay(Some(&pair[0]), &pair[1], later(9)));
    pairs.map(|happening| happening.kind).collect()
}

#[test]
fn a_stay_joins_once_and_leaves_once_however_often_its_connection_breaks() {
    let steps = [
        seat(),
        connected(),
        lost(),
        connected(),
        // A connection that takes over from one that was not lost.
        connected(),
        lost(),
        gone(lost(), Departure::Timeout),
        // The note that the others were told goes.
        Stay { departure: None, ..gone(lost(), Departure::Timeout) },
    ];
    let expected = [
        Kind::ParticipantJoined,
        Kind::ParticipantReconnecting,
        Kind::ParticipantReconnected,
        Kind::ParticipantReconnecting,
        Kind::ParticipantLeft,
    ];
    assert_eq!(kinds(&steps), expected);
}

#[test]
fn a_join_happens_when_its_connection_came_and_a_departure_says_why_and_how_long() {
    let joined = of_stay(Some(&seat()), &connected(), later(5)).expect("a join");
    assert_eq!((joined.at, joined.reason, joined.lasted), (later(2), None, None));
    for (departure, reason) in
        [(Departure::Left, Reason::Left), (Departure::Timeout, Reason::Timeout), (Departure::Removed, Reason::Removed)]
    {
        let left = of_stay(Some(&connected()), &gone(connected(), departure), later(62)).expect("a departure");
        assert_eq!(left.lasted.map(|lasted| lasted.as_secs()), Some(60));
        assert_eq!((left.kind, left.at, left.reason), (Kind::ParticipantLeft, later(62), Some(reason)));
    }
    let ended = Stay { membership: Membership::Ended, ..connected() };
    assert_eq!(of_stay(Some(&connected()), &ended, later(3)).and_then(|left| left.reason), Some(Reason::Ended));
}

#[test]
fn a_seat_that_nobody_joined_is_aborted_and_never_left() {
    let steps = [seat(), gone(seat(), Departure::Timeout)];
    assert_eq!(kinds(&steps), [Kind::ParticipantAborted]);
    let aborted = of_stay(Some(&seat()), &gone(seat(), Departure::Timeout), later(60)).expect("the end of a seat");
    assert_eq!((aborted.reason, aborted.lasted), (Some(Reason::Timeout), None));
}

#[test]
fn another_role_is_told_of_whoever_joined_and_is_part_of_the_join_of_whoever_did_not_yet() {
    let viewer = |stay| Stay { rights: Rights::of(Role::Viewer), ..stay };
    assert_eq!(kinds(&[connected(), viewer(connected()), viewer(lost())])[0], Kind::ParticipantUpdated);
    assert_eq!(kinds(&[seat(), viewer(seat()), viewer(connected())]), [Kind::ParticipantJoined]);
    assert_eq!(kinds(&[lost(), viewer(lost()), connected()]), [Kind::ParticipantUpdated, Kind::ParticipantReconnected]);
}

#[test]
fn a_write_that_changed_nothing_means_nothing() {
    for stay in [seat(), connected(), lost(), gone(connected(), Departure::Left)] {
        assert_eq!(of_stay(Some(&stay), &stay, later(9)), None, "{stay:?}");
    }
    let view = SessionView { session: session(), ending: None, project: "default".to_owned() };
    assert_eq!(of_session(Some(&view), &view, later(9)), None);
}

#[test]
fn who_comes_back_after_leaving_is_there_on_another_stay() {
    let again = Stay { id: "stay_2".to_owned(), ..seat() };
    let before = gone(connected(), Departure::Left);
    assert_eq!(of_stay(Some(&before), &again, later(9)), None);
    let joined = Stay { connected_at: Some(later(9)), presence: Presence::Connected, ..again.clone() };
    assert_eq!(of_stay(Some(&again), &joined, later(9)).map(|joined| joined.kind), Some(Kind::ParticipantJoined));
    // What lies between was not seen: the stay is judged by itself.
    assert_eq!(of_stay(Some(&before), &joined, later(9)).map(|joined| joined.kind), Some(Kind::ParticipantJoined));
}

#[test]
fn a_session_is_created_changed_and_ended_with_its_reason() {
    let of = |session: Session| SessionView { session, ending: None, project: "default".to_owned() };
    let active = of(session());
    assert_eq!(of_session(None, &active, later(9)).map(|it| (it.kind, it.at)), Some((Kind::SessionCreated, START)));
    let fuller = of(Session { seats_taken: 1, touched_at: later(1), ..session() });
    assert_eq!(of_session(Some(&active), &fuller, later(9)), None);
    let larger = of(Session { max_participants: session().max_participants + 1, ..session() });
    let locked = of(Session { controls: Controls { locked: true, version: 1, ..Controls::default() }, ..session() });
    for changed in [larger, locked] {
        assert_eq!(of_session(Some(&active), &changed, later(9)).map(|it| it.kind), Some(Kind::SessionUpdated));
    }
    for (ending, reason) in [
        (Ending::EndedByCreator, Reason::Ended),
        (Ending::Empty, Reason::Empty),
        (Ending::MaxDuration, Reason::MaxDuration),
        (Ending::CreatorDeleted, Reason::Deleted),
    ] {
        let ended = Session { state: SessionState::Ended(later(70)), ..session() };
        let ended = SessionView { ending: Some(ending), ..of(ended) };
        let happened = of_session(Some(&active), &ended, later(71)).expect("an end");
        assert_eq!(
            happened,
            Happening {
                kind: Kind::SessionEnded,
                at: later(70),
                reason: Some(reason),
                lasted: Some(std::time::Duration::from_secs(70)),
            }
        );
        assert_eq!(of_session(Some(&ended), &ended, later(72)), None);
    }
}

/// Somebody who waits since then.
fn waits(since: u64, outcome: Option<Outcome>) -> Wait {
    let user = UserId::first_at(START);
    Wait { session: session().id, user, username: alice(), identity: None, since: later(since), outcome }
}

#[test]
fn a_knock_is_told_once_and_what_became_of_it_once() {
    let kind =
        |before: Option<&Wait>, after: &Wait| of_wait(before, after, later(9)).map(|told| (told.kind, told.reason));
    let (waiting, admitted) = (waits(1, None), waits(1, Some(Outcome::Admitted)));
    assert_eq!(kind(None, &waiting), Some((Kind::ParticipantWaiting, None)));
    assert_eq!(kind(Some(&waiting), &waiting), None, "a reload");
    assert_eq!(kind(Some(&waiting), &admitted), Some((Kind::ParticipantAdmitted, None)));
    assert_eq!(kind(Some(&admitted), &admitted), None);
    for (why, reason) in
        [(Departure::Removed, Reason::Denied), (Departure::Left, Reason::Left), (Departure::Timeout, Reason::Timeout)]
    {
        let denied = waits(1, Some(Outcome::Denied(why)));
        assert_eq!(kind(Some(&waiting), &denied), Some((Kind::ParticipantDenied, Some(reason))));
    }
    assert_eq!(kind(Some(&admitted), &waits(2, None)), Some((Kind::ParticipantWaiting, None)), "another knock");
}

#[test]
fn a_session_that_gets_a_waiting_room_was_updated() {
    let before = SessionView { session: session(), ending: None, project: "default".to_owned() };
    let mut after = before.clone();
    after.session.controls.waiting_room = true;
    let told = of_session(Some(&before), &after, later(5)).expect("a change");
    assert_eq!(told.kind, Kind::SessionUpdated);
}

#[test]
fn a_message_is_told_once_and_only_if_it_is_to_be() {
    let from = Sender { user_id: UserId::first_at(START), username: alice(), identity: None };
    let written =
        |is_told| Written { id: MessageId::first_at(later(3)), session: session().id, from: from.clone(), is_told };
    let told = of_message(Some(&written(false)), &written(true)).expect("it is to be");
    assert_eq!((told.kind, told.at), (Kind::MessageCreated, later(3)));
    assert_eq!(of_message(None, &written(false)), None);
    assert_eq!(of_message(Some(&written(true)), &written(true)), None);
}
