//! The quotas of API Gateway, with AWS's values as defaults.

use std::time::Duration;

/// Every size, rate and duration the gateway enforces.
///
/// The defaults are AWS's, from the quota pages for
/// [WebSocket APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html)
/// and [HTTP APIs](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
/// The last group has no counterpart there; it keeps one machine safe.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest WebSocket message in either direction, in bytes; a larger one closes with 1009.
    pub message: usize,
    /// Largest WebSocket frame, in bytes; a larger one closes with 1009, and longer pushes are split.
    pub frame: usize,
    /// How long a WebSocket may carry no message in either direction.
    pub idle: Duration,
    /// How long a WebSocket may live at all.
    pub lifetime: Duration,
    /// New WebSockets per second; more are refused with 429.
    pub connects_per_second: u32,
    /// Longest request target of a WebSocket handshake, in characters; a longer one is refused with 414.
    pub url: usize,
    /// Authorizer context, in bytes of JSON; a larger one fails the handshake with 500.
    pub authorizer_context: usize,
    /// How long a WebSocket route waits for its function.
    pub websocket_integration: Duration,
    /// How long an HTTP route waits for its function.
    pub http_integration: Duration,
    /// Request line and header values of a request together, in bytes; more is refused with 431.
    pub headers: usize,
    /// Largest HTTP request body, in bytes; a larger one is refused with 413.
    pub body: usize,

    /// Bytes of a request's body that are read and thrown away once it is too large, so that the client finds the
    /// answer and not a broken connection.
    pub unread_body: usize,
    /// How long the head of a request may take, and an open connection may wait for its next request.
    pub head_time: Duration,
    /// How long the body of a request may take; then it is refused with 408.
    pub body_time: Duration,
    /// How long a function may go on after its integration timed out, before it is stopped as
    /// Lambda's own timeout would stop it.
    pub overrun: Duration,
    /// How long a queue's or schedule's function may run.
    pub consumer: Duration,
    /// Messages of a queue that its function gets in one event, at most (`BatchSize`).
    pub batch: usize,
    /// How long after its delivery a queue's message whose function failed comes again (the visibility timeout).
    pub redelivery: Duration,
    /// How many times a queue's message is delivered before it is given up (`maxReceiveCount`).
    pub deliveries: u32,
    /// Bytes waiting for one slow client. Above it pushes are answered 429 and no more is read from it.
    pub outbox: usize,
    /// Messages of one connection that run or wait to; above it no more is read from it.
    pub messages_in_flight: usize,
    /// Messages of all connections that run at the same time; more of them wait. Few enough that a machine that is
    /// busy computing still looks after its sockets.
    pub messages_at_once: usize,
    /// HTTP requests that run at the same time; more of them wait. Lambda's own
    /// [concurrency](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
    pub requests_at_once: usize,
    /// How long a message or a request may wait to run; then it is refused.
    pub wait: Duration,
    /// The same once others have been waiting for longer than `wait` without a pause.
    pub standing_wait: Duration,
    /// How long a message's function counts as running. One that takes longer waits for something, not for the processor.
    pub slot: Duration,
    /// How long a closing handshake may take before the socket is dropped.
    pub close: Duration,
    /// How long a shutdown waits for requests, `$disconnect` and running functions.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 128 * 1024,
            frame: 32 * 1024,
            idle: Duration::from_secs(10 * 60),
            lifetime: Duration::from_secs(2 * 60 * 60),
            connects_per_second: 500,
            url: 4096,
            authorizer_context: 8 * 1024,
            websocket_integration: Duration::from_secs(29),
            http_integration: Duration::from_secs(30),
            headers: 10_240,
            body: 10_000_000,
            unread_body: 10_000_000,
            head_time: Duration::from_secs(30),
            body_time: Duration::from_secs(10),
            overrun: Duration::from_secs(1),
            consumer: Duration::from_secs(30),
            batch: 10,
            redelivery: Duration::from_secs(30),
            deliveries: 3,
            outbox: 1024 * 1024,
            messages_in_flight: 256,
            messages_at_once: 256,
            requests_at_once: 1000,
            wait: Duration::from_secs(2),
            standing_wait: Duration::from_millis(500),
            slot: Duration::from_millis(250),
            close: Duration::from_secs(2),
            drain: Duration::from_secs(10),
        }
    }
}
