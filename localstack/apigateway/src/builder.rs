//! How a gateway is put together.

use std::{collections::HashMap, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderName, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use ipnet::IpNet;
use tokio::sync::watch;

use crate::{
    admission::Admission,
    api::{Api, Beside, Gateway, WebSocketRoute},
    control::{
        queue::{Journal, Queue, Reading},
        schedule::Schedule,
        stream::{Stream, StreamSource},
    },
    error::BuildError,
    faults::Faults,
    function::{Function, Tasks},
    http_api::{cors::Cors, routes::Routes},
    limits::Limits,
    proxies::Proxies,
    refusal::{House, Refused},
    throttle::{Rate, Throttle},
    websocket::{
        authorizer::{Authorizer, IdentitySource},
        connections::Connections,
        order::MessageOrder,
    },
};

impl Gateway {
    /// Starts with AWS's limits and no route at all.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// Puts a [`Gateway`] together. Each method says what API Gateway calls the same thing.
#[must_use]
pub struct Builder {
    api: Result<Api, BuildError>,
}

impl Default for Builder {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            api: Ok(Api {
                throttle: Throttle::per_second(limits.connects_per_second),
                message_slots: Admission::new(limits.messages_at_once, &limits),
                request_slots: Admission::new(limits.requests_at_once, &limits),
                limits,
                routes: Routes::default(),
                http_stage: "$default".to_owned(),
                cors: None,
                assets: None,
                beside: None,
                websocket_paths: vec!["/ws".to_owned()],
                websocket_stage: "local".to_owned(),
                websocket_routes: HashMap::new(),
                route_selection: vec!["action".to_owned()],
                authorizer: None,
                message_order: MessageOrder::default(),
                queues: HashMap::new(),
                schedules: Vec::new(),
                streams: Vec::new(),
                access_key_id: None,
                faults: None,
                http_throttles: HashMap::new(),
                websocket_throttles: HashMap::new(),
                overloaded: None,
                proxies: Proxies::default(),
                house: Arc::default(),
                connections: Connections::default(),
                tasks: Tasks::new(),
                stopping: watch::Sender::new(false),
            }),
        }
    }
}

impl Builder {
    /// A [route](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html)
    /// of the HTTP API: `POST /path/{parameter}`, `ANY /files/{proxy+}` or `$default`.
    pub fn http_route(self, key: &str, function: Function) -> Self {
        self.and_then(|api| api.routes.add(key, function))
    }

    /// The HTTP API's [stage](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html);
    /// `$default` unless told otherwise. A named one starts every path.
    pub fn http_stage(self, stage: impl Into<String>) -> Self {
        self.with(|api| api.http_stage = stage.into())
    }

    /// The HTTP API's [cross-origin rules](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html);
    /// without them the gateway leaves CORS to functions.
    pub fn cors(self, cors: Cors) -> Self {
        self.with(|api| api.cors = Some(cors))
    }

    /// Static files: asked for every request that no explicit route matches, before `$default`. `None` means that there is no
    /// such file. On AWS a CDN in front does this.
    pub fn assets<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Request<()>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<Result<Response<Bytes>, Refused>>> + Send + 'static,
    {
        self.with(|api| api.assets = Some(Box::new(move |request| handler(request).boxed())))
    }

    /// Another service on the same listener: it answers every request whose path it `has`, with bodies that stream in and out, before
    /// anything of the gateway does. On AWS it has a host of its own.
    pub fn beside<F, Fut>(self, has: impl Fn(&str) -> bool + Send + Sync + 'static, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<UnsyncBoxBody<Bytes, io::Error>>> + Send + 'static,
    {
        let answer = Box::new(move |request| answer(request).boxed());
        self.with(|api| api.beside = Some(Beside { has: Box::new(has), answer }))
    }

    /// A [route](https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html)
    /// of the WebSocket API: `$connect`, `$disconnect`, `$default` or a route key.
    /// What its function returns for a message is discarded.
    pub fn ws_route(self, key: &str, function: Function) -> Self {
        self.websocket_route(key, WebSocketRoute { function, responds: false })
    }

    /// A route of the WebSocket API with a
    /// [route response](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html):
    /// the `body` that its function returns is sent to the client.
    pub fn ws_route_with_response(self, key: &str, function: Function) -> Self {
        self.websocket_route(key, WebSocketRoute { function, responds: true })
    }

    fn websocket_route(self, key: &str, route: WebSocketRoute) -> Self {
        self.and_then(|api| match api.websocket_routes.insert(key.to_owned(), route) {
            None => Ok(()),
            Some(_) => Err(BuildError::RouteTwice(key.to_owned())),
        })
    }

    /// Where the WebSocket API is on the public listener; `/ws` unless told otherwise.
    pub fn ws_path(self, path: impl Into<String>) -> Self {
        self.with(|api| api.websocket_paths = vec![path.into()])
    }

    /// One more path of the public listener that leads to the WebSocket API, as a CloudFront function in front of it may have it.
    /// Functions are not told by which one a client came.
    pub fn ws_also_at(self, path: impl Into<String>) -> Self {
        self.with(|api| api.websocket_paths.push(path.into()))
    }

    /// The WebSocket API's stage, `local` unless told otherwise; `@connections` is under it.
    pub fn ws_stage(self, stage: impl Into<String>) -> Self {
        self.with(|api| api.websocket_stage = stage.into())
    }

    /// The [route selection expression](https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html#apigateway-websocket-api-route-selection-expressions);
    /// `$request.body.action` unless told otherwise.
    pub fn route_selection(self, expression: &str) -> Self {
        self.and_then(|api| {
            let refused = || BuildError::RouteSelection(expression.to_owned());
            let path = expression.strip_prefix("$request.body.").ok_or_else(refused)?;
            api.route_selection = path.split('.').map(str::to_owned).collect();
            match api.route_selection.iter().any(String::is_empty) {
                true => Err(refused()),
                false => Ok(()),
            }
        })
    }

    /// The [REQUEST authorizer](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html)
    /// of `$connect`, with its identity source (`route.request.querystring.NAME` or `route.request.header.NAME`).
    pub fn authorizer(self, identity_source: &str, function: Function) -> Self {
        self.and_then(|api| {
            let source = Some(IdentitySource::parse(identity_source)?);
            api.authorizer = Some(Authorizer { source, function });
            Ok(())
        })
    }

    /// The same without an [identity source](https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers-authorizerid.html):
    /// the function is asked about every handshake.
    pub fn authorizer_of_all(self, function: Function) -> Self {
        self.with(|api| api.authorizer = Some(Authorizer { source: None, function }))
    }

    /// In which order the messages of one connection run.
    pub fn message_order(self, order: MessageOrder) -> Self {
        self.with(|api| api.message_order = order)
    }

    /// An SQS queue and the function that
    /// [reads it](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html) in batches while the gateway serves.
    /// A queue URL names it by its last part.
    pub fn queue(self, name: &str, function: Function) -> Self {
        self.add_queue(name, function, None, None)
    }

    /// The same with what AWS has of each queue: how it is read. One whose name ends in `.fifo` keeps the messages of a group
    /// [in order](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html).
    /// What is in the journal, messages included that were not done with before, outlives the process.
    pub fn lasting_queue(self, name: &str, function: Function, reading: Reading, journal: Arc<dyn Journal>) -> Self {
        self.add_queue(name, function, Some(reading), Some(journal))
    }

    /// A DynamoDB stream of that table, and the function that
    /// [reads it](https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html) while the gateway serves.
    pub fn stream(self, table: &str, source: Arc<dyn StreamSource>, function: Function) -> Self {
        self.with(|api| api.streams.push(Arc::new(Stream::new(table, source, function))))
    }

    fn add_queue(
        self,
        name: &str,
        function: Function,
        reading: Option<Reading>,
        journal: Option<Arc<dyn Journal>>,
    ) -> Self {
        self.and_then(|api| {
            let queue = Arc::new(Queue::new(name, function, reading, journal));
            match api.queues.insert(name.to_owned(), queue) {
                None => Ok(()),
                Some(_) => Err(BuildError::QueueTwice(name.to_owned())),
            }
        })
    }

    /// An EventBridge [schedule](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html);
    /// it runs while the gateway serves, first after one `interval`, whether the run before is over or not.
    pub fn schedule(self, name: &str, interval: Duration, function: Function) -> Self {
        self.with(|api| api.schedules.push(Arc::new(Schedule::new(name, interval, function))))
    }

    /// Whose [SigV4 signatures](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html)
    /// the control plane accepts. Without it, nobody's.
    pub fn access_key_id(self, access_key_id: impl Into<String>) -> Self {
        self.with(|api| api.access_key_id = Some(access_key_id.into()))
    }

    /// The quotas; AWS's unless told otherwise.
    pub fn limits(self, limits: Limits) -> Self {
        self.with(|api| {
            api.throttle = Throttle::per_second(limits.connects_per_second);
            api.message_slots = Admission::new(limits.messages_at_once, &limits);
            api.request_slots = Admission::new(limits.requests_at_once, &limits);
            api.limits = limits;
        })
    }

    /// The [throttle](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html) of one route of
    /// the HTTP API (`RouteSettings` of its stage). Requests above it are answered 429.
    pub fn http_throttle(self, key: &str, rate: Rate) -> Self {
        self.with(|api| {
            api.http_throttles.insert(key.to_owned(), Throttle::new(rate));
        })
    }

    /// The throttle of one route of the WebSocket API. Messages above it are answered `Too Many Requests`, handshakes 429,
    /// and a `$disconnect` is lost.
    pub fn ws_throttle(self, key: &str, rate: Rate) -> Self {
        self.with(|api| {
            api.websocket_throttles.insert(key.to_owned(), Throttle::new(rate));
        })
    }

    /// Proxies in front of the gateway. What they say in `X-Forwarded-For`, `X-Forwarded-Proto` or `Forwarded` is believed;
    /// what anybody else says there is not.
    pub fn trusted_proxies(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.with(|api| api.proxies = Proxies::new(networks.into_iter().collect()))
    }

    /// How the answer to a request looks that no function gets to see, given the request's id; without this it is AWS's
    /// `{"message": ...}`. The status and the headers that belong to it are set in any case.
    pub fn refusals(self, render: impl Fn(Refused, &str) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.with(|api| house(api).refusals = Some(Box::new(render)))
    }

    /// What a client is told, given its message, when that is refused because it would wait too long; without this it is
    /// what AWS says of a function that it cannot run.
    pub fn ws_overloaded(self, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.with(|api| api.overloaded = Some(Box::new(answer)))
    }

    /// A header in which every answer names its request, besides AWS's own; a function may set it first.
    pub fn request_id_header(self, name: HeaderName) -> Self {
        self.with(|api| house(api).request_id = Some(name))
    }

    /// Faults to inject, for tests.
    pub fn faults(self, faults: impl Faults) -> Self {
        self.with(|api| api.faults = Some(Box::new(faults)))
    }

    /// Builds the gateway.
    ///
    /// # Errors
    /// The first mistake in what was configured.
    pub fn build(self) -> Result<Gateway, BuildError> {
        Ok(Gateway { api: Arc::new(self.api?) })
    }

    fn with(self, change: impl FnOnce(&mut Api)) -> Self {
        self.and_then(|api| {
            change(api);
            Ok(())
        })
    }

    fn and_then(self, change: impl FnOnce(&mut Api) -> Result<(), BuildError>) -> Self {
        Self { api: self.api.and_then(|mut api| change(&mut api).map(|()| api)) }
    }
}

fn house(api: &mut Api) -> &mut House {
    Arc::get_mut(&mut api.house).expect("nothing shares it before the gateway is built")
}
