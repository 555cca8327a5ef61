//! API keys: what an operator's command sends to the function without a route, and what it gets.

use std::time::Duration;

use domain::keys::NewKey;
use domain::usage::Relayed;
use domain::{AppKey, Error, KeyGrant, KeyId, KeyLimits, ProjectId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Fields, format_time, parse_time};

/// The longest life of a token that a key can be restricted to, in seconds: that of any.
const LONGEST_LIFE: u64 = 24 * 3600;

/// What an operator wants.
pub enum KeyCommand {
    /// `create`
    Create(NewKey),
    /// `list`, of a project or of all.
    List(Option<ProjectId>),
    /// `disable`
    Disable(KeyId),
    /// `reseal`
    Reseal,
    /// `turnUsage`
    TurnUsage(Vec<Relayed>),
}

/// So many allocations fit into one command.
pub const MOST_ALLOCATIONS: usize = 500;

impl KeyCommand {
    /// Parses `{"action", ...}`.
    pub fn parse(json: &str) -> Result<Self, Error> {
        Fields::read(json, "command", |f| {
            let action = f.text("action", Ok)?;
            match action.as_str() {
                "create" => new_key(f).map(Self::Create),
                "list" => f.optional_text("project", |text| ProjectId::parse(&text)).map(Self::List),
                "disable" => f.text("key", |text| KeyId::parse(&text).ok_or("is not known")).map(Self::Disable),
                "reseal" => Some(Self::Reseal),
                "turnUsage" => f
                    .objects("allocations", MOST_ALLOCATIONS, "must be a list of at most 500", relayed)
                    .map(Self::TurnUsage),
                _ => f.refuse("action", "must be create, list, disable, reseal or turnUsage"),
            }
        })
        .map_err(Error::InvalidRequest)
    }
}

fn relayed(f: &mut Fields<'_>) -> Option<Relayed> {
    let allocation = f.text("allocation", |text| {
        (1..=64).contains(&text.chars().count()).then_some(text).ok_or("must be 1-64 characters")
    });
    let user = f.text("userId", |text| text.parse().map_err(|_| "must be a user's id"));
    let began = f.text("began", |text| parse_time(&text).ok_or("must be a time (RFC 3339)"));
    let bytes = f.optional_number("bytes", Ok);
    Some(Relayed { allocation: allocation?, user: user?, began: began?, bytes: bytes?.unwrap_or_default() })
}

fn new_key(f: &mut Fields<'_>) -> Option<NewKey> {
    let project = f.text("project", |text| ProjectId::parse(&text));
    let grants = f.optional_json("grants", grants);
    let room_prefix = f.optional_text("roomPrefix", |text| {
        (1..=128).contains(&text.chars().count()).then_some(text).ok_or("must be 1-128 characters")
    });
    let longest_life = f.optional_number("maxTokenSeconds", |seconds| {
        (1..=LONGEST_LIFE).contains(&seconds).then(|| Duration::from_secs(seconds)).ok_or("must be 1-86400")
    });
    let ends_at = f.optional_text("endsAt", |text| parse_time(&text).ok_or("must be a time (RFC 3339)"));
    let auto_create = f.optional_json("autoCreate", |json| match json.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false"),
    });
    let limits =
        KeyLimits { grants: grants?, room_prefix: room_prefix?, longest_life: longest_life?, ends_at: ends_at? };
    Some(NewKey { project: project?, limits, auto_create: auto_create?.unwrap_or(true) })
}

fn grants(json: &RawValue) -> Result<Vec<KeyGrant>, &'static str> {
    const MUST: &str = "must be a list of roomJoin, roomCreate, roomAdmin and roomList";
    let names: Vec<String> = serde_json::from_str(json.get()).map_err(|_| MUST)?;
    let grants: Vec<_> = names.iter().map(|name| KeyGrant::named(name).ok_or(MUST)).collect::<Result<_, _>>()?;
    if grants.is_empty() { Err(MUST) } else { Ok(grants) }
}

/// A key, as its operator sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// Its identifier.
    pub key: String,
    /// Its secret; shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whose it is.
    pub project: String,
    /// When it was made.
    pub created_at: String,
    /// When it was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<String>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// What it may give and do; all if there is no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<&'static str>>,
    /// How the names of its rooms begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_prefix: Option<String>,
    /// The longest life of its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_token_seconds: Option<u64>,
    /// Whether a join makes the room that it names.
    pub auto_create: bool,
}

impl From<&AppKey> for KeyView {
    fn from(key: &AppKey) -> Self {
        let limits = &key.limits;
        Self {
            key: key.id.as_str().to_owned(),
            secret: None,
            project: key.project.as_str().to_owned(),
            created_at: format_time(key.created_at),
            disabled_at: key.disabled_at.map(format_time),
            ends_at: limits.ends_at.map(format_time),
            grants: limits.grants.as_ref().map(|grants| grants.iter().map(|grant| grant.name()).collect()),
            room_prefix: limits.room_prefix.clone(),
            max_token_seconds: limits.longest_life.map(|life| life.as_secs()),
            auto_create: key.auto_create,
        }
    }
}

/// What a command is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyAnswer {
    /// The key that was made, with its secret.
    Created(KeyView),
    /// Keys, oldest first.
    Keys(Vec<KeyView>),
    /// The key that is disabled.
    Disabled(String),
    /// How many secrets were sealed anew.
    Resealed(usize),
    /// How many allocations are in the ledger; the others are of nobody who is known.
    Noted(usize),
    /// Why nothing was done.
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> Vec<String> {
        match KeyCommand::parse(json) {
            Err(Error::InvalidRequest(errors)) => {
                errors.into_iter().map(|e| format!("{} {}", e.field, e.reason)).collect()
            }
            Err(other) => panic!("{other}"),
            Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn a_command_says_what_a_key_is_restricted_to() {
        let json = r#"{"action":"create","project":"acme","grants":["roomJoin"],"roomPrefix":"a-","maxTokenSeconds":600,
            "endsAt":"2027-01-01T00:00:00.000Z","autoCreate":false}"#;
        let Ok(KeyCommand::Create(new)) = KeyCommand::parse(json) else { panic!("no key") };
        assert_eq!((new.project.as_str(), new.auto_create), ("acme", false));
        assert_eq!(new.limits.grants, Some(vec![KeyGrant::Join]));
        assert_eq!(new.limits.longest_life, Some(Duration::from_secs(600)));
        assert!(new.limits.ends_at.is_some() && new.limits.room_prefix.as_deref() == Some("a-"));
    }

    #[test]
    fn every_bad_field_of_a_command_is_named() {
        assert_eq!(refused(r#"{"action":"make"}"#), ["action must be create, list, disable, reseal or turnUsage"]);
        let bad = r#"{"action":"create","project":"A","grants":["fly"],"maxTokenSeconds":0,"endsAt":"soon","owner":1}"#;
        let fields: Vec<_> = refused(bad).iter().map(|e| e.split(' ').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(fields, ["project", "grants", "maxTokenSeconds", "endsAt", "owner"]);
        let relayed =
            r#"{"action":"turnUsage","allocations":[{"allocation":"","userId":"x","began":"soon","bytes":-1}]}"#;
        let fields: Vec<_> =
            refused(relayed).iter().map(|e| e.split(' ').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(fields, ["allocation", "userId", "began", "bytes"].map(|name| format!("allocations[0].{name}")));
        assert_eq!(refused(r#"{"action":"disable","key":"x"}"#), ["key is not known"]);
        assert!(refused(r#"{"action":"list"}"#).is_empty());
    }
}
