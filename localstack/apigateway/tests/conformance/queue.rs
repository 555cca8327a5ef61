//! The SQS queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigateway::{FunctionError, Gateway, Journal, Kept, Reading};
use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sqs::{
    Client as Sdk,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::MessageAttributeValue,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::support::{ACCESS_KEY, Running, answering, limits, panicking, recording, soon, start};

fn sdk(running: &Running, access_key: &str) -> Sdk {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key, "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{}", running.control))
        .build();
    Sdk::from_conf(config)
}

fn url(running: &Running) -> String {
    format!("http://{}/000000000000/jobs", running.control)
}

#[tokio::test]
async fn a_message_reaches_its_function_as_an_sqs_event() {
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().queue("jobs", function)).await;
    let sdk = sdk(&running, ACCESS_KEY);
    let sent = soon(sdk.send_message().queue_url(url(&running)).message_body(r#"{"a":1}"#).send()).await.expect("sent");
    // From `printf '{"a":1}' | md5sum`.
    assert_eq!(sent.md5_of_message_body(), Some("bb6cb5c68df4652941caf652a366f2d8"));
    let event = calls.next().await;
    let record = &event["Records"][0];
    assert_eq!(event["Records"].as_array().map(Vec::len), Some(1));
    assert_eq!(record["messageId"].as_str(), sent.message_id());
    assert_eq!(record["body"], r#"{"a":1}"#);
    assert_eq!(record["md5OfBody"].as_str(), sent.md5_of_message_body());
    assert_eq!(record["eventSource"], "aws:sqs");
    assert!(record["eventSourceARN"].as_str().is_some_and(|arn| arn.ends_with(":jobs")));
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    let event: SqsEvent = serde_json::from_value(event).expect("the Lambda crates read it");
    assert_eq!(event.records[0].body.as_deref(), Some(r#"{"a":1}"#));
}

#[tokio::test]
async fn a_delayed_message_comes_after_its_delay() {
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().queue("jobs", function)).await;
    let begun = Instant::now();
    let sdk = sdk(&running, ACCESS_KEY);
    soon(sdk.send_message().queue_url(url(&running)).message_body("late").delay_seconds(1).send()).await.expect("sent");
    soon(sdk.send_message().queue_url(url(&running)).message_body("now").send()).await.expect("sent");
    assert_eq!(calls.next().await["Records"][0]["body"], "now");
    assert_eq!(calls.next().await["Records"][0]["body"], "late");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_delay_over_900_seconds_is_refused() {
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().queue("jobs", function)).await;
    for delay in [901, -1] {
        let refused = soon(
            sdk(&running, ACCESS_KEY)
                .send_message()
                .queue_url(url(&running))
                .message_body("x")
                .delay_seconds(delay)
                .send(),
        )
        .await
        .expect_err("refused")
        .into_service_error();
        let code = aws_sdk_sqs::error::ProvideErrorMetadata::code(&refused);
        assert_eq!(code, Some("InvalidParameterValue"), "{refused:?}");
    }
    assert!(calls.is_empty());
}

#[tokio::test]
async fn an_unknown_queue_does_not_exist() {
    let running = start(Gateway::builder()).await;
    let refused = soon(sdk(&running, ACCESS_KEY).send_message().queue_url(url(&running)).message_body("x").send())
        .await
        .expect_err("refused")
        .into_service_error();
    assert!(refused.is_queue_does_not_exist(), "{refused:?}");
}

#[tokio::test]
async fn another_key_is_refused() {
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().queue("jobs", function)).await;
    let refused = soon(sdk(&running, "AKIAOTHER").send_message().queue_url(url(&running)).message_body("x").send())
        .await
        .expect_err("refused");
    assert_eq!(refused.raw_response().map(|response| response.status().as_u16()), Some(403));
    assert!(calls.is_empty());
}

#[tokio::test]
async fn another_operation_is_not_supported() {
    let running = start(Gateway::builder()).await;
    let refused = soon(sdk(&running, ACCESS_KEY).receive_message().queue_url(url(&running)).send())
        .await
        .expect_err("refused")
        .into_service_error();
    assert!(refused.is_unsupported_operation(), "{refused:?}");
}

#[tokio::test]
async fn message_attributes_are_refused_instead_of_lost() {
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().queue("jobs", function)).await;
    let text = MessageAttributeValue::builder().data_type("String").string_value("v").build().expect("complete");
    let sdk = sdk(&running, ACCESS_KEY);
    let send = sdk.send_message().queue_url(url(&running)).message_body("x").message_attributes("k", text).send();
    let refused = soon(send).await.expect_err("refused").into_service_error();
    assert!(refused.is_unsupported_operation(), "{refused:?}");
    assert!(calls.is_empty());
}

#[tokio::test]
async fn messages_that_are_due_together_come_in_batches() {
    let (function, mut calls) = answering(json!(null));
    let batches = limits(|limits| limits.batch = 3);
    let running = start(Gateway::builder().limits(batches).queue("jobs", function)).await;
    let sdk = sdk(&running, ACCESS_KEY);
    for number in 0..7 {
        let message = sdk.send_message().queue_url(url(&running)).message_body(number.to_string());
        soon(message.delay_seconds(1).send()).await.expect("sent");
    }
    let (mut bodies, mut sizes) = (Vec::new(), Vec::new());
    while bodies.len() < 7 {
        let event = calls.next().await;
        let records = event["Records"].as_array().expect("a list");
        sizes.push(records.len());
        bodies.extend(records.iter().map(|record| record["body"].as_str().expect("a text").to_owned()));
    }
    bodies.sort();
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6"]);
    assert!(sizes.iter().all(|size| *size <= 3), "{sizes:?}");
}

#[tokio::test]
async fn of_a_batch_only_what_was_reported_comes_again() {
    let (function, mut calls) = recording(|event| {
        let records = event["Records"].as_array().expect("a list");
        let bad = records.iter().filter(|record| record["body"] == "bad");
        let failures: Vec<_> = bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
        Ok(json!({"batchItemFailures": failures}))
    });
    let redelivery = limits(|limits| (limits.redelivery, limits.deliveries) = (Duration::from_millis(10), 2));
    let running = start(Gateway::builder().limits(redelivery).queue("jobs", function)).await;
    let sdk = sdk(&running, ACCESS_KEY);
    for body in ["good", "bad", "good"] {
        soon(sdk.send_message().queue_url(url(&running)).message_body(body).send()).await.expect("sent");
    }
    let mut delivered = Vec::new();
    while delivered.len() < 4 {
        let event = calls.next().await;
        let records = event["Records"].as_array().expect("a list").clone();
        delivered.extend(records.iter().map(|record| record["body"].as_str().expect("a text").to_owned()));
    }
    delivered.sort();
    assert_eq!(delivered, ["bad", "bad", "good", "good"]);
}

#[tokio::test]
async fn a_report_about_an_unknown_message_brings_the_whole_batch_again() {
    let (function, mut calls) = answering(json!({"batchItemFailures": [{"itemIdentifier": "nobody"}]}));
    let redelivery = limits(|limits| limits.redelivery = Duration::from_millis(10));
    let running = start(Gateway::builder().limits(redelivery).queue("jobs", function)).await;
    soon(sdk(&running, ACCESS_KEY).send_message().queue_url(url(&running)).message_body("x").send())
        .await
        .expect("sent");
    for count in ["1", "2", "3"] {
        assert_eq!(calls.next().await["Records"][0]["attributes"]["ApproximateReceiveCount"], count);
    }
}

#[tokio::test]
async fn a_message_whose_function_fails_comes_again_until_it_is_given_up() {
    let (function, mut calls) = recording(|_| Err(FunctionError::new("boom")));
    let redelivery = limits(|limits| {
        limits.redelivery = Duration::from_millis(10);
        limits.deliveries = 3;
    });
    let running = start(Gateway::builder().limits(redelivery).queue("jobs", function)).await;
    soon(sdk(&running, ACCESS_KEY).send_message().queue_url(url(&running)).message_body("x").send())
        .await
        .expect("sent");
    for count in ["1", "2", "3"] {
        assert_eq!(calls.next().await["Records"][0]["attributes"]["ApproximateReceiveCount"], count);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_message_reported_as_failed_comes_again_and_then_no_more() {
    let (function, mut calls) = recording(|event| {
        let record = &event["Records"][0];
        Ok(match record["attributes"]["ApproximateReceiveCount"].as_str() {
            Some("1") => json!({"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}),
            _ => json!({"batchItemFailures": []}),
        })
    });
    let redelivery = limits(|limits| limits.redelivery = Duration::from_millis(10));
    let running = start(Gateway::builder().limits(redelivery).queue("jobs", function)).await;
    soon(sdk(&running, ACCESS_KEY).send_message().queue_url(url(&running)).message_body("x").send())
        .await
        .expect("sent");
    let (first, second) = (calls.next().await, calls.next().await);
    assert_eq!(first["Records"][0]["messageId"], second["Records"][0]["messageId"]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_panic_of_one_message_leaves_other_queues_alone() {
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().queue("bad", panicking()).queue("jobs", function)).await;
    let sdk = sdk(&running, ACCESS_KEY);
    let bad = url(&running).replace("jobs", "bad");
    soon(sdk.send_message().queue_url(bad).message_body("x").send()).await.expect("sent");
    soon(sdk.send_message().queue_url(url(&running)).message_body("x").send()).await.expect("sent");
    calls.next().await;
}

/// What a queue keeps, in the test's own hands.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<u64, Kept>>);

impl Journal for Shelf {
    fn keep(&self, message: Kept) -> BoxFuture<'_, bool> {
        self.0.lock().expect("a lock").insert(message.place, message);
        async { true }.boxed()
    }

    fn forget(&self, message: Kept) -> BoxFuture<'_, ()> {
        self.0.lock().expect("a lock").remove(&message.place);
        async {}.boxed()
    }

    fn all(&self) -> BoxFuture<'_, Vec<Kept>> {
        let all = self.0.lock().expect("a lock").values().cloned().collect();
        async { all }.boxed()
    }
}

const READING: Reading = Reading {
    batch: 1,
    redelivery: Duration::from_millis(10),
    deliveries: 3,
    at_once: 5,
    time: Duration::from_secs(30),
};

fn fifo(running: &Running) -> String {
    url(running).replace("jobs", "jobs.fifo")
}

async fn line_up(running: &Running, group: &str, body: &str) {
    let sdk = sdk(running, ACCESS_KEY);
    let message = sdk.send_message().queue_url(fifo(running)).message_body(body);
    soon(message.message_group_id(group).message_deduplication_id(body).send()).await.expect("sent");
}

fn body_of(event: &serde_json::Value) -> String {
    event["Records"][0]["body"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_group_waits_for_its_first_message_and_others_do_not() {
    let (function, mut calls) = recording(|event| {
        let record = &event["Records"][0];
        let fails = record["body"] == "a1" && record["attributes"]["ApproximateReceiveCount"] == "1";
        let failures = if fails { json!([{"itemIdentifier": record["messageId"]}]) } else { json!([]) };
        Ok(json!({"batchItemFailures": failures}))
    });
    let shelf = Arc::new(Shelf::default());
    let running = start(Gateway::builder().lasting_queue("jobs.fifo", function, READING, shelf.clone())).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        line_up(&running, group, body).await;
    }
    let mut came = Vec::new();
    for _ in 0..4 {
        let event = calls.next().await;
        assert_eq!(event["Records"].as_array().map(Vec::len), Some(1));
        came.push(body_of(&event));
    }
    let of_a: Vec<_> = came.iter().filter(|body| body.starts_with('a')).collect();
    assert_eq!(of_a, ["a1", "a1", "a2"]);
    assert!(came.contains(&"b1".to_owned()));
    // The same within five minutes is there once.
    line_up(&running, "a", "a1").await;
    line_up(&running, "a", "a3").await;
    assert_eq!(body_of(&calls.next().await), "a3");
}

#[tokio::test]
async fn a_message_says_itself_when_it_comes_again() {
    let (function, mut calls) = recording(|event| {
        let record = &event["Records"][0];
        Ok(json!({"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}))
    });
    let slow = Reading { redelivery: Duration::from_secs(1), ..READING };
    let running =
        start(Gateway::builder().lasting_queue("jobs.fifo", function, slow, Arc::new(Shelf::default()))).await;
    line_up(&running, "a", "a1").await;
    let event = calls.next().await;
    assert_eq!(event["Records"][0]["attributes"]["MessageGroupId"], "a");
    let sdk = sdk(&running, ACCESS_KEY);
    let change = |receipt: &str, seconds| {
        sdk.change_message_visibility()
            .queue_url(fifo(&running))
            .receipt_handle(receipt)
            .visibility_timeout(seconds)
            .send()
    };
    let refused = soon(change("nobody's", 1)).await.expect_err("refused").into_service_error();
    assert!(refused.is_receipt_handle_is_invalid(), "{refused:?}");
    let refused = soon(change("nobody's", 43_201)).await.expect_err("refused").into_service_error();
    assert_eq!(aws_sdk_sqs::error::ProvideErrorMetadata::code(&refused), Some("InvalidParameterValue"), "{refused:?}");
}

#[tokio::test]
async fn what_was_not_done_with_is_taken_up_by_the_next_process_in_its_order() {
    let shelf = Arc::new(Shelf::default());
    let (function, mut calls) = recording(|event| {
        let record = &event["Records"][0];
        Ok(json!({"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}))
    });
    let failing = Reading { redelivery: Duration::from_secs(1), ..READING };
    let running = start(Gateway::builder().lasting_queue("jobs.fifo", function, failing, shelf.clone())).await;
    for body in ["a1", "a2"] {
        line_up(&running, "a", body).await;
    }
    calls.next().await;
    drop(running);
    let (function, mut calls) = answering(json!(null));
    let running = start(Gateway::builder().lasting_queue("jobs.fifo", function, READING, shelf.clone())).await;
    line_up(&running, "a", "a3").await;
    let mut came = Vec::new();
    for _ in 0..3 {
        came.push(body_of(&calls.next().await));
    }
    assert_eq!(came, ["a1", "a2", "a3"]);
}

#[tokio::test]
async fn a_fifo_queue_wants_a_group_and_another_queue_takes_none() {
    let (function, _calls) = answering(json!(null));
    let shelf = Arc::new(Shelf::default());
    let builder =
        Gateway::builder().lasting_queue("jobs.fifo", function.clone(), READING, shelf).queue("jobs", function);
    let running = start(builder).await;
    let sdk = sdk(&running, ACCESS_KEY);
    let without = sdk.send_message().queue_url(fifo(&running)).message_body("x").send();
    let with = sdk.send_message().queue_url(url(&running)).message_body("x").message_group_id("a").send();
    for refused in [soon(without).await, soon(with).await] {
        let refused = refused.expect_err("refused").into_service_error();
        assert_eq!(aws_sdk_sqs::error::ProvideErrorMetadata::code(&refused), Some("InvalidParameterValue"));
    }
}
