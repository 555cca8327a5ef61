//! What an app's backend asks about its webhooks and about what happened, and what it gets.

use domain::endpoints::Wanted;
use domain::happenings::Kind;
use domain::ports::{Delivery, EndpointChange, EventPlace, From, Logged};
use domain::webhooks::{Endpoint, Target};
use domain::{Error, FieldError, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cursor::{self, Page};
use crate::webhooks::{kind, name};
use crate::{Fields, format_time, parse_time};

/// The longest description, in characters.
const DESCRIPTION: usize = 200;
/// What stands for every type that there is, and that there will be.
const EVERYTHING: &str = "*";
/// How much is told again at most by one request, and by one that does not say.
const REPLAYED: usize = 100;

/// A wanted endpoint.
#[derive(Debug)]
pub struct NewWebhook {
    /// Where it is.
    pub url: String,
    /// What it is told; everything if there is no list.
    pub kinds: Option<Vec<Kind>>,
    /// What its owner says of it.
    pub description: String,
}

/// `POST /api/webhooks`. With `allow_local`, the endpoint may be on the machine itself.
pub fn parse_new_webhook(json: &str, allow_local: bool) -> Result<NewWebhook, Error> {
    body(json, |f| {
        let url = f.text("url", |text| url(text, allow_local));
        let kinds = f.optional_json("types", kinds);
        let description = f.optional_text("description", description);
        Some(NewWebhook { url: url?, kinds: kinds?.flatten(), description: description?.unwrap_or_default() })
    })
}

/// `PATCH /api/webhooks/{webhookId}`.
pub fn parse_webhook_change(json: &str, allow_local: bool, now: Timestamp) -> Result<EndpointChange, Error> {
    body(json, |f| {
        let any = ["url", "types", "description", "disabled"].iter().any(|name| f.has(name));
        let url = f.optional_text("url", |text| url(text, allow_local));
        let kinds = f.optional_json("types", kinds);
        let description = f.optional_text("description", description);
        let disabled = f.optional_flag("disabled");
        if !any {
            return f.refuse("url", "is missing, and types, description and disabled too");
        }
        let disabled_at = disabled?.map(|disabled| disabled.then_some(now));
        Some(EndpointChange { url: url?, kinds: kinds?, description: description?, disabled_at })
    })
}

/// `POST /api/webhooks/{webhookId}/replay`.
pub fn parse_replay(json: &str) -> Result<Wanted, Error> {
    body(json, |f| {
        let since = f.optional_text("since", |text| time(&text));
        let after = f.optional_text("after", |text| place(&text));
        let kinds = f.optional_json("types", kinds);
        let limit = f.optional_number("limit", |limit| {
            usize::try_from(limit).ok().filter(|limit| (1..=REPLAYED).contains(limit)).ok_or("must be 1-100")
        });
        let from = match (since?, after?) {
            (Some(_), Some(_)) => return f.refuse("after", "must not be given together with since"),
            (since, after) => from(since, after),
        };
        Some(Wanted { from, limit: limit?.unwrap_or(REPLAYED), kinds: names(kinds?.flatten()) })
    })
}

/// The query of `GET /api/events`.
pub fn parse_events_query<'a>(query: impl Fn(&str) -> Option<&'a str>) -> Result<Wanted, Error> {
    let mut errors = Vec::new();
    let mut checked = |field: &str, reason: &str| errors.push(FieldError::new(field, reason));
    let limit = query("limit").map_or(Some(50), |text| text.parse().ok().filter(|limit| (1..=100).contains(limit)));
    if limit.is_none() {
        checked("limit", "must be a whole number 1-100");
    }
    let since = query("since").map(time).transpose().unwrap_or_else(|reason| {
        checked("since", reason);
        None
    });
    let after = query("after").map(place).transpose().unwrap_or_else(|reason| {
        checked("after", reason);
        None
    });
    if since.is_some() && after.is_some() {
        checked("after", "must not be given together with since");
    }
    let kinds = query("types").map(|list| kinds_of(list.split(','))).transpose().unwrap_or_else(|reason| {
        checked("types", reason);
        None
    });
    match limit {
        Some(limit) if errors.is_empty() => {
            Ok(Wanted { from: from(since, after), limit, kinds: names(kinds.flatten()) })
        }
        _ => Err(Error::InvalidRequest(errors)),
    }
}

fn body<T>(json: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Error> {
    Fields::read(json, "body", read).map_err(Error::InvalidRequest)
}

fn url(text: String, allow_local: bool) -> Result<String, &'static str> {
    Target::parse(&text, allow_local).map(|_| text).map_err(|not| not.0)
}

fn description(text: String) -> Result<String, &'static str> {
    let fits = text.chars().count() <= DESCRIPTION && !text.chars().any(char::is_control);
    fits.then_some(text).ok_or("must be at most 200 characters, none of them a control character")
}

/// A list of types; none for everything.
fn kinds(json: &RawValue) -> Result<Option<Vec<Kind>>, &'static str> {
    let list: Vec<String> = serde_json::from_str(json.get()).map_err(|_| "must be a list of strings")?;
    kinds_of(list.iter().map(String::as_str))
}

fn kinds_of<'a>(words: impl Iterator<Item = &'a str>) -> Result<Option<Vec<Kind>>, &'static str> {
    let words: Vec<_> = words.collect();
    match words[..] {
        [] => Err("must not be empty"),
        [EVERYTHING] => Ok(None),
        _ => {
            let mut kinds =
                words.into_iter().map(kind).collect::<Option<Vec<_>>>().ok_or("has a type that is not known")?;
            kinds.sort_unstable();
            kinds.dedup();
            Ok(Some(kinds))
        }
    }
}

fn names(kinds: Option<Vec<Kind>>) -> Option<Vec<&'static str>> {
    kinds.map(|kinds| kinds.into_iter().map(name).collect())
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    parse_time(text).ok_or("must be a time (RFC 3339)")
}

fn place(text: &str) -> Result<EventPlace, &'static str> {
    cursor::decode(text).ok_or("is not one of this list")
}

fn from(since: Option<Timestamp>, after: Option<EventPlace>) -> From {
    after.map_or_else(|| From::Time(since.unwrap_or_default()), From::After)
}

/// An endpoint of webhooks.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    /// Its identifier.
    pub webhook_id: String,
    /// Where it is.
    pub url: String,
    /// What it is told: names of types, or `*` for every one that there is and will be.
    pub types: Vec<&'static str>,
    /// What its owner says of it.
    pub description: String,
    /// When it was made.
    pub created_at: String,
    /// Since when it is told nothing: by its owner, or by an answer of 410.
    pub disabled_at: Option<String>,
    /// What messages to it are signed with. Shown when it is made or exchanged, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl WebhookView {
    /// With the secret, where it is shown.
    pub fn new(endpoint: &Endpoint, secret: Option<String>) -> Self {
        Self {
            webhook_id: endpoint.id.to_string(),
            url: endpoint.url.clone(),
            types: names(endpoint.kinds.clone()).unwrap_or_else(|| vec![EVERYTHING]),
            description: endpoint.description.clone(),
            created_at: format_time(endpoint.created_at),
            disabled_at: endpoint.disabled_at.map(format_time),
            secret,
        }
    }
}

/// One try to tell an endpoint of something.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// Of what.
    pub event_id: String,
    /// The type of that.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was tried.
    pub at: String,
    /// Which try it was, from 1 on.
    pub attempt: usize,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub failure: Option<String>,
    /// What came of it: `delivered`, `retrying`, `gaveUp` or `disabled`.
    pub outcome: &'static str,
}

impl std::convert::From<&Delivery> for WebhookDelivery {
    fn from(delivery: &Delivery) -> Self {
        Self {
            event_id: delivery.event.clone(),
            kind: delivery.kind.clone(),
            at: format_time(delivery.at),
            attempt: delivery.attempt,
            took_ms: u64::try_from(delivery.took.as_millis()).unwrap_or(u64::MAX),
            status: delivery.status,
            failure: delivery.failure.clone(),
            outcome: delivery.outcome,
        }
    }
}

/// What happened, in the order of noting.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventsView {
    /// Each as endpoints are told of it.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::webhooks::WebhookEvent>"))]
    pub events: Vec<Box<RawValue>>,
    /// For `after` of the next request, now or later; nothing while nothing was noted.
    pub next: Option<String>,
}

impl EventsView {
    /// Of a page of the log.
    pub fn new(logged: Vec<Logged>, next: Option<&EventPlace>) -> Self {
        let bodies = logged.into_iter().map(|logged| RawValue::from_string(logged.announcement.body));
        let events = bodies.collect::<Result<_, _>>().expect("the log holds the JSON that was signed");
        Self { events, next: next.map(Page::cursor) }
    }
}

/// What is told again.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReplayView {
    /// How much was put into the endpoint's lines.
    pub replayed: usize,
    /// For `after` of the next request, where there may be more.
    pub next: Option<String>,
}

impl ReplayView {
    /// So much, up to there.
    pub fn new(replayed: usize, next: Option<&EventPlace>) -> Self {
        Self { replayed, next: next.map(Page::cursor) }
    }
}

/// A test that is on its way.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestView {
    /// What it is known by.
    pub event_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<T>(result: Result<T, Error>) -> Vec<String> {
        match result {
            Err(Error::InvalidRequest(errors)) => errors.into_iter().map(|error| error.field).collect(),
            Err(other) => panic!("{other}"),
            Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn a_webhook_has_an_address_and_types_that_are_known() {
        let parsed =
            parse_new_webhook(r#"{"url":"https://example.com/","types":["session.ended","session.ended"]}"#, false);
        let parsed = parsed.expect("a webhook");
        assert_eq!((parsed.kinds, parsed.description.as_str()), (Some(vec![Kind::SessionEnded]), ""));
        for types in ["", r#","types":["*"]"#, r#","types":null"#] {
            let json = format!(r#"{{"url":"https://example.com/"{types}}}"#);
            assert_eq!(parse_new_webhook(&json, false).expect("a webhook").kinds, None, "{json}");
        }
        for types in ["[]", r#"["*","session.ended"]"#, r#"["session.exploded"]"#, "3", r#""*""#] {
            let json = format!(r#"{{"url":"https://example.com/","types":{types}}}"#);
            assert_eq!(fields(parse_new_webhook(&json, false)), ["types"], "{json}");
        }
        let bad = r#"{"url":"http://localhost:1/","description":"\u0007","color":"red"}"#;
        assert_eq!(fields(parse_new_webhook(bad, false)), ["url", "description", "color"]);
        assert!(parse_new_webhook(r#"{"url":"http://localhost:1/"}"#, true).is_ok());
    }

    #[test]
    fn a_change_says_something_and_only_what_it_says_is_changed() {
        let now = Timestamp::from_millis(7);
        let change = parse_webhook_change(r#"{"disabled":true}"#, false, now).expect("a change");
        assert_eq!(change, EndpointChange { disabled_at: Some(Some(now)), ..EndpointChange::default() });
        let change = parse_webhook_change(r#"{"disabled":false,"types":["*"]}"#, false, now).expect("a change");
        let expected = EndpointChange { disabled_at: Some(None), kinds: Some(None), ..EndpointChange::default() };
        assert_eq!(change, expected);
        assert_eq!(fields(parse_webhook_change("{}", false, now)), ["url"]);
    }

    #[test]
    fn what_happened_is_asked_for_from_a_time_or_from_a_place_and_every_bad_parameter_is_named() {
        let place = EventPlace { at: Timestamp::from_millis(5), id: "evt_1".to_owned() };
        let after = Page::cursor(&place);
        let ask = |query: &[(&str, &str)]| {
            let query: std::collections::BTreeMap<_, _> = query.iter().copied().collect();
            parse_events_query(|name| query.get(name).copied())
        };
        let wanted = ask(&[("after", &after), ("limit", "7"), ("types", "session.ended")]).expect("a query");
        let kinds = Some(vec!["session.ended"]);
        assert_eq!(wanted, Wanted { from: From::After(place.clone()), limit: 7, kinds: kinds.clone() });
        let everything = Wanted { from: From::Time(Timestamp::default()), limit: 50, kinds: None };
        assert_eq!(ask(&[]).expect("a query"), everything);
        let bad = [("after", "x"), ("limit", "0"), ("since", "yesterday"), ("types", "x")];
        assert_eq!(fields(ask(&bad)), ["limit", "since", "after", "types"]);
        assert_eq!(fields(ask(&[("after", &after), ("since", "2026-11-22T12:00:00Z")])), ["after"]);

        let json = format!(r#"{{"after":"{after}","limit":3,"types":["session.ended"]}}"#);
        assert_eq!(parse_replay(&json).expect("a replay"), Wanted { from: From::After(place), limit: 3, kinds });
        assert_eq!(parse_replay("{}").expect("a replay"), Wanted { limit: 100, ..everything });
        assert_eq!(fields(parse_replay(r#"{"since":3,"after":"x","limit":101,"types":[1]}"#)).len(), 4);
    }
}
