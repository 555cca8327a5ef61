//! Settings from the environment.

use serde_json::json;
use testclient::{Socket, socket_address};

use crate::support::{PASSWORD, unique};
use crate::tunrtc::{Tunrtc, run};

#[tokio::test]
async fn limits_of_the_functions_are_settings_of_the_local_server_too() {
    let server = Tunrtc::start_in(&[], &[("TUNRTC_REGISTRATIONS_PER_ADDRESS", "2")]);
    for status in [201, 201, 429] {
        let name = unique("alice");
        let body = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        assert_eq!(server.api.post("/api/auth/register", None, body).await.status, status);
    }
}

#[test]
fn a_setting_that_makes_no_sense_is_refused_by_name() {
    for (name, value) in [
        ("TUNRTC_FRAMES_PER_SECOND", "many"),
        ("TUNRTC_ICE_TTL_SECONDS", "5"),
        ("TUNRTC_STUN_URLS", "stun.example.org"),
        ("TUNRTC_HEARTBEAT_SECONDS", "0"),
        ("TUNRTC_DEFAULT_VISIBILITY", "secret"),
    ] {
        let (code, _, errors) = run(&["--port", "0"], &[(name, value)]);
        // What an option could be given for is refused as the option.
        let option = name.trim_start_matches("TUNRTC_").trim_end_matches('S').to_lowercase().replace('_', "-");
        assert!(code.is_some_and(|code| code != 0), "{name}");
        assert!(errors.contains(name) || errors.contains(&format!("--{option}")), "{name}: {errors}");
    }
}

#[test]
fn a_name_that_is_no_setting_of_this_server_is_told() {
    let server = Tunrtc::start_in(&[], &[("TUNRTC_HEARTBEAT_SECOND", "5"), ("TUNRTC_TABLE", "mine")]);
    server.signal("TERM");
    let (_, lines, _) = server.ended();
    for name in ["TUNRTC_HEARTBEAT_SECOND", "TUNRTC_TABLE"] {
        assert_eq!(lines.iter().filter(|line| line.contains(name)).count(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn sessions_are_in_the_list_unless_the_operator_or_their_maker_wants_it_otherwise() {
    for (options, environment, usual) in [
        (&[][..], &[][..], "public"),
        (&["--default-visibility", "unlisted"], &[("TUNRTC_DEFAULT_VISIBILITY", "public")], "unlisted"),
        (&[], &[("TUNRTC_DEFAULT_VISIBILITY", "unlisted")], "unlisted"),
    ] {
        let server = Tunrtc::start_in(options, environment);
        let alice = server.api.register(&unique("alice")).await;
        let token = Some(alice.token.as_str());
        assert_eq!(server.api.get("/api/auth/me", token).await.body["defaultVisibility"], usual);
        for (said, expected) in [(None, usual), (Some("public"), "public"), (Some("unlisted"), "unlisted")] {
            let mut wanted = json!({ "name": "Stand-up" });
            said.inspect(|said| wanted["visibility"] = json!(said));
            let made = server.api.post("/api/session/create", token, wanted).await.body;
            assert_eq!(made["visibility"], expected, "{usual}");
            let listed = server.api.get("/api/session/active", token).await.body;
            let is_listed =
                listed.as_array().is_some_and(|all| all.iter().any(|one| one["sessionId"] == made["sessionId"]));
            assert_eq!(is_listed, expected == "public", "{usual}");
        }
    }
}

#[tokio::test]
async fn clients_of_the_local_server_show_life_every_50_seconds_unless_told_otherwise() {
    for (environment, expected) in [(&[][..], 50), (&[("TUNRTC_HEARTBEAT_SECONDS", "100")], 100)] {
        let server = Tunrtc::start_in(&[], environment);
        let alice = server.api.register(&unique("alice")).await;
        let session = server.api.create_session(&alice, 2).await;
        let joined = server.api.join(&alice, &session).await;
        let socket = Socket::connect(&socket_address(&joined.body["signaling"])).await.expect("an open door");
        let ack = socket.ack("joinSession", json!({ "sessionId": session })).await;
        assert_eq!(ack["heartbeatSeconds"], expected);
    }
}
