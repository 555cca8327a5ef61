//! The committed documents say what the code says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use protocol::documents::{asyncapi, openapi, routes};
use protocol::signaling::ClientFrame;
use protocol::{endpoints, rest};
use serde_json::Value;

fn assert_committed(name: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api").join(name);
    let committed: Value = serde_json::from_str(&fs::read_to_string(path).expect("docs/api is there")).expect("JSON");
    assert!(&committed == document, "docs/api/{name} is out of date; run `make documents`");
}

#[test]
fn the_documents_are_those_of_the_code() {
    assert_committed("openapi.json", &openapi());
    assert_committed("asyncapi.json", &asyncapi());
    assert_committed("routes.json", &routes());
}

/// The fields of a schema: all of them, and those that are required.
fn fields(document: &Value, schema: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let schema = &document["components"]["schemas"][schema];
    let all = schema["properties"].as_object().map(|p| p.keys().cloned().collect()).unwrap_or_default();
    let required = schema["required"].as_array().into_iter().flatten();
    (all, required.filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// What a parser says of an empty object and of one with every field of the schema set to something it cannot be.
fn assert_same_fields(document: &Value, schema: &str, refused: impl Fn(&str) -> Vec<String>) {
    let (all, required) = fields(document, schema);
    let missing: BTreeSet<_> = refused("{}").into_iter().collect();
    assert_eq!(missing, required, "required fields of {schema}");
    let nonsense: serde_json::Map<_, _> = all.iter().map(|name| (name.clone(), serde_json::json!([[]]))).collect();
    let known: BTreeSet<_> = refused(&Value::Object(nonsense).to_string()).into_iter().collect();
    assert_eq!(known, all, "fields of {schema}");
}

fn names<T>(result: Result<T, domain::Error>) -> Vec<String> {
    match result {
        Err(domain::Error::InvalidRequest(errors) | domain::Error::InvalidFrame(errors)) => {
            // An unknown field must not pass for a bad one.
            errors.into_iter().filter(|e| e.reason != "is not known").map(|e| e.field).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn request_schemas_have_the_fields_that_the_parsers_read() {
    let document = openapi();
    assert_same_fields(&document, "Register", |json| names(rest::Register::parse(json)));
    assert_same_fields(&document, "Login", |json| names(rest::Login::parse(json)));
    assert_same_fields(&document, "RefreshToken", |json| names(rest::RefreshToken::parse(json)));
    assert_same_fields(&document, "ChangePassword", |json| names(rest::ChangePassword::parse(json)));
    assert_same_fields(&document, "DeleteAccount", |json| names(rest::DeleteAccount::parse(json)));
    assert_same_fields(&document, "NewSession", |json| names(rest::parse_new_session(json)));
    assert_same_fields(&document, "SessionRef", |json| names(rest::parse_session_ref(json)));
    assert_same_fields(&document, "Mute", |json| names(rest::parse_mute(json)));
    assert_same_fields(&document, "MuteAll", |json| names(rest::parse_mute_all(json)));
    assert_same_fields(&document, "SayMessage", |json| names(rest::parse_message(json)));
    assert_same_fields(&document, "SendData", |json| names(rest::parse_data(json)));
    assert_same_fields(&document, "NewWebhook", |json| names(endpoints::parse_new_webhook(json, false)));
    assert_same_fields(&document, "WebhookReplay", |json| names(endpoints::parse_replay(json)));
}

fn frame<T>(action: &str, data: &str, read: impl Fn(&ClientFrame<'_>) -> Result<T, domain::Error>) -> Vec<String> {
    let text = format!(r#"{{"action":"{action}","id":"1","data":{data}}}"#);
    let frame = ClientFrame::parse(&text).map_err(|bad| bad.error).expect("a readable envelope");
    names(read(&frame))
}

#[test]
fn frame_schemas_have_the_fields_that_the_parsers_read() {
    let document = asyncapi();
    assert_same_fields(&document, "JoinSession", |data| frame("joinSession", data, |f| f.join()));
    assert_same_fields(&document, "SendMessage", |data| frame("sendMessage", data, |f| f.message()));
    assert_same_fields(&document, "UpdateStatus", |data| frame("updateStatus", data, |f| f.status()));
    assert_same_fields(&document, "RemoveParticipant", |data| frame("removeParticipant", data, |f| f.remove()));
    assert_same_fields(&document, "Sync", |data| frame("sync", data, |f| f.sync()));
    assert_same_fields(&document, "SendOffer", |data| frame("sendOffer", data, |f| f.signal().map(drop)));
    assert_same_fields(&document, "SendAnswer", |data| frame("sendAnswer", data, |f| f.signal().map(drop)));
}
