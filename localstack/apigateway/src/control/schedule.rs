//! EventBridge schedules at a fixed rate
//! ([scheduled events](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html)).

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::{
    clock::Moment,
    events::{self, ScheduledEvent},
    function::{Function, Tasks},
    ids,
    limits::Limits,
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

    /// Runs the function at its rate until `stop` resolves. A run that takes longer than the interval overlaps the next
    /// one, as on AWS.
    pub(crate) async fn run(self: Arc<Self>, limits: Limits, tasks: Tasks, stop: impl Future<Output = ()>) {
        let mut ticks = interval_at(tokio::time::Instant::now() + self.interval, self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let runs = async {
            loop {
                ticks.tick().await;
                let (schedule, limits, tasks) = (Arc::clone(&self), limits.clone(), tasks.clone());
                tokio::spawn(async move { schedule.invoke(&limits, &tasks).await });
            }
        };
        tokio::select! {
            () = runs => {}
            () = stop => {}
        }
    }

    async fn invoke(&self, limits: &Limits, tasks: &Tasks) {
        let run = tasks.invoke(&self.function, self.event(), limits.consumer, limits.overrun);
        if let Err(failure) = run.await {
            let error = &failure as &dyn std::error::Error;
            tracing::warn!(rule.arn = self.arn, error, "Schedule's function failed");
        }
    }

    fn event(&self) -> Bytes {
        events::json(&ScheduledEvent {
            version: "0",
            id: ids::uuid(),
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
