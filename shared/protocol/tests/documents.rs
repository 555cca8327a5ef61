//! The committed documents say what the code says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use protocol::documents::{asyncapi, openapi, routes};
use protocol::signaling::ClientFrame;
use protocol::{endpoints, invites, quality, recordings, rest};
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

#[test]
fn a_query_has_the_parameters_that_the_document_names() {
    let document = openapi();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let named = parameters.filter(|parameter| parameter["in"] == "query").filter_map(|p| p["name"].as_str());
            let key = format!("{} {path}", method.to_uppercase());
            let known: BTreeSet<_> = protocol::routes::query(&key).iter().copied().collect();
            assert_eq!(named.collect::<BTreeSet<_>>(), known, "{key}");
        }
    }
    assert_eq!(protocol::routes::query("HEAD /api/session/active"), ["limit", "cursor"]);
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
    // Of `name` and `room` one is needed, which the schema does not say.
    let new_session = |json: &str| if json == "{}" { Vec::new() } else { names(rest::parse_new_session(json)) };
    assert_same_fields(&document, "NewSession", new_session);
    assert_same_fields(&document, "SessionRef", |json| names(rest::parse_session_ref(json)));
    assert_same_fields(&document, "Mute", |json| names(rest::parse_mute(json)));
    assert_same_fields(&document, "MuteAll", |json| names(rest::parse_mute_all(json)));
    assert_same_fields(&document, "SayMessage", |json| names(rest::parse_message(json)));
    assert_same_fields(&document, "SendData", |json| names(rest::parse_data(json)));
    assert_same_fields(&document, "NewWebhook", |json| names(endpoints::parse_new_webhook(json, false)));
    assert_same_fields(&document, "StartRecording", |json| names(recordings::parse_start(json)));
    assert_same_fields(&document, "AskUploads", |json| names(recordings::parse_uploads(json)));
    assert_same_fields(&document, "FinishRecording", |json| names(recordings::parse_finish(json)));
    assert_same_fields(&document, "RequestRecording", |json| names(recordings::parse_request(json)));
    assert_same_fields(&document, "NewInvite", |json| names(invites::parse_new_invite(json)));
    assert_same_fields(&document, "InviteCode", |json| names(invites::parse_code(json)));
    assert_same_fields(&document, "InviteRedemption", |json| names(invites::parse_redemption(json)));
    assert_same_fields(&document, "WebhookReplay", |json| names(endpoints::parse_replay(json)));
}

/// A moment at which no minute is good, so that nothing but the fields' names is asked.
const NOW: domain::Timestamp = domain::Timestamp::from_millis(0);

/// What the parser of reports says of a part of one, without the path to it.
fn in_report(before: &str, part: &str, after: &str, path: &str) -> Vec<String> {
    let all = names(quality::parse_report(&format!("{before}{part}{after}"), NOW)).into_iter();
    let inside = all.filter_map(|name| name.strip_prefix(path).map(str::to_owned));
    // A list is named by its first place.
    inside.filter(|name| !name.contains('.')).map(|name| name.replace("[0]", "")).collect()
}

#[test]
fn the_schemas_of_a_report_have_the_fields_that_its_parser_reads() {
    let document = openapi();
    let part = |schema: &str, before: &'static str, after: &'static str, path: &'static str| {
        assert_same_fields(&document, schema, |json| in_report(before, json, after, path));
    };
    part("CallReport", "", "", "");
    part("CallSummary", "{\"summary\":", "}", "summary.");
    part("CallClient", "{\"client\":", "}", "client.");
    part("CallJoin", "{\"join\":", "}", "join.");
    part("CallEvent", "{\"events\":[", "]}", "events[0].");
    part("CallPeer", "{\"peers\":[", "]}", "peers[0].");
    part("CallAudio", "{\"peers\":[{\"audio\":", "}]}", "peers[0].audio.");
    part("CallVideo", "{\"peers\":[{\"video\":", "}]}", "peers[0].video.");
}

/// The words of a schema's enum are those that the domain knows.
#[test]
fn the_words_of_a_report_are_those_of_the_domain() {
    use domain::quality::{Candidate, Device, Happened, LimitedBy, Outcome, Transport};
    let document = openapi();
    let words = |schema: &str| -> BTreeSet<String> {
        let schema = &document["components"]["schemas"][schema];
        let each = schema["oneOf"].as_array().into_iter().flatten().map(|one| one["const"].clone());
        let listed = schema["enum"].as_array().into_iter().flatten().cloned();
        each.chain(listed).filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let of = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(words("CallDevice"), of(Device::ALL.iter().map(|each| each.word()).collect()));
    assert_eq!(words("CallOutcome"), of(Outcome::ALL.iter().map(|each| each.word()).collect()));
    assert_eq!(words("CallCandidate"), of(Candidate::ALL.iter().map(|each| each.word()).collect()));
    assert_eq!(words("CallTransport"), of(Transport::ALL.iter().map(|each| each.word()).collect()));
    assert_eq!(words("CallLimit"), of(LimitedBy::ALL.iter().map(|each| each.word()).collect()));
    assert_eq!(words("CallEventKind"), of(Happened::ALL.iter().map(|each| each.word()).collect()));
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
