//! What the table's stream tells of writes, and the log of it.

use std::time::Duration;

use domain::happenings::{Kind, Reason, SessionView};
use domain::ports::{
    Attempt, Deliveries, Delivery, Disabling, Emptied, Endings, EndpointChange, EndpointSealer, Endpoints, EventLog,
    From, Guard, Held, Holding, KeyAdministration, Knock, Members, Moderation, News, Occurrence, Outcome, Seats,
    SessionChange, Starts, Status, Subject, WaitingRoom, Waits,
};
use domain::webhooks::{Announcement, BOTH_SECRETS, Endpoint};
use domain::{
    ConnectionId, Departure, Ending, Person, ProjectId, Rights, Role, Session, SessionId, SessionName, TicketId,
    Timestamp, Username, WebhookId, endpoints,
};
use serde_json::{Value, json};
use store::StreamRecord;

use crate::{Setting, held};

/// The two images of an item around a write, as the stream has them.
struct Watch<'a> {
    at: &'a Setting,
    pk: String,
    sk: String,
    before: Option<Value>,
}

impl<'a> Watch<'a> {
    fn seat(at: &'a Setting, session: SessionId, caller: &Person) -> Self {
        Self::of(at, format!("SESSION#{session}"), format!("PARTICIPANT#{}", caller.user_id))
    }

    fn session(at: &'a Setting, session: SessionId) -> Self {
        Self::of(at, format!("SESSION#{session}"), "META".to_owned())
    }

    fn place(at: &'a Setting, knock: &Knock) -> Self {
        Self::of(at, format!("SESSION#{}", knock.session), format!("WAITING#{:02}", knock.place))
    }

    fn of(at: &'a Setting, pk: String, sk: String) -> Self {
        let before = at.database.item(&pk, &sk);
        Self { at, pk, sk, before }
    }

    /// What the stream tells of the write since the last time to a session or a seat.
    fn told(&mut self) -> Option<Occurrence> {
        match self.record()? {
            News::Happened(occurrence) => Some(*occurrence),
            News::Disabled(..) => panic!("no endpoint is watched here"),
        }
    }

    /// What the stream tells of the write since the last time, if it is one that is told at all.
    fn record(&mut self) -> Option<News> {
        let after = self.at.database.item(&self.pk, &self.sk);
        let before = std::mem::replace(&mut self.before, after.clone());
        if after == before {
            return None;
        }
        // What the stream's filter asks for.
        after.as_ref().filter(|item| item.get("happened").is_some())?;
        let mut change = json!({ "SequenceNumber": "71" });
        for (name, image) in [("OldImage", before), ("NewImage", after)] {
            if let Some(image) = image {
                change[name] = image;
            }
        }
        let record: StreamRecord = serde_json::from_value(json!({ "dynamodb": change })).unwrap();
        assert_eq!(record.sequence_number(), "71");
        record.news().unwrap()
    }

    fn kind(&mut self) -> Option<Kind> {
        self.told().map(|told| told.happening.kind)
    }
}

impl Setting {
    async fn connect_at(&self, held: &Held, number: u64, caller: &Person, now: Timestamp) {
        let ticket = TicketId::new(&self.samples.ids, now);
        let attempt = Attempt { held: held.clone(), number, family: caller.family, ticket };
        self.store.take_over(&attempt, now, now + Duration::from_secs(600)).await.unwrap();
    }

    pub async fn free(&self, session: SessionId, caller: &Person, reason: Departure, now: Timestamp) {
        let participant = self.store.member(session, caller.user_id).await.unwrap().unwrap();
        let (kept, empty) = (self.samples.later(60), self.empty_until());
        self.store.free_seat(&participant, Guard::Seated, reason, now, kept, empty).await.unwrap();
    }
}

#[tokio::test]
async fn a_stay_is_told_from_its_first_connection_to_its_end_and_nothing_in_between() {
    let at = Setting::new().await;
    let (session, alice) = (at.session(3).await, at.samples.caller("alice"));
    let mut seat = Watch::seat(&at, session.id, &alice);
    let attempt = at.sit(session.id, &alice).await;
    assert_eq!(seat.kind(), None, "a seat alone is nobody's presence");

    let connection = held(session.id, &alice, "a");
    at.connect_at(&connection, attempt, &alice, at.samples.later(2)).await;
    let joined = seat.told().expect("a join");
    let stay = joined.stay().cloned().expect("a stay");
    assert_eq!((joined.happening.kind, joined.happening.at), (Kind::ParticipantJoined, at.samples.later(2)));
    assert_eq!((stay.user, stay.username.as_str()), (alice.user_id, alice.username.as_str()));

    at.store.renew(&connection, at.samples.now(), at.samples.later(900)).await.unwrap();
    assert_eq!(seat.kind(), None, "a ping");
    let status = Status { is_muted: true, is_video_enabled: true };
    at.store.set_status(&connection, status, at.samples.later(901)).await.unwrap();
    assert_eq!(seat.kind(), None, "a microphone");
    let participant = at.participant(session.id, &alice).await;
    at.store.told(&participant, at.samples.later(60)).await.unwrap();
    at.store.next_attempt(session.id, alice.user_id).await.unwrap();
    assert_eq!(seat.kind(), None, "a ticket");

    at.store.lose(&connection, at.samples.later(3), at.samples.later(33)).await.unwrap();
    assert_eq!(seat.kind(), Some(Kind::ParticipantReconnecting));
    at.connect_at(&held(session.id, &alice, "b"), attempt + 1, &alice, at.samples.later(4)).await;
    assert_eq!(seat.kind(), Some(Kind::ParticipantReconnected));
    at.connect_at(&held(session.id, &alice, "c"), attempt + 2, &alice, at.samples.later(5)).await;
    assert_eq!(seat.kind(), None, "another connection of somebody who was not away");
    at.store.unfence(session.id, alice.user_id, std::slice::from_ref(&connection.connection)).await.unwrap();
    assert_eq!(seat.kind(), None, "a fence");

    at.free(session.id, &alice, Departure::Removed, at.samples.later(62)).await;
    let left = seat.told().expect("a departure");
    assert_eq!((left.happening.kind, left.happening.reason), (Kind::ParticipantLeft, Some(Reason::Removed)));
    assert_eq!(left.happening.lasted, Some(Duration::from_secs(60)));
    assert_eq!(left.stay().map(|left| &left.id), Some(&stay.id));
    let departed = at.store.member(session.id, alice.user_id).await.unwrap().unwrap();
    at.store.told(&departed, at.samples.later(60)).await.unwrap();
    assert_eq!(seat.kind(), None, "what others were told");

    let again = at.sit(session.id, &alice).await;
    assert_eq!(seat.kind(), None);
    at.connect_at(&held(session.id, &alice, "d"), again, &alice, at.samples.later(70)).await;
    let joined = seat.told().expect("a join");
    assert_eq!(joined.happening.kind, Kind::ParticipantJoined);
    assert_ne!(joined.stay().map(|again| &again.id), Some(&stay.id), "another stay");
}

#[tokio::test]
async fn settings_of_a_session_and_a_role_are_told_when_they_are_changed() {
    let at = Setting::new().await;
    let (session, alice) = (at.session(3).await, at.samples.caller("alice"));
    at.connect(session.id, &alice, "a").await;
    let (mut meta, mut seat) = (Watch::session(&at, session.id), Watch::seat(&at, session.id, &alice));
    let name = SessionName::parse("Tuesday").ok();
    let named = SessionChange { name, ..SessionChange::default() };
    let locking = |locked| SessionChange { locked: Some(locked), ..SessionChange::default() };
    for change in [named, locking(true), locking(false)] {
        at.store.set_controls(session.id, &change, at.samples.later(5)).await.unwrap();
        let told = meta.told().expect("a change");
        assert_eq!((told.happening.kind, told.happening.at), (Kind::SessionUpdated, at.samples.later(5)));
        assert_eq!(told.view().map(|view| view.session.controls.locked), Some(change.locked.unwrap_or_default()));
    }
    at.store.set_controls(session.id, &locking(false), at.samples.later(6)).await.unwrap();
    assert_eq!(meta.kind(), None, "it was open before");

    let participant = at.participant(session.id, &alice).await;
    at.store
        .change_seat(&participant, Rights::of(Role::Cohost), &participant.username, at.samples.later(7))
        .await
        .unwrap();
    let told = seat.told().expect("another role");
    assert_eq!((told.happening.kind, told.happening.at), (Kind::ParticipantUpdated, at.samples.later(7)));
    assert_eq!(told.stay().map(|stay| stay.rights.role), Some(Role::Cohost));

    let (participant, name) = (at.participant(session.id, &alice).await, Username::parse("Al").unwrap());
    at.store.change_seat(&participant, participant.rights, &name, at.samples.later(8)).await.unwrap();
    let told = seat.told().expect("another name");
    assert_eq!((told.happening.kind, told.stay().map(|stay| &stay.username)), (Kind::ParticipantUpdated, Some(&name)));
}

#[tokio::test]
async fn who_waits_is_told_once_and_what_became_of_them_once() {
    let at = Setting::new().await;
    let (session, alice) = (at.session(3).await, at.samples.caller("alice"));
    let knock = Knock::new(session.id, 7, &alice, at.samples.now(), at.samples.later(60));
    let mut place = Watch::place(&at, &knock);
    assert!(at.store.wait(&knock, at.samples.now()).await.unwrap());
    let told = place.told().expect("a knock");
    assert_eq!(
        (
            told.happening.kind,
            match &told.subject {
                Subject::Wait(wait) => Some(wait.since),
                _ => None,
            }
        ),
        (Kind::ParticipantWaiting, Some(knock.since))
    );
    assert!(at.store.wait(&knock, at.samples.later(1)).await.unwrap());
    assert_eq!(place.kind(), None, "the same knock again");
    let waits = Waits::from(&knock);
    let connection = ConnectionId::new("a");
    assert!(at.store.keep_waiting(&waits, &connection, at.samples.now(), at.samples.later(90)).await.unwrap());
    assert_eq!(place.kind(), None, "a sign of life");
    let noted = at.store.stop_waiting(&waits, &Emptied::Anyway, Outcome::Admitted, at.samples.later(9)).await;
    assert!(noted.unwrap());
    assert_eq!(place.kind(), None, "the place is taken away behind what is told");
}

#[tokio::test]
async fn a_seat_that_nobody_joined_is_told_as_aborted() {
    let at = Setting::new().await;
    let (session, alice) = (at.session(3).await, at.samples.caller("alice"));
    at.sit(session.id, &alice).await;
    let mut seat = Watch::seat(&at, session.id, &alice);
    at.free(session.id, &alice, Departure::Timeout, at.samples.later(60)).await;
    let told = seat.told().expect("the end of a seat");
    assert_eq!((told.happening.kind, told.happening.reason), (Kind::ParticipantAborted, Some(Reason::Timeout)));
}

#[tokio::test]
async fn a_session_is_told_when_it_is_created_and_ended_and_who_sits_there_then_leaves() {
    let at = Setting::new().await;
    let new = at.samples.session(&at.samples.caller("host"), 3);
    let mut meta = Watch::session(&at, new.id);
    domain::ports::Sessions::add(&at.store, &new, at.empty_until()).await.unwrap();
    assert_eq!(meta.kind(), Some(Kind::SessionCreated));
    let alice = at.samples.caller("alice");
    at.connect(new.id, &alice, "a").await;
    assert_eq!(meta.kind(), None, "a seat that is counted");
    let mut seat = Watch::seat(&at, new.id, &alice);
    at.store.mark_ended(new.id, at.samples.later(70), Ending::Empty, None).await.unwrap();
    let ended = meta.told().expect("an end");
    assert_eq!((ended.happening.kind, ended.happening.reason), (Kind::SessionEnded, Some(Reason::Empty)));
    at.store.release(new.id, alice.user_id, at.samples.later(71), at.samples.later(90)).await.unwrap();
    let left = seat.told().expect("a departure");
    assert_eq!((left.happening.kind, left.happening.reason), (Kind::ParticipantLeft, Some(Reason::Ended)));
    at.store.forget_active(&Session { ..new.clone() }, at.samples.later(90)).await.unwrap();
    assert_eq!((meta.kind(), seat.kind()), (None, None));
}

#[tokio::test]
async fn only_the_first_join_starts_a_session_and_it_does_so_however_often_it_comes() {
    let at = Setting::new().await;
    let session = at.session(3).await;
    let name = |start: Option<(SessionView, bool)>| start.map(|(view, starts)| (view.session.name, starts));
    for (sequence, starts) in [("71", true), ("72", false), ("71", true), ("72", false)] {
        let noted = at.store.note_start(session.id, sequence, at.samples.now()).await.unwrap();
        assert_eq!(name(noted), Some((session.name.clone(), starts)), "{sequence}");
    }
    let gone = SessionId::new(&at.samples.ids, at.samples.now());
    assert_eq!(at.store.note_start(gone, "71", at.samples.now()).await.unwrap(), None);
    assert_eq!(at.store.session_view(gone).await.unwrap(), None);
    let view = at.store.session_view(session.id).await.unwrap().expect("a session");
    assert_eq!((view.session.id, view.project.as_str()), (session.id, "default"));
}

fn endpoint(at: &Setting, project: &str) -> Endpoint {
    Endpoint {
        id: WebhookId::new(&at.samples.ids, at.samples.now()),
        project: project.to_owned(),
        url: "https://example.com/hooks".to_owned(),
        kinds: Some(vec![Kind::ParticipantLeft]),
        description: "ours".to_owned(),
        created_at: at.samples.now(),
        disabled_at: None,
        slow_until: None,
        secret: "sealed".to_owned(),
        previous: Vec::new(),
    }
}

#[tokio::test]
async fn endpoints_are_of_their_project_and_are_changed_and_removed_there() {
    let at = Setting::new().await;
    let (ours, theirs) = (endpoint(&at, "ours"), endpoint(&at, "theirs"));
    for each in [&ours, &theirs] {
        at.store.add_endpoint(each).await.unwrap();
    }
    assert_eq!(at.store.endpoints("ours").await.unwrap(), std::slice::from_ref(&ours));
    assert_eq!(at.store.endpoint("theirs", ours.id).await.unwrap(), None);
    let change = EndpointChange {
        url: Some("https://example.org/".to_owned()),
        kinds: Some(None),
        disabled_at: Some(Some(at.samples.now())),
        ..EndpointChange::default()
    };
    let changed = at.store.change_endpoint("ours", ours.id, &change).await.unwrap().expect("it is there");
    let url = "https://example.org/".to_owned();
    assert_eq!(changed, Endpoint { url, kinds: None, disabled_at: Some(at.samples.now()), ..ours.clone() });
    let enabled = EndpointChange { disabled_at: Some(None), ..EndpointChange::default() };
    let enabled = at.store.change_endpoint("ours", ours.id, &enabled).await.unwrap().expect("it is there");
    assert_eq!(enabled.disabled_at, None);
    let nothing = EndpointChange::default();
    assert_eq!(at.store.change_endpoint("ours", ours.id, &nothing).await.unwrap(), Some(enabled));
    assert_eq!(at.store.change_endpoint("ours", theirs.id, &change).await.unwrap(), None);
    assert!(at.store.remove_endpoint("ours", ours.id).await.unwrap());
    assert!(!at.store.remove_endpoint("ours", ours.id).await.unwrap());
    assert_eq!(at.store.endpoints("ours").await.unwrap(), []);
}

#[tokio::test]
async fn a_secret_is_rotated_once_from_what_was_seen_and_a_disabled_endpoint_is_disabled_once() {
    let at = Setting::new().await;
    let seen = endpoint(&at, "ours");
    at.store.add_endpoint(&seen).await.unwrap();
    let until = at.samples.later(60);
    let before = [("sealed".to_owned(), until)];
    let rotated = at.store.replace_secrets(&seen, "newer", &before).await.unwrap().expect("it is as seen");
    assert_eq!(rotated.secrets(at.samples.later(59)).collect::<Vec<_>>(), ["newer", "sealed"]);
    assert_eq!(rotated.secrets(until).collect::<Vec<_>>(), ["newer"]);
    assert_eq!(at.store.replace_secrets(&seen, "other", &[]).await.unwrap(), None, "it was rotated meanwhile");
    assert_eq!(at.store.endpoint("ours", seen.id).await.unwrap(), Some(rotated));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_told_once_and_not_when_its_owner_does_it() {
    let at = Setting::new().await;
    let ours = endpoint(&at, "ours");
    at.store.add_endpoint(&ours).await.unwrap();
    let place = [format!("PROJECT#{}", ours.project), format!("WEBHOOK#{}", ours.id)];
    let watch = || Watch::of(&at, place[0].clone(), place[1].clone());
    let (mut told, gone) = (watch(), at.samples.later(5));
    assert!(at.store.disable_endpoint("ours", ours.id, gone).await.unwrap());
    let disabled = Endpoint { disabled_at: Some(gone), ..ours.clone() };
    assert_eq!(told.record(), Some(News::Disabled(disabled, gone)));
    assert!(!at.store.disable_endpoint("ours", ours.id, at.samples.later(6)).await.unwrap());
    assert_eq!(told.record(), None);
    for disabled_at in [None, Some(at.samples.later(7))] {
        let change = EndpointChange { disabled_at: Some(disabled_at), ..EndpointChange::default() };
        at.store.change_endpoint("ours", ours.id, &change).await.unwrap().expect("it is there");
        assert_eq!(told.record(), None, "its owner knows");
    }
}

/// Seals that say under which secret they are.
struct Seals;

impl EndpointSealer for Seals {
    fn seal_anew(&self, _: WebhookId, sealed: &str) -> domain::Result<Option<String>> {
        Ok(sealed.strip_prefix("old.").map(|text| format!("new.{text}")))
    }
}

#[tokio::test]
async fn secrets_of_every_project_are_sealed_anew_once_and_those_of_before_too() {
    let at = Setting::new().await;
    at.store.add_key(&crate::apps::key("TK0123456789abcdefghijAA", "ours", at.samples.now())).await.unwrap();
    let until = at.samples.later(60);
    let of = |project: &str| Endpoint {
        secret: "old.b".to_owned(),
        previous: vec![("old.a".to_owned(), until)],
        ..endpoint(&at, project)
    };
    let all = [of("ours"), of("default"), Endpoint { secret: "new.c".to_owned(), ..endpoint(&at, "ours") }];
    for each in &all {
        at.store.add_endpoint(each).await.unwrap();
    }
    assert_eq!(endpoints::reseal(&at.store, &Seals).await.unwrap(), 2);
    for each in &all[..2] {
        let anew = at.store.endpoint(&each.project, each.id).await.unwrap().expect("it is there");
        assert_eq!((anew.secret.as_str(), anew.previous), ("new.b", vec![("new.a".to_owned(), until)]));
    }
    assert_eq!(endpoints::reseal(&at.store, &Seals).await.unwrap(), 0);
}

#[tokio::test]
async fn of_secrets_that_are_exchanged_again_and_again_the_newest_and_the_oldest_sign_on() {
    let at = Setting::new().await;
    let ours = endpoint(&at, "ours");
    at.store.add_endpoint(&ours).await.unwrap();
    let project = ProjectId::parse("ours").unwrap();
    let rotate = async |secret: &str| {
        endpoints::rotate(&at.store, at.samples.context(), &project, ours.id, secret).await.unwrap()
    };
    for secret in ["1", "2", "3", "4"] {
        rotate(secret).await;
    }
    let rotated = rotate("5").await;
    assert_eq!(rotated.secrets(at.samples.now()).collect::<Vec<_>>(), ["5", "4", "1", "sealed"]);
    at.samples.clock.advance(BOTH_SECRETS + Duration::from_secs(1));
    assert_eq!(rotate("6").await.secrets(at.samples.now()).collect::<Vec<_>>(), ["6", "5"]);
}

fn announcement(id: &str) -> Announcement {
    Announcement {
        id: id.to_owned(),
        kind: "participant.left".to_owned(),
        project: "ours".to_owned(),
        session: None,
        body: format!(r#"{{"id":"{id}"}}"#),
    }
}

#[tokio::test]
async fn the_log_is_read_in_the_order_of_noting_over_days_page_by_page_and_no_younger_than_asked_for() {
    let at = Setting::new().await;
    let day = Duration::from_secs(24 * 60 * 60);
    let start = at.samples.now();
    let times: Vec<_> = (0..5_u32).map(|number| start + day * number).collect();
    for (number, noted) in times.iter().enumerate() {
        at.store.note_event(&announcement(&format!("evt_{number}")), *noted, *noted + 7 * day).await.unwrap();
    }
    let until = times[4] + Duration::from_secs(1);
    let (mut from, mut read) = (From::Time(start), Vec::new());
    loop {
        let page = at.store.events("ours", &from, until, 2).await.unwrap();
        read.extend(page.items.into_iter().map(|logged| logged.announcement.id));
        match page.next {
            Some(next) => from = From::After(next),
            None => break,
        }
    }
    assert_eq!(read, ["evt_0", "evt_1", "evt_2", "evt_3", "evt_4"]);
    let settled = at.store.events("ours", &From::Time(times[3]), times[4], 9).await.unwrap().items;
    assert_eq!(settled.iter().map(|logged| logged.announcement.id.as_str()).collect::<Vec<_>>(), ["evt_3"]);
    assert_eq!(at.store.events("theirs", &From::Time(start), until, 9).await.unwrap().items, []);
}

#[tokio::test]
async fn what_came_of_deliveries_is_read_newest_first_until_it_is_over() {
    let at = Setting::new().await;
    let hook = endpoint(&at, "ours").id;
    let delivery = |attempt: usize, outcome| Delivery {
        endpoint: hook,
        event: "evt_1".to_owned(),
        kind: "participant.left".to_owned(),
        at: at.samples.later(attempt as u64),
        attempt,
        took: Duration::from_millis(12),
        status: Some(500),
        failure: None,
        outcome,
    };
    for (attempt, outcome) in [(1, "retrying"), (2, "retrying"), (3, "delivered")] {
        at.store.note_delivery(&delivery(attempt, outcome), at.samples.later(100)).await.unwrap();
    }
    let newest = at.store.deliveries(hook, 2, None, at.samples.now()).await.unwrap();
    assert_eq!(newest.items, [delivery(3, "delivered"), delivery(2, "retrying")]);
    let oldest = at.store.deliveries(hook, 2, newest.next.as_ref(), at.samples.now()).await.unwrap();
    assert_eq!((oldest.items, oldest.next), (vec![delivery(1, "retrying")], None));
    assert_eq!(at.store.deliveries(hook, 2, None, at.samples.later(200)).await.unwrap().items, []);
}
