//! Join tokens: JSON Web Tokens that an app's backend signs with the secret of its API key, as LiveKit's server SDKs make them.
//! <https://docs.livekit.io/frontends/reference/tokens-grants/>
//!
//! What is wrong with a token is told in words once its signature holds; before that, nothing is.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use domain::about::{MAX_ATTRIBUTES, names_fit, size_of};
use domain::{
    AppKey, Backend, Caller, Error, FamilyId, Grants, Identity, Introduction, KeyId, Metadata, Person, ProjectId,
    Result, RoomRef, Rooms, Scope, Timestamp, UserId, Username,
};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::jwt::unauthorized;
use crate::seal::KeySecret;

/// How far the clocks of those who mint may be off.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);
/// The longest life of a join token.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);
/// What LiveKit's tokens may have in `video` that says nothing here.
const WITHOUT_MEANING: [&str; 8] = [
    "roomRecord",
    "destinationRoom",
    "canSubscribeMetrics",
    "ingressAdmin",
    "recorder",
    "agent",
    "canManageAgentSession",
    "role",
];

/// Why nobody can be hidden: in a mesh everybody sends to everybody, so the others have to know of all who take part.
const HIDDEN: &str = "must be false: whoever takes part in a mesh is seen by the others";

/// A key with its secret.
pub(crate) struct OpenKey {
    pub(crate) key: AppKey,
    pub(crate) secret: KeySecret,
}

/// What a token whose signature holds says.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) caller: Caller,
    /// How many seconds ago it ended.
    pub(crate) expired: Option<u64>,
}

/// The API key that a token says it is signed with; `None` if it names none.
pub(crate) fn issuer(token: &str) -> Option<KeyId> {
    let claims = insecure_decode_claims::<Value>(token).ok()?;
    KeyId::parse(claims.get("iss")?.as_str()?)
}

/// The user that an app's name for somebody stands for: stable, found without a look-up, and telling nothing of the name.
pub fn user_of(project: &ProjectId, identity: &Identity) -> UserId {
    UserId::of_app(hash(&[project.as_str(), "\0", identity.as_str()]))
}

/// Whom sessions name as their creator that a key creates. No identity is hashed with that separator.
pub(crate) fn creator_of(key: &AppKey) -> UserId {
    UserId::of_app(hash(&[key.project.as_str(), "\u{1}", key.id.as_str()]))
}

pub(crate) fn hash<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut context = digest::Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part.as_bytes()));
    *context.finish().as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}

/// Who presents the token, which says to be signed with that key. `access` is how long what is given for it lasts.
///
/// # Errors
/// `Unauthorized` for a signature that does not hold. Then by what is wrong: `KeyDisabled`, `InvalidToken` with the claim,
/// `TokenNotActive`, `Forbidden` for what the key must not give.
pub(crate) fn verify(token: &str, open: &OpenKey, now: Timestamp, access: Duration) -> Result<Verified> {
    let claims = signed(token, &open.secret)?;
    if open.key.is_over(now) {
        return Err(Error::KeyDisabled);
    }
    let claims = Claims(&claims);
    let times = claims.times(&open.key)?;
    times.must_be_active(now)?;
    let (grants, room) = claims.video()?;
    if let Some(denied) = open.key.limits.denied(&grants) {
        return Err(Error::forbidden(format!("the API key must not give the grant {}", denied.name())));
    }
    let scope = scope(&open.key, room)?;
    let caller = match grants.room_join {
        true => Caller::Participant(claims.person(&open.key, grants, scope, &times, now, access)?),
        false => Caller::Backend(backend(&open.key, grants, scope)),
    };
    Ok(Verified { caller, expired: times.expired(now) })
}

/// The backend that a key stands for.
pub(crate) fn backend(key: &AppKey, grants: Grants, scope: Scope) -> Backend {
    Backend { key: key.id.clone(), creator: creator_of(key), scope, grants }
}

/// Where a key, or a token of it, counts.
pub(crate) fn scope(key: &AppKey, room: Option<RoomRef>) -> Result<Scope> {
    let rooms = match (room, &key.limits.room_prefix) {
        (None, None) => Rooms::Any,
        (None, Some(prefix)) => Rooms::StartingWith(prefix.clone()),
        (Some(room), None) => Rooms::Only(room),
        (Some(RoomRef::Room(name)), Some(prefix)) if name.as_str().starts_with(prefix) => {
            Rooms::Only(RoomRef::Room(name))
        }
        (Some(_), Some(prefix)) => {
            return Err(Error::forbidden(format!("the API key is for rooms that begin with {prefix:?}")));
        }
    };
    Ok(Scope { project: key.project.clone(), rooms, auto_create: key.auto_create })
}

/// The claims, if the signature holds: HS256 and nothing else.
fn signed(token: &str, secret: &KeySecret) -> Result<Map<String, Value>> {
    let mut validation = Validation::new(Algorithm::HS256);
    // Everything else is looked at in words, and at the moment that is given.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let key = DecodingKey::from_secret(secret.reveal().as_bytes());
    let signed = jsonwebtoken::decode::<Value>(token, &key, &validation).map_err(unauthorized)?;
    // Whoever does not understand an extension that stands there must refuse the token (RFC 7515, section 4.1.11).
    if signed.header.crit.is_some() {
        return Err(invalid("crit", "names extensions, and none is understood"));
    }
    match signed.claims {
        Value::Object(claims) => Ok(claims),
        _ => Err(Error::Unauthorized),
    }
}

/// When a token was minted and when it ends, in seconds since the Unix epoch.
struct Times {
    minted: u64,
    end: u64,
}

impl Times {
    fn must_be_active(&self, now: Timestamp) -> Result<()> {
        let seconds = self.minted.saturating_sub(now.seconds());
        if seconds > LEEWAY.as_secs() { Err(Error::TokenNotActive { seconds }) } else { Ok(()) }
    }

    fn expired(&self, now: Timestamp) -> Option<u64> {
        let ago = now.seconds().saturating_sub(self.end);
        (now.seconds() >= self.end.saturating_add(LEEWAY.as_secs())).then_some(ago)
    }
}

/// The claims of a token whose signature holds.
struct Claims<'a>(&'a Map<String, Value>);

fn invalid(claim: &str, what: &str) -> Error {
    Error::InvalidToken(format!("the claim {claim} {what}"))
}

impl Claims<'_> {
    fn get(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim).filter(|value| !value.is_null())
    }

    /// A text; an empty one counts as missing, as LiveKit's SDKs write what is not set.
    fn text(&self, claim: &str) -> Result<Option<&str>> {
        match self.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(invalid(claim, "must be a text")),
        }
    }

    /// Seconds since the Unix epoch, which may have a fraction (RFC 7519, section 2).
    fn time(&self, claim: &str) -> Result<Option<u64>> {
        let Some(value) = self.get(claim) else { return Ok(None) };
        let seconds = value.as_f64().filter(|seconds| (0.0..1e11).contains(seconds));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 1e11")]
        seconds
            .map(|seconds| Some(seconds as u64))
            .ok_or_else(|| invalid(claim, "must be a time, in seconds since 1970"))
    }

    fn times(&self, key: &AppKey) -> Result<Times> {
        let end = self.time("exp")?.ok_or_else(|| invalid("exp", "is missing"))?;
        let minted =
            self.time("nbf")?.max(self.time("iat")?).ok_or_else(|| invalid("nbf", "is missing, and iat too"))?;
        let longest = key.limits.longest_life.unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE);
        if end.saturating_sub(minted) > longest.as_secs() {
            return Err(invalid("exp", &format!("is more than {} s after nbf or iat", longest.as_secs())));
        }
        Ok(Times { minted, end })
    }

    /// The grants and the room that they are for.
    fn video(&self) -> Result<(Grants, Option<RoomRef>)> {
        let video = match self.get("video") {
            Some(Value::Object(video)) => Claims(video),
            Some(_) => return Err(invalid("video", "must be an object")),
            None => return Err(invalid("video", "is missing")),
        };
        let mut grants = Grants::LEAST;
        let (mut publish, mut sources) = (true, None);
        for name in video.0.keys() {
            match name.as_str() {
                "roomJoin" => grants.room_join = video.grant(name, false)?,
                "roomCreate" => grants.room_create = video.grant(name, false)?,
                "roomAdmin" => grants.room_admin = video.grant(name, false)?,
                "roomList" => grants.room_list = video.grant(name, false)?,
                "canPublish" => publish = video.grant(name, true)?,
                "canPublishData" => grants.publish_data = video.grant(name, true)?,
                "canSubscribe" => grants.subscribe = video.grant(name, true)?,
                "canUpdateOwnMetadata" => grants.update_own_metadata = video.grant(name, false)?,
                "hidden" if video.grant(name, false)? => return Err(invalid("video.hidden", HIDDEN)),
                "hidden" => {}
                "ejectAtTokenExp" => grants.eject_at_end = video.grant(name, false)?,
                "canPublishSources" => sources = video.sources()?,
                "maxParticipants" => grants.max_participants = video.seats()?,
                "room" => {}
                other if WITHOUT_MEANING.contains(&other) => {}
                other => return Err(Error::InvalidToken(format!("there is no grant video.{other}"))),
            }
        }
        let publishes = |source| publish && sources.as_ref().is_none_or(|all: &Vec<Source>| all.contains(&source));
        grants.publish_audio = publishes(Source::Microphone);
        grants.publish_video = publishes(Source::Camera);
        grants.publish_screen = publishes(Source::Screen);
        let room = video.room()?;
        if grants.room_join && room.is_none() {
            return Err(invalid("video.room", "is missing: roomJoin is for one room"));
        }
        Ok((grants, room))
    }

    fn grant(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(granted)) => Ok(*granted),
            Some(_) => Err(invalid(&format!("video.{name}"), "must be true or false")),
        }
    }

    fn room(&self) -> Result<Option<RoomRef>> {
        match self.get("room") {
            None => Ok(None),
            Some(Value::String(room)) if room.is_empty() => Ok(None),
            Some(Value::String(room)) => RoomRef::parse(room).map(Some).map_err(|must| invalid("video.room", must)),
            Some(_) => Err(invalid("video.room", "must be a text")),
        }
    }

    fn seats(&self) -> Result<Option<u8>> {
        let Some(value) = self.get("maxParticipants") else { return Ok(None) };
        let seats = value.as_u64().and_then(|seats| u8::try_from(seats).ok()).filter(|seats| (2..=100).contains(seats));
        seats.map(Some).ok_or_else(|| invalid("video.maxParticipants", "must be 2-100"))
    }

    /// What may be published; an empty list says nothing.
    fn sources(&self) -> Result<Option<Vec<Source>>> {
        const CLAIM: &str = "video.canPublishSources";
        let names = match self.get("canPublishSources") {
            None => return Ok(None),
            Some(Value::Array(names)) => names,
            Some(_) => return Err(invalid(CLAIM, "must be a list")),
        };
        let parsed = names.iter().map(|name| match name.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("camera") => Ok(Source::Camera),
            Some("microphone") => Ok(Source::Microphone),
            Some("screen_share" | "screen_share_audio") => Ok(Source::Screen),
            _ => Err(invalid(
                CLAIM,
                &format!("has {name}, which is no camera, microphone, screen_share or screen_share_audio"),
            )),
        });
        let sources: Vec<_> = parsed.collect::<Result<_>>()?;
        Ok(Some(sources).filter(|sources| !sources.is_empty()))
    }

    fn person(
        &self,
        key: &AppKey,
        grants: Grants,
        scope: Scope,
        times: &Times,
        now: Timestamp,
        access: Duration,
    ) -> Result<Person> {
        let subject = self.text("sub")?.ok_or_else(|| invalid("sub", "is missing"))?;
        let identity = Identity::parse(subject).map_err(|must| invalid("sub", must))?;
        if key.project.is_default() && subject.starts_with(Identity::GUEST) {
            return Err(invalid("sub", "must not begin with guest: in this project"));
        }
        if identity.reads_as_user(&key.project) {
            return Err(invalid(
                "sub",
                "must not look like a userId of TunRTC (a UUID of version 8, in the project default of 7 too)",
            ));
        }
        let shortened: String = subject.chars().take(Username::LONGEST_OF_APP).collect();
        let name = self.text("name")?.unwrap_or(&shortened);
        let username = Username::of_app(name).map_err(|must| invalid("name", must))?;
        let millis = |seconds: u64| Timestamp::from_millis(seconds.saturating_mul(1000));
        Ok(Person {
            user_id: user_of(&key.project, &identity),
            username,
            family: FamilyId::of_token(millis(times.minted), hash(&[key.id.as_str(), "\0", subject])),
            expires_at: if grants.eject_at_end { millis(times.end) } else { now + access },
            identity: Some(identity),
            scope,
            grants,
            introduction: self.introduction()?,
        })
    }

    /// What the token says of its holder.
    fn introduction(&self) -> Result<Introduction> {
        let metadata = Metadata::parse(self.text("metadata")?.unwrap_or_default());
        let metadata = metadata.map_err(|must| invalid("metadata", must))?;
        Ok(Introduction { metadata, attributes: self.attributes()? })
    }

    fn attributes(&self) -> Result<BTreeMap<String, String>> {
        const CLAIM: &str = "attributes";
        let pairs = match self.get(CLAIM) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(pairs)) => pairs,
            Some(_) => return Err(invalid(CLAIM, "must be an object")),
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let read = pairs.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect::<Option<_>>();
        let attributes: BTreeMap<_, _> = read.ok_or_else(|| invalid(CLAIM, "must hold texts"))?;
        if !attributes.is_empty() && !names_fit(attributes.keys()) {
            return Err(invalid(CLAIM, "must hold at most 64 attributes, each with a name of 1-64 characters"));
        }
        match size_of(&attributes) {
            0..=MAX_ATTRIBUTES => Ok(attributes),
            _ => Err(invalid(CLAIM, &format!("has more than {MAX_ATTRIBUTES} bytes"))),
        }
    }
}

/// What can be published.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Camera,
    Microphone,
    Screen,
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use domain::{KeyGrant, KeyLimits, Permission, Rights};
    use jsonwebtoken::{EncodingKey, Header};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::samples::{NOW, junk, tampered};

    const SECRET: &str = "a secret of the app, 32 bytes and more";
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn key() -> AppKey {
        AppKey {
            id: KeyId::parse("TK0123456789abcdefghijAB").expect("well formed"),
            project: ProjectId::parse("acme").expect("valid"),
            sealed: String::new(),
            created_at: NOW,
            disabled_at: None,
            limits: KeyLimits::default(),
            auto_create: true,
        }
    }

    fn claims() -> Value {
        json!({
            "iss": key().id.as_str(), "sub": "ann", "nbf": NOW.seconds(), "exp": NOW.seconds() + 3600, "name": "Ann",
            "video": { "roomJoin": true, "room": "daily" },
        })
    }

    fn changed(change: impl FnOnce(&mut Value)) -> Value {
        let mut changed = claims();
        change(&mut changed);
        changed
    }

    fn token_with(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("JSON")
    }

    fn asked(key: AppKey, token: &str, now: Timestamp) -> Result<Verified> {
        verify(token, &OpenKey { key, secret: KeySecret::new(SECRET) }, now, DAY)
    }

    fn ask(claims: &Value) -> Result<Verified> {
        asked(key(), &token_with(Algorithm::HS256, SECRET, claims), NOW)
    }

    fn refused(claims: &Value) -> (&'static str, String) {
        let error = ask(claims).expect_err("refused");
        (error.code(), error.to_string())
    }

    fn person(claims: &Value) -> Person {
        match ask(claims).expect("good").caller {
            Caller::Participant(person) => person,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_token_says_who_joins_which_room() {
        let ann = person(&claims());
        assert_eq!((ann.username.as_str(), ann.identity.as_ref().map(Identity::as_str)), ("Ann", Some("ann")));
        assert_eq!(ann.scope.rooms, Rooms::Only(RoomRef::parse("daily").expect("a name")));
        assert_eq!((ann.scope.project.as_str(), ann.expires_at), ("acme", NOW + DAY));
        assert!(ann.user_id.is_of_app() && ann.grants.publish_video && !ann.grants.room_admin);
        assert_eq!(ann.family.timestamp().seconds(), NOW.seconds());
        assert_eq!(issuer(&token_with(Algorithm::HS256, SECRET, &claims())), Some(key().id));
    }

    #[test]
    fn a_header_that_names_critical_extensions_is_refused() {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        for (more, accepted) in [("", true), (r#","crit":["b64"],"b64":false"#, false), (r#","crit":[]"#, false)] {
            let header = format!(r#"{{"alg":"HS256","typ":"JWT"{more}}}"#);
            let signed = format!("{}.{}", encode(&header), encode(&claims().to_string()));
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).expect("signs");
            let verified = asked(self::key(), &format!("{signed}.{signature}"), NOW);
            assert_eq!(verified.is_ok(), accepted, "{header}");
            assert!(verified.err().is_none_or(|error| error.to_string().contains("crit")), "{header}");
        }
    }

    #[test]
    fn a_token_says_something_of_its_holder_who_may_change_it_only_with_the_grant() {
        let silent = person(&changed(|c| c["metadata"] = json!("")));
        assert!(silent.introduction.is_empty());
        assert!(!silent.rights().permissions.has(Permission::UpdateOwnAttributes), "LiveKit's default");
        let said = person(&changed(|c| {
            c["metadata"] = json!("{\"ward\":3}");
            c["attributes"] = json!({ "team": "red" });
            c["video"]["canUpdateOwnMetadata"] = json!(true);
        }));
        assert_eq!(said.introduction.metadata, Metadata::parse("{\"ward\":3}").expect("valid"));
        assert_eq!(said.introduction.attributes, [("team".to_owned(), "red".to_owned())].into());
        assert_eq!(said.rights(), Rights::default());
    }

    #[test]
    fn the_same_identity_is_the_same_user_in_its_project_alone() {
        let (one, other) = (person(&claims()), person(&changed(|c| c["name"] = json!("Anna"))));
        assert_eq!(one.user_id, other.user_id);
        let elsewhere = ProjectId::parse("umbrella").expect("valid");
        assert_ne!(user_of(&elsewhere, &Identity::parse("ann").expect("valid")), one.user_id);
        // SHA-256 of "acme", a zero byte and "ann", with version and variant of RFC 9562 put in; computed with Python's hashlib.
        assert_eq!(one.user_id.to_string(), "58158820-c40b-8d7c-b755-9db7afbd5404");
    }

    #[test]
    fn what_is_wrong_with_a_claim_is_said_by_its_name() {
        let cases: Vec<(&str, Value)> = vec![
            ("the claim exp is missing", changed(|c| drop(c.as_object_mut().expect("object").remove("exp")))),
            ("the claim exp must be a time", changed(|c| c["exp"] = json!("soon"))),
            ("the claim exp must be a time", changed(|c| c["exp"] = json!(-1))),
            ("the claim exp must be a time", changed(|c| c["exp"] = json!(1e300))),
            ("the claim exp is more than 86400 s", changed(|c| c["exp"] = json!(NOW.seconds() + 86_401))),
            (
                "the claim nbf is missing, and iat too",
                changed(|c| drop(c.as_object_mut().expect("object").remove("nbf"))),
            ),
            ("the claim nbf must be a time", changed(|c| c["nbf"] = json!([]))),
            ("the claim iat must be a time", changed(|c| c["iat"] = json!(true))),
            ("the claim sub is missing", changed(|c| drop(c.as_object_mut().expect("object").remove("sub")))),
            ("the claim sub is missing", changed(|c| c["sub"] = json!(""))),
            ("the claim sub must be a text", changed(|c| c["sub"] = json!(7))),
            ("the claim sub must be 1-128", changed(|c| c["sub"] = json!("x".repeat(129)))),
            ("the claim sub must be 1-128", changed(|c| c["sub"] = json!("a\u{0}b"))),
            ("the claim name must be a text", changed(|c| c["name"] = json!({}))),
            ("the claim name must be 1-100", changed(|c| c["name"] = json!("x".repeat(101)))),
            ("the claim name must be 1-100", changed(|c| c["name"] = json!("   "))),
            ("the claim metadata must be a text", changed(|c| c["metadata"] = json!({}))),
            ("the claim metadata must be at most 4096", changed(|c| c["metadata"] = json!("x".repeat(4097)))),
            ("the claim attributes must be an object", changed(|c| c["attributes"] = json!(["a"]))),
            ("the claim attributes must hold texts", changed(|c| c["attributes"] = json!({ "seat": 4 }))),
            ("the claim attributes must hold at most 64", changed(|c| c["attributes"] = json!({ "": "x" }))),
            (
                "the claim attributes must hold at most 64",
                changed(|c| c["attributes"] = json!({ "n".repeat(65): "x" })),
            ),
            (
                "the claim attributes has more than 4096",
                changed(|c| c["attributes"] = json!({ "a": "x".repeat(4096) })),
            ),
            ("the claim video is missing", changed(|c| drop(c.as_object_mut().expect("object").remove("video")))),
            ("the claim video must be an object", changed(|c| c["video"] = json!("all"))),
            ("the claim video.room is missing", changed(|c| c["video"]["room"] = json!(""))),
            ("the claim video.room must be a text", changed(|c| c["video"]["room"] = json!(7))),
            ("the claim video.room must be a session", changed(|c| c["video"]["room"] = json!("x".repeat(129)))),
            ("the claim video.roomJoin must be true", changed(|c| c["video"]["roomJoin"] = json!("true"))),
            ("the claim video.canPublish must be true", changed(|c| c["video"]["canPublish"] = json!(1))),
            (
                "the claim video.canPublishSources must be a list",
                changed(|c| c["video"]["canPublishSources"] = json!("camera")),
            ),
            (
                "the claim video.canPublishSources has \"tv\"",
                changed(|c| c["video"]["canPublishSources"] = json!(["tv"])),
            ),
            ("the claim video.maxParticipants must be 2-100", changed(|c| c["video"]["maxParticipants"] = json!(101))),
            ("the claim video.hidden must be false: whoever", changed(|c| c["video"]["hidden"] = json!(true))),
            ("the claim video.hidden must be true or false", changed(|c| c["video"]["hidden"] = json!("no"))),
            ("there is no grant video.roomName", changed(|c| c["video"]["roomName"] = json!("daily"))),
        ];
        for (said, claims) in cases {
            let (code, text) = refused(&claims);
            assert!(code == "unauthorized" && text.contains(said), "{text} instead of {said}");
        }
    }

    #[test]
    fn times_have_a_minute_of_leeway_and_say_by_how_much_they_are_off() {
        let expired = |ago: u64| {
            ask(&changed(|c| {
                c["nbf"] = json!(NOW.seconds() - 3600);
                c["exp"] = json!(NOW.seconds() - ago);
            }))
            .expect("told apart by its caller")
            .expired
        };
        assert_eq!([expired(0), expired(59), expired(60), expired(600)], [None, None, Some(60), Some(600)]);
        let ahead = |seconds: u64, claim: &str| {
            ask(&changed(|c| {
                c[claim] = json!(NOW.seconds() + seconds);
                c["exp"] = json!(NOW.seconds() + seconds + 60);
            }))
        };
        for claim in ["nbf", "iat"] {
            assert!(ahead(60, claim).is_ok());
            assert!(matches!(ahead(61, claim), Err(Error::TokenNotActive { seconds: 61 })));
        }
    }

    #[test]
    fn before_the_signature_holds_nothing_is_told() {
        let bad = changed(|c| c["exp"] = json!("soon"));
        let body = token_with(Algorithm::HS256, SECRET, &claims());
        let mut parts = body.split('.');
        let (head, payload) = (parts.next().expect("a header"), parts.next().expect("claims"));
        let none = format!("eyJhbGciOiJub25lIn0.{payload}.");
        for token in [
            token_with(Algorithm::HS256, "another secret of 32 bytes and more", &claims()),
            token_with(Algorithm::HS256, "another secret of 32 bytes and more", &bad),
            token_with(Algorithm::HS384, SECRET, &claims()),
            token_with(Algorithm::HS512, SECRET, &claims()),
            none,
            format!("{head}.{payload}."),
            format!("{head}.{payload}"),
        ] {
            assert!(matches!(asked(key(), &token, NOW), Err(Error::Unauthorized)), "{token}");
        }
    }

    #[test]
    fn a_key_that_is_over_is_named_as_the_reason() {
        let token = token_with(Algorithm::HS256, SECRET, &claims());
        let ended = KeyLimits { ends_at: Some(NOW), ..KeyLimits::default() };
        for over in [AppKey { disabled_at: Some(NOW), ..key() }, AppKey { limits: ended, ..key() }] {
            assert!(matches!(asked(over, &token, NOW), Err(Error::KeyDisabled)));
        }
    }

    #[test]
    fn a_key_gives_no_more_than_it_may() {
        let limited = |limits| AppKey { limits, ..key() };
        let token = |claims: &Value| token_with(Algorithm::HS256, SECRET, claims);
        let join_only = limited(KeyLimits { grants: Some(vec![KeyGrant::Join]), ..KeyLimits::default() });
        let admin = changed(|c| c["video"]["roomAdmin"] = json!(true));
        let error = asked(join_only.clone(), &token(&admin), NOW).expect_err("too much");
        assert!(error.code() == "forbidden" && error.to_string().contains("roomAdmin"), "{error}");
        assert!(asked(join_only, &token(&claims()), NOW).is_ok());

        let prefixed = limited(KeyLimits { room_prefix: Some("team-".to_owned()), ..KeyLimits::default() });
        for (room, good) in [("team-a", true), ("daily", false), ("0190163d-8694-739b-aea5-966c26f8ad91", false)] {
            let asked = asked(prefixed.clone(), &token(&changed(|c| c["video"]["room"] = json!(room))), NOW);
            assert!(
                asked.as_ref().map_or_else(|error| !good && error.code() == "forbidden", |_| good),
                "{room}: {asked:?}"
            );
        }

        let short = limited(KeyLimits { longest_life: Some(Duration::from_secs(600)), ..KeyLimits::default() });
        assert!(asked(short, &token(&claims()), NOW).expect_err("an hour").to_string().contains("more than 600 s"));
    }

    #[test]
    fn publishing_follows_livekits_defaults() {
        let published = |video: Value| {
            let grants = person(&changed(|c| {
                c["video"].as_object_mut().expect("an object").extend(video.as_object().expect("an object").clone());
            }))
            .grants;
            [grants.publish_audio, grants.publish_video, grants.publish_screen, grants.publish_data]
        };
        assert_eq!(published(json!({})), [true; 4]);
        assert_eq!(published(json!({ "canPublish": null, "canPublishSources": [] })), [true; 4]);
        assert_eq!(published(json!({ "canPublish": false })), [false, false, false, true]);
        assert_eq!(published(json!({ "canPublishSources": ["microphone"] })), [true, false, false, true]);
        let screen = json!({ "canPublishSources": ["SCREEN_SHARE", "camera"], "canPublishData": false });
        assert_eq!(published(screen), [false, true, true, false]);
    }

    #[test]
    fn what_means_nothing_here_is_let_by() {
        let livekit = changed(|c| {
            c["video"]["ingressAdmin"] = json!(true);
            c["video"]["agent"] = json!("yes");
            c["sip"] = json!({ "admin": true });
            c["kind"] = json!("standard");
            c["jti"] = json!("ann");
        });
        assert!(ask(&livekit).is_ok());
    }

    #[test]
    fn what_would_be_taken_for_a_users_id_is_no_identity() {
        let called = |key: AppKey, sub: &str| {
            let token = token_with(Algorithm::HS256, SECRET, &changed(|claims| claims["sub"] = json!(sub)));
            asked(key, &token, NOW).map(drop)
        };
        let at_home = || AppKey { project: ProjectId::default(), ..key() };
        let of_app = user_of(&key().project, &Identity::parse("ann").expect("valid")).to_string();
        let account = "01a1ed5c-8600-7000-8000-000000000001";
        for (key, sub) in [(key(), of_app.as_str()), (at_home(), of_app.as_str()), (at_home(), account)] {
            let refused = called(key, sub).expect_err("refused");
            assert!(refused.to_string().contains("sub must not look like a userId"), "{refused}");
        }
        for sub in [account, &of_app.to_uppercase(), "0190163d-8694-439b-aea5-966c26f8ad91"] {
            assert!(called(key(), sub).is_ok(), "{sub}");
        }
    }

    #[test]
    fn no_user_of_an_app_in_the_accounts_project_is_called_as_guests_are() {
        let called = changed(|c| c["sub"] = json!("guest:0123456789abcdefghijAB:x"));
        let default = AppKey { project: ProjectId::default(), ..key() };
        let refused = asked(default, &token_with(Algorithm::HS256, SECRET, &called), NOW).expect_err("taken");
        assert!(refused.to_string().contains("the claim sub must not begin with guest:"), "{refused}");
        assert_eq!(person(&called).invite(), None, "elsewhere it is a name like any other");
    }

    #[test]
    fn without_room_join_it_speaks_for_the_backend() {
        let token = changed(|c| {
            c.as_object_mut().expect("an object").remove("sub");
            c["video"] = json!({ "roomAdmin": true, "roomList": true });
        });
        let Caller::Backend(backend) = ask(&token).expect("good").caller else { panic!("no backend") };
        assert!(backend.grants.room_admin && backend.grants.room_list && !backend.grants.room_create);
        assert_eq!(backend.scope.rooms, Rooms::Any);
    }

    #[test]
    fn somebody_who_is_thrown_out_at_the_end_has_access_until_then() {
        let ann = person(&changed(|c| c["video"]["ejectAtTokenExp"] = json!(true)));
        assert_eq!(ann.expires_at.seconds(), NOW.seconds() + 3600);
    }

    proptest! {
        #[test]
        fn junk_and_changed_tokens_are_refused(text in junk(), at in any::<usize>()) {
            prop_assert!(asked(key(), &text, NOW).is_err());
            let good = token_with(Algorithm::HS256, SECRET, &claims());
            prop_assert!(asked(key(), &tampered(&good, at), NOW).is_err());
        }
    }
}
