//! The waiting room: who knocks, who decides, who passes, and what becomes of those who die there.

use std::time::Duration;

use domain::moderation::{self, Actor};
use domain::ports::{Emptied, Held, Outcome, SessionChange, WAITING_PLACES, Waits};
use domain::sessions::{self, Entry};
use domain::{
    Caller, ConnectionId, Departure, Error, Person, Result, RightsChange, Role, SessionId, UserId, leases, waiting,
};

use crate::fake::Fake;

/// A session of alice, its creator, who is there over `a1`. Whoever else joins waits; bob and carol want to.
struct House {
    fake: Fake,
    alice: Person,
    bob: Person,
    carol: Person,
    at_alice: Held,
    session: SessionId,
}

impl House {
    fn new() -> Self {
        let fake = Fake::default();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| fake.caller(name));
        let session = fake.session(&alice, 4);
        fake.state().session(session).expect("made before").controls.waiting_room = true;
        let at_alice = fake.connected(session, &alice, "a1");
        fake.journal();
        Self { fake, alice, bob, carol, at_alice, session }
    }

    /// What came of joining: a seat, a place to wait, or a refusal.
    async fn join(&self, person: &Person, seconds: u64) -> &'static str {
        match sessions::join(self.fake.ports(seconds), person, self.session).await {
            Ok(Entry::Seated(_)) => "seated",
            Ok(Entry::Waits(_)) => "waits",
            Err(error) => error.code(),
        }
    }

    fn waits(&self, person: &Person) -> Waits {
        let state = self.fake.state();
        let knock = state.waiting.iter().find(|knock| knock.user_id == person.user_id).expect("somebody who waits");
        Waits::from(knock)
    }

    /// Joins, and shows life over that connection.
    async fn knock(&self, person: &Person, connection: &str) -> Waits {
        assert_eq!(self.join(person, 1).await, "waits");
        let waits = self.waits(person);
        let connection = ConnectionId::new(connection);
        waiting::keep_waiting(&self.fake, self.fake.context(1), &waits, &connection).await.expect("they wait");
        self.fake.journal();
        waits
    }

    async fn admit(&self, user: UserId, seconds: u64) -> Result<()> {
        let actor = Actor::Connection(&self.at_alice);
        moderation::admit(self.fake.ports(seconds), actor, self.session, user).await
    }

    async fn deny(&self, user: UserId, seconds: u64) -> Result<()> {
        let actor = Actor::Connection(&self.at_alice);
        moderation::deny(self.fake.ports(seconds), actor, self.session, user).await
    }

    async fn change(&self, change: SessionChange) {
        let alice = Caller::from(self.alice.clone());
        let actor = Actor::Caller(&alice);
        moderation::update_session(self.fake.ports(5), actor, self.session, &change).await.expect("the creator may");
    }

    fn pushed(&self) -> Vec<String> {
        self.fake.journal().into_iter().filter(|call| call.starts_with("push")).collect()
    }

    fn nobody_waits(&self) -> bool {
        self.fake.state().waiting.is_empty()
    }
}

fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}

#[tokio::test]
async fn whoever_joins_waits_and_those_who_steer_the_session_hear_of_it() {
    let house = House::new();
    assert_eq!(house.join(&house.bob, 1).await, "waits");
    assert_eq!(house.pushed(), ["push a1 participantWaiting bob"]);
    let roster = sessions::active_roster(&house.fake, house.session, house.fake.context(1).now).await.unwrap();
    assert!(roster.seated(house.bob.user_id).is_none());
    assert_eq!(roster.session.seats_taken, 1, "they hold no seat");
}

#[tokio::test]
async fn joining_again_is_the_same_place_since_the_same_time() {
    let house = House::new();
    for seconds in [1, 5] {
        assert_eq!(house.join(&house.bob, seconds).await, "waits");
    }
    let state = house.fake.state();
    assert_eq!(state.waiting.len(), 1);
    assert_eq!(state.waiting[0].since, house.fake.context(1).now);
    assert_eq!(state.waiting[0].lease_until, house.fake.context(65).now);
}

/// Two tabs of one person.
#[tokio::test]
async fn of_two_tabs_that_wait_one_may_go_and_both_come_in() {
    let house = House::new();
    let waits = house.knock(&house.bob, "b1").await;
    assert_eq!(house.knock(&house.bob, "b2").await, waits, "they share a place");
    let leave = async |connection: &str| {
        let only = Emptied::On(ConnectionId::new(connection));
        waiting::give_up(house.fake.ports(2), &waits, &only, Departure::Left).await.unwrap();
    };
    leave("b1").await;
    assert_eq!(house.pushed(), [""; 0], "the other one still waits");
    assert_eq!(house.join(&house.bob, 3).await, "waits");
    house.admit(house.bob.user_id, 4).await.unwrap();
    let pushed = house.pushed();
    assert!(pushed.iter().any(|call| call.starts_with("push b2 admitted")), "as it comes back: {pushed:?}");
    assert_eq!(house.join(&house.bob, 5).await, "seated");
    assert_eq!(house.join(&house.bob, 5).await, "seated");

    let alone = house.knock(&house.carol, "c1").await;
    house.knock(&house.carol, "c2").await;
    let (last, only) = (house.fake.ports(6), Emptied::On(ConnectionId::new("c2")));
    waiting::give_up(last, &alone, &only, Departure::Left).await.unwrap();
    assert!(house.nobody_waits());
}

#[tokio::test]
async fn whoever_knocked_twice_at_once_is_told_in_both_places_and_is_waited_for_as_long_as_one_is_left() {
    let house = House::new();
    let bob = house.bob.user_id;
    let twice = async || {
        let first = house.knock(&house.bob, "b1").await;
        let mut state = house.fake.state();
        let mut second = state.waiting[0].clone();
        (second.place, second.connection) = ((first.place + 1) % WAITING_PLACES, Some(ConnectionId::new("b2")));
        state.waiting.push(second);
        first
    };
    let first = twice().await;
    waiting::give_up(house.fake.ports(2), &first, &Emptied::Anyway, Departure::Left).await.unwrap();
    assert_eq!(house.pushed(), [""; 0], "the other place is still theirs");
    house.fake.state().waiting.clear();
    twice().await;
    house.deny(bob, 2).await.unwrap();
    assert!(["close b1", "close b2"].iter().all(|close| house.fake.state().journal.iter().any(|call| call == close)));
    assert!(house.nobody_waits());
    house.fake.state().bans.clear();
    twice().await;
    house.admit(bob, 3).await.unwrap();
    let pushed = house.pushed();
    assert!(["b1", "b2"].iter().all(|tab| pushed.iter().any(|call| call.starts_with(&format!("push {tab} admitted")))));
    assert!(house.nobody_waits());
}

#[tokio::test]
async fn no_more_than_fifty_wait_and_a_place_is_free_again_when_its_lease_is_over() {
    let house = House::new();
    for n in 0..WAITING_PLACES {
        assert_eq!(house.join(&house.fake.caller(&format!("guest{n}")), 1).await, "waits");
    }
    assert_eq!(house.join(&house.bob, 1).await, "waiting_room_full");
    assert_eq!(house.join(&house.bob, 61).await, "waits");
}

#[tokio::test]
async fn who_is_admitted_is_told_takes_a_seat_and_passes_again_after_a_drop() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    house.admit(house.bob.user_id, 2).await.unwrap();
    assert_eq!(house.pushed(), ["push b1 admitted bob", "push a1 admitted bob"]);
    assert!(house.nobody_waits());
    assert_eq!(house.join(&house.bob, 3).await, "seated");
    // The lease of a seat without a connection ends after a minute.
    leases::check_lease(house.fake.ports(64), house.session, house.bob.user_id).await.unwrap();
    let roster = sessions::active_roster(&house.fake, house.session, house.fake.context(64).now).await.unwrap();
    assert!(roster.seated(house.bob.user_id).is_none());
    assert_eq!(house.join(&house.bob, 65).await, "seated");
}

#[tokio::test]
async fn who_is_removed_waits_again() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    house.admit(house.bob.user_id, 2).await.unwrap();
    assert_eq!(house.join(&house.bob, 3).await, "seated");
    let actor = Actor::Connection(&house.at_alice);
    moderation::remove(house.fake.ports(4), actor, house.session, house.bob.user_id, None).await.unwrap();
    assert_eq!(house.join(&house.bob, 5).await, "waits");
}

#[tokio::test]
async fn who_is_denied_is_told_and_cut_and_may_knock_again_after_a_minute() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    house.deny(house.bob.user_id, 2).await.unwrap();
    let seen = house.fake.journal();
    let steps = ["push b1 denied bob Removed", "push a1 denied bob Removed", "stop waiting", "close b1"];
    let order = steps.map(|step| seen.iter().position(|call| call == step));
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "the end of the connection finds nobody: {seen:?}");
    assert!(house.nobody_waits());
    assert_eq!([house.join(&house.bob, 3).await, house.join(&house.bob, 62).await], ["banned", "waits"]);
}

#[tokio::test]
async fn a_decision_that_was_cut_short_is_finished_by_its_repetition() {
    for step in ["let pass", "stop waiting"] {
        let house = House::new();
        house.knock(&house.bob, "b1").await;
        house.fake.fail(step);
        house.admit(house.bob.user_id, 2).await.unwrap_err();
        house.fake.state().failing.clear();
        house.admit(house.bob.user_id, 2).await.unwrap();
        assert!(house.pushed().contains(&"push b1 admitted bob".to_owned()), "{step}");
        assert!(house.nobody_waits(), "{step}");
        // The answer may have been lost.
        house.admit(house.bob.user_id, 3).await.unwrap();
        assert_eq!(house.join(&house.bob, 3).await, "seated", "{step}");
    }
    for step in ["ban", "stop waiting"] {
        let house = House::new();
        house.knock(&house.bob, "b1").await;
        house.fake.fail(step);
        house.deny(house.bob.user_id, 2).await.unwrap_err();
        house.fake.state().failing.clear();
        house.deny(house.bob.user_id, 2).await.unwrap();
        assert!(house.nobody_waits(), "{step}");
        assert_eq!(house.join(&house.bob, 3).await, "banned", "{step}");
    }
}

#[tokio::test]
async fn what_was_decided_is_what_is_noted_also_where_whoever_decided_it_died() {
    for (decided, wanted) in [("admit", Outcome::Admitted), ("deny", Outcome::Denied(Departure::Removed))] {
        let house = House::new();
        let bob = house.bob.user_id;
        house.knock(&house.bob, "b1").await;
        house.fake.fail("stop waiting");
        let refused = if decided == "admit" { house.admit(bob, 2).await } else { house.deny(bob, 2).await };
        refused.unwrap_err();
        house.fake.state().failing.clear();
        waiting::check(house.fake.ports(90), house.session, bob).await.unwrap();
        assert_eq!(house.fake.state().outcomes, [(bob, wanted)], "{decided}");
    }
}

#[tokio::test]
async fn what_became_of_whoever_waits_is_noted_once() {
    let house = House::new();
    let [bob, carol] = [&house.bob, &house.carol].map(|person| person.user_id);
    let waits = house.knock(&house.bob, "b1").await;
    waiting::give_up(house.fake.ports(2), &waits, &Emptied::Anyway, Departure::Left).await.unwrap();
    waiting::give_up(house.fake.ports(3), &waits, &Emptied::Anyway, Departure::Left).await.unwrap();
    house.knock(&house.carol, "c1").await;
    house.change(SessionChange { waiting_room: Some(false), ..SessionChange::default() }).await;
    let expected = [(bob, Outcome::Denied(Departure::Left)), (carol, Outcome::Admitted)];
    assert_eq!(house.fake.state().outcomes, expected);
}

#[tokio::test]
async fn a_place_whose_lease_ran_out_is_settled_before_the_next_takes_it() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    let place = house.waits(&house.bob).place;
    {
        // Carol begins at the same place.
        let mut state = house.fake.state();
        let [.., first] = *house.carol.user_id.as_bytes();
        state.waiting[0].place = first % WAITING_PLACES;
        assert!(place < WAITING_PLACES);
    }
    assert_eq!(house.join(&house.carol, 90).await, "waits");
    let timed_out = (house.bob.user_id, Outcome::Denied(Departure::Timeout));
    assert_eq!(house.fake.state().outcomes, [timed_out]);
}

#[tokio::test]
async fn a_connection_that_could_not_be_closed_does_nothing_any_more() {
    let house = House::new();
    let waits = house.knock(&house.bob, "b1").await;
    house.fake.fail("close b1");
    house.deny(house.bob.user_id, 2).await.unwrap();
    let connection = ConnectionId::new("b1");
    let ping = waiting::keep_waiting(&house.fake, house.fake.context(3), &waits, &connection).await;
    assert_eq!(code(ping), "not_joined");
}

#[tokio::test]
async fn only_those_decide_who_steer_the_session_and_only_about_who_waits() {
    let house = House::new();
    let dave = house.fake.caller("dave");
    let at_dave = house.fake.connected(house.session, &dave, "d1");
    house.knock(&house.bob, "b1").await;
    let by_dave = Actor::Connection(&at_dave);
    let refused = moderation::admit(house.fake.ports(2), by_dave, house.session, house.bob.user_id).await;
    assert!(matches!(refused, Err(Error::NotPermitted { permission: "moderate" })), "{refused:?}");
    let refused = moderation::deny(house.fake.ports(2), by_dave, house.session, house.bob.user_id).await;
    assert_eq!(code(refused), "forbidden");
    assert_eq!(code(house.admit(house.carol.user_id, 2).await), "participant_not_found");
    assert_eq!(code(house.deny(house.carol.user_id, 2).await), "participant_not_found");
    assert!(!house.pushed().iter().any(|push| push.starts_with("push d1")), "others do not hear who waits");
}

#[tokio::test]
async fn nobody_is_admitted_to_a_full_session() {
    let house = House::new();
    for (name, connection) in [("dave", "d1"), ("erin", "e1"), ("fred", "f1")] {
        let guest = house.fake.caller(name);
        house.fake.connected(house.session, &guest, connection);
    }
    house.knock(&house.bob, "b1").await;
    assert_eq!(code(house.admit(house.bob.user_id, 2).await), "session_full");
}

#[tokio::test]
async fn a_host_and_a_cohost_who_return_are_never_kept_waiting() {
    let house = House::new();
    let dave = house.fake.caller("dave");
    house.fake.connected(house.session, &dave, "d1");
    let change = RightsChange { role: Some(Role::Cohost), permissions: Vec::new() }.into();
    let actor = Actor::Connection(&house.at_alice);
    moderation::update_participant(house.fake.ports(2), actor, house.session, dave.user_id, &change).await.unwrap();
    house.change(SessionChange { locked: Some(true), ..SessionChange::default() }).await;
    for person in [&house.alice, &dave] {
        sessions::leave(house.fake.ports(6), person, house.session).await.unwrap();
        assert_eq!(house.join(person, 7).await, "seated");
    }
    assert_eq!(house.join(&house.bob, 8).await, "session_locked", "a lock keeps people from knocking");
}

#[tokio::test]
async fn nobody_gets_in_because_the_host_is_away_or_returns() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    sessions::leave(house.fake.ports(2), &house.alice, house.session).await.unwrap();
    assert_eq!([house.join(&house.bob, 3).await, house.join(&house.carol, 3).await], ["waits", "waits"]);
    assert_eq!(house.join(&house.alice, 4).await, "seated");
    assert_eq!(house.join(&house.bob, 5).await, "waits");
}

#[tokio::test]
async fn whoever_comes_to_steer_the_session_is_told_who_waits() {
    let house = House::new();
    let dave = house.fake.caller("dave");
    house.fake.connected(house.session, &dave, "d1");
    house.knock(&house.bob, "b1").await;
    let change = RightsChange { role: Some(Role::Cohost), permissions: Vec::new() }.into();
    let actor = Actor::Connection(&house.at_alice);
    moderation::update_participant(house.fake.ports(2), actor, house.session, dave.user_id, &change).await.unwrap();
    assert!(house.pushed().contains(&"push d1 participantWaiting bob".to_owned()));
}

#[tokio::test]
async fn whoever_waits_when_the_waiting_room_is_given_up_is_let_in() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    house.change(SessionChange { waiting_room: Some(false), ..SessionChange::default() }).await;
    assert!(house.pushed().contains(&"push b1 admitted bob".to_owned()));
    assert!(house.nobody_waits());
    assert_eq!(house.join(&house.bob, 6).await, "seated");
    house.change(SessionChange { waiting_room: Some(true), ..SessionChange::default() }).await;
    assert_eq!([house.join(&house.bob, 7).await, house.join(&house.carol, 7).await], ["seated", "waits"]);
}

/// Each of the two is one step before a look, so one sees the other, in whatever order they run.
#[tokio::test]
async fn nobody_is_left_waiting_by_a_waiting_room_that_is_given_up_as_they_knock() {
    for seed in 1..200 {
        let house = House::new();
        house.fake.state().seed = seed;
        let open = SessionChange { waiting_room: Some(false), ..SessionChange::default() };
        let (joined, ()) = futures_util::future::join(house.join(&house.bob, 5), house.change(open)).await;
        house.fake.state().seed = 0;
        assert!(house.nobody_waits(), "seed {seed}");
        assert!(["seated", "waits"].contains(&joined), "seed {seed}: {joined}");
        assert_eq!(house.join(&house.bob, 6).await, "seated", "seed {seed}");
    }
}

#[tokio::test]
async fn whoever_leaves_dies_or_falls_silent_does_not_wait_any_more() {
    let house = House::new();
    let waits = house.knock(&house.bob, "b1").await;
    let over = |connection: &str| Emptied::On(ConnectionId::new(connection));
    waiting::give_up(house.fake.ports(2), &waits, &over("b0"), Departure::Timeout).await.unwrap();
    assert!(!house.nobody_waits(), "the end of an older connection");
    waiting::give_up(house.fake.ports(2), &waits, &over("b1"), Departure::Timeout).await.unwrap();
    assert_eq!(house.pushed(), ["push a1 denied bob Timeout"]);
    assert!(house.nobody_waits());

    house.knock(&house.bob, "b2").await;
    sessions::leave(house.fake.ports(3), &house.bob, house.session).await.unwrap();
    assert_eq!(house.pushed(), ["push a1 denied bob Left"]);

    house.knock(&house.bob, "b3").await;
    waiting::check(house.fake.ports(30), house.session, house.bob.user_id).await.unwrap();
    assert_eq!(house.fake.journal(), ["read roster", "after 31 s check waiting"]);
    waiting::check(house.fake.ports(61), house.session, house.bob.user_id).await.unwrap();
    assert_eq!(house.pushed(), ["push a1 denied bob Timeout"]);
    assert!(house.nobody_waits());
}

#[tokio::test]
async fn a_sign_of_life_of_somebody_who_waits_no_more_is_refused() {
    let house = House::new();
    let waits = house.knock(&house.bob, "b1").await;
    let alive = async |seconds| {
        let connection = ConnectionId::new("b1");
        code(waiting::keep_waiting(&house.fake, house.fake.context(seconds), &waits, &connection).await)
    };
    assert_eq!([alive(30).await, alive(80).await, alive(141).await], ["ok", "ok", "not_joined"]);
    house.knock(&house.bob, "b1").await;
    house.admit(house.bob.user_id, 2).await.unwrap();
    assert_eq!(alive(3).await, "not_joined");
}

#[tokio::test]
async fn somebody_who_waits_may_be_banned() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    let (actor, ban) = (Actor::Connection(&house.at_alice), Some(Duration::from_secs(600)));
    moderation::remove(house.fake.ports(2), actor, house.session, house.bob.user_id, ban).await.unwrap();
    assert!(house.pushed().contains(&"push b1 removed until 602".to_owned()));
    assert!(house.nobody_waits());
    assert_eq!(house.join(&house.bob, 300).await, "banned");
}

#[tokio::test]
async fn whoever_waits_hears_the_end_of_the_session() {
    let house = House::new();
    house.knock(&house.bob, "b1").await;
    let alice = Caller::from(house.alice.clone());
    moderation::end(house.fake.ports(2), Actor::Caller(&alice), house.session).await.unwrap();
    let seen = house.fake.journal();
    for step in ["push b1 sessionEnded EndedByCreator", "close b1"] {
        assert!(seen.iter().any(|call| call == step), "{step}: {seen:?}");
    }
}

/// Joins, admissions, refusals, removals, bans, locks and the waiting room itself, all at once and in many orders: nobody sits there
/// who was neither admitted nor there before, nobody who is banned, and every seat is counted.
#[tokio::test]
async fn whatever_is_switched_at_once_nobody_gets_in_unadmitted_or_banned() {
    for seed in 1..400 {
        let house = House::new();
        house.knock(&house.bob, "b1").await;
        house.fake.state().seed = seed;
        let (alice, bob, carol) = (&house.at_alice, house.bob.user_id, house.carol.user_id);
        let ban = Some(Duration::from_secs(600));
        let lock = |locked| SessionChange { locked: Some(locked), ..SessionChange::default() };
        let deciding = async {
            let _decided = house.admit(bob, 2).await;
            let removed =
                moderation::remove(house.fake.ports(2), Actor::Connection(alice), house.session, bob, ban).await;
            removed.expect("the creator may");
        };
        let switching = async {
            house.change(lock(true)).await;
            let _decided = house.deny(carol, 2).await;
            house.change(lock(false)).await;
        };
        let bobs = async { [house.join(&house.bob, 2).await, house.join(&house.bob, 2).await] };
        let carols = async { [house.join(&house.carol, 2).await, house.join(&house.carol, 2).await] };
        let (_, _, _, carols) = futures_util::join!(deciding, switching, bobs, carols);
        house.fake.state().seed = 0;
        assert!(!carols.contains(&"seated"), "seed {seed}: nobody admitted carol");
        assert_eq!(house.join(&house.bob, 3).await, "banned", "seed {seed}");
        let roster = sessions::active_roster(&house.fake, house.session, house.fake.context(3).now).await.unwrap();
        let seated: Vec<_> = roster.participants.iter().map(|p| p.username.as_str()).collect();
        assert_eq!(seated, ["alice"], "seed {seed}");
        assert_eq!(roster.session.seats_taken, 1, "seed {seed}");
        assert!(roster.waits(bob, house.fake.context(70).now).is_none(), "seed {seed}");
    }
}
