//! Metrics, embedded in the log lines that report what is counted.
//!
//! A line whose event has the field `metric` counts one of it. CloudWatch makes metrics of lines that describe themselves in
//! its embedded metric format, so counting takes no call, no wait and no second line:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::fmt;
use std::sync::Arc;

use domain::Clock;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The namespace of every metric.
pub const NAMESPACE: &str = "TunRTC";
/// The one dimension: which deployment counted.
pub const DIMENSION: &str = "Stack";

/// JSON lines in which metrics are embedded.
pub(crate) struct Embedding {
    /// How a line looks without.
    pub(crate) lines: Format<Json>,
    /// The deployment that counts.
    pub(crate) stack: String,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Embedding {
    /// The members that make a line count one of `metric`, as the beginning of a JSON object.
    fn opening(&self, metric: &str) -> String {
        let directive = json!({
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{ "Name": metric, "Unit": "Count" }],
        });
        let members = json!({
            "_aws": { "Timestamp": self.clock.now().millis(), "CloudWatchMetrics": [directive] },
            DIMENSION: self.stack,
            metric: 1,
        });
        let mut opening = members.to_string();
        opening.truncate(opening.len() - "}".len());
        opening
    }
}

impl<S, N> FormatEvent<S, N> for Embedding
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut counted = Counted(None);
        event.record(&mut counted);
        let Some(metric) = counted.0 else {
            return self.lines.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.lines.format_event(context, Writer::new(&mut line), event)?;
        let members = line.strip_prefix('{').ok_or(fmt::Error)?;
        write!(writer, "{},{members}", self.opening(&metric))
    }
}

/// The value of an event's field `metric`.
struct Counted(Option<String>);

impl Visit for Counted {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "metric" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Mutex, PoisonError};

    use domain::{Metric, Timestamp};
    use serde_json::Value;

    use super::*;
    use crate::logs;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_764_331_200_000)
        }
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The one line that `log` writes, in a deployment called `stage`.
    fn line(log: impl FnOnce()) -> Value {
        let written = Written::default();
        let writer = written.clone();
        let lines = logs::counting(Arc::new(Noon), "stage".to_owned()).with_writer(move || writer.clone());
        tracing::subscriber::with_default(logs::filtered(lines), log);
        let bytes = written.0.lock().unwrap().clone();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_line_that_counts_describes_its_metric_and_says_what_it_said_before() {
        let line = line(|| tracing::info!(request.id = "r", metric = Metric::Relays.name(), "answered"));
        assert_eq!(
            line["_aws"],
            json!({
                "Timestamp": 1_764_331_200_000_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "TunRTC",
                    "Dimensions": [["Stack"]],
                    "Metrics": [{ "Name": "Relays", "Unit": "Count" }],
                }],
            })
        );
        assert_eq!((&line["Relays"], &line["Stack"]), (&json!(1), &json!("stage")));
        assert_eq!(
            (&line["request.id"], &line["message"], &line["level"]),
            (&json!("r"), &json!("answered"), &json!("INFO"))
        );
    }

    #[test]
    fn other_lines_are_left_alone() {
        let line = line(|| tracing::info!(metric = None::<&str>, outcome = "ok", "answered"));
        assert_eq!((line.get("_aws"), &line["outcome"]), (None, &json!("ok")));
    }
}
