//! What comes over HTTP: bodies, queries, and the texts in them.

use domain::{Email, Error, MessageId, Password, Result, SessionId, SessionName, Timestamp, Username};
use protocol::quality::parse_report;
use protocol::rest::{
    ChangePassword, DeleteAccount, Login, RefreshToken, Register, parse_new_session, parse_session_ref,
};
use protocol::{Page, format_time, parse_time, recordings};

use crate::text as as_text;

/// The last moment that RFC 3339 can write.
const YEAR_10000: u64 = 253_402_300_800_000;

/// A body is read by every route's parser or refused, and what is refused names its fields.
pub fn body(input: &[u8]) {
    let json = as_text(input);
    let read: [Result<()>; 12] = [
        Register::parse(json).map(drop),
        Login::parse(json).map(drop),
        RefreshToken::parse(json).map(drop),
        ChangePassword::parse(json).map(drop),
        DeleteAccount::parse(json).map(drop),
        parse_new_session(json).map(drop),
        parse_session_ref(json).map(drop),
        parse_report(json, Timestamp::from_millis(1_795_348_830_000)).map(drop),
        recordings::parse_start(json).map(drop),
        recordings::parse_uploads(json).map(drop),
        recordings::parse_finish(json).map(drop),
        recordings::parse_request(json).map(drop),
    ];
    let too_large = |refused: &Error| matches!(refused, Error::PayloadTooLarge { .. });
    for refused in read.into_iter().filter_map(Result::err).filter(|refused| !too_large(refused)) {
        let Error::InvalidRequest(fields) = refused else {
            panic!("a bad body was answered {refused:?}");
        };
        assert!(!fields.is_empty() && fields.iter().all(|each| !each.field.is_empty() && !each.reason.is_empty()));
    }
}

/// The query of a list, `limit` and `cursor` parted by a line: a cursor that is taken is the one that is given out.
pub fn page(input: &[u8]) {
    let (limit, cursor) = as_text(input).split_once('\n').unwrap_or(("50", as_text(input)));
    if let Ok(page) = Page::<MessageId>::parse(Some(limit), Some(cursor)) {
        assert!((1..=100).contains(&page.limit));
        assert_eq!(page.before.as_ref().map(Page::cursor).as_deref(), Some(cursor));
    }
}

/// Names, addresses and passwords: what is kept is taken again as it is, and is the same to compare.
pub fn text(input: &[u8]) {
    let input = as_text(input);
    if let Ok(name) = Username::parse(input) {
        let again = Username::parse(name.as_str()).expect("what is kept is a name");
        assert_eq!((again.as_str(), again.keys()), (name.as_str(), name.keys()));
        assert!((1..=50).contains(&name.as_str().chars().count()));
    }
    if let Ok(name) = SessionName::parse(input) {
        assert_eq!(SessionName::parse(name.as_str()).as_ref(), Ok(&name));
    }
    if let Ok(email) = Email::parse(input) {
        let again = Email::parse(email.as_str()).expect("what is kept is an address");
        assert_eq!((again.as_str(), again.keys()), (email.as_str(), email.keys()));
    }
    if let Ok(new) = Password::parse_new(input.to_owned()) {
        let login = Password::parse(input.to_owned()).expect("a new password can log in");
        assert!(login == new, "a password is hashed and checked in the same form");
    }
}

/// An identifier is written as it was read.
pub fn id(input: &[u8]) {
    if let Ok(id) = as_text(input).parse::<SessionId>() {
        assert_eq!(id.to_string(), as_text(input));
        assert_eq!(SessionId::from_bytes(*id.as_bytes()), Ok(id));
    }
}

/// A time is written as it was read, to the millisecond.
pub fn time(input: &[u8]) {
    if let Some(at) = parse_time(as_text(input)).filter(|at| *at < Timestamp::from_millis(YEAR_10000)) {
        assert_eq!(parse_time(&format_time(at)), Some(at));
    }
}
