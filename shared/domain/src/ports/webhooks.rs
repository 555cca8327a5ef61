//! What webhooks need: endpoints, the log of what happened, and the queues to receivers.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Page;
use crate::happenings::{Happening, Kind, SessionView, Stay, Wait, Written};
use crate::recording::Recording;
use crate::webhooks::{Announcement, Answer, Endpoint, SLOW_LINES};
use crate::{ProjectId, Result, SessionId, Timestamp, WebhookId};

/// The endpoints of projects.
pub trait Endpoints {
    /// Stores a new one.
    fn add_endpoint(&self, endpoint: &Endpoint) -> impl Future<Output = Result<()>> + Send;
    /// Those of a project, the oldest first; strongly consistent.
    fn endpoints(&self, project: &str) -> impl Future<Output = Result<Vec<Endpoint>>> + Send;
    /// One of them, strongly consistent.
    fn endpoint(&self, project: &str, id: WebhookId) -> impl Future<Output = Result<Option<Endpoint>>> + Send;
    /// Changes what is given; how it is then, if it is there.
    fn change_endpoint(
        &self,
        project: &str,
        id: WebhookId,
        change: &EndpointChange,
    ) -> impl Future<Output = Result<Option<Endpoint>>> + Send;
    /// Puts another secret in the place of the one that signs, and others in the place of those of before, as long as the one that signs
    /// is `seen`. How it is then, unless it is not there or another secret stands there.
    fn replace_secrets(
        &self,
        seen: &Endpoint,
        secret: &str,
        previous: &[(String, Timestamp)],
    ) -> impl Future<Output = Result<Option<Endpoint>>> + Send;
    /// Removes one; whether it was there.
    fn remove_endpoint(&self, project: &str, id: WebhookId) -> impl Future<Output = Result<bool>> + Send;
}

/// Seals secrets of endpoints.
pub trait EndpointSealer {
    /// The secret sealed anew, unless it is sealed under the deployment's current secret.
    ///
    /// # Errors
    /// `internal` where it does not open.
    fn seal_anew(&self, endpoint: WebhookId, sealed: &str) -> Result<Option<String>>;
}

/// Signs and posts.
pub trait Post {
    /// Tries once.
    fn post(
        &self,
        endpoint: &Endpoint,
        announcement: &Announcement,
        now: Timestamp,
    ) -> impl Future<Output = Result<Answer>> + Send;
}

/// Whether anybody wants to be told of chat messages.
pub trait Listeners {
    /// Whether an endpoint of that project does; strongly consistent.
    fn hears_of_messages(&self, project: &ProjectId) -> impl Future<Output = Result<bool>> + Send;
}

/// What the answers of an endpoint make of it.
pub trait Disabling {
    /// Disables one, unless it is already, by a write that the table's stream tells of; whether this did it.
    fn disable_endpoint(
        &self,
        project: &str,
        id: WebhookId,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Notes that one counts as slow until then, if it is there.
    fn note_slow(&self, project: &str, id: WebhookId, until: Timestamp) -> impl Future<Output = Result<()>> + Send;
}

/// What is changed of an endpoint; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// Where it is.
    pub url: Option<String>,
    /// What it is told; everything if there is no list.
    pub kinds: Option<Option<Vec<Kind>>>,
    /// What its owner says of it.
    pub description: Option<String>,
    /// Since when it is disabled; enabled if there is no time.
    pub disabled_at: Option<Option<Timestamp>>,
}

/// What happened, for a while.
pub trait EventLog {
    /// Notes it at `at`, where it stays until `keep_until`. The same again is kept once more.
    fn note_event(
        &self,
        announcement: &Announcement,
        at: Timestamp,
        keep_until: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;
    /// What happened in a project and was noted after that place, or from that time on, and before `until`: in the order of noting, one
    /// page.
    fn events(
        &self,
        project: &str,
        from: &From,
        until: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Page<Logged, EventPlace>>> + Send;
}

/// A place in the log of a project, or among what came of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// When it was noted.
    pub at: Timestamp,
    /// What was noted then.
    pub id: String,
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.millis(), self.id)
    }
}

impl FromStr for EventPlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (at, id) = text.split_once('.').ok_or(NotAPlace)?;
        let is_ours = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
        let at = at.parse().ok().filter(|_| is_ours).ok_or(NotAPlace)?;
        Ok(Self { at: Timestamp::from_millis(at), id: id.to_owned() })
    }
}

/// A text that is no [`EventPlace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not one of this list")]
pub struct NotAPlace;

/// Where a search of the log begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// With what was noted then or later.
    Time(Timestamp),
    /// With what lies behind that place.
    After(EventPlace),
}

/// Something of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub place: EventPlace,
    /// What happened.
    pub announcement: Announcement,
}

/// What came of deliveries, for whoever looks for the reason of a silence.
pub trait Deliveries {
    /// Notes what came of a try, until `keep_until`.
    fn note_delivery(&self, delivery: &Delivery, keep_until: Timestamp) -> impl Future<Output = Result<()>> + Send;
    /// The newest that are older than `before` and not expired, one page.
    fn deliveries(
        &self,
        endpoint: WebhookId,
        limit: usize,
        before: Option<&EventPlace>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Page<Delivery, EventPlace>>> + Send;
}

/// One try to tell an endpoint of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whom.
    pub endpoint: WebhookId,
    /// Of what.
    pub event: String,
    /// In the words of the wire.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// Which try it was, from 1 on.
    pub attempt: usize,
    /// How long it took.
    pub took: Duration,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub failure: Option<String>,
    /// What comes next: `delivered`, `retrying`, `gaveUp` or `disabled`.
    pub outcome: &'static str,
}

/// What is asked of the sessions in which something happens.
pub trait Starts {
    /// A session, strongly consistent; nothing when it was erased.
    fn session_view(&self, session: SessionId) -> impl Future<Output = Result<Option<SessionView>>> + Send;
    /// Notes that the join with that sequence is the first of the session, unless another one is; the session, and whether it is.
    fn note_start(
        &self,
        session: SessionId,
        sequence: &str,
        at: Timestamp,
    ) -> impl Future<Output = Result<Option<(SessionView, bool)>>> + Send;
}

/// The queues to receivers.
pub trait Lines {
    /// Puts it at the end of the endpoint's line for its session. The same within five minutes is put there once.
    fn line_up(&self, letter: &Letter) -> impl Future<Output = Result<()>> + Send;
    /// Puts it among those that are tried later, first after that time.
    fn put_aside(&self, letter: &Letter, wait: Duration) -> impl Future<Output = Result<()>> + Send;
    /// Says when something that is handled right now comes again.
    fn come_again(&self, receipt: &Receipt, wait: Duration) -> impl Future<Output = Result<()>> + Send;
}

/// Something to be told to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Whom.
    pub endpoint: WebhookId,
    /// What.
    pub announcement: Announcement,
    /// What makes a repetition that is wanted another one than the first: a replay has a name of its own.
    pub replay: Option<String>,
    /// Which of the few lines of a slow endpoint it stands in, if not in the one of its session.
    pub slow_line: Option<u8>,
}

impl Letter {
    /// The same in a line of a slow endpoint, always the same one for a session.
    #[must_use]
    pub fn slowed(&self) -> Self {
        let [.., last] = self.announcement.session.map_or([0; 16], |session| *session.as_bytes());
        Self { slow_line: Some(last % SLOW_LINES), ..self.clone() }
    }
}

/// What a queue knows a delivery by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whether it is one that was put aside.
    pub is_aside: bool,
    /// The queue's own handle.
    pub handle: String,
}

/// What the table's stream tells of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Something happened in a session.
    Happened(Box<Occurrence>),
    /// An endpoint was disabled then, because it said that it is gone.
    Disabled(Endpoint, Timestamp),
}

/// What happened, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What.
    pub happening: Happening,
    /// The session.
    pub session: SessionId,
    /// To whom or what.
    pub subject: Subject,
}

/// To whom or what something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// To the session itself; with how it is, where the write was to it.
    Session(Option<Box<SessionView>>),
    /// To somebody's stay.
    Stay(Box<Stay>),
    /// To somebody who waits, or waited, to be admitted.
    Wait(Wait),
    /// To a chat message.
    Message(Written),
    /// To a recording.
    Recording(Box<Recording>),
}

impl Occurrence {
    /// The stay that it happened to.
    pub fn stay(&self) -> Option<&Stay> {
        match &self.subject {
            Subject::Stay(stay) => Some(stay),
            _ => None,
        }
    }

    /// How the session is, where the write was to it.
    pub fn view(&self) -> Option<&SessionView> {
        match &self.subject {
            Subject::Session(view) => view.as_deref(),
            _ => None,
        }
    }

    /// The project, which a recording knows when its session is long gone.
    pub fn project<'a>(&'a self, view: Option<&'a SessionView>) -> &'a str {
        match (view, &self.subject) {
            (Some(view), _) => &view.project,
            (None, Subject::Recording(recording)) => recording.project.as_str(),
            (None, _) => ProjectId::DEFAULT,
        }
    }
}

/// Puts what happened into the words of the wire.
pub trait Announcer: Send + Sync {
    /// Encodes; the place of what is told in its session is a number as text.
    fn announce(&self, occurrence: &Occurrence, view: Option<&SessionView>, sequence: &str, id: &str) -> Announcement;
    /// Encodes that an endpoint was disabled, because it said that it is gone.
    fn announce_disabled(&self, endpoint: &Endpoint, at: Timestamp, sequence: &str, id: &str) -> Announcement;
}
