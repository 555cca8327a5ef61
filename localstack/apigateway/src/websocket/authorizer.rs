//! The REQUEST authorizer of `$connect`
//! ([Lambda authorizers of WebSocket APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html)).

use http::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    error::BuildError,
    events::Handshake,
    function::{Failure, Function, Tasks},
    limits::Limits,
};

/// The function that decides about handshakes.
pub(crate) struct Authorizer {
    /// Without one the function is asked about every handshake.
    pub(crate) source: Option<IdentitySource>,
    pub(crate) function: Function,
}

/// What a handshake must carry for the authorizer to be asked at all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdentitySource {
    QueryString(String),
    Header(HeaderName),
}

impl IdentitySource {
    pub(crate) fn parse(text: &str) -> Result<Self, BuildError> {
        let refused = || BuildError::IdentitySource(text.to_owned());
        let source = text.strip_prefix("route.request.").and_then(|rest| rest.split_once('.'));
        match source {
            Some(("querystring", name)) if !name.is_empty() => Ok(Self::QueryString(name.to_owned())),
            Some(("header", name)) => name.parse().map(Self::Header).map_err(|_| refused()),
            Some(_) | None => Err(refused()),
        }
    }

    /// Whether a handshake carries it, not empty.
    pub(crate) fn is_in(&self, handshake: &Handshake) -> bool {
        let value = match self {
            Self::QueryString(name) => handshake.query_string_parameters.get(name),
            Self::Header(name) => {
                let mut headers = handshake.headers.iter();
                headers.find(|(key, _)| key.eq_ignore_ascii_case(name.as_str())).map(|(_, value)| value)
            }
        };
        value.is_some_and(|value| !value.is_empty())
    }
}

/// Why a handshake is not let in.
#[derive(Debug)]
pub(crate) enum Denied {
    /// The function failed with exactly `Unauthorized`.
    Unauthorized,
    /// The policy does not allow it.
    Forbidden,
    /// The function failed otherwise, or its answer cannot be used.
    Failed(Failure),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    principal_id: String,
    policy_document: Policy,
    context: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Policy {
    #[serde(rename = "Statement")]
    statements: OneOrMany<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
enum Effect {
    Allow,
    Deny,
}

/// IAM's JSON writes a list of one as the one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Policy {
    /// IAM's rule: an explicit deny wins, and what is not allowed is denied.
    fn allows(&self, method_arn: &str) -> bool {
        let applies = |statement: &Statement, effect: Effect| {
            let actions = statement.action.as_slice().iter();
            let resources = statement.resource.as_slice().iter();
            statement.effect == effect
                && actions.map(|action| action.to_ascii_lowercase()).any(|action| glob(&action, "execute-api:invoke"))
                && resources.map(String::as_str).any(|resource| glob(resource, method_arn))
        };
        let statements = self.statements.as_slice();
        let denied = statements.iter().any(|statement| applies(statement, Effect::Deny));
        !denied && statements.iter().any(|statement| applies(statement, Effect::Allow))
    }
}

/// IAM's wildcards: `*` is any text, `?` any one character.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            Some(_) | None => match star {
                None => return false,
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    in_text = taken + 1;
                }
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Asks the authorizer's function; the answer is `requestContext.authorizer` of the connection's
/// events. Nothing is cached, as for every WebSocket API.
pub(crate) async fn authorize(
    tasks: &Tasks,
    limits: &Limits,
    authorizer: &Authorizer,
    method_arn: &str,
    event: bytes::Bytes,
) -> Result<Box<RawValue>, Denied> {
    let asked = std::time::Instant::now();
    let answer = tasks
        .invoke(&authorizer.function, event, limits.websocket_integration, limits.overrun)
        .await
        .map_err(|failure| match failure {
            Failure::Function(error) if error.message == "Unauthorized" => Denied::Unauthorized,
            other => Denied::Failed(other),
        })?;
    let malformed = || Denied::Failed(crate::answer::Malformed.into());
    let decision: Decision = serde_json::from_slice(&answer).map_err(|_| malformed())?;
    if !decision.policy_document.allows(method_arn) {
        return Err(Denied::Forbidden);
    }
    let context = strings(decision.context.unwrap_or_default()).ok_or_else(malformed)?;
    let size = serde_json::to_vec(&context).map_or(usize::MAX, |json| json.len());
    if size > limits.authorizer_context {
        return Err(malformed());
    }
    let latency = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut shown = context;
    shown.insert("principalId".to_owned(), decision.principal_id.into());
    shown.insert("integrationLatency".to_owned(), latency.into());
    serde_json::value::to_raw_value(&shown).map_err(|_| malformed())
}

/// Functions see every value of the context as a string; objects and arrays are not allowed.
fn strings(context: Map<String, Value>) -> Option<Map<String, Value>> {
    let as_string = |(name, value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((name, Value::String(text)))
    };
    context.into_iter().map(as_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_iams() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("arn:*/local/*", "arn:aws:x/local/$connect", true),
            ("*a*b", "xxaxxbxxb", true),
            ("abc", "abcd", false),
        ] {
            assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_deny_wins_and_nothing_is_allowed_by_default() {
        let policy = |statements: &str| -> Policy {
            serde_json::from_str(&format!(r#"{{"Statement":{statements}}}"#)).expect("a policy")
        };
        let allow = r#"{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:*"}"#;
        let deny = r#"{"Effect":"Deny","Action":["execute-api:*"],"Resource":["arn:b","arn:a"]}"#;
        assert!(policy(allow).allows("arn:a"));
        assert!(!policy(&format!("[{allow},{deny}]")).allows("arn:a"));
        assert!(policy(&format!("[{allow},{deny}]")).allows("arn:c"));
        assert!(!policy("[]").allows("arn:a"));
        assert!(!policy(&allow.replace("Invoke", "ManageConnections")).allows("arn:a"));
    }

    #[test]
    fn an_identity_source_is_a_query_parameter_or_a_header() {
        let query = IdentitySource::parse("route.request.querystring.ticket");
        assert_eq!(query, Ok(IdentitySource::QueryString("ticket".to_owned())));
        assert!(IdentitySource::parse("route.request.header.Auth").is_ok());
        for text in ["ticket", "route.request.querystring.", "route.request.body.a", "route.request.header.a b"] {
            assert!(IdentitySource::parse(text).is_err(), "{text}");
        }
    }
}
