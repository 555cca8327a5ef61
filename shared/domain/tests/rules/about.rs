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

/// What is said of Carol on the seat that she holds.
fn said(fake: &Fake, held: &Held) -> Vec<String> {
    let joined_at = fake.row(held).joined_at;
    let about = fake.state().abouts.iter().find(|about| about.user == held.user).cloned();
    let attributes = about.map(|about| about.on_seat(joined_at).attributes).unwrap_or_default();
    attributes.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[tokio::test]
async fn what_somebody_says_of_themselves_outlives_the_stay_and_what_their_token_said_does_not() {
    let (fake, session, _) = call();
    let carol = introduced(&fake);
    sessions::join(fake.ports(6), &carol, session).await.unwrap();
    let held = arrives(&fake, session, &carol);
    let standing = JoinedCache::default().check(&fake, fake.context(7), &held).await.unwrap();
    let say = async |saying, at| about::say(fake.ports(at), &held, &standing, saying).await.unwrap();
    say(attributes(&[("pronouns", Some("she"))]), 7).await;
    say(Saying::Hand(true), 8).await;
    sessions::leave(fake.ports(9), &carol, session).await.unwrap();
    let plain = Person { introduction: Introduction::default(), ..carol.clone() };
    sessions::join(fake.ports(20), &plain, session).await.unwrap();
    let again = arrives(&fake, session, &plain);
    assert_eq!(said(&fake, &again), ["pronouns=she"]);
    fake.journal();
    leases::check_lease(fake.ports(21), session, held.user).await.unwrap();
    let expected = [
        "push a1 userJoined carol",
        "push b1 userJoined carol",
        "push a1 participantUpdated carol {\"pronouns\": \"she\"}",
        "push b1 participantUpdated carol {\"pronouns\": \"she\"}",
    ];
    assert_eq!(pushes(&fake), expected);
    // The next change keeps it, and the hand of then is down.
    let standing = JoinedCache::default().check(&fake, fake.context(22), &again).await.unwrap();
    let about = about::say(fake.ports(22), &again, &standing, attributes(&[("a", Some("b"))])).await.unwrap();
    assert_eq!((about.attributes.len(), about.hand_raised_at), (2, None));
}

#[tokio::test]
async fn a_later_token_says_something_else_and_what_was_changed_by_hand_stays_over_it() {
    let (fake, session, [alice, _]) = call();
    let carol = introduced(&fake);
    let token = |said: &[(&str, &str)], metadata| {
        let attributes = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let metadata = Metadata::parse(metadata).unwrap();
        Person { introduction: Introduction { metadata, attributes }, ..carol.clone() }
    };
    let first = token(&[("team", "red"), ("seat", "4"), ("ward", "3")], "one");
    sessions::join(fake.ports(6), &first, session).await.unwrap();
    let held = arrives(&fake, session, &carol);
    let sayings = vec![attributes(&[("team", Some("blue")), ("seat", None)])];
    change(&fake, &alice, &held, ParticipantChange { sayings, ..ParticipantChange::default() }).await.unwrap();
    leases::check_lease(fake.ports(7), session, held.user).await.unwrap();
    fake.journal();
    // On the seat that is held, and all are told once.
    let second = token(&[("team", "green"), ("seat", "5"), ("level", "9")], "two");
    sessions::join(fake.ports(8), &second, session).await.unwrap();
    assert_eq!(said(&fake, &held), ["level=9", "team=blue"]);
    assert_eq!(fake.state().abouts[0].metadata, Metadata::parse("two").unwrap());
    let told = "participantUpdated carol {\"level\": \"9\", \"team\": \"blue\"}";
    assert_eq!(pushes(&fake), ["a1", "b1", "c1"].map(|to| format!("push {to} {told}")));
    sessions::join(fake.ports(9), &second, session).await.unwrap();
    assert_eq!(pushes(&fake), [""; 0], "nothing is new");
    // On the next one, too.
    sessions::leave(fake.ports(10), &carol, session).await.unwrap();
    sessions::join(fake.ports(20), &first, session).await.unwrap();
    assert_eq!(said(&fake, &arrives(&fake, session, &carol)), ["team=blue", "ward=3"]);
}

#[tokio::test]
async fn where_a_token_and_what_was_changed_do_not_fit_together_the_token_counts() {
    let (fake, session, [alice, _]) = call();
    let carol = introduced(&fake);
    sessions::join(fake.ports(6), &carol, session).await.unwrap();
    let held = arrives(&fake, session, &carol);
    let much = "x".repeat(about::MAX_ATTRIBUTES / 2 + 1);
    let sayings = vec![attributes(&[("own", Some(&much))])];
    change(&fake, &alice, &held, ParticipantChange { sayings, ..ParticipantChange::default() }).await.unwrap();
    let attributes = [("given".to_owned(), much)].into();
    let later = Person { introduction: Introduction { metadata: None, attributes }, ..carol };
    sessions::join(fake.ports(8), &later, session).await.unwrap();
    let about = fake.state().abouts[0].clone();
    assert_eq!(about.attributes.keys().collect::<Vec<_>>(), ["given"]);
}

#[tokio::test]
async fn of_two_joins_at_once_the_one_with_the_newer_attempt_says_what_counts() {
    let (fake, session, _) = call();
    let carol = introduced(&fake);
    sessions::join(fake.ports(6), &carol, session).await.unwrap();
    let held = arrives(&fake, session, &carol);
    let newer = fake.state().abouts[0].given_by + 5;
    fake.state().abouts[0].given_by = newer;
    let other = Introduction { metadata: None, attributes: [("team".to_owned(), "green".to_owned())].into() };
    let late = Person { introduction: other, ..carol };
    sessions::join(fake.ports(8), &late, session).await.unwrap();
    assert_eq!(said(&fake, &held), ["team=red"]);
}
