//! EventBridge schedules at a fixed rate
//! ([scheduled events](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html)).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::{
    builder::Api,
    clock::Moment,
    events::{self, ScheduledEvent},
    function::Function,
    random,
};

/// A rule that invokes a function at a fixed rate.
pub(crate) struct Schedule {
    arn: String,
    interval: Duration,
    function: Function,
}

impl Schedule {
    pub(crate) fn new(name: &str, interval: Duration, function: Function) -> Self {
        let arn = format!("arn:aws:events:{}:{}:rule/{name}", events::REGION, events::ACCOUNT);
        Self { arn, interval, function }
    }

    fn event(&self) -> Bytes {
        events::json(&ScheduledEvent {
            version: "0",
            id: random::uuid(),
            detail_type: "Scheduled Event",
            source: "aws.events",
            account: events::ACCOUNT,
            time: Moment::now().iso_seconds(),
            region: events::REGION,
            resources: [&self.arn],
            detail: serde_json::Map::new(),
        })
    }
}

/// Runs every schedule until the gateway shuts down. A run that takes longer than its interval
/// delays the next one instead of piling up.
pub(crate) async fn run(api: Arc<Api>) {
    let mut stopping = api.stopping.subscribe();
    let schedules = futures_util::future::join_all(api.schedules.iter().map(|schedule| repeat(&api, schedule)));
    tokio::select! {
        _ = schedules => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

async fn repeat(api: &Api, schedule: &Schedule) {
    let mut ticks = interval_at(tokio::time::Instant::now() + schedule.interval, schedule.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let limits = &api.limits;
        let run = api.tasks.invoke(&schedule.function, schedule.event(), limits.consumer, limits.overrun);
        if let Err(failure) = run.await {
            tracing::warn!(
                rule.arn = schedule.arn,
                error = &failure as &dyn std::error::Error,
                "Schedule's function failed"
            );
        }
    }
}
