//! Call quality through real HTTP and WebSockets: reports over both doors, and reading them as a host, an app and a stranger.

mod support;

use http::Method;
use local::Options;
use runtime::settings;
use serde_json::{Value, json};
use support::apps::{Key, assert_code, devkey};
use support::{PASSWORD, Pair, Target, report};
use testclient::{Account, Reply};

const SESSIONS: &str = "/api/analytics/sessions";

/// A report's minute.
fn minute(report: &Value) -> &str {
    report["minute"].as_str().expect("a minute")
}

async fn stats(target: &Target, person: &Account, session: &str, report: &Value) -> Reply {
    target.api.post(&format!("/api/session/{session}/stats"), Some(&person.token), report.clone()).await
}

async fn one(target: &Target, person: &Account, session: &str) -> Reply {
    target.api.get(&format!("{SESSIONS}/{session}"), Some(&person.token)).await
}

async fn listed(target: &Target, person: &Account, query: &str) -> Reply {
    target.api.get(&format!("{SESSIONS}{query}"), Some(&person.token)).await
}

/// What a client with that key of an app is shown.
async fn by_key(target: &Target, key: &Key, path: &str) -> Reply {
    target.call(Method::GET, path, &key.basic(), None).await
}

#[tokio::test]
async fn a_host_sees_what_both_clients_reported_over_either_door() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, at_bob: _at_bob } = target.pair().await;
    let seen = json!({
        "userId": bob.id, "score": 3.5, "candidate": "relay", "protocol": "udp", "rttMs": 41.5,
        "audio": { "mos": 3.9, "lossPercent": 10.25, "codec": "opus" }, "video": { "fps": 24, "freezes": 2, "height": 480 },
    });
    let of_alice =
        report("a", json!({ "peers": [seen], "client": { "browser": "Chromium 140", "device": "desktop" } }));
    let mut of_alice = of_alice;
    of_alice["events"] = json!([{ "at": minute(&of_alice), "kind": "muted" }]);
    assert_eq!(at_alice.ack("reportStats", of_alice.clone()).await, json!({}));
    let mut of_bob = report("b", json!({ "score": 2.5, "final": true }));
    of_bob["summary"]["worstScore"] = json!(2.5);
    of_bob["summary"]["relayed"] = json!(true);
    let kept = stats(&target, &bob, &session, &of_bob).await;
    assert_eq!((kept.status.as_u16(), &kept.body), (202, &json!({})));

    let list = listed(&target, &alice, "").await;
    assert_eq!(list.status, 200, "{}", list.body);
    let [call] = list.body.as_array().expect("a list").as_slice() else { panic!("{}", list.body) };
    assert_eq!((&call["sessionId"], &call["name"]), (&json!(session), &json!("Test")));
    assert_eq!(
        (&call["participants"], &call["participantMinutes"], &call["relayed"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!((&call["worstScore"], &call["score"], &call["joinMs"]), (&json!(2.5), &json!(4.25), &json!(420)));
    assert_eq!((&call["reconnects"], call.get("audioMos")), (&json!(0), None), "absent is not zero where it is a mean");

    let detail = one(&target, &alice, &session).await;
    assert_eq!(detail.status, 200, "{}", detail.body);
    let of = |id: &str| {
        let all = detail.body["participants"].as_array().expect("a list");
        all.iter().find(|each| each["userId"] == id).unwrap_or_else(|| panic!("{}", detail.body)).clone()
    };
    assert_eq!(of(&alice.id)["username"], alice.username);
    let [run] = of(&alice.id)["runs"].as_array().expect("a list").clone().try_into().expect("one run");
    assert_eq!((&run["run"], &run["final"], &run["outcome"]), (&json!("a"), &json!(false), &json!("connected")));
    assert_eq!(run["client"], json!({ "browser": "Chromium 140", "device": "desktop" }));
    assert_eq!(of(&bob.id)["runs"][0]["final"], true);
    assert_eq!(of(&bob.id)["connections"].as_array().map(Vec::len), Some(1));
    assert_eq!(of(&bob.id)["connections"][0]["disconnectedAt"], Value::Null);
    assert_eq!(of(&bob.id)["missing"], json!([]));
    let timeline = detail.body["timeline"].as_array().expect("a list");
    let kinds = |id: &str| -> Vec<_> {
        timeline.iter().filter(|each| each["userId"] == id).filter_map(|each| each["kind"].as_str()).collect()
    };
    assert!(kinds(&alice.id).contains(&"muted") && kinds(&alice.id).contains(&"connected"), "{timeline:?}");
    assert_eq!(kinds(&bob.id), ["connected"]);
    assert_eq!(detail.body["truncated"], false);

    for (metric, peer, unit, points) in [
        ("score", "", "", json!([{ "minute": run["lastMinute"], "value": 3.5 }])),
        ("rttMs", "", "ms", json!([{ "minute": run["lastMinute"], "peerUserId": bob.id, "value": 41.5 }])),
        (
            "audioLossPercent",
            &bob.id,
            "%",
            json!([{ "minute": run["lastMinute"], "peerUserId": bob.id, "value": 10.25 }]),
        ),
        ("audioLossPercent", &alice.id, "%", json!([])),
        ("freezes", "", "", json!([{ "minute": run["lastMinute"], "peerUserId": bob.id, "value": 2.0 }])),
        ("jitterMs", "", "ms", json!([])),
    ] {
        let of_peer = if peer.is_empty() { String::new() } else { format!("&peerUserId={peer}") };
        let path = format!("{SESSIONS}/{session}/series?userId={}&metric={metric}{of_peer}", alice.id);
        let series = target.api.get(&path, Some(&alice.token)).await;
        assert_eq!(series.status, 200, "{}", series.body);
        let wanted = json!({ "metric": metric, "unit": unit, "points": points, "truncated": false });
        assert_eq!(series.body, wanted, "{metric}");
    }

    let sums = target.api.get("/api/analytics/overview", Some(&alice.token)).await;
    assert_eq!(sums.status, 200, "{}", sums.body);
    for (name, wanted) in [
        ("calls", json!(1)),
        ("participants", json!(2)),
        ("participantMinutes", json!(2)),
        ("joinSuccess", json!(1.0)),
        ("medianJoinMs", json!(420)),
        ("relayedShare", json!(1.0)),
        ("meanScore", json!(4.25)),
    ] {
        assert_eq!(sums.body[name], wanted, "{name}");
    }
    assert_eq!(sums.body["worst"][0]["sessionId"], session.as_str());
    target.stop().await;
}

#[tokio::test]
async fn somebody_elses_call_is_not_found_and_not_listed() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, .. } = target.pair().await;
    at_alice.ack("reportStats", report("a", json!({}))).await;
    let stranger = target.person("stranger").await;
    // Whoever took part does not host it.
    for other in [&bob, &stranger] {
        assert_code(&one(&target, other, &session).await, 404, "session_not_found", "");
        let series = format!("{SESSIONS}/{session}/series?userId={}&metric=score", alice.id);
        assert_code(&target.api.get(&series, Some(&other.token)).await, 404, "session_not_found", "");
        assert_eq!(listed(&target, other, "").await.body, json!([]));
        let sums = target.api.get("/api/analytics/overview", Some(&other.token)).await;
        assert_eq!((&sums.body["calls"], &sums.body["worst"]), (&json!(0), &json!([])));
        assert_eq!(sums.body.get("joinSuccess"), None, "a share of nothing is none");
    }
    assert_code(&stats(&target, &stranger, &session, &report("s", json!({}))).await, 404, "not_in_session", "");
    let nowhere = "01a1ed5c-8600-7000-8000-000000000001";
    assert_code(&stats(&target, &stranger, nowhere, &report("s", json!({}))).await, 404, "session_not_found", "");
    assert_code(&one(&target, &alice, nowhere).await, 404, "session_not_found", "");
    target.stop().await;
}

#[tokio::test]
async fn an_apps_backend_sees_its_projects_calls_and_a_token_those_that_it_is_for() {
    let target = Target::local().await;
    let key = devkey();
    let (joined, at_ann) = target.enter_room(&key.person("ann", "blue").token).await;
    let session = joined.text("sessionId");
    at_ann.ack("reportStats", report("a", json!({}))).await;
    let list = by_key(&target, &key, SESSIONS).await;
    assert_eq!((list.status.as_u16(), &list.body[0]["room"]), (200, &json!("blue")), "{}", list.body);
    let detail = by_key(&target, &key, &format!("{SESSIONS}/{session}")).await;
    assert_eq!(detail.body["participants"][0]["identity"], "ann", "{}", detail.body);
    let by_room = by_key(&target, &key, &format!("{SESSIONS}/blue")).await;
    assert_eq!(by_room.body["sessionId"], session.as_str(), "a room's name works as long as it is there");
    let series = by_key(&target, &key, &format!("{SESSIONS}/{session}/series?userId=ann&metric=score")).await;
    assert_eq!(series.body["points"][0]["value"], 3.5, "{}", series.body);

    let token = |room: &str, grants: Value| {
        let mut claims = key.claims("boss", room);
        claims["video"].as_object_mut().expect("grants").extend(grants.as_object().expect("grants").clone());
        format!("Bearer {}", key.sign(&claims))
    };
    let get = async |path: &str, token: &str| target.call(Method::GET, path, token, None).await;
    let path = format!("{SESSIONS}/{session}");
    let here = token("blue", json!({ "roomAdmin": true, "roomList": true }));
    assert_eq!(get(&path, &here).await.status, 200);
    assert_eq!(get(SESSIONS, &here).await.body.as_array().map(Vec::len), Some(1));
    let elsewhere = token("red", json!({ "roomAdmin": true, "roomList": true }));
    assert_code(&get(&path, &elsewhere).await, 404, "session_not_found", "");
    assert_eq!(get(SESSIONS, &elsewhere).await.body, json!([]));
    let takes_part = token("blue", json!({}));
    assert_code(&get(&path, &takes_part).await, 403, "forbidden", "roomAdmin");
    assert_code(&get(SESSIONS, &takes_part).await, 403, "forbidden", "roomList");
    let (path, basic) = (format!("/api/session/{session}/stats"), key.basic());
    let refused = target.call(Method::POST, &path, &basic, Some(report("k", json!({})))).await;
    assert_code(&refused, 403, "forbidden", "takes no part");
    target.stop().await;
}

#[tokio::test]
async fn whoever_left_may_still_report_and_whoever_never_had_a_seat_may_not() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_bob, .. } = target.pair().await;
    at_bob.ack("leaveSession", json!({})).await;
    assert_eq!(stats(&target, &bob, &session, &report("b", json!({ "final": true }))).await.status, 202);
    assert_eq!(target.about(&alice, "end", &session).await.status, 200);
    assert_eq!(stats(&target, &alice, &session, &report("a", json!({ "final": true }))).await.status, 202);
    let detail = one(&target, &alice, &session).await;
    assert_eq!(detail.body["participants"].as_array().map(Vec::len), Some(2), "{}", detail.body);

    // Banned before they came: there is a note of them, and no seat.
    let other = target.api.create_session(&alice, 3).await;
    let ban = format!("/api/session/{other}/participants/{}?banSeconds=60", bob.id);
    assert_eq!(target.api.call(Method::DELETE, &ban, Some(&alice.token), None).await.status, 204);
    assert_code(&stats(&target, &bob, &other, &report("b", json!({}))).await, 404, "not_in_session", "");
    target.stop().await;
}

#[tokio::test]
async fn a_second_report_within_five_seconds_is_refused_and_a_last_one_is_not() {
    let target = Target::local().await;
    let Pair { alice, session, at_alice, .. } = target.pair().await;
    at_alice.ack("reportStats", report("a", json!({}))).await;
    assert_eq!(at_alice.refusal("reportStats", report("another run", json!({}))).await, "rate_limited");
    let refused = stats(&target, &alice, &session, &report("a", json!({}))).await;
    assert_code(&refused, 429, "rate_limited", "5 s");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(stats(&target, &alice, &session, &report("a", json!({ "final": true }))).await.status, 202);
    assert_eq!(at_alice.refusal("reportStats", report("a", json!({ "final": true }))).await, "rate_limited");
    target.stop().await;
}

#[tokio::test]
async fn a_bad_report_names_its_fields_and_takes_nothing_along() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, .. } = target.pair().await;
    let bad = report("a", json!({ "score": 6, "peers": [{ "userId": bob.id, "video": { "fps": 1000 } }] }));
    let refused = stats(&target, &alice, &session, &bad).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "invalid_request"), "{}", refused.body);
    let fields: Vec<_> =
        refused.body["errors"].as_array().into_iter().flatten().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["score", "peers[0].video.fps"]);
    assert_eq!(at_alice.refusal("reportStats", bad).await, "invalid_frame");
    let large = report("a", json!({ "run": "x".repeat(31 * 1024) }));
    assert_code(&stats(&target, &alice, &session, &large).await, 413, "payload_too_large", "30720");
    // What is refused does not count, so a good one is taken at once.
    at_alice.ack("reportStats", report("a", json!({}))).await;
    assert_eq!(one(&target, &alice, &session).await.body["participants"][0]["runs"].as_array().map(Vec::len), Some(1));
    target.stop().await;
}

#[tokio::test]
async fn where_it_is_off_a_report_is_taken_and_nothing_is_kept() {
    let settings = vec![(settings::CALL_QUALITY, "off".to_owned())];
    let target = Target::with(Options { settings, ..Options::default() }).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let joined = target.seat(&alice, &session).await;
    assert_eq!(joined.body["media"].get("quality"), None);
    let socket = target.enter(&alice, &session).await;
    for _ in 0..2 {
        assert_eq!(socket.ack("reportStats", json!({ "whatever": true })).await, json!({}));
        assert_eq!(stats(&target, &alice, &session, &json!({})).await.status, 202);
    }
    assert_eq!(listed(&target, &alice, "").await.body, json!([]));
    assert_code(&one(&target, &alice, &session).await, 404, "session_not_found", "");
    target.stop().await;
}

#[tokio::test]
async fn calls_are_filtered_by_their_worst_minute_and_by_time_and_come_in_pages() {
    let target = Target::local().await;
    let alice = target.person("alice").await;
    let mut sessions = Vec::new();
    for worst in [1.5, 2.5, 3.5, 4.5, 5.0] {
        let session = target.api.create_session(&alice, 2).await;
        target.seat(&alice, &session).await;
        let mut of_it = report("a", json!({}));
        of_it["summary"]["worstScore"] = json!(worst);
        assert_eq!(stats(&target, &alice, &session, &of_it).await.status, 202);
        sessions.insert(0, session);
    }
    let ids = |reply: &Reply| -> Vec<String> {
        reply
            .body
            .as_array()
            .unwrap_or_else(|| panic!("{}", reply.body))
            .iter()
            .map(|each| each["sessionId"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(ids(&listed(&target, &alice, "").await), sessions, "the newest one first");
    assert_eq!(ids(&listed(&target, &alice, "?maxScore=3.5").await), sessions[2..]);
    assert_eq!(ids(&listed(&target, &alice, "?minScore=2.5&maxScore=4.5").await), sessions[1..4]);
    assert_eq!(ids(&listed(&target, &alice, "?to=2026-01-02&from=2026-01-01").await), [""; 0]);

    let first = listed(&target, &alice, "?limit=2&maxScore=4.5").await;
    assert_eq!(ids(&first), sessions[1..3]);
    let link = first.header("link");
    let next = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).unwrap_or_else(|| panic!("{link}")).0;
    let second = target.api.get(next, Some(&alice.token)).await;
    assert_eq!((ids(&second), second.header("link")), (sessions[3..].to_vec(), ""), "the rest, by the same question");
    for (query, named) in [
        ("?minScore=0", "minScore"),
        ("?from=2026-01-01&to=2026-03-01", "from"),
        ("?limit=101", "limit"),
        ("?cursor=x", "cursor"),
    ] {
        let refused = listed(&target, &alice, query).await;
        assert_eq!((refused.status.as_u16(), &refused.body["errors"][0]["field"]), (400, &json!(named)), "{query}");
    }
    for (query, named) in [("", "userId"), ("?userId=x", "metric"), ("?userId=x&metric=colour", "metric")] {
        let refused = target.api.get(&format!("{SESSIONS}/{}/series{query}", sessions[0]), Some(&alice.token)).await;
        assert_eq!((refused.status.as_u16(), &refused.body["errors"][0]["field"]), (400, &json!(named)), "{query}");
    }
    target.stop().await;
}

#[tokio::test]
async fn an_account_that_is_deleted_takes_its_reports_and_the_calls_that_it_hosted_along() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, at_bob, .. } = target.pair().await;
    at_alice.ack("reportStats", report("a", json!({}))).await;
    at_bob.ack("reportStats", report("b", json!({}))).await;
    let delete = async |person: &Account| {
        let path = "/api/auth/me";
        target.api.call(Method::DELETE, path, Some(&person.token), Some(json!({ "password": PASSWORD }))).await.status
    };
    assert_eq!(delete(&bob).await, 204);
    let detail = one(&target, &alice, &session).await;
    let users: Vec<_> =
        detail.body["participants"].as_array().into_iter().flatten().map(|each| each["userId"].clone()).collect();
    assert_eq!(users, [json!(alice.id)], "the host's own report is still there");
    assert_eq!(delete(&alice).await, 204);
    let again = target.api.login(&format!("{}@example.org", target.person("other").await.username), PASSWORD).await;
    assert_code(&one(&target, &again, &session).await, 404, "session_not_found", "");
    target.stop().await;
}
