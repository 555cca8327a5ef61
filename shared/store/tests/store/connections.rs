//! The connection log.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Admission, Closure, ConnectionLog, LoggedConnection, Place, Places, Told};
use domain::{ConnectionId, Person, SessionId, TicketId, Timestamp};

use crate::Setting;

impl Setting {
    pub fn admission(&self, session: SessionId, caller: &Person, connection: &str) -> Admission {
        Admission {
            ticket: TicketId::new(&self.samples.ids, self.samples.now()),
            user: caller.user_id,
            session: Some(session),
            family: caller.family,
            connection: ConnectionId::new(connection),
            at: self.samples.now(),
            address: "2001:db8::7".to_owned(),
            user_agent: "a browser".to_owned(),
        }
    }
}

#[tokio::test]
async fn a_connection_is_logged_with_its_end() {
    let at = Setting::new().await;
    let session = at.session(2).await.id;
    let admission = at.admission(session, &at.samples.caller("alice"), "a");
    assert!(at.store.open(&admission, at.samples.later(60)).await.unwrap());
    let logged = |closure| vec![LoggedConnection { admission: admission.clone(), closure }];
    let log = || at.store.of_user(admission.user, Timestamp::default());
    assert_eq!(log().await.unwrap(), logged(None));

    let closure = Closure { at: at.samples.later(5), code: 1001, reason: "Going away".to_owned() };
    at.store.close(admission.user, admission.ticket, &closure).await.unwrap();
    assert_eq!(log().await.unwrap(), logged(Some(closure)));
}

#[tokio::test]
async fn the_end_of_a_connection_is_seen_once_it_is_noted() {
    let at = Setting::new().await;
    let alice = at.samples.caller("alice");
    let admission = at.admission(at.session(2).await.id, &alice, "a");
    assert!(!at.store.is_closed(alice.user_id, admission.ticket).await.unwrap(), "not even opened");
    at.store.open(&admission, at.samples.later(60)).await.unwrap();
    assert!(!at.store.is_closed(alice.user_id, admission.ticket).await.unwrap());
    let closure = Closure { at: at.samples.now(), code: 1006, reason: String::new() };
    at.store.close(alice.user_id, admission.ticket, &closure).await.unwrap();
    assert!(at.store.is_closed(alice.user_id, admission.ticket).await.unwrap());
}

#[tokio::test]
async fn a_ticket_admits_one_of_racing_connections() {
    let at = Arc::new(Setting::new().await);
    let session = at.session(2).await.id;
    let first = at.admission(session, &at.samples.caller("alice"), "c");
    let tries: Vec<_> = (0..20)
        .map(|n| {
            let (at, mut admission) = (Arc::clone(&at), first.clone());
            admission.connection = ConnectionId::new(format!("c{n}"));
            tokio::spawn(async move { at.store.open(&admission, at.samples.later(60)).await.unwrap() })
        })
        .collect();
    let mut admitted = 0;
    for attempt in tries {
        admitted += usize::from(attempt.await.unwrap());
    }
    assert_eq!(admitted, 1);
}

#[tokio::test]
async fn the_end_of_an_unknown_connection_is_not_logged() {
    let at = Setting::new().await;
    let alice = at.samples.caller("alice");
    let ticket = TicketId::new(&at.samples.ids, at.samples.now());
    let closure = Closure { at: at.samples.now(), code: 1000, reason: String::new() };
    at.store.close(alice.user_id, ticket, &closure).await.unwrap();
    assert_eq!(at.store.of_user(alice.user_id, Timestamp::default()).await.unwrap(), []);
}

#[tokio::test]
async fn a_log_is_read_from_a_moment_on_and_holds_nothing_else_of_the_user() {
    let at = Setting::new().await;
    let session = at.session(2).await;
    let alice = at.samples.caller("alice");
    domain::ports::Families::start(&at.store, alice.user_id, alice.family, "hash", at.samples.later(60)).await.unwrap();
    for n in 0..3 {
        let admission = at.admission(session.id, &alice, &format!("c{n}"));
        at.store.open(&admission, at.samples.later(60)).await.unwrap();
        at.samples.clock.advance(Duration::from_secs(10));
    }
    let from = at.samples.now().minus(Duration::from_secs(20));
    let since = at.store.of_user(alice.user_id, from).await.unwrap();
    let connections: Vec<_> = since.iter().map(|logged| logged.admission.connection.as_str()).collect();
    assert_eq!(connections, ["c1", "c2"]);
}

#[tokio::test]
async fn a_connection_of_the_hub_is_where_it_was_noted_until_it_ends() {
    let at = Setting::new().await;
    let (session, caller) = (at.session(2).await.id, at.samples.caller("alice"));
    let admission = Admission { session: None, ..at.admission(session, &caller, "hub:a") };
    let (user, ticket) = (admission.user, admission.ticket);
    let place = async |certain| at.store.place(user, ticket, certain).await.expect("a read");
    assert_eq!(place(true).await, None);
    assert!(
        at.store.set_place(user, ticket, Some((session, 7)), at.samples.now()).await.is_err(),
        "not before it is logged"
    );
    at.store.open(&admission, at.samples.later(60)).await.expect("logged");
    assert_eq!(place(true).await, Some(Place::default()));
    at.store.set_place(user, ticket, Some((session, 7)), at.samples.now()).await.expect("noted");
    let noted = Place { session: Some(session), since: Some(at.samples.now()), attempt: Some(7), ..Place::default() };
    assert_eq!(place(false).await, Some(noted.clone()));
    let told = Told::until(at.samples.now(), at.samples.later(60));
    at.store.set_told(user, ticket, told).await.expect("noted");
    assert_eq!(place(true).await, Some(Place { told: Some(told), ..noted.clone() }));
    at.store.set_place(user, ticket, Some((session, 7)), at.samples.now()).await.expect("noted");
    assert_eq!(place(true).await, Some(noted), "what it was told is asked anew");
    let logged = at.store.of_user(user, at.samples.now()).await.expect("a log");
    assert_eq!(logged[0].admission, Admission { session: Some(session), ..admission.clone() });

    assert!(at.store.set_rest(user, ticket, None, Some("{\"ty")).await.expect("kept"));
    assert!(!at.store.set_rest(user, ticket, None, Some("other")).await.expect("a write"), "somebody was first");
    assert_eq!(place(true).await.and_then(|place| place.rest).as_deref(), Some("{\"ty"));
    assert!(at.store.set_rest(user, ticket, Some("{\"ty"), None).await.expect("taken"));

    let closure = Closure { at: at.samples.now(), code: 1006, reason: String::new() };
    assert_eq!(at.store.close(user, ticket, &closure).await.expect("noted"), Some(session));
    assert_eq!(place(true).await, None);
    assert!(at.store.set_place(user, ticket, None, at.samples.now()).await.is_err());
}
