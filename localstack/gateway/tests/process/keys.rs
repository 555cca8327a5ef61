//! API keys by the command line: with and without a server, after a crash, and what is refused.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::tunrtc::{Folder, Tunrtc, run};

/// Runs `tunrtc keys ...` on that data; what it prints.
fn keys(data: &str, arguments: &[&str]) -> String {
    let (code, output, errors) = run(&[&["keys"], arguments, &["--data", data]].concat(), &[]);
    assert_eq!(code, Some(0), "{errors}");
    output
}

/// Creates a key of a project: it and its secret.
fn create(data: &str, project: &str) -> [String; 2] {
    let output = keys(data, &["create", "--project", project]);
    let value = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name} in {output}")).to_owned()
    };
    [value("TUNRTC_API_KEY"), value("TUNRTC_API_SECRET")]
}

async fn status(server: &Tunrtc, [id, secret]: &[String; 2]) -> u16 {
    let claims = json!({ "iss": id, "sub": "ann", "nbf": now(), "exp": now() + 60, "video": { "roomJoin": true, "room": "daily" } });
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("JSON");
    server.api.post("/api/session/join", Some(&token), json!({})).await.status.as_u16()
}

fn now() -> u64 {
    domain::Clock::now(&runtime::SystemClock).seconds()
}

#[tokio::test]
async fn keys_are_made_listed_and_disabled_whether_the_server_runs_or_not() {
    let folder = Folder::new("keys");
    let data = folder.file("tunrtc.db");
    let before = create(&data, "acme");
    let server = Tunrtc::start(&["--data", &data]);
    let socket = std::fs::metadata(format!("{data}.control")).expect("a socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    let meanwhile = create(&data, "acme");
    assert_eq!([status(&server, &before).await, status(&server, &meanwhile).await], [200, 200]);

    // The socket of a server that was killed is in nobody's way.
    drop(server);
    let unused = create(&data, "other");
    let server = Tunrtc::start(&["--data", &data]);
    assert!(keys(&data, &["disable", &meanwhile[0]]).contains("is disabled"));
    assert_eq!([status(&server, &before).await, status(&server, &meanwhile).await], [200, 401]);
    let listed = keys(&data, &["list", "--project", "acme"]);
    assert!(listed.lines().count() == 2 && listed.contains("disabled 20") && !listed.contains(&unused[0]), "{listed}");
    assert!(!keys(&data, &["list"]).contains(&before[1]), "a secret is shown once");
}

#[test]
fn a_log_of_coturn_is_read_and_says_how_much_of_it_counts() {
    let folder = Folder::new("turn-usage");
    let data = folder.file("tunrtc.db");
    let log = folder.file("coturn.log");
    // coturn writes what it refuses as it came.
    let refused = b"2026-11-29T14:30:13+0000: ERROR: check_stun_auth: wrong username: 1:\xff\n";
    let said = [include_bytes!("../../../../coturn/tests/usage.txt").as_slice(), refused].concat();
    std::fs::write(&log, said).expect("a file");
    let (code, output, errors) = run(&["turn-usage", &log, "--data", &data], &[]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(output, "0 of 2 allocations are in the ledger; 2 lines could not be read\n");
    let (code, _, errors) = run(&["turn-usage", &folder.file("none.log"), "--data", &data], &[]);
    assert!(code == Some(1) && errors.contains("none.log"), "{errors}");
}

#[test]
fn a_bad_command_says_in_one_line_what_is_wrong() {
    let folder = Folder::new("bad-keys");
    let data = folder.file("tunrtc.db");
    for (arguments, said) in [
        (&["keys", "create", "--project", "Not Good", "--data", &data][..], "project must be 1-40 characters"),
        (&["keys", "create", "--project", "a", "--grant", "fly", "--data", &data], "grants must be a list"),
        (&["keys", "disable", "devkey", "--data", &data], "key is not known"),
        (&["keys", "list"], "--data"),
    ] {
        let (code, output, errors) = run(arguments, &[]);
        assert_eq!((code, errors.lines().count()), (Some(1), 1), "{output} {errors}");
        assert!(errors.contains(said), "{said} is not in: {errors}");
    }
}
