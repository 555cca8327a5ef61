//! What functions return to API Gateway: the Lambda proxy answer.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// An answer that names its status.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProxyAnswer {
    pub(crate) status_code: Option<u16>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

/// The answer does not have the form that API Gateway understands.
#[derive(Debug, thiserror::Error)]
#[error("the function's answer is malformed")]
pub(crate) struct Malformed;

impl ProxyAnswer {
    /// An answer to a WebSocket API, which must name its status.
    pub(crate) fn of_websocket(answer: &[u8]) -> Result<(StatusCode, Self), Malformed> {
        let answer: Self = serde_json::from_slice(answer).map_err(|_| Malformed)?;
        let status = final_status(answer.status_code.ok_or(Malformed)?)?;
        Ok((status, answer))
    }

    /// The first value of a header, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value.as_str()
    }

    fn into_response(self, status: StatusCode) -> Result<Response<Bytes>, Malformed> {
        let body = match (self.body, self.is_base64_encoded) {
            (None, _) => Bytes::new(),
            (Some(text), Some(true)) => STANDARD.decode(text).map_err(|_| Malformed)?.into(),
            (Some(text), _) => text.into(),
        };
        let has_body = !body.is_empty();
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in self.headers.unwrap_or_default() {
            set_header(headers, &name, value)?;
        }
        for cookie in self.cookies.unwrap_or_default() {
            headers.append(SET_COOKIE, HeaderValue::from_str(&cookie).map_err(|_| Malformed)?);
        }
        if has_body && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
        }
        Ok(response)
    }
}

/// 1xx statuses are no answer yet.
fn final_status(code: u16) -> Result<StatusCode, Malformed> {
    let status = StatusCode::from_u16(code).ok();
    status.filter(|status| !status.is_informational()).ok_or(Malformed)
}

fn set_header(headers: &mut HeaderMap, name: &str, value: Value) -> Result<(), Malformed> {
    let name = HeaderName::try_from(name).map_err(|_| Malformed)?;
    // The framing of the answer is the gateway's own.
    if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
        return Ok(());
    }
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(Malformed),
    };
    headers.insert(name, HeaderValue::from_str(&text).map_err(|_| Malformed)?);
    Ok(())
}

/// Turns a function's answer into an HTTP API's,
/// [payload format 2.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.response).
/// One without `statusCode` is the body itself, with status 200.
pub(crate) fn http_response(answer: Bytes) -> Result<Response<Bytes>, Malformed> {
    let is_object = answer.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_object {
        let proxy: ProxyAnswer = serde_json::from_slice(&answer).map_err(|_| Malformed)?;
        if let Some(code) = proxy.status_code {
            return proxy.into_response(final_status(code)?);
        }
    }
    let body = match serde_json::from_slice::<Value>(&answer).map_err(|_| Malformed)? {
        Value::String(text) => text.into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => answer,
    };
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// An answer of the gateway itself.
pub(crate) fn json_response(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// What the gateway itself says to a client of the WebSocket API.
pub(crate) fn gateway_message(message: &str, connection_id: &str, request_id: &str) -> String {
    format!(r#"{{"message": "{message}", "connectionId":"{connection_id}", "requestId":"{request_id}"}}"#)
}

/// An exception in the form the SDKs read. No message when it is empty.
pub(crate) fn exception(status: StatusCode, kind: &'static str, message: &str) -> Response<Bytes> {
    let body = match message {
        "" => serde_json::json!({ "__type": kind }),
        _ => serde_json::json!({ "__type": kind, "message": message }),
    };
    let mut response = json_response(status, body.to_string());
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    response
}
