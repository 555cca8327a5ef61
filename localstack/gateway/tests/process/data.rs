//! The data file: who may read it, and what happens when it is not as it should be.

use std::os::unix::fs::{PermissionsExt, symlink};

use rusqlite::Connection;
use serde_json::json;

use crate::support::{PASSWORD, unique};
use crate::tunrtc::{Folder, Tunrtc, run};

fn mode(path: &str) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{path}: {error}")).permissions().mode() & 0o777
}

/// Checks that a server does not start on that file, in one line that names path, option and reason.
fn assert_refused(data: &str, reason: &str) {
    let (code, output, errors) = run(&["--port", "0", "--data", data], &[]);
    assert_eq!((code, errors.lines().count()), (Some(1), 1), "{output} {errors}");
    for part in [data, "--data", reason] {
        assert!(errors.contains(part), "{part} is not in: {errors}");
    }
}

#[tokio::test]
async fn data_journals_and_lock_are_readable_by_their_owner_alone() {
    let folder = Folder::new("modes");
    let data = folder.file("tunrtc.db");
    std::fs::write(&data, "").expect("a file that was there before");
    std::fs::write(format!("{data}.secret"), "s".repeat(32)).expect("a file that was there before");
    let server = Tunrtc::start(&["--data", &data]);
    server.api.register(&unique("alice")).await;
    for suffix in ["", "-wal", "-shm", ".lock", ".secret"] {
        let path = format!("{data}{suffix}");
        assert_eq!(mode(&path), 0o600, "{path}");
    }
}

#[tokio::test]
async fn a_link_to_the_data_is_the_same_data() {
    let folder = Folder::new("links");
    let (data, link) = (folder.file("tunrtc.db"), folder.file("link.db"));
    symlink(&data, &link).expect("a link");
    let server = Tunrtc::start(&["--data", &link]);
    let alice = server.api.register(&unique("alice")).await;
    assert_refused(&data, "another TunRTC uses it");
    server.signal("TERM");
    server.ended();
    let server = Tunrtc::start(&["--data", &data]);
    let me = server.api.get("/api/auth/me", Some(&alice.token)).await;
    assert_eq!(me.status, 200, "the secret is the same, too");
    drop(server);
    std::fs::hard_link(&data, folder.file("second.db")).expect("a second name");
    assert_refused(&data, "hard link");
}

#[test]
fn a_database_of_something_else_is_refused_and_left_as_it_was() {
    let folder = Folder::new("foreign");
    let data = folder.file("photos.db");
    let foreign = Connection::open(&data).expect("a database");
    foreign.execute_batch("CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('holiday')").expect("a table");
    drop(foreign);
    let before = std::fs::read(&data).expect("a file");
    assert_refused(&data, "something else");
    assert_eq!(std::fs::read(&data).expect("a file"), before);

    let text = folder.file("notes.txt");
    std::fs::write(&text, "not a database at all, but long enough to be looked at as one ".repeat(20)).expect("a file");
    assert_refused(&text, "cannot be read as a database");
}

#[tokio::test]
async fn damage_is_told_at_the_start() {
    let folder = Folder::new("damage");
    let data = folder.file("tunrtc.db");
    let server = Tunrtc::start(&["--data", &data]);
    for _ in 0..3 {
        server.api.register(&unique("alice")).await;
    }
    server.signal("TERM");
    server.ended();
    let mut bytes = std::fs::read(&data).expect("a file");
    let page = 4096;
    // Behind the first page, which holds the schema.
    for byte in bytes.iter_mut().skip(page) {
        *byte ^= 0x5a;
    }
    std::fs::write(&data, bytes).expect("a file");
    assert_refused(&data, "damaged");
}

#[test]
fn a_secret_that_is_too_short_is_told_with_its_file() {
    let folder = Folder::new("secret");
    let data = folder.file("tunrtc.db");
    std::fs::write(format!("{data}.secret"), "short").expect("a file");
    assert_refused(&data, ".secret has 5 bytes");
}

#[test]
fn a_folder_that_is_not_there_is_told_with_path_and_option() {
    let folder = Folder::new("missing");
    assert_refused(&folder.file("nowhere/tunrtc.db"), "No such file");
    assert_refused(folder.file("").trim_end_matches('/'), "directory");
}

#[tokio::test]
async fn nothing_in_the_file_names_a_deleted_account() {
    let folder = Folder::new("erased");
    let data = folder.file("tunrtc.db");
    let server = Tunrtc::start(&["--data", &data]);
    let api = &server.api;
    let (bob, carol) = (api.register(&unique("bob")).await, api.register(&unique("carol")).await);
    let alice = api.register(&unique("alice")).await;
    let email = format!("{}@example.org", alice.username);
    let hers = api.create_session(&alice, 2).await;
    let (waiting, left) = (api.create_session(&bob, 2).await, api.create_session(&carol, 2).await);
    for session in [&hers, &waiting, &left] {
        assert_eq!(api.join(&alice, session).await.status, 200);
    }
    let leaving = json!({ "sessionId": left });
    assert_eq!(api.post("/api/session/leave", Some(&alice.token), leaving).await.status, 200);
    let guess = json!({ "email": email, "password": "a wrong password" });
    assert_eq!(api.post("/api/auth/login", None, guess).await.status, 401);

    let proof = Some(json!({ "password": PASSWORD }));
    let erased = api.call(http::Method::DELETE, "/api/auth/me", Some(&alice.token), proof).await;
    assert_eq!(erased.status, 204, "{}", erased.body);
    let seats = api.get(&format!("/api/session/{waiting}"), Some(&bob.token)).await;
    assert_eq!(seats.body["currentParticipants"], 0, "{}", seats.body);
    server.signal("TERM");
    server.ended();
    let bytes = std::fs::read(&data).expect("a file");
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()));
    assert!(holds(&bob.username) && holds(&carol.id));
    for trace in [&email, &alice.username, &alice.id] {
        assert!(!holds(trace), "{trace} is in the file");
    }
}
