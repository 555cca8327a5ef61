//! What browsers are told about every page and file: the same that CloudFront tells on AWS (infra/edge.yaml).

use aws_lc_rs::digest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::{
    CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// A call needs the first three; nothing here needs the others.
const PERMISSIONS: &str =
    "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()";

/// What a browser is sent.
pub enum Content<'a> {
    /// HTML, whose own scripts and styles may run.
    Page(&'a str),
    /// A file for captions. The policy that comes with a worker's script is the worker's own: in this one WebAssembly may be made, on
    /// no page.
    Captions,
    /// Any other file.
    File,
}

/// The headers of a site.
pub struct SecurityHeaders {
    /// Where pages may connect to besides the host that they came from.
    connect: String,
    /// Where recordings are played from besides it.
    media: String,
}

impl SecurityHeaders {
    /// For a server that clients are told to reach under `public_url`.
    pub fn new(public_url: Option<&str>) -> Self {
        let connect = public_url.map(|url| format!(" {url} {}", url.replacen("http", "ws", 1))).unwrap_or_default();
        let media = public_url.map(|url| format!(" {url}")).unwrap_or_default();
        Self { connect, media }
    }

    /// Adds them to an answer with that content.
    pub fn add(&self, answer: &mut HeaderMap, request: &HeaderMap, content: &Content<'_>) {
        let policy = self.policy(&host_sources(request), content);
        // Only a host that no header can carry fails, and it was checked.
        answer.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        );
        answer.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        answer.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        answer.insert(PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS));
    }

    fn policy(&self, host: &str, content: &Content<'_>) -> String {
        let page = if let Content::Page(page) = content { page } else { "" };
        let captions = if matches!(content, Content::Captions) { " 'wasm-unsafe-eval'" } else { "" };
        let directives = [
            "default-src 'self'".to_owned(),
            format!("script-src 'self'{captions}{}", hashes(page, "script")),
            format!("style-src 'self'{}", hashes(page, "style")),
            format!("connect-src 'self'{host}{}", self.connect),
            format!("media-src 'self' blob:{}", self.media),
            "object-src 'none'".to_owned(),
            "base-uri 'none'".to_owned(),
            "form-action 'self'".to_owned(),
            "frame-ancestors 'none'".to_owned(),
        ];
        directives.join("; ")
    }
}

/// WebSockets of the host that was asked: some browsers do not count them as the page's own.
fn host_sources(request: &HeaderMap) -> String {
    let host = request.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) { String::new() } else { format!(" ws://{host} wss://{host}") }
}

/// A hash for each of a page's elements of that name that stand in the page itself
/// ([CSP](https://www.w3.org/TR/CSP3/#match-element-to-source-list)).
fn hashes(page: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let inline = page.split(&open).skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (text, _) = rest.split_once(&close)?;
        (!attributes.contains("src=")).then_some(text)
    });
    inline
        .map(|text| format!(" 'sha256-{}'", BASE64_STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()))))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const EDGE: &str = include_str!("../../../infra/edge.yaml");

    fn added(content: &Content<'_>, public_url: Option<&str>) -> HeaderMap {
        let mut answer = HeaderMap::new();
        let request = HeaderMap::from_iter([(HOST, HeaderValue::from_static("192.0.2.7:5000"))]);
        SecurityHeaders::new(public_url).add(&mut answer, &request, content);
        answer
    }

    fn policy(page: &str, public_url: Option<&str>) -> String {
        policy_of(&Content::Page(page), public_url)
    }

    fn policy_of(content: &Content<'_>, public_url: Option<&str>) -> String {
        added(content, public_url)[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    /// The names of a policy's directives.
    fn directives(policy: &str) -> BTreeSet<&str> {
        policy.split(';').filter_map(|directive| directive.split_whitespace().next()).collect()
    }

    #[test]
    fn only_a_pages_own_scripts_and_styles_may_stand_in_it() {
        // From `printf 'run()' | openssl dgst -sha256 -binary | base64`.
        let hash = "'sha256-AvyuiL0SD1mVY3NNxR+V2uo+lhk6RMFrytWmRt6CrJQ='";
        let policy = policy("<script src=\"a.js\"></script><script type=\"module\">run()</script>", None);
        assert!(policy.contains(&format!("script-src 'self' {hash};")), "{policy}");
        assert_eq!(policy.matches("'sha256-").count(), 1, "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn webassembly_is_made_in_the_worker_of_captions_alone() {
        let allows = |content| policy_of(&content, None).contains("script-src 'self' 'wasm-unsafe-eval';");
        assert!(allows(Content::Captions));
        assert!(!allows(Content::Page("")) && !allows(Content::File));
    }

    #[test]
    fn pages_may_connect_to_the_host_they_came_from_and_to_the_public_one() {
        assert!(policy("", None).contains("connect-src 'self' ws://192.0.2.7:5000 wss://192.0.2.7:5000;"));
        let public = policy("", Some("https://tunrtc.example.org"));
        assert!(public.contains(" https://tunrtc.example.org wss://tunrtc.example.org;"), "{public}");
        assert!(public.contains("media-src 'self' blob: https://tunrtc.example.org;"), "{public}");
    }

    #[test]
    fn aws_tells_browsers_the_same() {
        let mut policies = EDGE.split("\"default-src ").skip(1).filter_map(|rest| rest.split('"').next());
        // The bucket of recordings has a host of its own there; here it is the server's.
        let written = format!("default-src {}", policies.next().unwrap().replace("${Recordings}", ""));
        assert_eq!(directives(&written), directives(&policy("", None)));
        let for_captions = policies.next().map(|rest| format!("default-src {rest}"));
        let of_workers = written.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'");
        assert_eq!(for_captions, Some(of_workers));
        for (header, value) in [
            (X_CONTENT_TYPE_OPTIONS, "ContentTypeOptions: {Override: true}"),
            (X_FRAME_OPTIONS, "FrameOptions: {FrameOption: DENY, Override: true}"),
            (REFERRER_POLICY, "ReferrerPolicy: {ReferrerPolicy: no-referrer, Override: true}"),
            (PERMISSIONS_POLICY, PERMISSIONS),
        ] {
            assert!(added(&Content::File, None).contains_key(&header) && EDGE.contains(value), "{header}: {value}");
        }
    }
}
