//! Invitations: who makes and takes them back, whom they let in, and what becomes of guests when they end.

use std::time::Duration;

use domain::invites::{self, Guest, MOST_INVITES};
use domain::moderation::{self, Actor};
use domain::ports::{Held, PresentedInvite, SessionChange};
use domain::sessions::{self, Entry};
use domain::{
    Caller, Ending, Error, FamilyId, Grants, GuestRole, Invite, NewInvite, Person, ProjectId, Result, RightsChange,
    Role, SessionId, Throttle, Username,
};

use crate::fake::{Fake, at};

const HOUR: u64 = 3600;

/// A session of alice, who is there over `a1`; bob is there over `b1`.
struct House {
    fake: Fake,
    alice: Person,
    at_alice: Held,
    bob: Person,
    session: SessionId,
}

impl House {
    fn new() -> Self {
        let fake = Fake::default();
        let [alice, bob] = ["alice", "bob"].map(|name| fake.caller(name));
        let session = fake.session(&alice, 4);
        let at_alice = fake.connected(session, &alice, "a1");
        fake.connected(session, &bob, "b1");
        fake.journal();
        Self { fake, alice, at_alice, bob, session }
    }

    async fn invite_by(&self, person: &Person, role: GuestRole, seconds: u64) -> Result<Invite> {
        let (caller, context) = (Caller::from(person.clone()), self.fake.context(seconds));
        let new = NewInvite { role, life: Duration::from_secs(HOUR) };
        invites::create(&self.fake, &self.fake, context, &caller, self.session, new).await.map(|(invite, _)| invite)
    }

    async fn invite(&self) -> Invite {
        self.invite_by(&self.alice, GuestRole::Participant, 1).await.expect("the creator may")
    }

    async fn revoke(&self, invite: Option<&Invite>) {
        let (caller, context) = (Caller::from(self.alice.clone()), self.fake.context(5));
        let only = invite.map(|invite| &invite.id);
        invites::revoke(&self.fake, context, &caller, self.session, only).await.expect("the creator may");
    }

    async fn redeem(&self, invite: &Invite, seconds: u64) -> Result<Guest> {
        let presented = PresentedInvite { session: invite.session, id: invite.id.clone() };
        let name = Username::parse("Mallory").expect("valid");
        let context = self.fake.context(seconds);
        invites::redeem(&self.fake, &self.fake, context, Some(&presented), &name, "192.0.2.1".to_owned()).await
    }

    /// Somebody who came by that invitation.
    async fn guest(&self, invite: &Invite) -> Person {
        let guest = self.redeem(invite, 2).await.expect("it is good");
        let family = FamilyId::first_at(at(2));
        self.fake.state().families.insert((guest.user_id, family), Vec::new());
        let place = (guest.invitation.invite.session, guest.invitation.invite.role);
        Person::guest((guest.user_id, guest.identity), guest.username, family, at(86_400), place)
    }

    /// What came of joining.
    async fn join(&self, person: &Person, seconds: u64) -> &'static str {
        match sessions::join(self.fake.ports(seconds), person, self.session).await {
            Ok(Entry::Seated(_)) => "seated",
            Ok(Entry::Waits(_)) => "waits",
            Err(error) => error.code(),
        }
    }

    async fn change(&self, change: SessionChange) {
        let alice = Caller::from(self.alice.clone());
        let actor = Actor::Caller(&alice);
        moderation::update_session(self.fake.ports(5), actor, self.session, &change).await.expect("the creator may");
    }

    async fn ban(&self, person: &Person) {
        let actor = Actor::Connection(&self.at_alice);
        let hour = Some(Duration::from_secs(HOUR));
        moderation::remove(self.fake.ports(5), actor, self.session, person.user_id, hour).await.expect("a host may");
    }
}

fn code<T>(result: Result<T>) -> &'static str {
    result.err().map_or("ok", |error| error.code())
}

#[tokio::test]
async fn a_guest_comes_by_a_link_with_a_name_alone_and_is_known_for_one() {
    let house = House::new();
    let guest = house.redeem(&house.invite().await, 2).await.expect("it is good");
    assert_eq!(guest.username.as_str(), "Mallory (guest)");
    assert!(guest.identity.as_str().starts_with("guest:") && guest.user_id.is_of_app());
    assert_eq!(guest.invitation.session.id, house.session);
    let again = house.redeem(&guest.invitation.invite, 2).await.expect("it is good");
    assert_ne!(again.user_id, guest.user_id, "everybody who comes is somebody else");
}

#[tokio::test]
async fn a_guest_joins_that_session_with_few_rights_and_nothing_else() {
    let house = House::new();
    let guest = house.guest(&house.invite().await).await;
    let seated = sessions::join(house.fake.ports(3), &guest, house.session).await.unwrap().seated().unwrap();
    let rights = seated.roster.seated(guest.user_id).expect("a seat").rights;
    assert_eq!((rights.role, rights.moderates()), (Role::Participant, false));
    let caller = Caller::from(guest.clone());
    assert!(
        !caller.hosts(&seated.roster.session) && caller.require_list().is_err() && caller.require_project().is_err()
    );
    let elsewhere = house.fake.session(&house.alice, 4);
    let foreign =
        sessions::find(&house.fake, house.fake.context(3), &caller, &domain::RoomRef::Session(elsewhere)).await;
    assert_eq!(code(foreign), "forbidden");
    let more = house.invite_by(&guest, GuestRole::Participant, 4).await;
    assert_eq!(code(more), "forbidden", "guests invite nobody");
}

#[tokio::test]
async fn whoever_is_invited_to_look_on_publishes_nothing() {
    let house = House::new();
    let invite = house.invite_by(&house.alice, GuestRole::Viewer, 1).await.unwrap();
    let guest = house.guest(&invite).await;
    assert_eq!(guest.rights(), domain::Rights::of(Role::Viewer));
}

#[tokio::test]
async fn only_a_host_invites_sees_invitations_and_takes_them_back() {
    let house = House::new();
    let invite = house.invite().await;
    let context = || house.fake.context(5);
    let as_bob = Caller::from(house.bob.clone());
    assert_eq!(code(house.invite_by(&house.bob, GuestRole::Viewer, 1).await), "forbidden");
    assert_eq!(code(invites::all(&house.fake, context(), &as_bob, house.session).await), "forbidden");
    assert_eq!(code(invites::revoke(&house.fake, context(), &as_bob, house.session, None).await), "forbidden");

    let make = async |role| {
        let change = RightsChange { role: Some(role), permissions: Vec::new() };
        let actor = Actor::Connection(&house.at_alice);
        moderation::update_participant(house.fake.ports(5), actor, house.session, house.bob.user_id, &change.into())
            .await
            .unwrap();
    };
    make(Role::Cohost).await;
    assert_eq!(code(house.invite_by(&house.bob, GuestRole::Viewer, 6).await), "forbidden");
    make(Role::Host).await;
    let second = house.invite_by(&house.bob, GuestRole::Viewer, 6).await.expect("bob is a host by now");
    let listed = invites::all(&house.fake, context(), &as_bob, house.session).await.unwrap();
    assert_eq!(listed, [invite, second]);
}

#[tokio::test]
async fn an_app_mints_join_tokens_instead() {
    let house = House::new();
    let acme = ProjectId::parse("acme").expect("valid");
    house.fake.state().session(house.session).expect("made before").project = acme.clone();
    let mut host = house.bob.clone();
    (host.identity, host.scope) = (Some(domain::Identity::parse("bob").expect("valid")), domain::Scope::of(acme));
    host.grants = Grants { room_admin: true, ..Grants::LEAST };
    let refused = house.invite_by(&host, GuestRole::Participant, 1).await.unwrap_err();
    assert!(matches!(&refused, Error::Forbidden(why) if why.contains("join tokens")), "{refused}");
    assert_eq!(code(house.invite_by(&house.alice, GuestRole::Participant, 1).await), "session_not_found");
}

#[tokio::test]
async fn a_session_has_so_many_invitations_and_those_that_ended_do_not_count() {
    let house = House::new();
    for _ in 0..MOST_INVITES {
        house.invite().await;
    }
    assert_eq!(code(house.invite_by(&house.alice, GuestRole::Viewer, 1).await), "too_many_invites");
    let later = HOUR + 2;
    assert_eq!(code(house.invite_by(&house.alice, GuestRole::Viewer, later).await), "ok");
}

#[tokio::test]
async fn a_link_that_ended_or_was_taken_back_lets_nobody_in() {
    let house = House::new();
    let (first, second) = (house.invite().await, house.invite().await);
    let [of_first, of_second] = [house.guest(&first).await, house.guest(&second).await];
    house.revoke(Some(&first)).await;
    assert_eq!(code(house.redeem(&first, 6).await), "invite_not_found");
    assert_eq!(house.join(&of_first, 6).await, "token_revoked");
    assert_eq!(house.join(&of_second, 6).await, "seated", "the other link is good");
    let third = house.invite().await;
    let late = house.guest(&third).await;
    assert_eq!(house.join(&late, HOUR + 1).await, "token_revoked");
    assert_eq!(code(house.redeem(&third, HOUR + 1).await), "invite_not_found");
    let fourth = house.invite().await;
    house.revoke(None).await;
    assert_eq!(code(house.redeem(&fourth, 6).await), "invite_not_found");
}

#[tokio::test]
async fn a_guest_keeps_the_seat_without_the_link_until_they_leave() {
    let house = House::new();
    let guest = house.guest(&house.invite().await).await;
    assert_eq!(house.join(&guest, 3).await, "seated");
    house.revoke(None).await;
    assert_eq!(house.join(&guest, 6).await, "seated", "a page that was loaded anew");
    let ticket = sessions::ticket(&house.fake, house.fake.context(7), &guest, house.session).await;
    assert_eq!(code(ticket), "ok");
    sessions::leave(house.fake.ports(8), &guest, house.session).await.unwrap();
    assert_eq!(house.join(&guest, 9).await, "token_revoked");
}

#[tokio::test]
async fn a_ban_of_a_guest_takes_their_link_back_and_no_other() {
    let house = House::new();
    let (first, second) = (house.invite().await, house.invite().await);
    let guest = house.guest(&first).await;
    house.join(&guest, 3).await;
    house.ban(&guest).await;
    assert_eq!(code(house.redeem(&first, 6).await), "invite_not_found");
    assert_eq!(code(house.redeem(&second, 6).await), "ok");
    house.ban(&house.bob).await;
    assert_eq!(code(house.redeem(&second, 6).await), "ok", "an account came by none");
}

#[tokio::test]
async fn a_ban_of_a_guest_who_waits_takes_their_link_back_too() {
    let house = House::new();
    house.change(SessionChange { waiting_room: Some(true), ..SessionChange::default() }).await;
    let invite = house.invite().await;
    let guest = house.guest(&invite).await;
    assert_eq!(house.join(&guest, 6).await, "waits");
    house.ban(&guest).await;
    assert_eq!(code(house.redeem(&invite, 6).await), "invite_not_found");
}

#[tokio::test]
async fn lock_and_end_of_the_session_hold_for_guests() {
    let house = House::new();
    let invite = house.invite().await;
    let guest = house.guest(&invite).await;
    house.change(SessionChange { locked: Some(true), ..SessionChange::default() }).await;
    assert_eq!(house.join(&guest, 6).await, "session_locked");
    sessions::finish_ending(house.fake.ports(7), house.session, Ending::EndedByCreator).await.unwrap();
    house.fake.state().session(house.session).expect("made before").state = domain::SessionState::Ended(at(7));
    assert_eq!(code(house.redeem(&invite, 8).await), "session_ended");
    house.fake.state().sessions.clear();
    assert_eq!(code(house.redeem(&invite, 8).await), "invite_not_found", "the account is gone, and its sessions");
}

#[tokio::test]
async fn a_guest_sees_a_session_from_within_alone() {
    let house = House::new();
    let guest = house.guest(&house.invite().await).await;
    let caller = Caller::from(guest.clone());
    let room = domain::RoomRef::Session(house.session);
    let outside = sessions::show(&house.fake, house.fake.context(3), &caller, room.clone()).await;
    assert_eq!(code(outside), "not_in_session");
    house.join(&guest, 4).await;
    let within = sessions::show(&house.fake, house.fake.context(5), &caller, room).await.unwrap();
    assert_eq!(within.participants.len(), 3);
}

#[tokio::test]
async fn looks_at_codes_are_counted_by_their_network_also_those_for_nothing() {
    let mut house = House::new();
    house.fake.policy.invites_per_address = Throttle { limit: 2, ..house.fake.policy.invites_per_address };
    let look = async || {
        let context = house.fake.context(3);
        code(invites::look_up(&house.fake, context, None, "192.0.2.1".to_owned()).await)
    };
    assert_eq!([look().await, look().await, look().await], ["invite_not_found", "invite_not_found", "rate_limited"]);
}
