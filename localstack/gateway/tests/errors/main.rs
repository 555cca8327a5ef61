//! Every refusal of the contract, as clients see it: status, code, headers, and every bad field by name.

mod accounts;
mod frames;
mod handshakes;
mod paging;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod throttles;

use testclient::Reply;

/// Checks everything that every problem document has in common.
fn assert_problem(reply: &Reply, status: u16, code: &str) {
    let (body, headers) = (&reply.body, &reply.headers);
    assert_eq!((reply.status.as_u16(), reply.code()), (status, code), "{body}");
    assert_eq!(reply.header("content-type"), "application/problem+json", "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(body["type"], format!("/docs#{code}"), "{body}");
    assert_eq!(body["message"], body["detail"], "{body}");
    for text in ["title", "detail", "requestId"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {body}");
    }
    assert_eq!(body["requestId"], reply.header("x-request-id"), "{body}");
    assert_eq!(body.get("errors").is_some(), code == "invalid_request", "{body}");
    assert_eq!(headers.contains_key("retry-after"), ["rate_limited", "unavailable"].contains(&code), "{body}");
    let challenge = if code == "unauthorized" { "Bearer" } else { "" };
    assert_eq!(reply.header("www-authenticate"), challenge, "{body}");
}

/// Checks a refused request, and which of its fields it names.
fn assert_bad_fields(reply: &Reply, fields: &[&str]) {
    assert_problem(reply, 400, "invalid_request");
    let errors = reply.body["errors"].as_array().expect("a list");
    let named: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap_or_default()).collect();
    assert_eq!(named, fields, "{}", reply.body);
    assert!(errors.iter().all(|error| error["reason"].as_str().is_some_and(|reason| !reason.is_empty())));
}
