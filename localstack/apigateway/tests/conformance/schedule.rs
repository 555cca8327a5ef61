//! EventBridge schedules.

use std::time::Duration;

use apigateway::{FunctionError, Gateway, function};
use serde_json::json;

use crate::support::{answering, recording, soon, start};

#[tokio::test]
async fn a_schedule_invokes_its_function_with_a_scheduled_event() {
    let (function, mut calls) = answering(json!(null));
    let _running = start(Gateway::builder().schedule("sweep", Duration::from_millis(20), function)).await;
    let (first, second) = (calls.next().await, calls.next().await);
    assert_eq!(first["version"], "0");
    assert_eq!(first["detail-type"], "Scheduled Event");
    assert_eq!(first["source"], "aws.events");
    assert_eq!(first["detail"], json!({}));
    assert!(first["resources"][0].as_str().is_some_and(|arn| arn.ends_with("rule/sweep")));
    assert_eq!(first["time"].as_str().map(str::len), Some("2023-11-29T08:04:01Z".len()));
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn a_schedule_goes_on_after_a_failure() {
    let (function, mut calls) = recording(|_| Err(FunctionError::new("boom")));
    let _running = start(Gateway::builder().schedule("sweep", Duration::from_millis(10), function)).await;
    for _ in 0..3 {
        calls.next().await;
    }
}

#[tokio::test]
async fn a_run_that_takes_longer_than_its_interval_overlaps_the_next() {
    let (started, mut runs) = tokio::sync::mpsc::unbounded_channel();
    let stuck = function(move |_| {
        // Whoever is not listening any more has seen enough runs.
        let _seen = started.send(());
        std::future::pending()
    });
    let _running = start(Gateway::builder().schedule("sweep", Duration::from_millis(10), stuck)).await;
    for _ in 0..3 {
        soon(runs.recv()).await.expect("another run begins");
    }
}
