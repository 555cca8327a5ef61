//! Call quality: what is kept of a report, what it costs, and what goes with an account.

use std::time::Duration;

use domain::analytics::{self, Charted, Question, Viewer};
use domain::erasure::Erasure;
use domain::ports::{Calls, Sessions, Users, Watchers};
use domain::quality::{Audio, Client, JoinSteps, Listed, Measured, Peer, Report, Reporter, Summary, Video, report};
use domain::{Caller, Error, Person, Result, RoomRef, Session, SessionId, Timestamp, UserId};
use testkit::{FakeSockets, RecordedTending, Request};

use crate::Setting;
use crate::erasure::Accounts;

/// The start of the minute in which a sample's clock begins.
fn first_minute(at: &Setting) -> Timestamp {
    Timestamp::from_millis(at.samples.now().millis() / 60_000 * 60_000)
}

/// What a client says of a minute, with that worst score.
fn said(at: &Setting, run: &str, minute: u64, worst: u32) -> Report {
    let minutes = u32::try_from(minute + 1).unwrap();
    let report = at.samples.report(run, worst);
    Report {
        minute: first_minute(at) + Duration::from_secs(60 * minute),
        summary: Summary { minutes, ..report.summary },
        ..report
    }
}

/// All that can be measured of a peer.
fn peer(user: UserId) -> Peer {
    let number = |hundredths| Some(Measured::of_hundredths(hundredths));
    let audio = Audio {
        mos: number(421),
        jitter_ms: number(1234),
        loss_percent: number(123),
        concealed_percent: number(45),
        in_kbps: number(3201),
        out_kbps: number(3199),
        codec: Some("opus".to_owned()),
    };
    let video = Video {
        fps: number(2997),
        width: Some(640),
        height: Some(360),
        freezes: Some(1),
        freeze_ms: Some(321),
        loss_percent: number(123),
        in_kbps: number(45_678),
        out_kbps: number(45_678),
        codec: Some("VP9".to_owned()),
        limited_by: Some(domain::quality::LimitedBy::Bandwidth),
    };
    Peer {
        user,
        score: number(412),
        candidate: Some(domain::quality::Candidate::Srflx),
        protocol: Some(domain::quality::Transport::Udp),
        rtt_ms: number(4321),
        available_kbps: number(250_000),
        audio,
        video,
    }
}

async fn send(at: &Setting, session: SessionId, from: &Person, said: Report) -> Result<()> {
    let reporter = Reporter { user: from.user_id, username: &from.username, identity: None, scope: Some(&from.scope) };
    report(&at.store, at.samples.context(), reporter, &RoomRef::Session(session), &said).await
}

/// The same, after as long a while as it has to be.
async fn send_later(at: &Setting, session: SessionId, from: &Person, said: Report) {
    at.samples.clock.advance(Duration::from_secs(5));
    send(at, session, from, said).await.unwrap();
}

/// A host with a session, and a guest, who both have a seat there.
async fn house(at: &Setting) -> (Person, Person, Session) {
    let [host, guest] = ["host", "guest"].map(|name| at.samples.caller(name));
    let session = at.samples.session(&host, 5);
    at.store.add(&session, at.empty_until()).await.unwrap();
    at.sit(session.id, &host).await;
    at.sit(session.id, &guest).await;
    (host, guest, session)
}

async fn detail(at: &Setting, host: &Person, session: SessionId) -> Result<analytics::CallDetail> {
    let caller = Caller::from(host.clone());
    let viewer = Viewer::of_calls(&caller)?;
    analytics::call(&at.store, at.samples.context(), viewer, &RoomRef::Session(session)).await
}

fn units(requests: &[Request], operations: &[&str]) -> f64 {
    requests
        .iter()
        .filter(|request| operations.contains(&request.operation.as_str()))
        .map(|request| request.units)
        .sum()
}

const WRITES: [&str; 2] = ["PutItem", "UpdateItem"];

#[tokio::test]
async fn a_report_comes_back_as_it_was_given() {
    let at = Setting::new().await;
    let (host, guest, session) = house(&at).await;
    let mut given = said(&at, "r", 0, 312);
    given.peers = vec![peer(host.user_id)];
    given.client = Client {
        browser: Some("Firefox 140".to_owned()),
        device: Some(domain::quality::Device::Phone),
        ..Client::default()
    };
    given.join = JoinSteps { answer_ms: Some(7), media_ms: Some(9), ..JoinSteps::default() };
    given.events = vec![domain::quality::CallEvent {
        at: at.samples.now(),
        kind: domain::quality::Happened::DeviceChanged,
        detail: Some("headset".to_owned()),
    }];
    send(&at, session.id, &guest, given.clone()).await.unwrap();

    let minutes = at.store.minutes(session.id, guest.user_id, true, None, at.samples.now()).await.unwrap().items;
    let [kept] = minutes.as_slice() else { panic!("{minutes:?}") };
    assert_eq!((kept.minute, &kept.run, kept.score), (given.minute, &given.run, given.score));
    assert_eq!((&kept.events, &kept.peers), (&given.events, &given.peers));
    let call = detail(&at, &host, session.id).await.unwrap();
    let [run] = call.participants[0].runs.as_slice() else { panic!("{call:?}") };
    assert_eq!((&run.summary, &run.client, &run.join), (&given.summary, &given.client, &given.join));
    assert_eq!((run.last_minute, run.is_final, &run.username), (given.minute, false, &guest.username));
    assert_eq!((call.timeline.len(), call.timeline[0].kind), (1, "deviceChanged"));
}

#[tokio::test]
async fn the_same_report_twice_is_kept_once_and_an_older_one_changes_no_newer_word() {
    let at = Setting::new().await;
    let (host, guest, session) = house(&at).await;
    for (minute, worst) in [(1, 200), (1, 200), (0, 300)] {
        send_later(&at, session.id, &guest, said(&at, "r", minute, worst)).await;
    }
    let runs = &detail(&at, &host, session.id).await.unwrap().participants[0].runs;
    assert_eq!(
        (runs.len(), runs[0].summary.minutes, runs[0].summary.worst_score.map(Measured::hundredths)),
        (1, 2, Some(200))
    );
    let minutes = at.store.minutes(session.id, guest.user_id, true, None, at.samples.now()).await.unwrap().items;
    assert_eq!(minutes.iter().map(|minute| minute.minute).collect::<Vec<_>>().len(), 2, "both minutes, each once");
}

#[tokio::test]
async fn the_last_word_on_a_minute_stays_whatever_comes_after_it() {
    let at = Setting::new().await;
    let (host, guest, session) = house(&at).await;
    let last = Report { is_final: true, ..said(&at, "r", 1, 250) };
    send_later(&at, session.id, &guest, last).await;
    send_later(&at, session.id, &guest, said(&at, "r", 1, 400)).await;
    let run = &detail(&at, &host, session.id).await.unwrap().participants[0].runs[0];
    assert!(run.is_final);
    let minutes = at.store.minutes(session.id, guest.user_id, true, None, at.samples.now()).await.unwrap().items;
    assert_eq!(minutes[0].score.map(Measured::hundredths), Some(250));
}

#[tokio::test]
async fn one_report_in_five_seconds_is_taken_whatever_its_run_and_one_last_one_beside_it() {
    let at = Setting::new().await;
    let (_, guest, session) = house(&at).await;
    let code = |result: Result<()>| result.map_err(|error: Error| error.code());
    let sent = async |run: &str, is_final| {
        let report = Report { is_final, ..said(&at, run, 0, 300) };
        code(send(&at, session.id, &guest, report).await)
    };
    assert_eq!(sent("a", false).await, Ok(()));
    assert_eq!(sent("b", false).await, Err("rate_limited"));
    assert_eq!(sent("a", true).await, Ok(()));
    assert_eq!(sent("b", true).await, Err("rate_limited"));
    at.samples.clock.advance(Duration::from_millis(4999));
    assert_eq!(sent("a", false).await, Err("rate_limited"));
    at.samples.clock.advance(Duration::from_millis(1));
    assert_eq!((sent("a", false).await, sent("a", true).await), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_note_of_a_ban_is_no_seat() {
    let at = Setting::new().await;
    let (_, _, session) = house(&at).await;
    let bob = at.samples.caller("bob");
    for certain in [false, true] {
        let seen = at.store.attended(session.id, bob.user_id, at.samples.now(), certain).await.unwrap();
        assert_eq!((seen.session.map(|session| session.id), seen.had_a_seat), (Some(session.id), false));
    }
    let ban = domain::ports::Ban {
        at: at.samples.now(),
        until: at.samples.later(9),
        noted_until: at.samples.later(86_400),
        shortens: true,
    };
    domain::ports::Moderation::ban(&at.store, session.id, bob.user_id, ban).await.unwrap();
    assert!(!at.store.attended(session.id, bob.user_id, at.samples.now(), true).await.unwrap().had_a_seat);
    at.samples.clock.advance(Duration::from_secs(10));
    at.sit(session.id, &bob).await;
    assert!(at.store.attended(session.id, bob.user_id, at.samples.now(), true).await.unwrap().had_a_seat);
}

#[tokio::test]
async fn minutes_are_kept_for_thirty_days_and_calls_for_ninety() {
    let at = Setting::new().await;
    let (host, guest, session) = house(&at).await;
    send(&at, session.id, &guest, said(&at, "r", 0, 300)).await.unwrap();
    let day = Duration::from_secs(86_400);
    let minutes =
        async || at.store.minutes(session.id, guest.user_id, true, None, at.samples.now()).await.unwrap().items.len();
    at.samples.clock.advance(29 * day);
    assert_eq!(minutes().await, 1);
    at.samples.clock.advance(2 * day);
    assert_eq!((minutes().await, detail(&at, &host, session.id).await.is_ok()), (0, true));
    at.samples.clock.advance(60 * day);
    assert_eq!(detail(&at, &host, session.id).await.map_err(|error| error.code()).err(), Some("session_not_found"));
}

#[tokio::test]
async fn a_report_of_a_call_of_two_is_one_unit_to_read_and_four_to_write_or_three_without_an_account() {
    let at = Setting::new().await;
    let (host, guest, session) = house(&at).await;
    at.database.door().take();
    let report = Report { peers: vec![peer(host.user_id)], ..said(&at, "r", 0, 300) };
    send(&at, session.id, &guest, report).await.unwrap();
    let requests = at.database.door().take();
    assert_eq!(units(&requests, &["BatchGetItem"]), 1.0, "the session and the seat: {requests:?}");
    assert_eq!(units(&requests, &WRITES), 4.0, "the count, the minute, and the run in two lists: {requests:?}");
    assert_eq!(requests.len(), 5);
}

/// A whole minute of a call of fifty in which everything is measured.
#[tokio::test]
async fn a_minute_of_a_call_of_fifty_costs_a_counted_number_of_units() {
    let at = Setting::new().await;
    let host = at.samples.caller("host");
    let session = at.samples.session(&host, 100);
    at.store.add(&session, at.empty_until()).await.unwrap();
    let people: Vec<_> = (0..50).map(|n| at.samples.caller(&format!("person{n}"))).collect();
    for person in &people {
        at.sit(session.id, person).await;
    }
    at.database.door().take();
    for person in &people {
        let others = people.iter().filter(|other| other.user_id != person.user_id);
        let peers = others.map(|other| peer(other.user_id)).collect();
        send(&at, session.id, person, Report { peers, ..said(&at, "r", 0, 300) }).await.unwrap();
    }
    let requests = at.database.door().take();
    let (read, written) = (units(&requests, &["BatchGetItem"]), units(&requests, &WRITES));
    assert_eq!((read, written), (50.0, 50.0 * FIFTY), "{:?}", &requests[..5]);

    // And whoever looks at the call reads each minute of each participant once.
    let shown = detail(&at, &host, session.id).await.unwrap();
    assert_eq!(shown.participants.len(), 50);
    let looked = units(&at.database.door().take(), &["Query"]);
    assert!(looked <= 150.0, "{looked} units to look at a minute of fifty");
}

/// The write units of one report in a call of fifty: the count, the run in two lists, and the rest for the minute with its 49 peers.
const FIFTY: f64 = 12.0;

#[tokio::test]
async fn a_deleted_guests_reports_go_and_the_hosts_stay() {
    let at = Setting::new().await;
    let [host, guest] = ["host", "guest"].map(|name| at.samples.user(name));
    let [host_calls, guest_calls] = [&host, &guest].map(|user| at.samples.caller_for(user));
    for (user, caller) in [(&host, &host_calls), (&guest, &guest_calls)] {
        at.store.create_account(user, caller, at.samples.later(9_999_999)).await;
    }
    let session = at.samples.session(&host_calls, 5);
    at.store.add(&session, at.empty_until()).await.unwrap();
    for caller in [&host_calls, &guest_calls] {
        at.sit(session.id, caller).await;
        send(&at, session.id, caller, said(&at, "r", 0, 300)).await.unwrap();
    }
    // Seats and chat are forgotten by then, and what is left is the calls.
    at.samples.clock.advance(Duration::from_secs(40 * 86_400));
    let sockets = FakeSockets::default();
    Erasure { ports: at.ports(&sockets), recordings: &RecordedTending::default() }.erase(&guest).await.unwrap();
    assert_eq!(traces(&at, guest.id).await, [""; 0]);
    let call = detail(&at, &host_calls, session.id).await.unwrap();
    assert_eq!(call.participants.iter().map(|each| each.user).collect::<Vec<_>>(), [host.id]);

    Erasure { ports: at.ports(&sockets), recordings: &RecordedTending::default() }.erase(&host).await.unwrap();
    assert_eq!(traces(&at, host.id).await, [""; 0]);
    assert_eq!(traces_of(&at, &session.id.to_string()).await, [""; 0]);
    assert!(at.store.by_id(host.id).await.unwrap().is_none());
}

/// A report that was counted before its user was deleted, and is written after that, is found when the deletion is looked after.
#[tokio::test]
async fn a_report_that_overlaps_a_deletion_is_found_afterwards() {
    let at = Setting::new().await;
    let host = at.samples.caller("host");
    let session = at.samples.session(&host, 5);
    at.store.add(&session, at.empty_until()).await.unwrap();
    let guest = at.samples.user("guest");
    let guest_calls = at.samples.caller_for(&guest);
    at.store.create_account(&guest, &guest_calls, at.samples.later(9999)).await;
    at.sit(session.id, &guest_calls).await;
    // Counted, and then its function is slow.
    let lists = Listed::of(&session);
    let keep_until = at.samples.later(9999);
    let sockets = FakeSockets::default();
    Erasure { ports: at.ports(&sockets), recordings: &RecordedTending::default() }.erase(&guest).await.unwrap();
    use domain::ports::Reports;
    let late = said(&at, "r", 0, 300);
    assert!(at.store.count_report(session.id, guest.id, &lists, false, at.samples.now(), keep_until).await.unwrap());
    at.store.keep_minute(session.id, guest.id, &late, keep_until).await.unwrap();
    assert_ne!(traces(&at, guest.id).await, [""; 0]);
    Erasure { ports: at.ports(&sockets), recordings: &RecordedTending::default() }.finish(guest.id).await.unwrap();
    assert_eq!(traces(&at, guest.id).await, [""; 0]);
}

/// Every item that names a user.
async fn traces(at: &Setting, user: UserId) -> Vec<String> {
    traces_of(at, &user.to_string()).await
}

async fn traces_of(at: &Setting, text: &str) -> Vec<String> {
    at.database.items().await.into_iter().filter(|item| item.contains(text)).collect()
}

#[tokio::test]
async fn a_chart_has_a_point_for_each_minute_and_peer() {
    let at = Setting::new().await;
    let (host, guest, session) = house(&at).await;
    for minute in 0..3 {
        let peers = vec![peer(host.user_id)];
        send_later(&at, session.id, &guest, Report { peers, ..said(&at, "r", minute, 300) }).await;
    }
    let caller = Caller::from(host.clone());
    let asked = async |metric, peer| {
        let (viewer, question) = (Viewer::of_calls(&caller).unwrap(), Question { user: guest.user_id, metric, peer });
        analytics::series(&at.store, at.samples.context(), viewer, &RoomRef::Session(session.id), question)
            .await
            .unwrap()
    };
    let heights = asked(Charted::Height, None).await;
    let shown: Vec<_> = heights.points.iter().map(|point| (point.minute, point.peer, point.value)).collect();
    let minute = |n: u64| first_minute(&at) + Duration::from_secs(60 * n);
    assert_eq!(shown, [0, 1, 2].map(|n| (minute(n), Some(host.user_id), 360.0)));
    assert_eq!(asked(Charted::RttMs, Some(guest.user_id)).await.points, []);
    assert_eq!(asked(Charted::Score, None).await.points.len(), 3);
}
