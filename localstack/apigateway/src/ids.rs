//! Identifiers in the forms that AWS gives them.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use uuid::Uuid;

/// What an identifier of API Gateway is made of, in bytes.
const LENGTH: usize = 11;

/// An identifier as API Gateway makes them for connections, messages and requests:
/// 16 characters of base64url that end in `=`.
pub(crate) fn id() -> String {
    URL_SAFE.encode(&Uuid::new_v4().as_bytes()[..LENGTH])
}

/// One in that form for a message and what is asked for it: it is in the log and nothing hangs on whether it can be guessed, so it is
/// not worth a call of the system.
pub(crate) fn passing_id() -> String {
    URL_SAFE.encode(&fastrand::u128(..).to_le_bytes()[..LENGTH])
}

/// Whether a text has the form of [`id`].
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 16 && URL_SAFE.decode(text).is_ok_and(|bytes| bytes.len() == LENGTH)
}

/// A UUID, as queues and schedules make them.
pub(crate) fn uuid() -> String {
    Uuid::new_v4().to_string()
}

/// An X-Ray trace header, [as API Gateway adds it](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
pub(crate) fn trace_id(epoch_seconds: i64) -> String {
    format!("Root=1-{epoch_seconds:08x}-{}", &Uuid::new_v4().simple().to_string()[..24])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_form_of_api_gateways_and_never_repeat() {
        let ids: std::collections::HashSet<String> = (0..10_000).flat_map(|_| [id(), passing_id()]).collect();
        assert_eq!(ids.len(), 20_000);
        assert!(ids.iter().all(|id| is_id(id) && id.ends_with('=')), "{ids:?}");
    }

    #[test]
    fn a_text_of_another_form_is_no_identifier() {
        for text in ["", "abc", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAA A=", "../../../../etc="] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn a_trace_has_the_time_and_24_hexadecimal_digits() {
        let trace = trace_id(0x6565_0a01);
        let digits = trace.strip_prefix("Root=1-65650a01-").expect("the time");
        assert!(digits.len() == 24 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace}");
    }
}
