//! OpenAPI and AsyncAPI documents, made from the wire types and the route table.

mod asyncapi;
mod openapi;
mod quality;
mod requests;

pub use asyncapi::asyncapi;
pub use openapi::openapi;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::routes::{Api, ROUTES};

/// Collects the schemas of a document under `#/components/schemas`.
struct Schemas(SchemaGenerator);

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        Self(settings.with(|s| s.definitions_path = "/components/schemas".into()).into_generator())
    }

    /// A reference to the schema of `T`, which is collected.
    fn of<T: JsonSchema>(&mut self) -> Schema {
        self.0.subschema_for::<T>()
    }

    fn finish(mut self) -> Value {
        Value::Object(self.0.take_definitions(true))
    }
}

/// The route table, for whoever holds other things against it.
pub fn routes() -> Value {
    let routes = ROUTES.iter().map(|route| {
        let api = match route.api {
            Api::Http => "http",
            Api::WebSocket => "websocket",
        };
        json!({
            "api": api,
            "key": route.key,
            "function": route.function,
            "routeResponse": route.has_route_response(),
        })
    });
    json!({ "routes": routes.collect::<Vec<_>>() })
}
