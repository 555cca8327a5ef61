//! Both APIs with what stands behind them, as requests find them.

use std::{collections::HashMap, io, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::{
    admission::Admission,
    control::{queue::Queue, schedule::Schedule, stream::Stream},
    faults::Faults,
    function::{Function, Tasks},
    http_api::{cors::Cors, routes::Routes},
    limits::Limits,
    proxies::Proxies,
    refusal::{House, Refused},
    throttle::Throttle,
    websocket::{authorizer::Authorizer, connections::Connections, order::MessageOrder},
};

/// An HTTP API and a WebSocket API with what stands behind them. Clones share everything.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) api: Arc<Api>,
}

/// The body of an answer, which may come piece by piece.
pub(crate) type Streamed = UnsyncBoxBody<Bytes, io::Error>;

/// What answers the requests of some paths in place of both APIs.
pub(crate) struct Beside {
    pub(crate) has: Box<dyn Fn(&str) -> bool + Send + Sync>,
    pub(crate) answer: Box<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Streamed>> + Send + Sync>,
}

/// What answers a request that no explicit route matches; `None` passes it on.
pub(crate) type Assets =
    Box<dyn Fn(Request<()>) -> BoxFuture<'static, Option<Result<Response<Bytes>, Refused>>> + Send + Sync>;

/// What a client is told whose message is refused because too much waits, given the message.
pub(crate) type Overloaded = Box<dyn Fn(&str) -> String + Send + Sync>;

/// The function of a WebSocket route.
pub(crate) struct WebSocketRoute {
    pub(crate) function: Function,
    /// Whether what the function returns goes to the client.
    pub(crate) responds: bool,
}

/// Everything that requests need, built once.
pub(crate) struct Api {
    pub(crate) limits: Limits,
    pub(crate) routes: Routes,
    pub(crate) http_stage: String,
    pub(crate) cors: Option<Cors>,
    pub(crate) assets: Option<Assets>,
    pub(crate) beside: Option<Beside>,
    pub(crate) websocket_paths: Vec<String>,
    pub(crate) websocket_stage: String,
    pub(crate) websocket_routes: HashMap<String, WebSocketRoute>,
    /// The path into a message's JSON that names its route.
    pub(crate) route_selection: Vec<String>,
    pub(crate) authorizer: Option<Authorizer>,
    pub(crate) message_order: MessageOrder,
    pub(crate) queues: HashMap<String, Arc<Queue>>,
    pub(crate) schedules: Vec<Arc<Schedule>>,
    pub(crate) streams: Vec<Arc<Stream>>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) faults: Option<Box<dyn Faults>>,
    /// Of new WebSockets, over all routes.
    pub(crate) throttle: Throttle,
    /// Of single routes, by their keys.
    pub(crate) http_throttles: HashMap<String, Throttle>,
    pub(crate) websocket_throttles: HashMap<String, Throttle>,
    /// Of messages, and of HTTP requests.
    pub(crate) message_slots: Admission,
    pub(crate) request_slots: Admission,
    pub(crate) overloaded: Option<Overloaded>,
    pub(crate) proxies: Proxies,
    pub(crate) house: Arc<House>,
    pub(crate) connections: Connections,
    pub(crate) tasks: Tasks,
    /// Becomes true when the gateway shuts down.
    pub(crate) stopping: watch::Sender<bool>,
}

/// Whether the throttle of a route, if it has one, lets one more through.
pub(crate) fn admits(throttles: &HashMap<String, Throttle>, route_key: &str) -> bool {
    throttles.get(route_key).is_none_or(Throttle::admits)
}
