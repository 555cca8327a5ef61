//! Steering a session: who may, what it reaches, and what is left of those who were removed.

use std::time::Duration;

use domain::data::{Data, Recipients};
use domain::moderation::{self, Actor, Muted};
use domain::ports::{Held, SessionChange};
use domain::standing::JoinedCache;
use domain::{
    Caller, Error, Grants, MediaKind, Permission, Person, Result, Rights, RightsChange, Role, SessionId, Untold,
    Username, leases, sessions,
};

use crate::fake::{Fake, at};

/// A session of alice, its creator; bob and carol are there too. Their connections are `a1`, `b1` and `c1`.
struct House {
    fake: Fake,
    callers: [Person; 3],
    held: [Held; 3],
    session: SessionId,
}

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// Rights with a role that somebody gave.
fn made(role: Role) -> Rights {
    RightsChange { role: Some(role), permissions: Vec::new() }.applied_to(Rights::default())
}

impl House {
    fn new() -> Self {
        let fake = Fake::default();
        let callers = ["alice", "bob", "carol"].map(|name| fake.caller(name));
        let session = fake.session(&callers[ALICE], 4);
        let mut connections = ["a1", "b1", "c1"].into_iter();
        let held = [ALICE, BOB, CAROL]
            .map(|who| fake.connected(session, &callers[who], connections.next().expect("one for each")));
        fake.journal();
        Self { fake, callers, held, session }
    }

    async fn make(&self, who: usize, of: usize, role: Role) -> Result<Rights> {
        self.change(who, of, RightsChange { role: Some(role), permissions: Vec::new() }).await
    }

    async fn allow(&self, who: usize, of: usize, permission: Permission, given: bool) -> Result<Rights> {
        self.change(who, of, RightsChange { role: None, permissions: vec![(permission, given)] }).await
    }

    async fn change(&self, who: usize, of: usize, change: RightsChange) -> Result<Rights> {
        let (ports, actor, target) = (self.fake.ports(5), Actor::Connection(&self.held[who]), self.held[of].user);
        let changed = moderation::update_participant(ports, actor, self.session, target, &change.into()).await;
        changed.map(|updated| updated.participant.rights)
    }

    async fn remove(&self, who: usize, of: usize, ban: Option<u64>) -> Result<()> {
        let (ports, actor, target) = (self.fake.ports(5), Actor::Connection(&self.held[who]), self.held[of].user);
        moderation::remove(ports, actor, self.session, target, ban.map(Duration::from_secs)).await.map(drop)
    }

    fn caller(&self, who: usize) -> Caller {
        Caller::from(self.callers[who].clone())
    }

    async fn join(&self, who: usize, seconds: u64) -> Result<Rights> {
        let seated = sessions::join(self.fake.ports(seconds), &self.callers[who], self.session).await?.seated()?;
        Ok(seated.roster.seated(self.callers[who].user_id).expect("a seat").rights)
    }

    async fn lock(&self, locked: bool) {
        let change = SessionChange { locked: Some(locked), ..SessionChange::default() };
        let alice = self.caller(ALICE);
        let actor = Actor::Caller(&alice);
        moderation::update_session(self.fake.ports(5), actor, self.session, &change).await.expect("the creator may");
    }
}

fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}

#[tokio::test]
async fn the_creator_makes_a_cohost_and_everybody_hears_of_it() {
    let house = House::new();
    assert_eq!(house.make(ALICE, BOB, Role::Cohost).await.unwrap(), made(Role::Cohost));
    let pushed: Vec<_> = house.fake.journal().into_iter().filter(|call| call.starts_with("push")).collect();
    assert_eq!(pushed, ["a1", "b1", "c1"].map(|to| format!("push {to} participantUpdated bob cohost")));
}

#[tokio::test]
async fn whoever_does_not_steer_the_session_is_told_which_permission_is_missing() {
    let house = House::new();
    let refused = house.make(BOB, CAROL, Role::Viewer).await.unwrap_err();
    assert!(matches!(refused, Error::NotPermitted { permission: "moderate" }), "{refused}");
    assert_eq!(code(house.remove(BOB, CAROL, None).await), "forbidden");
    let change = SessionChange { locked: Some(true), ..SessionChange::default() };
    let actor = Actor::Connection(&house.held[BOB]);
    assert_eq!(code(moderation::update_session(house.fake.ports(5), actor, house.session, &change).await), "forbidden");
    let all = Muted::AllBut(Vec::new());
    let mute = moderation::mute(house.fake.ports(5), actor, house.session, &all, MediaKind::Audio);
    assert_eq!(code(mute.await), "forbidden");
}

#[tokio::test]
async fn a_connection_that_was_replaced_steers_nothing() {
    let mut house = House::new();
    house.held[ALICE].connection = domain::ConnectionId::new("a0");
    assert_eq!(code(house.make(ALICE, BOB, Role::Cohost).await), "not_joined");
}

#[tokio::test]
async fn over_rest_the_creator_needs_no_seat_and_others_do() {
    let house = House::new();
    sessions::leave(house.fake.ports(5), &house.callers[ALICE], house.session).await.unwrap();
    let change = RightsChange { role: Some(Role::Cohost), permissions: Vec::new() }.into();
    let bob = house.callers[BOB].user_id;
    let by = async |who: Caller| {
        let (ports, actor) = (house.fake.ports(6), Actor::Caller(&who));
        code(moderation::update_participant(ports, actor, house.session, bob, &change).await)
    };
    assert_eq!(by(house.caller(ALICE)).await, "ok");
    assert_eq!(by(house.caller(CAROL)).await, "forbidden");
    assert_eq!(by(Caller::from(house.fake.caller("dave"))).await, "forbidden");
}

#[tokio::test]
async fn a_cohost_steers_but_neither_makes_nor_touches_hosts() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    assert_eq!(code(house.allow(BOB, CAROL, Permission::Chat, false).await), "ok");
    assert_eq!(code(house.make(BOB, CAROL, Role::Viewer).await), "ok");
    assert_eq!(code(house.make(BOB, CAROL, Role::Cohost).await), "forbidden");
    assert_eq!(code(house.allow(BOB, CAROL, Permission::Moderate, true).await), "forbidden");
    assert_eq!(code(house.make(BOB, BOB, Role::Host).await), "forbidden");
    assert_eq!(code(house.remove(BOB, ALICE, None).await), "forbidden");
    house.make(ALICE, CAROL, Role::Host).await.unwrap();
    assert_eq!(code(house.remove(BOB, CAROL, None).await), "forbidden");
    assert_eq!(code(house.allow(BOB, CAROL, Permission::Chat, false).await), "forbidden");
}

#[tokio::test]
async fn nobody_takes_the_session_away_from_its_creator() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Host).await.unwrap();
    assert_eq!(code(house.remove(BOB, ALICE, Some(60)).await), "forbidden");
    assert_eq!(code(house.make(BOB, ALICE, Role::Viewer).await), "forbidden");
    assert!(house.fake.state().bans.is_empty());
}

#[tokio::test]
async fn two_changes_at_the_same_time_are_both_made() {
    let house = House::new();
    house.fake.state().seed = 7;
    let sound = house.allow(ALICE, CAROL, Permission::PublishAudio, false);
    let picture = house.allow(ALICE, CAROL, Permission::PublishVideo, false);
    let (sound, picture) = futures_util::future::join(sound, picture).await;
    sound.and(picture).unwrap();
    let rights = house.fake.row(&house.held[CAROL]).rights;
    assert!(!rights.permissions.has(Permission::PublishAudio) && !rights.permissions.has(Permission::PublishVideo));
}

#[tokio::test]
async fn a_withdrawn_permission_bites_once_what_is_remembered_is_ten_seconds_old() {
    let house = House::new();
    let joined = JoinedCache::default();
    let may_chat = async |seconds| {
        let standing = joined.check(&house.fake, house.fake.context(seconds), &house.held[BOB]).await.unwrap();
        standing.rights.require(Permission::Chat).is_ok()
    };
    assert!(may_chat(0).await);
    house.allow(ALICE, BOB, Permission::Chat, false).await.unwrap();
    assert!(may_chat(9).await);
    assert!(!may_chat(10).await);
}

#[tokio::test]
async fn whoever_is_removed_is_told_and_cut_and_the_others_hear_of_it() {
    let house = House::new();
    house.remove(ALICE, BOB, Some(60)).await.unwrap();
    let seen = house.fake.journal();
    let place = |what: &str| seen.iter().position(|call| call == what).unwrap_or_else(|| panic!("{what}: {seen:?}"));
    assert!(place("ban") < place("free seat"), "a join that comes between the two finds the ban");
    assert!(place("free seat") < place("push b1 removed until 65"));
    assert!(place("push b1 removed until 65") < place("close b1"));
    for others in ["a1", "c1"] {
        place(&format!("push {others} userLeft bob Removed"));
    }
    assert!(house.fake.has_left(&house.held[BOB]));
}

#[tokio::test]
async fn a_banned_participant_stays_out_until_the_ban_ends() {
    let house = House::new();
    house.remove(ALICE, BOB, Some(60)).await.unwrap();
    let refused = house.join(BOB, 6).await.unwrap_err();
    assert!(matches!(refused, Error::Banned { until } if until == at(65)), "{refused}");
    let ticket = sessions::ticket(&house.fake, house.fake.context(6), &house.callers[BOB], house.session).await;
    assert_eq!(code(ticket), "not_in_session");
    assert_eq!(code(house.join(BOB, 64).await), "banned");
    assert_eq!(code(house.join(BOB, 65).await), "ok");
}

#[tokio::test]
async fn somebody_who_never_came_is_kept_out_too() {
    let house = House::new();
    let dave = house.fake.caller("dave");
    let (ports, actor) = (house.fake.ports(5), Actor::Connection(&house.held[ALICE]));
    moderation::remove(ports, actor, house.session, dave.user_id, Some(Duration::from_secs(60))).await.unwrap();
    assert_eq!(code(sessions::join(house.fake.ports(6), &dave, house.session).await), "banned");
}

#[tokio::test]
async fn a_removal_that_was_cut_short_is_finished_by_its_repetition() {
    for step in ["ban", "free seat", "close b1", "push a1 userLeft bob Removed", "told"] {
        let house = House::new();
        house.fake.fail(step);
        // One that could not be pushed waits, and the removal goes on.
        let first = house.remove(ALICE, BOB, Some(60)).await;
        assert!(first.is_err() || step.starts_with("push"), "{step}");
        house.fake.state().failing.clear();
        house.remove(ALICE, BOB, Some(60)).await.unwrap();
        assert!(house.fake.has_left(&house.held[BOB]), "{step}");
        assert!(house.fake.state().gone.contains(&house.held[BOB].connection), "{step}");
        assert_eq!(code(house.join(BOB, 6).await), "banned", "{step}");
    }
}

#[tokio::test]
async fn a_cohost_who_is_removed_comes_back_as_a_participant_and_what_was_taken_stays_taken() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    house.allow(ALICE, CAROL, Permission::Chat, false).await.unwrap();
    for who in [BOB, CAROL] {
        house.remove(ALICE, who, None).await.unwrap();
    }
    assert_eq!(house.join(BOB, 6).await.unwrap(), Rights::default());
    assert!(!house.join(CAROL, 6).await.unwrap().permissions.has(Permission::Chat));
}

#[tokio::test]
async fn a_ban_is_lifted_and_takes_nobody_out() {
    let house = House::new();
    house.remove(ALICE, BOB, Some(600)).await.unwrap();
    house.remove(ALICE, BOB, Some(0)).await.unwrap();
    assert_eq!(code(house.join(BOB, 6).await), "ok");
    house.remove(ALICE, BOB, Some(0)).await.unwrap();
    assert!(house.fake.row(&house.held[CAROL]).holds_seat());
    assert_eq!(code(house.join(BOB, 7).await), "ok", "the seat is still held");
}

#[tokio::test]
async fn whoever_is_banned_steers_nothing_with_an_admins_token_until_the_ban_ends() {
    let mut house = House::new();
    house.fake.state().session(house.session).expect("made before").project = domain::ProjectId::parse("app").unwrap();
    let admin = &mut house.callers[BOB];
    admin.identity = Some(domain::Identity::parse("bob").unwrap());
    admin.scope = domain::Scope::of(domain::ProjectId::parse("app").unwrap());
    admin.grants.room_admin = true;
    let (admin, user) = (house.caller(BOB), house.callers[BOB].user_id);
    let backend = Caller::Backend(domain::Backend {
        key: domain::KeyId::parse("devkey").unwrap(),
        creator: house.callers[ALICE].user_id,
        scope: domain::Scope::of(domain::ProjectId::parse("app").unwrap()),
        grants: domain::Grants::KEY,
    });
    let remove = async |by: &Caller, seconds: u64, ban: u64| {
        let (ports, ban) = (house.fake.ports(seconds), Some(Duration::from_secs(ban)));
        code(moderation::remove(ports, Actor::Caller(by), house.session, user, ban).await)
    };
    let lock = async |seconds: u64| {
        let change = SessionChange { locked: Some(true), ..SessionChange::default() };
        code(moderation::update_session(house.fake.ports(seconds), Actor::Caller(&admin), house.session, &change).await)
    };
    assert_eq!(lock(5).await, "ok");
    assert_eq!(remove(&backend, 5, 60).await, "ok");
    assert_eq!([remove(&admin, 6, 0).await, lock(6).await], ["banned", "banned"]);
    assert_eq!(lock(66).await, "ok", "the ban is over");
    assert_eq!(remove(&backend, 70, 60).await, "ok");
    assert_eq!(remove(&backend, 71, 0).await, "ok", "the key always may");
    assert_eq!(lock(72).await, "ok");
}

#[tokio::test]
async fn somebody_who_left_before_the_removal_steers_nothing_either_when_they_come_back() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    house.allow(ALICE, CAROL, Permission::Chat, false).await.unwrap();
    for who in [BOB, CAROL] {
        sessions::leave(house.fake.ports(6), &house.callers[who], house.session).await.unwrap();
        house.remove(ALICE, who, Some(60)).await.unwrap();
    }
    house.lock(true).await;
    assert_eq!(code(house.join(BOB, 90).await), "session_locked");
    house.lock(false).await;
    assert_eq!(house.join(BOB, 90).await.unwrap(), Rights::default());
    assert!(!house.join(CAROL, 90).await.unwrap().permissions.has(Permission::Chat));
}

#[tokio::test]
async fn whoever_leaves_comes_back_with_the_same_rights() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    house.make(ALICE, CAROL, Role::Viewer).await.unwrap();
    for who in [BOB, CAROL] {
        sessions::leave(house.fake.ports(6), &house.callers[who], house.session).await.unwrap();
    }
    assert_eq!(house.join(BOB, 7).await.unwrap().role, Role::Cohost);
    assert_eq!(house.join(CAROL, 7).await.unwrap().role, Role::Viewer);
}

#[tokio::test]
async fn a_join_with_another_token_changes_the_seat_that_is_held_and_all_are_told_even_if_it_dies_before() {
    let house = House::new();
    let silent = Person { grants: Grants { publish_audio: false, ..Grants::ACCOUNT }, ..house.callers[BOB].clone() };
    house.fake.journal();
    sessions::join(house.fake.ports(6), &silent, house.session).await.unwrap();
    let rights = house.fake.row(&house.held[BOB]).rights;
    assert!(!rights.permissions.has(Permission::PublishAudio));
    let told = |house: &House| {
        let pushes = house.fake.journal().into_iter().filter(|call| call.contains("participantUpdated bob"));
        (pushes.count(), house.fake.row(&house.held[BOB]).untold)
    };
    assert_eq!(told(&house), (3, None));
    // The function dies after the write: whoever looks at the seat next tells it.
    house.fake.fail("read roster");
    let host = Person { grants: Grants { room_admin: true, ..Grants::ACCOUNT }, ..house.callers[BOB].clone() };
    assert!(sessions::join(house.fake.ports(7), &host, house.session).await.is_err());
    assert_eq!(told(&house), (0, Some(Untold::Change)));
    house.fake.state().failing.clear();
    leases::check_lease(house.fake.ports(8), house.session, house.callers[BOB].user_id).await.unwrap();
    assert_eq!(told(&house), (3, None));
    assert_eq!(house.fake.row(&house.held[BOB]).rights.role, Role::Host);
    // The same token again is no news.
    sessions::join(house.fake.ports(9), &host, house.session).await.unwrap();
    assert_eq!(told(&house), (0, None));
}

#[tokio::test]
async fn a_locked_session_takes_back_those_who_steer_it_and_nobody_else() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    house.lock(true).await;
    assert_eq!(code(house.join(CAROL, 6).await), "ok", "a seat that is held stays held");
    for who in [ALICE, BOB, CAROL] {
        sessions::leave(house.fake.ports(6), &house.callers[who], house.session).await.unwrap();
    }
    let codes = [house.join(ALICE, 7).await, house.join(BOB, 7).await, house.join(CAROL, 7).await].map(code);
    assert_eq!(codes, ["ok", "ok", "session_locked"]);
    house.lock(false).await;
    assert_eq!(code(house.join(CAROL, 8).await), "ok");
}

#[tokio::test]
async fn a_cohost_whose_departure_was_not_told_yet_is_not_locked_out_either() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    house.lock(true).await;
    house.fake.fail("told");
    sessions::leave(house.fake.ports(6), &house.callers[BOB], house.session).await.unwrap_err();
    house.fake.state().failing.clear();
    assert_eq!(house.join(BOB, 7).await.unwrap().role, Role::Cohost);
}

#[tokio::test]
async fn a_session_that_was_changed_since_it_was_seen_is_not_changed_again() {
    let house = House::new();
    let set = async |seen| {
        let change = SessionChange { max_participants: Some(8), seen: Some(seen), ..SessionChange::default() };
        let alice = house.caller(ALICE);
        let actor = Actor::Caller(&alice);
        moderation::update_session(house.fake.ports(5), actor, house.session, &change).await.map(drop)
    };
    assert_eq!([code(set(0).await), code(set(0).await), code(set(1).await)], ["ok", "version_mismatch", "ok"]);
    let told = house.fake.journal().into_iter().filter(|call| call.contains("sessionUpdated")).count();
    assert_eq!(told, 6, "all three, twice");
}

#[tokio::test]
async fn a_request_to_mute_waits_for_somebody_who_is_away_for_a_moment() {
    let house = House::new();
    house.fake.change(&house.held[BOB], |bob| bob.connection = None);
    let who = Muted::One(house.held[BOB].user);
    let actor = Actor::Connection(&house.held[ALICE]);
    moderation::mute(house.fake.ports(5), actor, house.session, &who, MediaKind::Audio).await.unwrap();
    assert!(house.fake.journal().contains(&"put muteRequested Audio".to_owned()));
}

#[tokio::test]
async fn everybody_is_asked_to_mute_but_the_caller_the_hosts_and_some() {
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    let dave = house.fake.caller("dave");
    house.fake.connected(house.session, &dave, "d1");
    house.fake.journal();
    let who = Muted::AllBut(vec![dave.user_id]);
    let actor = Actor::Connection(&house.held[BOB]);
    moderation::mute(house.fake.ports(5), actor, house.session, &who, MediaKind::Video).await.unwrap();
    let asked: Vec<_> = house.fake.journal().into_iter().filter(|call| call.starts_with("push")).collect();
    assert_eq!(asked, ["push c1 muteRequested Video"]);
}

#[tokio::test]
async fn whoever_steers_by_a_token_speaks_under_their_name_there_with_the_permissions_they_have_there_and_once_to_each()
{
    let house = House::new();
    house.make(ALICE, BOB, Role::Cohost).await.unwrap();
    house.fake.change(&house.held[BOB], |p| p.username = Username::kept("Robert").unwrap());
    let (bob, carol) = (house.caller(BOB), house.held[CAROL].user);
    let say = async || {
        let message = house.fake.message(&house.held[BOB], &house.callers[BOB], 5, "hi");
        let said = moderation::say(house.fake.ports(5), Actor::Caller(&bob), &message).await;
        said.map(|said| said.username.as_str().to_owned())
    };
    let send = async || {
        let data = Data { id: "1".to_owned(), from: bob.sender(), topic: "t".to_owned(), payload: "x".to_owned() };
        let twice = Recipients::These(vec![carol, carol]);
        moderation::send_data(house.fake.ports(5), Actor::Caller(&bob), house.session, &data, &twice).await
    };
    assert_eq!(say().await.unwrap(), "Robert");
    house.fake.journal();
    send().await.unwrap();
    let pushed = house.fake.journal().into_iter().filter(|call| call.starts_with("push c1")).count();
    assert_eq!(pushed, 1);
    for permission in [Permission::Chat, Permission::Data] {
        house.allow(ALICE, BOB, permission, false).await.unwrap();
    }
    assert!(matches!(say().await.unwrap_err(), Error::NotPermitted { permission: "chat" }));
    assert!(matches!(send().await.unwrap_err(), Error::NotPermitted { permission: "data" }));
}
