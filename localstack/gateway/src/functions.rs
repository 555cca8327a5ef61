//! Links every function in, as Lambda would call it: event JSON in, answer JSON out.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;

use apigateway::{Function, FunctionError};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lambda_http::{Adapter, Body, Request, Response, Service, service_fn};
use lambda_runtime::{Context, LambdaEvent};
use runtime::{Runtime, SettingError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A function of the HTTP API: the same adapter as on Lambda turns events into requests.
macro_rules! http {
    ($runtime:expr, $function:ident) => {{
        let deps = Arc::new($function::Deps::new($runtime)?);
        http_function(Arc::new(move |request| {
            let deps = Arc::clone(&deps);
            async move { $function::handle(&deps, request).await }.boxed()
        }))
    }};
}

/// Any other function: its event and its answer are plain JSON.
macro_rules! event {
    ($runtime:expr, $function:ident) => {{
        let deps = Arc::new($function::Deps::new($runtime)?);
        event_function(move |event| {
            let deps = Arc::clone(&deps);
            async move { $function::handle(&deps, event).await }
        })
    }};
}

/// The function of that name; the names are those of the route table.
///
/// # Errors
/// The setting that the function misses.
pub fn function(name: &str, runtime: &Runtime) -> Result<Function, SettingError> {
    Ok(match name {
        "api_keys" => event!(runtime, api_keys),
        "analytics" => http!(runtime, analytics),
        "auth_delete" => http!(runtime, auth_delete),
        "auth_login" => http!(runtime, auth_login),
        "auth_logout" => http!(runtime, auth_logout),
        "auth_me" => http!(runtime, auth_me),
        "auth_password" => http!(runtime, auth_password),
        "auth_refresh" => http!(runtime, auth_refresh),
        "auth_register" => http!(runtime, auth_register),
        "health" => http!(runtime, health),
        "hub_negotiate" => http!(runtime, hub_negotiate),
        "http_default" => http!(runtime, http_default),
        "ice_servers" => http!(runtime, ice_servers),
        "invite_redeem" => http!(runtime, invite_redeem),
        "recording_compose" => event!(runtime, recording_compose),
        "recording_files" => http!(runtime, recording_files),
        "recording_upload" => http!(runtime, recording_upload),
        "session_active" => http!(runtime, session_active),
        "session_create" => http!(runtime, session_create),
        "session_end" => http!(runtime, session_end),
        "session_get" => http!(runtime, session_get),
        "session_invites" => http!(runtime, session_invites),
        "session_join" => http!(runtime, session_join),
        "session_leave" => http!(runtime, session_leave),
        "session_messages" => http!(runtime, session_messages),
        "session_moderate" => http!(runtime, session_moderate),
        "session_participants" => http!(runtime, session_participants),
        "session_say" => http!(runtime, session_say),
        "session_stats" => http!(runtime, session_stats),
        "session_transcribe" => http!(runtime, session_transcribe),
        "session_ticket" => http!(runtime, session_ticket),
        "usage_get" => http!(runtime, usage_get),
        "user_revoke" => http!(runtime, user_revoke),
        "session_update" => http!(runtime, session_update),
        "ws_authorizer" => event!(runtime, ws_authorizer),
        "ws_connect" => event!(runtime, ws_connect),
        "ws_data" => event!(runtime, ws_data),
        "ws_disconnect" => event!(runtime, ws_disconnect),
        "ws_hub" => event!(runtime, ws_hub),
        "ws_join" => event!(runtime, ws_join),
        "ws_leave" => event!(runtime, ws_leave),
        "ws_message" => event!(runtime, ws_message),
        "ws_moderate" => event!(runtime, ws_moderate),
        "ws_ping" => event!(runtime, ws_ping),
        "ws_signal" => event!(runtime, ws_signal),
        "ws_stats" => event!(runtime, ws_stats),
        "ws_status" => event!(runtime, ws_status),
        "ws_sync" => event!(runtime, ws_sync),
        "webhook_endpoints" => http!(runtime, webhook_endpoints),
        "webhook_events" => http!(runtime, webhook_events),
        "webhook_fanout" => event!(runtime, webhook_fanout),
        "webhook_send" => event!(runtime, webhook_send),
        "participant_expiry" => event!(runtime, participant_expiry),
        other => unreachable!("the route table names a function that is not linked in: {other}"),
    })
}

/// What answers a request. Boxed, so that the adapter around it is compiled once and not for each function.
type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

fn http_function(handle: Handler) -> Function {
    apigateway::function(move |event| {
        let handle = Arc::clone(&handle);
        async move {
            let payload = serde_json::from_slice(&event).map_err(failed)?;
            let service = service_fn(move |request| {
                let answer = handle(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            let invocation = LambdaEvent::new(payload, Context::default());
            let answer = Adapter::from(service).call(invocation).await.map_err(failed)?;
            encode(&answer)
        }
    })
}

fn event_function<H, F, E, A, X>(handle: H) -> Function
where
    H: Fn(E) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<A, X>> + Send + 'static,
    E: DeserializeOwned + Send,
    A: Serialize + Send,
    X: Display + Send,
{
    apigateway::function(move |event| {
        let handle = handle.clone();
        async move {
            let event = serde_json::from_slice(&event).map_err(failed)?;
            encode(&handle(event).await.map_err(failed)?)
        }
    })
}

fn encode(answer: &impl Serialize) -> Result<Bytes, FunctionError> {
    serde_json::to_vec(answer).map(Bytes::from).map_err(failed)
}

fn failed(error: impl Display) -> FunctionError {
    FunctionError::new(error.to_string())
}
