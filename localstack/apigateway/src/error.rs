//! What is wrong with a configuration.

/// Why a gateway cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither `METHOD /path` nor `$default`, or `{name+}` that is not last.
    #[error("{0:?} is not a route key of an HTTP API")]
    HttpRouteKey(String),
    /// The same key was given before.
    #[error("the route {0:?} is given twice")]
    RouteTwice(String),
    /// Neither `route.request.querystring.NAME` nor `route.request.header.NAME`.
    #[error("{0:?} is not an identity source")]
    IdentitySource(String),
    /// Not of the form `$request.body.NAME`.
    #[error("{0:?} is not a route selection expression")]
    RouteSelection(String),
    /// The same queue was given before.
    #[error("the queue {0:?} is given twice")]
    QueueTwice(String),
}
