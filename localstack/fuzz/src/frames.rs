//! What comes over a WebSocket, and the events that carry it.

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use domain::{Context, Error, IdSource, Policy, Sender, SessionId, Timestamp, UserId, Username};
use gateway::websocket::Speaker;
use protocol::hub::{self, Record};
use protocol::signaling::{ClientFrame, MAX_FRAME, Unreadable};
use serde_json::Value;
use uuid::Uuid;

use crate::text;

const NOW: Timestamp = Timestamp::from_millis(1_795_348_800_000);

/// Every signal gets the same identifier: none is compared with another here.
struct OneId;

impl IdSource for OneId {
    fn next(&self, _: Timestamp) -> Uuid {
        Uuid::from_u128(0x01a1_ed5c_8600_7000_8000_0000_0000_0001)
    }
}

/// A frame is read or refused; what is refused names its fields, and a signal that is passed on fits a frame.
pub fn frame(input: &[u8]) {
    match ClientFrame::parse(text(input)) {
        Ok(frame) => {
            assert_is_tag(&frame.id);
            read(&frame);
        }
        Err(Unreadable { id, error }) => {
            id.iter().for_each(|id| assert_is_tag(id));
            assert_names_fields(&error);
        }
    }
}

fn assert_is_tag(id: &str) {
    assert!((1..=64).contains(&id.chars().count()), "{id:?}");
}

fn assert_names_fields(error: &Error) {
    if let Error::InvalidFrame(fields) | Error::InvalidRequest(fields) = error {
        assert!(!fields.is_empty() && fields.iter().all(|each| !each.reason.is_empty()), "{error:?}");
    }
}

/// Reads the data in every way, whatever the action says: an action's parser must bear another's data.
fn read(frame: &ClientFrame<'_>) {
    let readings = [
        frame.join().map(drop),
        frame.nothing(),
        frame.sync().map(drop),
        frame.status().map(drop),
        frame.message().map(drop),
        frame.update_participant().map(drop),
        frame.mute().map(drop),
        frame.remove().map(drop),
        frame.update_session().map(drop),
        frame.report(NOW).map(drop),
    ];
    readings.iter().filter_map(|reading| reading.as_ref().err()).for_each(assert_names_fields);
    match frame.signal() {
        Ok(signal) => {
            let policy = Policy::default();
            let context = Context { policy: &policy, ids: &OneId, now: NOW, access_until: None };
            let username = Username::parse("alice").expect("a name");
            let sender = Sender { user_id: UserId::first_at(NOW), username, identity: None };
            if let Ok(relayed) = signal.into_signal(context, SessionId::first_at(NOW), &sender) {
                assert!(relayed.frame.0.len() < MAX_FRAME);
                let event: Value = serde_json::from_str(&relayed.frame.0).expect("what is passed on is JSON");
                assert_eq!(event["data"]["fromUserId"], UserId::first_at(NOW).to_string());
            }
        }
        Err(error) => assert_names_fields(&error),
    }
}

/// An event of API Gateway's WebSocket API: an identity is read from it, or it is said what is missing.
pub fn event(input: &[u8]) {
    let Ok(event) = serde_json::from_str::<ApiGatewayWebsocketProxyRequest>(text(input)) else {
        return;
    };
    match Speaker::of(&event) {
        Ok(Speaker::Own(identity)) => assert_is_name(&identity.username),
        Ok(Speaker::Hub(identity)) => {
            assert_is_name(&identity.caller.username);
            assert!(identity.connection.is_hub());
        }
        Err(_) => {}
    }
    frame(event.body.unwrap_or_default().as_bytes());
}

fn assert_is_name(username: &Username) {
    assert_eq!(Username::kept(username.as_str()).as_ref(), Some(username));
}

/// A frame of the hub: its records are read, ignored or end the connection, and what is called is one of our own frames. Where a text
/// is cut makes no difference.
pub fn hub(input: &[u8]) {
    let input = text(input);
    let (records, rest) = hub::split(input);
    assert_eq!(records.iter().map(|record| record.len() + 1).sum::<usize>() + rest.len(), input.len());
    for record in records {
        let Ok(Record::Invocation(call)) = Record::parse(record) else { continue };
        match call.bind() {
            Ok((_, own)) => {
                let own = ClientFrame::parse(&own).unwrap_or_else(|bad| panic!("{own}: {:?}", bad.error));
                read(&own);
            }
            Err(refused) => assert!(refused.contains(&call.target), "{refused}"),
        }
    }
    let refusal = hub::refuse(input, &Error::NotJoined);
    assert!(refusal.ends_with(hub::SEPARATOR));
    for record in hub::split(&refusal).0 {
        serde_json::from_str::<Value>(record).expect("records are JSON");
    }
    for frame in hub::frames(input) {
        assert!(frame.ends_with(hub::SEPARATOR));
    }
}

/// A message of the delay queue is ours or none, and is written as it was read.
pub fn delayed(input: &[u8]) {
    if let Ok(message) = delay::decode(text(input)) {
        assert_eq!(delay::decode(&delay::encode(&message)).expect("ours"), message);
    }
}
