//! What infra/template.yaml says about the deployment on AWS, where this server does the same. A test holds the two together.

use std::time::Duration;

use apigateway::{Cors, Limits, Rate};
use protocol::rest::MAX_BODY;

/// API Gateway's quotas, and what the template sets besides.
pub fn limits() -> Limits {
    Limits {
        // The functions take no more, so there is no event to make of more.
        body: MAX_BODY,
        consumer: Duration::from_secs(60),
        redelivery: Duration::from_secs(360),
        deliveries: 4,
        batch: 10,
        ..Limits::default()
    }
}

/// The throttle of the routes of a function.
pub fn rate(function: &str) -> Rate {
    let (per_second, burst) = match function {
        "auth_register" | "auth_login" | "auth_password" | "auth_delete" => (20, 40),
        "auth_refresh" | "auth_logout" | "auth_me" => (100, 200),
        "health" | "http_default" => (50, 100),
        "ws_disconnect" | "ws_signal" | "ws_message" | "ws_status" | "ws_default" => (2000, 4000),
        _ => (200, 400),
    };
    Rate { per_second, burst }
}

/// The cross-origin rules of the HTTP API.
pub fn cors(allow_origins: Vec<String>) -> Cors {
    Cors {
        allow_origins,
        allow_methods: ["GET", "HEAD", "POST", "DELETE"].map(str::to_owned).to_vec(),
        allow_headers: ["authorization", "content-type", "idempotency-key"].map(str::to_owned).to_vec(),
        expose_headers: ["link", "retry-after", "www-authenticate", "x-request-id"].map(str::to_owned).to_vec(),
        max_age: Duration::from_secs(7200),
        allow_credentials: false,
    }
}

#[cfg(test)]
mod tests {
    use protocol::routes::{Api, ROUTES};

    use super::*;

    const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

    /// The text of one resource.
    fn resource(name: &str) -> String {
        let lines = TEMPLATE.lines().skip_while(|line| *line != format!("  {name}:")).skip(1);
        let own = lines.take_while(|line| line.starts_with("    ") || line.trim().is_empty());
        own.collect::<Vec<_>>().join("\n")
    }

    /// The text behind a key, up to what ends it.
    fn value<'a>(text: &'a str, key: &str) -> &'a str {
        let rest = text.split(&format!("{key}: ")).nth(1).unwrap_or_else(|| panic!("{key} is not in {text}"));
        rest.split([',', '}', '\n']).next().expect("a first part").trim()
    }

    fn number(text: &str, key: &str) -> u64 {
        value(text, key).parse().unwrap_or_else(|_| panic!("{key} is no number in {text}"))
    }

    #[test]
    fn the_queue_and_its_consumer_are_the_templates() {
        let (limits, queue) = (limits(), resource("DelayQueue"));
        assert_eq!(limits.redelivery.as_secs(), number(&queue, "VisibilityTimeout"));
        assert_eq!(u64::from(limits.deliveries), number(&queue, "maxReceiveCount"));
        assert_eq!(limits.batch as u64, number(&resource("DelayedWork"), "BatchSize"));
        assert_eq!(limits.consumer.as_secs(), number(&resource("ParticipantExpiry"), "Timeout"));
    }

    #[test]
    fn every_routes_throttle_is_the_templates() {
        for route in ROUTES {
            let stage = resource(if route.api == Api::Http { "HttpStage" } else { "WebSocketStage" });
            let setting = stage.lines().find(|line| line.trim().starts_with(&format!("\"{}\":", route.key)));
            let setting = setting.unwrap_or_else(|| panic!("{} has no throttle", route.key));
            let expected = Rate {
                per_second: u32::try_from(number(setting, "ThrottlingRateLimit")).expect("a rate"),
                burst: u32::try_from(number(setting, "ThrottlingBurstLimit")).expect("a burst"),
            };
            assert_eq!(rate(route.function), expected, "{}", route.key);
        }
    }

    #[test]
    fn the_cross_origin_rules_are_the_templates() {
        let (cors, api) = (cors(Vec::new()), resource("HttpApi"));
        for (list, key) in [
            (&cors.allow_methods, "AllowMethods"),
            (&cors.allow_headers, "AllowHeaders"),
            (&cors.expose_headers, "ExposeHeaders"),
        ] {
            assert!(api.contains(&format!("{key}: [{}]", list.join(", "))), "{key}: {list:?}\n{api}");
        }
        assert_eq!(cors.max_age.as_secs(), number(&api, "MaxAge"));
    }
}
