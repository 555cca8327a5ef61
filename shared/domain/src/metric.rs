//! What operators count.

/// Something that an operator wants to see the number of. Whoever lets one happen says so in its log line, in the field
/// `metric`; where the deployment counts, the line becomes a metric (`runtime::metrics`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Signals that were acknowledged.
    Relays,
    /// Pushes to connections that did not exist any more.
    PushesGone,
    /// Connections that were admitted.
    Connections,
    /// Logins refused: a wrong password, an unknown account, or too many tries.
    LoginsRefused,
}

impl Metric {
    /// Its name, in log lines and in CloudWatch.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relays => "Relays",
            Self::PushesGone => "PushesGone",
            Self::Connections => "Connections",
            Self::LoginsRefused => "LoginsRefused",
        }
    }
}
