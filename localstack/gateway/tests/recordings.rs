//! Recording through real HTTP and WebSockets: who may, who hears of it, who sees it, and what goes with an account.

mod support;

use http::Method;
use local::{Options, Recordings};
use serde_json::{Value, json};
use support::apps::devkey;
use support::{PASSWORD, Pair, Target, assert_time, names, report, until};
use testclient::{Account, Reply};

/// Two seconds of sound and picture in WebM, as a `MediaRecorder` makes it: without a duration. Made by
/// `ffmpeg -f lavfi -i testsrc=size=16x16:rate=5 -f lavfi -i sine -t 2 -c:v libvpx -g 5 -c:a libopus -live 1`.
const TWO_SECONDS: &[u8] = include_bytes!("media/two-seconds.webm");

fn wanted(session: &str, kind: &str) -> Value {
    json!({ "sessionId": session, "kind": kind, "mimeType": "video/webm;codecs=\"vp9,opus\"" })
}

fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{}", reply.body);
}

async fn post(target: &Target, person: &Account, step: &str, body: Value) -> Reply {
    target.api.post(&format!("/api/session/recording/{step}"), Some(&person.token), body).await
}

async fn start(target: &Target, person: &Account, session: &str) -> String {
    let started = post(target, person, "start", wanted(session, "participant")).await;
    assert_eq!(started.status, 201, "{}", started.body);
    started.text("recordingId")
}

async fn list(target: &Target, person: &Account, session: &str) -> Reply {
    target.api.get(&format!("/api/session/{session}/recordings"), Some(&person.token)).await
}

async fn one(target: &Target, person: &Account, recording: &str) -> Reply {
    target.api.get(&format!("/api/recordings/{recording}"), Some(&person.token)).await
}

#[tokio::test]
async fn a_start_says_where_chunks_go_and_everybody_hears_of_it() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob: _at_bob } = target.pair().await;
    let started = post(&target, &bob, "start", wanted(&session, "participant")).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let recording = started.text("recordingId");
    for (name, value) in
        [("chunkSeconds", json!(4)), ("maxChunkBytes", json!(8_388_608)), ("contentType", json!("video/webm"))]
    {
        assert_eq!(started.body[name], value, "{name}");
    }
    assert_time(&started.body["expiresAt"]);
    assert_time(&started.body["serverTime"]);
    let uploads = started.body["uploads"].as_array().expect("a list");
    assert_eq!((uploads.len(), &uploads[49]["seq"]), (50, &json!(49)));
    // An address names the host that was asked.
    let url = uploads[0]["url"].as_str().expect("a text");
    let chunk = format!("{}/recordings/chunks/{session}/{recording}/000000?", target.server().url());
    assert!(url.starts_with(&chunk), "{url}");

    let told = at_alice.event("recordingStarted").await;
    let data = json!({ "recordingId": recording, "userId": bob.id, "username": bob.username, "kind": "participant" });
    assert_eq!(told["data"], data);
    // Whoever comes later sees the mark.
    let detail = target.detail(&alice, &session).await;
    let marks: Vec<_> = detail["participants"].as_array().expect("a list").iter().map(|p| p.get("recording")).collect();
    assert_eq!(marks, [None, Some(&json!(true))]);

    let again = post(&target, &bob, "start", wanted(&session, "participant")).await;
    assert_refused(&again, 409, "recording_active");
    assert_eq!(again.body["recordingId"], recording);
    assert_eq!(post(&target, &bob, "start", wanted(&session, "screen")).await.status, 201);
}

/// Stores something by a presigned address, as a browser does.
async fn store(target: &Target, upload: &Value, content_type: &str, bytes: &[u8]) -> Reply {
    let url = upload["url"].as_str().expect("an address");
    let path = url.strip_prefix(target.server().url()).expect("an address of this server");
    target.api.raw(Method::PUT, path, None, Some(content_type), bytes.to_vec()).await
}

/// The recording once nothing more happens to it.
async fn ended(target: &Target, person: &Account, recording: &str) -> Value {
    until("the end of putting together", async || {
        let shown = one(target, person, recording).await.body;
        ["ready", "failed"].iter().any(|status| shown["status"] == *status).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn what_was_stored_becomes_a_file_that_has_a_duration_and_is_fetched_by_ranges() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob: _at_bob } = target.pair().await;
    let started = post(&target, &bob, "start", wanted(&session, "participant")).await.body;
    let recording = started["recordingId"].as_str().expect("an id");
    let (uploads, middle) = (&started["uploads"], TWO_SECONDS.len() / 2);
    let wrong = store(&target, &uploads[0], "text/html", TWO_SECONDS).await;
    assert_eq!(wrong.status, 403, "the content type is signed");
    // Cut anywhere, in any order, twice.
    for (number, bytes) in [(1, &TWO_SECONDS[middle..]), (0, b"not this".as_slice()), (0, &TWO_SECONDS[..middle])] {
        assert_eq!(store(&target, &uploads[number], "video/webm", bytes).await.status, 200);
    }
    let asked = json!({ "recordingId": recording, "fromSeq": 2 });
    let more = post(&target, &bob, "uploads", asked.clone()).await;
    assert_eq!((&more.body["have"], &more.body["refused"]), (&json!([[0, 1]]), &json!([])), "{}", more.body);
    assert_eq!((&more.body["uploads"][0]["seq"], &more.body["contentType"]), (&json!(2), &json!("video/webm")));

    let end = json!({ "recordingId": recording, "lastSeq": 1, "durationMs": 2000 });
    let finished = post(&target, &bob, "finish", end.clone()).await;
    assert_eq!((finished.status.as_u16(), &finished.body), (202, &json!({ "status": "composing" })));
    let ready = ended(&target, &alice, recording).await;
    assert_eq!(ready["status"], "ready", "{ready}");
    assert_eq!((&ready["gaps"], ready["files"].as_array().map(Vec::len)), (&json!([]), Some(1)));
    assert!((1900..2200).contains(&ready["durationMs"].as_u64().expect("a duration")), "{ready}");
    assert_eq!(post(&target, &bob, "finish", end).await.body, json!({ "status": "ready" }));
    assert_refused(&post(&target, &bob, "uploads", asked).await, 409, "recording_finished");

    let file = &ready["files"][0];
    assert_eq!((&file["mimeType"], &file["url"]), (&json!("video/webm"), &ready["url"]));
    let path = file["url"].as_str().and_then(|url| url.strip_prefix(target.server().url())).expect("an address");
    let whole = target.api.raw(Method::GET, path, None, None, Vec::new()).await;
    assert_eq!((whole.status.as_u16(), whole.bytes.len() as u64), (200, file["bytes"].as_u64().expect("a size")));
    assert!(whole.header("content-disposition").contains("attachment"));
    for heard in ["recordingStarted", "recordingStopped"] {
        assert_eq!(at_alice.event(heard).await["data"]["recordingId"], recording, "{heard}");
    }
    let data = json!({ "recordingId": recording, "userId": bob.id, "status": "ready" });
    assert_eq!(at_alice.event("recordingReady").await["data"], data);

    let path = path.to_owned();
    let delete = format!("/api/recordings/{recording}");
    assert_eq!(target.api.call(Method::DELETE, &delete, Some(&bob.token), None).await.status, 204);
    until("the file's end", async || {
        (target.api.raw(Method::GET, &path, None, None, Vec::new()).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_recording_outlives_the_server() {
    let folder = std::env::temp_dir().join(support::unique("tunrtc-recordings"));
    std::fs::create_dir(&folder).expect("a folder");
    let options = || Options { data: Some(folder.join("tunrtc.db")), ..Options::default() };
    let target = Target::with(options()).await;
    let Pair { bob, session, .. } = target.pair().await;
    let started = post(&target, &bob, "start", wanted(&session, "participant")).await.body;
    let recording = started["recordingId"].as_str().expect("an id");
    assert_eq!(store(&target, &started["uploads"][0], "video/webm", TWO_SECONDS).await.status, 200);
    target.stop().await;

    let target = Target::with(options()).await;
    let more = post(&target, &bob, "uploads", json!({ "recordingId": recording, "fromSeq": 0 })).await;
    assert_eq!(more.body["have"], json!([[0, 0]]), "{}", more.body);
    post(&target, &bob, "finish", json!({ "recordingId": recording, "lastSeq": 0 })).await;
    assert_eq!(ended(&target, &bob, recording).await["status"], "ready");
    target.stop().await;
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn what_cannot_be_played_fails_and_what_is_too_large_is_refused() {
    let target = Target::local().await;
    let Pair { bob, session, .. } = target.pair().await;
    let started = post(&target, &bob, "start", wanted(&session, "screen")).await.body;
    let recording = started["recordingId"].as_str().expect("an id");
    let most = usize::try_from(started["maxChunkBytes"].as_u64().expect("a size")).expect("it fits");
    assert_eq!(store(&target, &started["uploads"][0], "video/webm", b"no media").await.status, 200);
    let refused = store(&target, &started["uploads"][1], "video/webm", &vec![0; most + 1]).await;
    assert_eq!(refused.status, 400);
    assert!(String::from_utf8_lossy(&refused.bytes).contains("<Code>EntityTooLarge</Code>"));
    let more = post(&target, &bob, "uploads", json!({ "recordingId": recording, "fromSeq": 2 })).await;
    assert_eq!((&more.body["refused"], &more.body["have"]), (&json!([]), &json!([[0, 0]])), "{}", more.body);
    post(&target, &bob, "finish", json!({ "recordingId": recording, "lastSeq": 0 })).await;
    let failed = ended(&target, &bob, recording).await;
    assert_eq!((&failed["status"], &failed["files"], failed.get("url")), (&json!("failed"), &json!([]), None));
    assert!(failed["error"].as_str().is_some_and(|why| why.contains("can be played")), "{failed}");
}

#[tokio::test]
async fn a_recording_is_shown_to_those_who_took_part_and_deleted_by_whose_it_is() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob: _at_bob } = target.pair().await;
    let stranger = target.person("stranger").await;
    assert_eq!(list(&target, &alice, &session).await.body, json!([]));
    assert_refused(&list(&target, &stranger, &session).await, 404, "not_in_session");
    let recording = start(&target, &bob, &session).await;
    for person in [&alice, &bob] {
        let listed = list(&target, person, &session).await;
        assert_eq!((listed.status.as_u16(), &listed.body[0]["recordingId"]), (200, &json!(recording)));
        let shown = one(&target, person, &recording).await;
        assert_eq!(shown.body, listed.body[0]);
        for (name, value) in [
            ("sessionId", json!(session)),
            ("userId", json!(bob.id)),
            ("kind", json!("participant")),
            ("status", json!("active")),
            ("mimeType", json!("video/webm;codecs=\"vp9,opus\"")),
            ("gaps", json!([])),
            ("files", json!([])),
        ] {
            assert_eq!(shown.body[name], value, "{name}");
        }
    }
    assert_refused(&one(&target, &stranger, &recording).await, 404, "recording_not_found");
    assert_refused(&list(&target, &stranger, &session).await, 404, "not_in_session");
    let path = format!("/api/recordings/{recording}");
    let head = target.api.call(Method::HEAD, &path, Some(&alice.token), None).await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    let delete = async |person: &Account| target.api.call(Method::DELETE, &path, Some(&person.token), None).await;
    assert_refused(&delete(&stranger).await, 404, "recording_not_found");
    assert_eq!(delete(&alice).await.status, 204, "the session's host may");
    assert_refused(&one(&target, &bob, &recording).await, 404, "recording_not_found");
    assert_eq!(list(&target, &bob, &session).await.body, json!([]));
    // Nobody wears the mark any more.
    at_alice.event("recordingStarted").await;
    assert_eq!(at_alice.event("recordingStopped").await["data"], json!({ "recordingId": recording, "userId": bob.id }));
    assert_eq!(post(&target, &bob, "start", wanted(&session, "participant")).await.status, 201);
}

#[tokio::test]
async fn a_calls_timeline_shows_who_recorded_until_that_is_deleted() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, at_bob: _at_bob } = target.pair().await;
    at_alice.ack("reportStats", report("a", json!({}))).await;
    let moments = async || -> Vec<Value> {
        let path = format!("/api/analytics/sessions/{session}");
        let call = target.api.get(&path, Some(&alice.token)).await;
        assert_eq!((call.status.as_u16(), &call.body["truncated"]), (200, &json!(false)), "{}", call.body);
        let timeline = call.body["timeline"].as_array().expect("a list").iter();
        timeline
            .filter(|each| each["kind"].as_str().is_some_and(|kind| kind.starts_with("recording")))
            .cloned()
            .collect()
    };
    assert_eq!(moments().await, [json!(null); 0]);
    let recording = start(&target, &bob, &session).await;
    let shown = one(&target, &bob, &recording).await.body;
    let begun = json!({
        "at": shown["startedAt"], "userId": bob.id, "kind": "recordingStarted", "detail": "participant",
    });
    assert_eq!(moments().await, vec![begun.clone()]);
    post(&target, &bob, "finish", json!({ "recordingId": recording, "lastSeq": 0 })).await;
    let shown = one(&target, &bob, &recording).await.body;
    let ended = json!({
        "at": shown["endedAt"], "userId": bob.id, "kind": "recordingStopped", "detail": "participant",
    });
    assert_eq!(moments().await, [begun, ended]);
    let path = format!("/api/recordings/{recording}");
    assert_eq!(target.api.call(Method::DELETE, &path, Some(&bob.token), None).await.status, 204);
    assert_eq!(moments().await, [json!(null); 0]);
}

#[tokio::test]
async fn a_host_asks_everybody_to_record_and_whoever_comes_later_knows() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice: _at_alice, mut at_bob } = target.pair().await;
    let ask = |wanted: bool| json!({ "sessionId": session, "recording": wanted });
    assert_refused(&post(&target, &bob, "request", ask(true)).await, 403, "forbidden");
    assert_eq!(post(&target, &alice, "request", ask(true)).await.status, 202);
    let told = at_bob.event("recordingRequested").await["data"].clone();
    let by = (&told["byUserId"], &told["byUsername"]);
    assert_eq!(by, (&json!(alice.id), &json!(alice.username)));
    assert_eq!((&told["recording"], &told["request"]), (&json!(true), &json!(1)));
    assert_eq!(target.detail(&bob, &session).await["recordingRequested"], true);
    assert_eq!(post(&target, &alice, "request", ask(false)).await.status, 202);
    assert_eq!(at_bob.event("recordingRequested").await["data"]["request"], 2);
    assert_eq!(target.detail(&bob, &session).await.get("recordingRequested"), None);
    let nowhere = json!({ "sessionId": "01a1ed5c-8600-7000-8000-000000000004", "recording": true });
    assert_refused(&post(&target, &alice, "request", nowhere).await, 404, "session_not_found");
}

#[tokio::test]
async fn an_apps_people_record_and_its_backend_asks_lists_and_deletes() {
    let target = Target::local().await;
    let key = devkey();
    let (joined, mut at_ann) = target.enter_room(&key.person("ann", "standup").token).await;
    let session = joined.text("sessionId");
    let bearer = format!("Bearer {}", key.person("ann", "standup").token);
    let ask = json!({ "sessionId": session, "recording": true });
    let asked = target.call(Method::POST, "/api/session/recording/request", &key.basic(), Some(ask)).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    let told = at_ann.event("recordingRequested").await["data"].clone();
    assert_eq!((&told["recording"], told.get("byUserId")), (&json!(true), None));
    let started =
        target.call(Method::POST, "/api/session/recording/start", &bearer, Some(wanted(&session, "audio"))).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let by_key = wanted(&session, "audio");
    let refused = target.call(Method::POST, "/api/session/recording/start", &key.basic(), Some(by_key)).await;
    assert_refused(&refused, 403, "forbidden");
    let listed = target.call(Method::GET, "/api/session/standup/recordings", &key.basic(), None).await;
    assert_eq!((&listed.body[0]["identity"], &listed.body[0]["kind"]), (&json!("ann"), &json!("audio")));
    let path = format!("/api/recordings/{}", started.text("recordingId"));
    assert_eq!(target.call(Method::DELETE, &path, &key.basic(), None).await.status, 204);
    assert_refused(&target.call(Method::GET, &path, &bearer, None).await, 404, "recording_not_found");
}

#[tokio::test]
async fn what_an_account_recorded_goes_with_it_and_so_does_what_was_recorded_where_it_hosts() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice: _at_alice, at_bob: _at_bob } = target.pair().await;
    let (hers, his) = (start(&target, &alice, &session).await, start(&target, &bob, &session).await);
    let elsewhere = target.api.create_session(&bob, 2).await;
    let _at_elsewhere = target.enter(&alice, &elsewhere).await;
    let _bob_elsewhere = target.enter(&bob, &elsewhere).await;
    let (also_hers, also_his) = (start(&target, &alice, &elsewhere).await, start(&target, &bob, &elsewhere).await);
    let password = Some(json!({ "password": PASSWORD }));
    assert_eq!(target.api.call(Method::DELETE, "/api/auth/me", Some(&alice.token), password).await.status, 204);
    for gone in [&hers, &his, &also_hers] {
        assert_refused(&one(&target, &bob, gone).await, 404, "recording_not_found");
    }
    assert_eq!(one(&target, &bob, &also_his).await.status, 200);
}

#[tokio::test]
async fn where_nothing_is_recorded_the_routes_say_so() {
    let target = Target::with(Options { recordings: Recordings::Off, ..Options::default() }).await;
    let Pair { alice, session, .. } = target.pair().await;
    assert_refused(&post(&target, &alice, "start", wanted(&session, "participant")).await, 404, "not_offered");
    assert_refused(&list(&target, &alice, &session).await, 404, "not_offered");
    let joined = target.seat(&alice, &session).await;
    assert_eq!(joined.body["media"].get("recording"), None);
}

#[tokio::test]
async fn webhooks_tell_of_recordings() {
    let target = Target::local().await;
    let key = devkey();
    let (joined, mut at_ann) = target.enter_room(&key.person("ann", "standup").token).await;
    let session = joined.text("sessionId");
    let bearer = format!("Bearer {}", key.person("ann", "standup").token);
    let started =
        target.call(Method::POST, "/api/session/recording/start", &bearer, Some(wanted(&session, "audio"))).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let recording = started.text("recordingId");
    let event = until("recording.started", async || {
        let found = target.call(Method::GET, "/api/events?types=recording.started", &key.basic(), None).await;
        found.body["events"].as_array().and_then(|all| all.first().cloned())
    })
    .await;
    let data = &event["data"];
    assert_eq!(
        (&data["recording"]["recordingId"], &data["recording"]["status"]),
        (&json!(recording), &json!("active"))
    );
    assert_eq!((&data["participant"]["identity"], &data["session"]["room"]), (&json!("ann"), &json!("standup")));
    assert_eq!(names(&[at_ann.event("recordingStarted").await]), ["recordingStarted"]);
}
