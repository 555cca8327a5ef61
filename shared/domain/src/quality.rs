//! Call quality: what a client saw of a call in one minute, and what is kept of that.
//!
//! A report is kept twice: the minute by itself, for charts, and as the newest word on its run, which says all of it until then. Each is
//! one item of its own key, written whole, so the same report twice changes nothing and no step reads what it writes.

use std::time::Duration;

use crate::ports::{Reports, RoomNames, Watchers};
use crate::{Context, Error, Identity, Result, RoomRef, Scope, Session, SessionId, Timestamp, UserId, Username};

pub use crate::measures::{
    Audio, CallEvent, Candidate, Client, Device, Happened, JoinSteps, LimitedBy, Listed, Measured, Outcome, Peer,
    Report, Run, Summary, Transport, Video, names_a_peer_twice,
};

/// How often a client reports.
pub const REPORT_EVERY: Duration = Duration::from_secs(60);
/// The one way of making scores that there is so far.
pub const SCORE_VERSION: u64 = 1;
/// A participant may report so often, and its last report may follow at once.
pub const REPORTS_APART: Duration = Duration::from_secs(5);
/// How long minutes are kept.
pub const MINUTES_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long calls are kept.
pub const CALLS_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Who reports.
#[derive(Debug, Clone, Copy)]
pub struct Reporter<'a> {
    /// The participant.
    pub user: UserId,
    /// Their name.
    pub username: &'a Username,
    /// What the app calls its user; an account has none.
    pub identity: Option<&'a Identity>,
    /// Where their access counts, if it is not a connection's to one session.
    pub scope: Option<&'a Scope>,
}

/// Keeps what a client saw in a minute. Whoever had a seat once may report, also after they left.
///
/// # Errors
/// `SessionNotFound`; `NotInSession` for somebody who never had a seat there; `RateLimited` for a second report within 5 s, of which a
/// run's last one is counted apart, so that it may follow another one at once.
pub async fn report(
    store: &(impl Reports + Watchers + RoomNames + Sync),
    context: Context<'_>,
    from: Reporter<'_>,
    room: &RoomRef,
    report: &Report,
) -> Result<()> {
    let session = session_of(store, context.now, from, room).await?;
    let lists = Listed::of(&session);
    let keep_until = context.now + CALLS_KEPT;
    if !store.count_report(session.id, from.user, &lists, report.is_final, context.now, keep_until).await? {
        return Err(Error::RateLimited { retry_after: REPORTS_APART.as_secs() });
    }
    let run = Run::new(&session, from, report, context.now);
    // The host's list first: whoever deletes the host's account finds all the rest by it. A function that dies in between has not
    // answered, so the same report comes again.
    for list in &lists {
        store.keep_run(list, &run, keep_until).await?;
    }
    store.keep_minute(session.id, from.user, report, context.now + MINUTES_KEPT).await
}

impl Run {
    fn new(session: &Session, from: Reporter<'_>, report: &Report, reported_at: Timestamp) -> Self {
        Self {
            session: session.id,
            name: session.name.clone(),
            room: session.room.clone(),
            user: from.user,
            username: from.username.clone(),
            identity: from.identity.cloned(),
            run: report.run.clone(),
            last_minute: report.minute,
            is_final: report.is_final,
            reported_at,
            summary: report.summary.clone(),
            client: report.client.clone(),
            join: report.join,
        }
    }
}

/// The session that is reported on, if whoever reports had a seat there. The cheap read may be older than that, so only the consistent one
/// refuses.
async fn session_of(
    store: &(impl Watchers + RoomNames + Sync),
    now: Timestamp,
    from: Reporter<'_>,
    room: &RoomRef,
) -> Result<Session> {
    let id = named(store, from.scope, room).await?;
    let mut seen = store.attended(id, from.user, now, false).await?;
    if seen.session.is_none() || !seen.had_a_seat {
        seen = store.attended(id, from.user, now, true).await?;
    }
    let here = |session: &Session| from.scope.is_none_or(|scope| scope.project == session.project);
    let session = seen.session.filter(here).ok_or(Error::SessionNotFound)?;
    if seen.had_a_seat { Ok(session) } else { Err(Error::NotInSession) }
}

/// The session that is meant, in that project; a connection names no rooms.
pub(crate) async fn named(store: &(impl RoomNames + Sync), scope: Option<&Scope>, room: &RoomRef) -> Result<SessionId> {
    match (room, scope) {
        (RoomRef::Session(id), _) => Ok(*id),
        (RoomRef::Room(name), Some(scope)) => {
            store.room(&scope.project, name, true).await?.ok_or(Error::SessionNotFound)
        }
        (RoomRef::Room(_), None) => Err(Error::SessionNotFound),
    }
}
