//! The control plane: what functions call with the AWS SDK. It is never on the public listener.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};

use crate::{
    answer::exception,
    api::{Api, Gateway},
    control::{management, sqs},
    ids,
};

impl Gateway {
    /// Answers a request of the AWS SDK in the process: `@connections`, or SQS's JSON protocol.
    ///
    /// It is refused with 403 unless it is signed with the configured access key id.
    pub async fn control(&self, request: Request<Bytes>) -> Response<Bytes> {
        let mut response = answer(self, request).await;
        if let Ok(request_id) = HeaderValue::from_str(&ids::uuid()) {
            response.headers_mut().insert("x-amzn-requestid", request_id);
        }
        response
    }
}

async fn answer(gateway: &Gateway, request: Request<Bytes>) -> Response<Bytes> {
    let api = &gateway.api;
    let is_queue = request.headers().contains_key(sqs::TARGET);
    if !is_signed(api, request.headers()) {
        let kind = if is_queue { "InvalidClientTokenId" } else { "ForbiddenException" };
        let message = "The security token included in the request is invalid.";
        return exception(StatusCode::FORBIDDEN, kind, message);
    }
    if is_queue {
        return sqs::handle(api, &request).await;
    }
    if management::is_connections(request.uri().path()) {
        return management::handle(api, request).await;
    }
    exception(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden")
}

/// Whether the [SigV4 header](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html)
/// names the configured access key. The key is the secret here; the signature is not recomputed.
fn is_signed(api: &Api, headers: &HeaderMap) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let named = header.and_then(access_key_id);
    named.is_some() && named == api.access_key_id.as_deref()
}

fn access_key_id(authorization: &str) -> Option<&str> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let credential = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
    credential.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_is_read_from_the_credential() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/sqs/aws4_request, \
                      SignedHeaders=host, Signature=0";
        assert_eq!(access_key_id(header), Some("AKID"));
        assert_eq!(access_key_id("AWS4-HMAC-SHA256 SignedHeaders=a,Credential=K/1"), Some("K"));
        assert_eq!(access_key_id("Bearer Credential=K/1"), None);
        assert_eq!(access_key_id("AWS4-HMAC-SHA256 Signature=0"), None);
    }
}
