//! What is said of participants: by themselves, by those who steer the session, and by the token that they came with.

use domain::about::{self, Saying};
use domain::moderation::{self, Actor, ParticipantChange, Updated};
use domain::ports::Held;
use domain::standing::JoinedCache;
use domain::{
    ConnectionId, Introduction, Metadata, Person, Presence, Result, RightsChange, Role, SessionId, Username, leases,
    sessions,
};

use crate::fake::{Fake, at};

/// A session of alice, its host; bob is there too. Their connections are `a1` and `b1`.
fn call() -> (Fake, SessionId, [Held; 2]) {
    let fake = Fake::default();
    let (alice, bob) = (fake.caller("alice"), fake.caller("bob"));
    let session = fake.session(&alice, 10);
    let held = [fake.connected(session, &alice, "a1"), fake.connected(session, &bob, "b1")];
    fake.journal();
    (fake, session, held)
}

fn attributes(change: &[(&str, Option<&str>)]) -> Saying {
    Saying::Attributes(change.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect())
}

async fn change(fake: &Fake, by: &Held, of: &Held, change: ParticipantChange) -> Result<Updated> {
    moderation::update_participant(fake.ports(5), Actor::Connection(by), of.session, of.user, &change).await
}

fn pushes(fake: &Fake) -> Vec<String> {
    fake.journal().into_iter().filter(|call| call.starts_with("push")).collect()
}

#[tokio::test]
async fn a_host_names_somebody_and_says_something_of_them_and_all_are_told() {
    let (fake, _, [alice, bob]) = call();
    let change_it = ParticipantChange {
        username: Some(Username::parse("Dr. Bob").unwrap()),
        sayings: vec![attributes(&[("ward", Some("3"))]), Saying::Metadata(Metadata::parse("m").unwrap())],
        ..ParticipantChange::default()
    };
    let updated = change(&fake, &alice, &bob, change_it).await.unwrap();
    assert_eq!(updated.participant.username.as_str(), "Dr. Bob");
    let about = updated.about.expect("it was changed");
    assert_eq!((about.attributes.len(), about.metadata), (1, Metadata::parse("m").unwrap()));
    let expected = [
        "push a1 participantUpdated bob {\"ward\": \"3\"}",
        "push b1 participantUpdated bob {\"ward\": \"3\"}",
        "push a1 participantUpdated Dr. Bob participant",
        "push b1 participantUpdated Dr. Bob participant",
    ];
    assert_eq!(pushes(&fake), expected);
}

#[tokio::test]
async fn what_a_host_says_is_merged_with_what_somebody_says_of_themselves() {
    let (fake, _, [alice, bob]) = call();
    let standing = JoinedCache::default().check(&fake, fake.context(5), &bob).await.unwrap();
    about::say(fake.ports(5), &bob, &standing, attributes(&[("seat", Some("4")), ("team", Some("red"))]))
        .await
        .unwrap();
    about::say(fake.ports(5), &bob, &standing, Saying::Hand(true)).await.unwrap();
    let sayings = vec![attributes(&[("team", None), ("ward", Some("3"))])];
    let updated = change(&fake, &alice, &bob, ParticipantChange { sayings, ..ParticipantChange::default() }).await;
    let about = updated.unwrap().about.expect("it was changed");
    let names: Vec<_> = about.attributes.keys().map(String::as_str).collect();
    assert_eq!((names, about.hand_raised_at), (vec!["seat", "ward"], Some(at(5))));
}

#[tokio::test]
async fn a_change_that_does_not_fit_changes_nothing() {
    let (fake, _, [alice, bob]) = call();
    let too_much = "x".repeat(about::MAX_ATTRIBUTES);
    let change_it = ParticipantChange {
        rights: RightsChange { role: Some(Role::Viewer), permissions: Vec::new() },
        sayings: vec![attributes(&[("a", Some(&too_much))])],
        ..ParticipantChange::default()
    };
    let refused = change(&fake, &alice, &bob, change_it).await.unwrap_err();
    assert_eq!((refused.code(), fake.row(&bob).rights.role), ("payload_too_large", Role::Participant));
    assert_eq!((pushes(&fake).len(), fake.state().abouts.len()), (0, 0));
}

#[tokio::test]
async fn whoever_does_not_steer_changes_nobodys_name() {
    let (fake, _, [alice, bob]) = call();
    let name = || ParticipantChange { username: Username::parse("x").ok(), ..ParticipantChange::default() };
    assert_eq!(change(&fake, &bob, &alice, name()).await.unwrap_err().code(), "forbidden");
    assert_eq!(change(&fake, &bob, &bob, name()).await.unwrap_err().code(), "forbidden");
}

#[tokio::test]
async fn what_is_sent_carries_the_new_name_as_soon_as_the_sender_is_looked_at_again() {
    let (fake, _, [alice, bob]) = call();
    let name = ParticipantChange { username: Username::parse("Bobby").ok(), ..ParticipantChange::default() };
    change(&fake, &alice, &bob, name).await.unwrap();
    let standing = JoinedCache::default().check(&fake, fake.context(6), &bob).await.unwrap();
    assert_eq!(standing.sender.username.as_str(), "Bobby");
}

/// Carol, whose token says something of her.
fn introduced(fake: &Fake) -> Person {
    let attributes = [("team".to_owned(), "red".to_owned())].into();
    Person { introduction: Introduction { metadata: None, attributes }, ..fake.caller("carol") }
}

/// Her first connection joined, and nobody was told yet.
fn arrives(fake: &Fake, session: SessionId, carol: &Person) -> Held {
    let held = Held { session, user: carol.user_id, connection: ConnectionId::new("c1") };
    fake.change(&held, |row| {
        (row.presence, row.connection) = (Presence::Connected, Some(held.connection.clone()));
        row.lease_until = at(600);
    });
    held
}

#[tokio::test]
async fn what_a_token_says_is_told_with_the_coming_of_its_holder_and_to_nobody_else() {
    let (fake, session, _) = call();
    let carol = introduced(&fake);
    sessions::join(fake.ports(6), &carol, session).await.unwrap();
    assert_eq!(pushes(&fake), [""; 0], "she has no connection yet");
    let held = arrives(&fake, session, &carol);
    leases::check_lease(fake.ports(7), session, held.user).await.unwrap();
    let expected = [
        "push a1 userJoined carol",
        "push b1 userJoined carol",
        "push a1 participantUpdated carol {\"team\": \"red\"}",
        "push b1 participantUpdated carol {\"team\": \"red\"}",
    ];
    assert_eq!(pushes(&fake), expected);
}

#[tokio::test]
async fn a_join_that_died_after_the_seat_is_made_whole_by_the_next_and_what_was_changed_since_stays() {
    let (fake, session, _) = call();
    let carol = introduced(&fake);
    fake.state().failing.insert("set about".to_owned());
    assert!(sessions::join(fake.ports(6), &carol, session).await.is_err());
    fake.state().failing.clear();
    sessions::join(fake.ports(8), &carol, session).await.unwrap();
    assert_eq!(fake.state().abouts.len(), 1);
    let held = arrives(&fake, session, &carol);
    let standing = JoinedCache::default().check(&fake, fake.context(9), &held).await.unwrap();
    about::say(fake.ports(9), &held, &standing, attributes(&[("team", Some("blue"))])).await.unwrap();
    sessions::join(fake.ports(10), &carol, session).await.unwrap();
    assert_eq!(fake.state().abouts[0].attributes["team"], "blue");
}
