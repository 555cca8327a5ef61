//! Amazon API Gateway on this machine: an HTTP API and a WebSocket API in front of functions that
//! are linked in, with `@connections`, SQS queues, a DynamoDB stream and EventBridge schedules.
//!
//! Functions get the JSON events that AWS sends and return the JSON that AWS expects, so the same
//! handler runs here and on Lambda. Quotas and failures are AWS's, too: see [`Limits`].
//!
//! ```no_run
//! use apigateway::{Gateway, function};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let echo = function(|event| async move { Ok(event) });
//! let gateway = Gateway::builder()
//!     .http_route("GET /hello/{name}", echo.clone())
//!     .ws_route_with_response("$default", echo)
//!     .build()?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:5000").await?;
//! gateway.serve(listener, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! What the public listener serves, in this order: what stands beside the APIs, the WebSocket path, CORS preflights, explicit
//! HTTP routes, static files, `$default`. The control plane (`@connections` and SQS) is only on
//! [`Gateway::serve_control`] and [`Gateway::control`].
//!
//! Where AWS documents nothing, this was chosen (and the tests' names say so):
//! - Messages of one connection run at the same time; [`MessageOrder`] changes that.
//! - Control frames do not keep a connection from being idle.
//! - A WebSocket function that times out is answered `Endpoint request timed out`; the socket stays
//!   open. During `$connect` it is 504.
//! - The status that a route response's function returns does not matter, its `body` is sent.
//! - A connection that breaks without a close frame is 1006.
//! - A push is answered 200 once it waits in the client's buffer of [`Limits::outbox`] bytes, and
//!   429 at once when that is full: nobody waits for a slow client.
//! - What waits longer than [`Limits::wait`] for its function to start is refused: a message with what
//!   [`Builder::ws_overloaded`] says, an HTTP request with 503 and `Retry-After`.

mod admission;
mod answer;
mod api;
mod arrival;
mod builder;
mod clock;
mod control;
mod error;
mod events;
mod faults;
mod function;
mod http_api;
mod ids;
mod limits;
mod proxies;
mod refusal;
mod server;
mod throttle;
mod websocket;

pub use api::Gateway;
pub use builder::Builder;
pub use control::management::Exception;
pub use control::queue::{Journal, Kept, Reading};
pub use control::stream::{StreamRecord, StreamSource};
pub use error::BuildError;
pub use faults::{Chances, DisconnectFate, Faults, Peer, PushFate};
pub use function::{Function, FunctionError, function};
pub use http_api::cors::Cors;
pub use ipnet::IpNet;
pub use limits::Limits;
pub use refusal::Refused;
pub use throttle::Rate;
pub use websocket::order::MessageOrder;
