//! What infra/template.yaml says about the deployment on AWS, where this server does the same. A test holds the two together.

use std::time::Duration;

use apigateway::{Cors, Limits, Rate, Reading};
use domain::webhooks::SPREAD_TRIES;
use protocol::rest::MAX_BODY;
use s3::{Expiration, Lifecycle};

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

/// How webhooks are read from the lines of their endpoints.
pub fn webhook_line() -> Reading {
    let (redelivery, time) = (Duration::from_secs(180), Duration::from_secs(30));
    Reading { batch: 1, redelivery, deliveries: 10, at_once: 50, time }
}

/// How webhooks are read that are tried later.
pub fn webhooks_later() -> Reading {
    Reading { deliveries: u32::try_from(SPREAD_TRIES).unwrap_or(u32::MAX), at_once: 20, ..webhook_line() }
}

/// How recordings are read that somebody looks after.
pub fn recordings() -> Reading {
    let (redelivery, time) = (Duration::from_secs(960), Duration::from_secs(900));
    Reading { batch: 1, redelivery, deliveries: 4, at_once: 20, time }
}

/// The throttle of the routes of a function.
pub fn rate(function: &str) -> Rate {
    let (per_second, burst) = match function {
        "auth_register" | "auth_login" | "auth_password" | "auth_delete" => (20, 40),
        "auth_refresh" | "auth_logout" | "auth_me" | "invite_redeem" => (100, 200),
        "health" | "http_default" => (50, 100),
        "ws_disconnect" | "ws_signal" | "ws_message" | "ws_status" | "ws_data" | "ws_stats" | "ws_hub" | "ws_ping" => {
            (2000, 4000)
        }
        _ => (200, 400),
    };
    Rate { per_second, burst }
}

/// The cross-origin rules of the HTTP API.
pub fn cors(allow_origins: Vec<String>) -> Cors {
    Cors {
        // Browsers have it so with SignalR's client; API Gateway refuses it together with every origin. There are no cookies.
        allow_credentials: !allow_origins.iter().any(|origin| origin == "*"),
        allow_origins,
        allow_methods: ["GET", "HEAD", "POST", "PATCH", "DELETE"].map(str::to_owned).to_vec(),
        allow_headers: [
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "x-requested-with",
            "x-signalr-user-agent",
        ]
        .map(str::to_owned)
        .to_vec(),
        expose_headers: ["link", "retry-after", "www-authenticate", "x-request-id"].map(str::to_owned).to_vec(),
        max_age: Duration::from_secs(7200),
    }
}

/// The cross-origin rules of the bucket of recordings. One `*` stands for anything there, also for a port; an origin without one is
/// another.
pub fn objects_cors(allow_origins: &[String]) -> s3::Cors {
    let without_port = allow_origins.iter().filter_map(|origin| origin.strip_suffix(":*"));
    let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    s3::Cors {
        allow_origins: without_port.map(str::to_owned).chain(allow_origins.iter().cloned()).collect(),
        allow_methods: texts(&["GET", "HEAD", "PUT"]),
        allow_headers: texts(&["content-type", "range"]),
        expose_headers: texts(&["accept-ranges", "content-length", "content-range", "etag"]),
        max_age: Duration::from_secs(7200),
    }
}

/// What expires of the bucket of recordings, whose files are kept for so long.
pub fn lifecycle(files: Duration) -> Lifecycle {
    let day = Duration::from_secs(24 * 60 * 60);
    Lifecycle {
        expirations: vec![
            Expiration { prefix: "chunks/".to_owned(), after: 7 * day },
            Expiration { prefix: "files/".to_owned(), after: files },
        ],
        unfinished_after: day,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::routes::{Api, ROUTES};
    use serde_json::Value;

    use super::*;
    use crate::database::Database;
    use crate::{aws, object_store};

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

    /// Each index as `name partition-key sort-key projection`.
    async fn own_indexes() -> Vec<String> {
        let database = Database::open(None).expect("a database in memory");
        let sdk = aws::config(database.table(), Arc::default(), &object_store::keys("key"), None, None);
        store::TableDefinition::new(&sdk, "tunrtc").create_table().await.expect("a table");
        let (status, described) = database.table().answer("DescribeTable", br#"{"TableName":"tunrtc"}"#).await;
        assert_eq!(status, 200);
        let described: Value = serde_json::from_slice(&described).expect("JSON");
        let indexes = described["Table"]["GlobalSecondaryIndexes"].as_array().expect("indexes").clone();
        let line = |index: &Value| {
            let key = |n: usize| &index["KeySchema"][n]["AttributeName"];
            let words = [&index["IndexName"], key(0), key(1), &index["Projection"]["ProjectionType"]];
            words.map(|word| word.as_str().expect("a word").to_owned()).join(" ")
        };
        indexes.iter().map(line).collect()
    }

    #[tokio::test]
    async fn the_tables_indexes_are_the_templates() {
        let table = resource("Table");
        let indexes = table.split("- IndexName: ").skip(1).map(|index| {
            let name = index.lines().next().expect("a name").trim();
            let mut keys = index.split("AttributeName: ").skip(1).map(|key| key.split(',').next().expect("a name"));
            let (partition, sort) = (keys.next().expect("a key"), keys.next().expect("a key"));
            format!("{name} {partition} {sort} {}", value(index, "ProjectionType"))
        });
        assert_eq!(own_indexes().await, indexes.collect::<Vec<_>>());
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
    fn the_queue_of_recordings_is_the_templates() {
        let (reading, queue, source) = (recordings(), resource("RecordingQueue"), resource("RecordingWork"));
        assert_eq!(reading.redelivery.as_secs(), number(&queue, "VisibilityTimeout"));
        assert_eq!(u64::from(reading.deliveries), number(&queue, "maxReceiveCount"));
        assert_eq!(reading.batch as u64, number(&source, "BatchSize"));
        assert_eq!(reading.at_once as u64, number(&source, "MaximumConcurrency"));
        // A function that died is not believed to be at it any more when its message comes again.
        let timeout = number(&resource("RecordingCompose"), "Timeout");
        assert_eq!((timeout, timeout), (reading.time.as_secs(), domain::composing::LEASE.as_secs()));
        assert!(timeout < reading.redelivery.as_secs());
    }

    #[test]
    fn the_webhooks_queues_are_the_templates() {
        for (reading, queue, source) in
            [(webhook_line(), "WebhookQueue", "WebhookLine"), (webhooks_later(), "WebhookLaterQueue", "WebhookLater")]
        {
            assert_eq!(reading.redelivery.as_secs(), number(&resource(queue), "VisibilityTimeout"));
            assert_eq!(u64::from(reading.deliveries), number(&resource(queue), "maxReceiveCount"));
            assert_eq!(reading.batch as u64, number(&resource(source), "BatchSize"));
            assert_eq!(reading.time.as_secs(), number(&resource("WebhookSend"), "Timeout"));
        }
    }

    #[test]
    fn a_sweep_ends_within_its_functions_time_and_before_the_next_and_a_lease_is_noted_in_steps_of_its_period() {
        let timeout = Duration::from_secs(number(&resource("ParticipantExpiry"), "Timeout"));
        // What is under way when its time is over still has an operation of the store's to end, of 5 s at most each.
        assert!(participant_expiry::SWEEP_TIME + Duration::from_secs(15) <= timeout);
        let rate = TEMPLATE.split("SweepRate:").nth(1).map(|rest| value(rest, "Default")).expect("a parameter");
        let minutes: u64 =
            rate.strip_prefix("rate(").and_then(|rest| rest.split(' ').next()?.parse().ok()).expect("a rate");
        let period = Duration::from_secs(60 * minutes);
        assert!(timeout < period, "one sweep at a time");
        assert_eq!(domain::Policy::default().lease_step(), period);
    }

    #[test]
    fn the_rules_of_the_bucket_are_the_templates() {
        let (cors, bucket) = (objects_cors(&[]), resource("Recordings"));
        for (list, key) in [
            (&cors.allow_methods, "AllowedMethods"),
            (&cors.allow_headers, "AllowedHeaders"),
            (&cors.expose_headers, "ExposedHeaders"),
        ] {
            assert!(bucket.contains(&format!("{key}: [{}]", list.join(", "))), "{key}: {list:?}\n{bucket}");
        }
        assert_eq!(cors.max_age.as_secs(), number(&bucket, "MaxAge"));
        let rules = lifecycle(Duration::from_secs(9));
        let days = |span: Duration| span.as_secs() / (24 * 60 * 60);
        let of = |prefix: &str| rules.expirations.iter().find(|rule| rule.prefix == prefix).expect("a rule").after;
        let chunks = bucket.lines().find(|line| line.contains("Prefix: chunks/")).expect("a rule");
        assert_eq!(days(of("chunks/")), number(chunks, "ExpirationInDays"));
        assert!(bucket.contains("Prefix: files/, ExpirationInDays: !Ref RecordingDays"));
        assert_eq!(of("files/"), Duration::from_secs(9));
        assert_eq!(days(rules.unfinished_after), number(&bucket, "DaysAfterInitiation"));
        let parameter = TEMPLATE.lines().find(|line| line.starts_with("  RecordingDays:")).expect("a parameter");
        assert_eq!(u64::from(crate::RECORDINGS_DAYS), number(parameter, "Default"));
    }

    #[test]
    fn pages_of_any_port_of_this_machine_reach_the_bucket() {
        let cors = objects_cors(&["http://localhost:*".to_owned(), "https://app.example".to_owned()]);
        assert_eq!(cors.allow_origins, ["http://localhost", "http://localhost:*", "https://app.example"]);
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
