//! Signaling, rule by rule of the contract.

mod support;

use std::collections::HashSet;
use std::time::Duration;

use http::StatusCode;
use local::Options;
use runtime::settings;
use serde_json::{Value, json};
use support::{Pair, Target, assert_id, assert_time, caption, names, offer, until};
use testclient::{Account, Reply, Socket};

/// The data of the first event of that name about that user.
async fn about(socket: &mut Socket, name: &str, user: &Account) -> Value {
    loop {
        let data = socket.event(name).await["data"].clone();
        if data["userId"] == user.id {
            return data;
        }
    }
}

/// When that user took the seat.
fn joined_at(session: &Value, user: &Account) -> Value {
    let participants = session["participants"].as_array().expect("a list");
    participants.iter().find(|p| p["userId"] == user.id).expect("a participant")["joinedAt"].clone()
}

/// Comes back with a fresh ticket; the data of the `ack`.
async fn resume(target: &Target, person: &Account, session: &str, since: Option<Value>) -> (Socket, Value) {
    let address = target.api.ticket(person, session).await;
    let socket = Socket::connect(&address).await.expect("an open door");
    let entered = socket.ack("joinSession", json!({ "sessionId": session, "since": since })).await;
    (socket, entered)
}

#[tokio::test]
async fn every_frame_is_answered_exactly_once_with_its_id() {
    let target = Target::local().await;
    let Pair { bob, mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    for n in 0..60 {
        let (action, data) = match n % 4 {
            0 => ("ping", json!({})),
            1 => ("sendMessage", json!({ "message": "" })),
            2 => ("sendIceCandidate", json!({ "targetUserId": bob.id, "candidate": { "candidate": "" } })),
            _ => ("dance", json!({})),
        };
        let frame = json!({ "action": action, "id": format!("frame-{n}"), "data": data });
        at_alice.send_text(&frame.to_string()).await;
    }
    let mut answered = HashSet::new();
    while answered.len() < 60 {
        let answer = at_alice.next().await.expect("an answer");
        let id = answer["id"].as_str().expect("an id").to_owned();
        let n: u32 = id.strip_prefix("frame-").and_then(|n| n.parse().ok()).expect("an id of ours");
        let expected = if n.is_multiple_of(2) { "ack" } else { "error" };
        assert_eq!(answer["event"], expected, "{answer}");
        assert_time(&answer["timestamp"]);
        assert!(answered.insert(id), "answered twice: {answer}");
    }
    at_alice.ack("ping", json!({})).await;
    assert_eq!(at_alice.drain(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_id_comes_back_as_it_was_sent_and_may_be_used_again() {
    let target = Target::local().await;
    let Pair { mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    for id in ["x", "x", "ü".repeat(64).as_str(), "\"\\\u{1}\u{1F600}"] {
        at_alice.send_text(&json!({ "action": "ping", "id": id }).to_string()).await;
        let ack = at_alice.event("ack").await;
        assert_eq!((&ack["id"], &ack["data"]), (&json!(id), &json!({})));
    }
}

#[tokio::test]
async fn candidates_always_arrive_as_a_list_and_as_they_were_sent() {
    let target = Target::local().await;
    let Pair { alice, bob, at_alice, mut at_bob, .. } = target.pair().await;
    let one =
        json!({ "candidate": "candidate:1", "sdpMid": null, "sdpMLineIndex": 0, "usernameFragment": "é", "x": [1.50] });
    let end = json!({ "candidate": "" });
    for (sent, received) in
        [(json!({ "candidate": one }), json!([one])), (json!({ "candidates": [one, end] }), json!([one, end]))]
    {
        let mut data = sent;
        data["targetUserId"] = json!(bob.id);
        let ack = at_alice.ack("sendIceCandidate", data).await;
        let event = at_bob.event("receiveIceCandidate").await;
        let expected = json!({
            "fromUserId": alice.id,
            "fromUsername": alice.username,
            "candidates": received,
            "signalId": ack["signalId"],
        });
        assert_eq!(event["data"], expected);
    }
}

#[tokio::test]
async fn epoch_and_seq_are_passed_on_and_never_made_up() {
    let target = Target::local().await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    for (epoch, seq) in
        [(Some("run 1"), Some(1)), (Some("run 1"), Some(7)), (None, Some(2)), (Some("r"), None), (None, None)]
    {
        let mut signal = offer(&bob.id, "v=0");
        (signal["epoch"], signal["seq"]) = (json!(epoch), json!(seq));
        at_alice.ack("sendOffer", signal).await;
        let data = at_bob.event("receiveOffer").await["data"].clone();
        assert_eq!(data.get("epoch").and_then(Value::as_str), epoch, "{data}");
        assert_eq!(data.get("seq").and_then(Value::as_u64), seq, "{data}");
    }
}

#[tokio::test]
async fn signals_of_one_sender_arrive_in_order_with_ids_that_sort() {
    let target = Target::local().await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    let mut ids = Vec::new();
    for seq in 1..=30 {
        let mut signal = offer(&bob.id, "v=0");
        signal["seq"] = json!(seq);
        let ack = at_alice.ack("sendOffer", signal).await;
        assert_eq!(ack["delivery"], "sent");
        assert_id(&ack["signalId"]);
        ids.push(ack["signalId"].clone());
    }
    let texts: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
    assert!(texts.is_sorted_by(|a, b| a < b), "{texts:?}");
    for (seq, id) in (1..).zip(ids) {
        let data = at_bob.event("receiveOffer").await["data"].clone();
        assert_eq!((&data["seq"], &data["signalId"]), (&json!(seq), &id));
    }
}

#[tokio::test]
async fn a_signal_reaches_its_target_alone_and_chat_reaches_everybody() {
    let target = Target::local().await;
    let (alice, bob, carol) = (target.person("alice").await, target.person("bob").await, target.person("carol").await);
    let session = target.api.create_session(&alice, 3).await;
    let mut at_alice = target.enter(&alice, &session).await;
    let mut at_bob = target.enter(&bob, &session).await;
    let mut at_carol = target.enter(&carol, &session).await;

    at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    let sent = at_carol.ack("sendMessage", json!({ "message": "hi \u{1F44B}" })).await;
    for socket in [&mut at_alice, &mut at_bob, &mut at_carol] {
        let event = socket.event("receiveMessage").await;
        let expected = json!({
            "messageId": sent["messageId"],
            "fromUserId": carol.id,
            "fromUsername": carol.username,
            "message": "hi \u{1F44B}",
        });
        assert_eq!(event["data"], expected);
    }
    at_bob.event("receiveOffer").await;
    assert_eq!(names(&at_carol.drain()), Vec::<&str>::new());

    let history = target.api.get(&format!("/api/session/{session}/messages"), Some(&bob.token)).await;
    assert_eq!(history.body[0]["messageId"], sent["messageId"]);
}

#[tokio::test]
async fn a_status_is_told_to_the_others_and_kept_over_a_reconnect() {
    let target = Target::local().await;
    let Pair { bob, session, mut at_alice, mut at_bob, .. } = target.pair().await;
    let status = json!({ "isMuted": true, "isVideoEnabled": false });
    assert_eq!(at_bob.ack("updateStatus", status).await, json!({}));
    let told = about(&mut at_alice, "userStatusUpdated", &bob).await;
    assert_eq!(
        (&told["isMuted"], &told["isVideoEnabled"], &told["status"]),
        (&json!(true), &json!(false), &json!("connected"))
    );
    at_bob.ack("ping", json!({})).await;
    assert_eq!(at_bob.drain(), Vec::<Value>::new(), "not to the sender");

    let (_again, entered) = resume(&target, &bob, &session, None).await;
    let shown = entered["session"]["participants"].as_array().expect("a list").iter().find(|p| p["userId"] == bob.id);
    assert_eq!(shown.map(|p| &p["isMuted"]), Some(&json!(true)));
}

#[tokio::test]
async fn leaving_is_acknowledged_before_the_connection_closes() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    assert_eq!(at_bob.ack("leaveSession", json!({})).await, json!({}));
    let left = at_alice.event("userLeft").await;
    assert_eq!(left["data"], json!({ "userId": bob.id, "username": bob.username, "reason": "left" }));
    at_bob.ended().await;
    assert_eq!(target.detail(&alice, &session).await["currentParticipants"], 1);
    at_alice.ack("ping", json!({})).await;
    assert_eq!(names(&at_alice.drain()), Vec::<&str>::new(), "who left is not reconnecting");
}

#[tokio::test]
async fn a_newer_connection_replaces_the_older_one() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let mut newer = target.enter(&bob, &session).await;
    assert_eq!(at_bob.event("replaced").await["data"], json!({}));
    at_bob.ended().await;

    assert_eq!(about(&mut at_alice, "userStatusUpdated", &bob).await["status"], "connected");
    at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    assert_eq!(newer.event("receiveOffer").await["data"]["fromUserId"], alice.id);
    newer.ack("sendMessage", json!({ "message": "it is me" })).await;
    at_alice.event("receiveMessage").await;
    assert_eq!(names(&at_alice.drain()), Vec::<&str>::new(), "one person throughout");
    assert_eq!(target.detail(&alice, &session).await["currentParticipants"], 2);
}

#[tokio::test]
async fn the_newest_ticket_wins_whichever_connection_joins_last() {
    let target = Target::local().await;
    let Pair { bob, session, mut at_bob, at_alice: _at_alice, .. } = target.pair().await;
    let (older, newer) = (target.api.ticket(&bob, &session).await, target.api.ticket(&bob, &session).await);
    let newer = Socket::connect(&newer).await.expect("an open door");
    let mut older = Socket::connect(&older).await.expect("an open door");
    newer.ack("joinSession", json!({ "sessionId": session })).await;
    at_bob.ended().await;
    assert_eq!(older.refusal("joinSession", json!({ "sessionId": session })).await, "not_joined");
    older.event("replaced").await;
    older.ended().await;
    newer.ack("sendMessage", json!({ "message": "still here" })).await;
}

#[tokio::test]
async fn joining_twice_over_one_connection_is_one_joining() {
    let target = Target::local().await;
    let Pair { session, mut at_alice, at_bob, .. } = target.pair().await;
    let again = at_bob.ack("joinSession", json!({ "sessionId": session })).await;
    assert_eq!(again["session"]["currentParticipants"], 2);
    at_bob.ack("sendMessage", json!({ "message": "hello" })).await;
    at_alice.event("receiveMessage").await;
    assert!(!names(&at_alice.drain()).contains(&"userJoined"));
}

#[tokio::test]
async fn a_lost_connection_is_reconnecting_and_its_seat_is_free_when_the_grace_ends() {
    let target = Target::with_settings([(settings::RECONNECT_GRACE_SECONDS, 1)]).await;
    let Pair { alice, bob, session, mut at_alice, at_bob } = target.pair().await;
    drop(at_bob);
    let lost = about(&mut at_alice, "userStatusUpdated", &bob).await;
    let expected = json!({
        "userId": bob.id,
        "username": bob.username,
        "status": "reconnecting",
        "isMuted": false,
        "isVideoEnabled": true,
    });
    assert_eq!(lost, expected);
    let left = at_alice.event("userLeft").await;
    assert_eq!(left["data"], json!({ "userId": bob.id, "username": bob.username, "reason": "timeout" }));
    let detail = target.detail(&alice, &session).await;
    assert_eq!((&detail["currentParticipants"], detail["participants"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    assert_eq!(target.about(&bob, "ticket", &session).await.code(), "not_in_session");
    assert_eq!(at_alice.refusal("sendOffer", offer(&bob.id, "v=0")).await, "peer_not_found");
}

#[tokio::test]
async fn who_closes_politely_is_reconnecting_too() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob } = target.pair().await;
    at_bob.close().await;
    assert_eq!(about(&mut at_alice, "userStatusUpdated", &bob).await["status"], "reconnecting");
    let detail = target.detail(&alice, &session).await;
    assert_eq!(detail["currentParticipants"], 2, "the seat is kept for the grace");
}

#[tokio::test]
async fn who_comes_back_within_the_grace_gets_what_was_missed_and_is_not_announced_again() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, at_bob } = target.pair().await;
    let since = joined_at(&target.detail(&bob, &session).await, &bob);
    drop(at_bob);
    assert_eq!(about(&mut at_alice, "userStatusUpdated", &bob).await["status"], "reconnecting");
    let offered = at_alice.ack("sendOffer", offer(&bob.id, "v=0 missed")).await;
    assert_eq!(offered["delivery"], "queued");
    let said = at_alice.ack("sendMessage", json!({ "message": "are you there?" })).await;

    let (mut at_bob, entered) = resume(&target, &bob, &session, Some(since.clone())).await;
    assert_eq!(entered["recovered"], true);
    let replayed = at_bob.event("receiveOffer").await;
    assert_eq!(
        (&replayed["data"]["signalId"], &replayed["data"]["fromUserId"]),
        (&offered["signalId"], &json!(alice.id))
    );
    assert_eq!(at_bob.event("receiveMessage").await["data"]["messageId"], said["messageId"]);
    assert_eq!(about(&mut at_alice, "userStatusUpdated", &bob).await["status"], "connected");
    at_alice.ack("ping", json!({})).await;
    assert!(!names(&at_alice.drain()).contains(&"userJoined"));
    assert_eq!(joined_at(&entered["session"], &bob), since, "the same seat");
}

#[tokio::test]
async fn a_caption_reaches_everybody_and_a_final_one_waits_for_who_is_away() {
    let target = Target::local().await;
    let Pair { alice, bob, session, mut at_alice, mut at_bob } = target.pair().await;
    let since = joined_at(&target.detail(&bob, &session).await, &bob);
    let growing = caption("hel", false);
    assert_eq!(at_alice.ack("sendCaption", growing.clone()).await, json!({}));
    for at in [&mut at_alice, &mut at_bob] {
        let mut wanted = growing.clone();
        wanted["fromUserId"] = json!(alice.id);
        wanted["fromUsername"] = json!(alice.username);
        assert_eq!(at.event("receiveCaption").await["data"], wanted);
    }
    drop(at_bob);
    assert_eq!(about(&mut at_alice, "userStatusUpdated", &bob).await["status"], "reconnecting");
    at_alice.ack("sendCaption", caption("hello", false)).await;
    for text in ["hello there", "said again after a lost answer"] {
        at_alice.ack("sendCaption", caption(text, true)).await;
    }
    let (mut at_bob, _) = resume(&target, &bob, &session, Some(since)).await;
    let heard = at_bob.event("receiveCaption").await["data"].clone();
    assert_eq!((&heard["text"], &heard["final"]), (&json!("hello there"), &json!(true)));
    at_bob.ack("ping", json!({})).await;
    assert!(!names(&at_bob.drain()).contains(&"receiveCaption"), "the first final one, once");
}

#[tokio::test]
async fn a_transcript_is_read_as_a_list_as_subtitles_and_as_text_page_by_page() {
    let target = Target::local().await;
    let Pair { alice, bob, session, at_alice, at_bob } = target.pair().await;
    for (at, id, text) in [(&at_alice, "1", "How <are> you?"), (&at_bob, "1", "Fine."), (&at_alice, "2", "Good.")] {
        let mut said = caption(text, true);
        said["captionId"] = json!(id);
        at.ack("sendCaption", said).await;
    }
    at_alice.ack("sendMessage", json!({ "message": "written" })).await;
    let path = format!("/api/session/{session}/transcript");
    let first = target.api.get(&format!("{path}?limit=2"), Some(&bob.token)).await;
    let spoken =
        |reply: &Reply| reply.body.as_array().expect("a list").iter().map(|c| c["text"].clone()).collect::<Vec<_>>();
    assert_eq!(spoken(&first), ["How <are> you?", "Fine."]);
    let one = &first.body[0];
    assert_eq!(
        (&one["captionId"], &one["fromUserId"], &one["language"]),
        (&json!("1"), &json!(alice.id), &json!("en"))
    );
    assert_time(&one["startedAt"]);
    assert_time(&one["endedAt"]);
    let next = first.header("link").trim_start_matches('<').split('>').next().expect("a link").to_owned();
    assert_eq!(spoken(&target.api.get(&next, Some(&bob.token)).await), ["Good."]);

    let origin = one["startedAt"].as_str().expect("a time");
    for (query, kind, holds) in [
        (format!("format=vtt&origin={origin}"), "text/vtt; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:01."),
        ("format=vtt".to_owned(), "text/vtt; charset=utf-8", "How &lt;are&gt; you?"),
        ("format=txt".to_owned(), "text/plain; charset=utf-8", ": Fine.\n"),
    ] {
        let reply = target.api.get(&format!("{path}?{query}"), Some(&alice.token)).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, kind));
        let text = String::from_utf8_lossy(&reply.bytes);
        assert!(text.contains(holds), "{text}");
    }
    for (query, field) in
        [("format=srt", "format"), ("origin=noon", "origin"), ("limit=1001", "limit"), ("cursor=x", "cursor")]
    {
        let reply = target.api.get(&format!("{path}?{query}"), Some(&alice.token)).await;
        assert_eq!((reply.code(), &reply.body["errors"][0]["field"]), ("invalid_request", &json!(field)));
    }
    let stranger = target.person("stranger").await;
    assert_eq!(target.api.get(&path, Some(&stranger.token)).await.code(), "not_in_session");
}

/// A server with Amazon Transcribe, and how one asks for an address.
async fn transcribing() -> (Target, impl AsyncFn(&Target, &Account, &str, Value) -> Reply) {
    let settings = vec![
        (settings::TRANSCRIBE_REGION, "eu-central-1".to_owned()),
        (settings::ACCESS_KEY_ID, "AKIDEXAMPLE".to_owned()),
        (settings::SECRET_ACCESS_KEY, "secret".to_owned()),
    ];
    let ask = async |target: &Target, who: &Account, session: &str, language: Value| {
        let path = format!("/api/session/{session}/transcribe");
        target.api.post(&path, Some(&who.token), json!({ "language": language })).await
    };
    (Target::with(Options { settings, ..Options::default() }).await, ask)
}

#[tokio::test]
async fn a_speaker_gets_an_address_of_amazon_transcribe_for_five_minutes() {
    let (target, ask) = transcribing().await;
    let Pair { alice, session, at_bob: _at_bob, at_alice: _at_alice, .. } = target.pair().await;
    let line = ask(&target, &alice, &session, json!("de-DE")).await;
    assert_eq!(line.status, StatusCode::OK, "{}", line.body);
    let url = line.text("url");
    assert!(
        url.starts_with("wss://transcribestreaming.eu-central-1.amazonaws.com:8443/stream-transcription-websocket?")
    );
    for part in
        ["language-code=de-DE", "media-encoding=pcm", "sample-rate=16000", "X-Amz-Expires=300", "X-Amz-Signature="]
    {
        assert!(url.contains(part), "{part} in {url}");
    }
    assert!(!url.contains("secret"), "{url}");
    assert_time(&line.body["expiresAt"]);
}

#[tokio::test]
async fn an_address_of_amazon_transcribe_is_for_those_who_speak_in_a_language_that_it_may_know() {
    let (target, ask) = transcribing().await;
    let Pair { alice, bob, session, at_alice, at_bob: _at_bob } = target.pair().await;
    for language in [json!("de"), json!("DE-de"), json!("de-DE&x=1"), json!(""), json!(1), Value::Null] {
        let reply = ask(&target, &alice, &session, language).await;
        assert_eq!((reply.code(), &reply.body["errors"][0]["field"]), ("invalid_request", &json!("language")));
    }
    let stranger = target.person("stranger").await;
    assert_eq!(ask(&target, &stranger, &session, json!("de-DE")).await.code(), "not_in_session");
    let silent = json!({ "targetUserId": bob.id, "permissions": { "publishAudio": false } });
    at_alice.ack("updateParticipant", silent).await;
    assert_eq!(ask(&target, &bob, &session, json!("de-DE")).await.code(), "forbidden");
    for _ in 0..60 {
        assert_eq!(ask(&target, &alice, &session, json!("de-DE")).await.status, StatusCode::OK);
    }
    assert_eq!(ask(&target, &alice, &session, json!("de-DE")).await.code(), "rate_limited");
    target.about(&alice, "leave", &session).await;
    assert_eq!(ask(&target, &alice, &session, json!("de-DE")).await.code(), "not_in_session");
}

#[tokio::test]
async fn without_a_region_no_address_of_amazon_transcribe_is_offered() {
    let target = Target::local().await;
    let Pair { alice, session, at_bob: _at_bob, at_alice: _at_alice, .. } = target.pair().await;
    let path = format!("/api/session/{session}/transcribe");
    let reply = target.api.post(&path, Some(&alice.token), json!({ "language": "de-DE" })).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::NOT_FOUND, "not_offered"));
}

#[tokio::test]
async fn whoever_may_not_speak_sends_no_captions_and_nobody_sends_too_many_or_too_old_ones() {
    let target = Target::with_settings([(settings::CHAT_PER_SECOND, 1), (settings::CHAT_BURST, 4)]).await;
    let Pair { bob, at_alice, at_bob, .. } = target.pair().await;
    let mut old = caption("hello", true);
    old["startedAt"] = json!("2026-11-22T12:00:00Z");
    let answer = at_alice.request("sendCaption", old).await.expect("an answer");
    assert_eq!(answer["data"]["code"], "invalid_frame");
    assert!(answer["data"]["message"].as_str().expect("a text").contains("startedAt must be"), "{answer}");
    at_alice
        .ack("updateParticipant", json!({ "targetUserId": bob.id, "permissions": { "publishAudio": false } }))
        .await;
    assert_eq!(at_bob.refusal("sendCaption", caption("hello", true)).await, "forbidden");
    let refused = until("a refusal", async || {
        let answer = at_alice.request("sendCaption", caption("hel", false)).await.expect("an answer");
        (answer["event"] == "error").then(|| answer["data"]["code"].clone())
    });
    assert_eq!(refused.await, "rate_limited");
    at_alice.ack("sendMessage", json!({ "message": "and yet writes" })).await;
}

#[tokio::test]
async fn without_since_nothing_is_replayed() {
    let target = Target::local().await;
    let Pair { bob, session, at_alice, at_bob, .. } = target.pair().await;
    at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    at_alice.ack("sendMessage", json!({ "message": "hello" })).await;
    drop(at_bob);
    let (mut again, entered) = resume(&target, &bob, &session, None).await;
    assert_eq!(entered["recovered"], false);
    again.ack("ping", json!({})).await;
    assert_eq!(names(&again.drain()), Vec::<&str>::new());
}

#[tokio::test]
async fn a_since_before_the_seat_was_taken_is_not_recovered() {
    let target = Target::local().await;
    let Pair { bob, session, mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let before = joined_at(&target.detail(&bob, &session).await, &bob);
    assert_eq!(target.about(&bob, "leave", &session).await.status, 200);
    at_alice.event("userLeft").await;
    target.seat(&bob, &session).await;
    let (_again, entered) = resume(&target, &bob, &session, Some(before)).await;
    assert_eq!(entered["recovered"], false, "the seat was not held all along");
}

#[tokio::test]
async fn a_since_outside_the_inbox_window_is_not_recovered() {
    let target = Target::with_settings([
        (settings::INBOX_WINDOW_SECONDS, 3),
        (settings::HEARTBEAT_SECONDS, 1),
        (settings::DETECTION_SECONDS, 1),
        (settings::RECONNECT_GRACE_SECONDS, 1),
    ])
    .await;
    let Pair { bob, session, at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let since = joined_at(&target.detail(&bob, &session).await, &bob);
    let joined = protocol::parse_time(since.as_str().expect("a time")).expect("a time");
    until("the end of the window", async || {
        let ack = at_alice.request("ping", json!({})).await.expect("an answer");
        let now = protocol::parse_time(ack["timestamp"].as_str().expect("a time")).expect("a time");
        (now.since(joined) > Duration::from_secs(3)).then_some(())
    })
    .await;
    let (_again, entered) = resume(&target, &bob, &session, Some(since)).await;
    assert_eq!(entered["recovered"], false);
}

#[tokio::test]
async fn sync_replays_and_says_how_much() {
    let target = Target::local().await;
    let Pair { bob, at_alice, mut at_bob, .. } = target.pair().await;
    let offered = at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    let said = at_bob.ack("sendMessage", json!({ "message": "hello" })).await;
    let first = at_bob.event("receiveOffer").await;
    at_bob.event("receiveMessage").await;

    let synced = at_bob.ack("sync", json!({ "since": first["timestamp"] })).await;
    assert_eq!(synced, json!({ "replayed": 2 }));
    let again = at_bob.event("receiveOffer").await;
    assert_eq!(again, first);
    assert_eq!(again["data"]["signalId"], offered["signalId"]);
    assert_eq!(at_bob.event("receiveMessage").await["data"]["messageId"], said["messageId"]);
}

#[tokio::test]
async fn a_signal_waits_for_somebody_who_has_not_connected_yet() {
    let target = Target::local().await;
    let (alice, bob) = (target.person("alice").await, target.person("bob").await);
    let session = target.api.create_session(&alice, 2).await;
    let at_alice = target.enter(&alice, &session).await;
    let joined = target.seat(&bob, &session).await.body;
    let sent = at_alice.ack("sendOffer", offer(&bob.id, "v=0")).await;
    assert_eq!(sent["delivery"], "queued");
    let (mut at_bob, entered) = resume(&target, &bob, &session, Some(joined_at(&joined, &bob))).await;
    assert_eq!(entered["recovered"], true);
    assert_eq!(at_bob.event("receiveOffer").await["data"]["signalId"], sent["signalId"]);
}

#[tokio::test]
async fn who_never_connects_loses_the_seat_unannounced() {
    let target = Target::with_settings([(settings::FIRST_CONNECT_SECONDS, 1)]).await;
    let (alice, bob, carol) = (target.person("alice").await, target.person("bob").await, target.person("carol").await);
    let session = target.api.create_session(&alice, 2).await;
    let mut at_alice = target.enter(&alice, &session).await;
    target.seat(&bob, &session).await;
    until("the end of the wait", async || {
        let left = target.detail(&alice, &session).await["currentParticipants"] == 1;
        left.then_some(())
    })
    .await;
    let _at_carol = target.enter(&carol, &session).await;
    assert_eq!(target.about(&bob, "ticket", &session).await.code(), "not_in_session");
    assert_eq!(at_alice.event("userJoined").await["data"]["userId"], carol.id);
    let others = at_alice.drain();
    assert!(others.iter().all(|event| event["data"]["userId"] != bob.id), "{others:?}");
}

#[tokio::test]
async fn a_ticket_of_a_lost_seat_joins_nobody() {
    let target = Target::local().await;
    let Pair { bob, session, mut at_alice, at_bob: _at_bob, .. } = target.pair().await;
    let stale = target.api.ticket(&bob, &session).await;
    assert_eq!(target.about(&bob, "leave", &session).await.status, 200);
    at_alice.event("userLeft").await;
    let socket = Socket::connect(&stale).await.expect("an open door");
    assert_eq!(socket.refusal("joinSession", json!({ "sessionId": session })).await, "not_joined");
}

#[tokio::test]
async fn who_shows_no_life_loses_the_seat_when_the_lease_ends() {
    let settings = support::short_lease();
    let target =
        Target::with(Options { settings, sweep_every: Duration::from_millis(200), ..Options::default() }).await;
    let Pair { bob, mut at_alice, at_bob, .. } = target.pair().await;
    let left = until("the end of the lease", async || {
        at_alice.ack("ping", json!({})).await;
        at_alice.drain().into_iter().find(|event| event["event"] == "userLeft")
    })
    .await;
    assert_eq!(left["data"], json!({ "userId": bob.id, "username": bob.username, "reason": "timeout" }));
    assert_eq!(at_bob.refusal("updateStatus", json!({ "isMuted": true, "isVideoEnabled": true })).await, "not_joined");
}

#[tokio::test]
async fn a_session_that_stands_empty_ends() {
    let settings = vec![(settings::EMPTY_SESSION_SECONDS, "1".to_owned())];
    let target =
        Target::with(Options { settings, sweep_every: Duration::from_millis(200), ..Options::default() }).await;
    let alice = target.person("alice").await;
    let (empty, used) = (target.api.create_session(&alice, 2).await, target.api.create_session(&alice, 2).await);
    let at_alice = target.enter(&alice, &used).await;
    until("the end of the empty session", async || {
        (target.detail(&alice, &empty).await["status"] == "ended").then_some(())
    })
    .await;
    assert_eq!(target.detail(&alice, &used).await["status"], "active");
    assert_eq!(at_alice.ack("ping", json!({})).await, json!({}));
}

#[tokio::test]
async fn the_heartbeat_is_the_servers_to_say() {
    let target = Target::with_settings([(settings::HEARTBEAT_SECONDS, 17)]).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let socket = target.connect(&alice, &session).await;
    assert_eq!(socket.ack("joinSession", json!({ "sessionId": session })).await["heartbeatSeconds"], 17);
}

#[tokio::test]
async fn turn_credentials_belong_to_the_caller_and_end() {
    let options = Options {
        stun_urls: vec!["stun:stun.example.org:3478".to_owned()],
        turn_urls: vec!["turn:turn.example.org:3478".to_owned(), "turns:turn.example.org:5349".to_owned()],
        turn_secret: Some("a shared secret".to_owned()),
        ..Options::default()
    };
    let target = Target::with(options).await;
    let alice = target.person("alice").await;
    let session = target.api.create_session(&alice, 2).await;
    let ice = target.api.get("/api/iceservers", Some(&alice.token)).await.body;
    let joined = target.seat(&alice, &session).await.body;
    for servers in [&ice["iceServers"], &joined["iceServers"]] {
        assert_eq!(servers[0], json!({ "urls": ["stun:stun.example.org:3478"] }));
        assert_eq!(servers[1]["urls"], json!(["turn:turn.example.org:3478", "turns:turn.example.org:5349"]));
        let username = servers[1]["username"].as_str().expect("a user name");
        let (expiry, user) = username.split_once(':').expect("expiry and user");
        assert_eq!((user, expiry.len()), (alice.id.as_str(), 10), "seconds");
        assert_eq!(servers[1]["credential"].as_str().map(str::len), Some(28), "base64 of 20 bytes");
    }
}
