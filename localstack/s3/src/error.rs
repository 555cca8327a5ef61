//! What S3 refuses, by the codes that its clients know
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>). The one place that knows statuses.

use std::borrow::Cow;
use std::io;

use http::StatusCode;

/// A refusal: code, status and what people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Most refusals: 400.
    pub(crate) fn bad(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn denied(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(crate) fn forbidden(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    fn absent(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(crate) fn no_such_bucket() -> Self {
        Self::absent("NoSuchBucket", "The specified bucket does not exist")
    }

    pub(crate) fn no_such_key() -> Self {
        Self::absent("NoSuchKey", "The specified key does not exist.")
    }

    pub(crate) fn no_such_upload() -> Self {
        Self::absent("NoSuchUpload", "The specified multipart upload does not exist.")
    }

    pub(crate) fn not_implemented() -> Self {
        let message = "A header or a parameter of the request asks for something that this server does not have.";
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    pub(crate) fn method() -> Self {
        let message = "The specified method is not allowed against this resource.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(crate) fn missing_length() -> Self {
        let message = "You must provide the Content-Length HTTP header.";
        Self::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", message)
    }

    pub(crate) fn too_large() -> Self {
        Self::bad("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    }

    pub(crate) fn precondition() -> Self {
        let message = "At least one of the pre-conditions you specified did not hold";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message)
    }

    pub(crate) fn range() -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range is not satisfiable")
    }

    pub(crate) fn slow_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.")
    }

    /// S3 itself is never full. The status is that of WebDAV ([RFC 4918](https://www.rfc-editor.org/rfc/rfc4918#section-11.5)).
    pub(crate) fn full(message: &'static str) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage", message)
    }

    pub(crate) fn xml() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::bad("MalformedXML", message)
    }

    pub(crate) fn argument(message: &'static str) -> Self {
        Self::bad("InvalidArgument", message)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::full("The disk of this server is full.");
        }
        tracing::error!(error = &error as &dyn std::error::Error, "an object cannot be read or stored");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            "We encountered an internal error. Please try again.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fills_while_it_is_written_to_is_told_as_full() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert_eq!(Error::from(io::Error::from(kind)).code, "InsufficientStorage");
        }
        let other = Error::from(io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!((other.code, other.status.as_u16()), ("InternalError", 500));
    }
}
