//! From the table's stream to the ledger of stays, to the log of what happened, and to the lines of the endpoints that are told.

use std::time::Duration;

use crate::happenings::Kind;
use crate::ports::{Announcer, Endpoints, EventLog, Ledger, Letter, Lines, Live, Living, Occurrence, Starts, Subject};
use crate::usage::{self, USAGE_KEPT};
use crate::webhooks::{Announcement, EVENTS_KEPT, Endpoint};
use crate::{Context, ProjectId, Result, Timestamp};

/// What goes on is noted for so long at most: the note of an end that was lost counts no longer than this.
const LIVE_KEPT: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Everything that announcing needs beside the stream's record.
pub struct Announcing<'a, S, L> {
    /// The table.
    pub store: &'a S,
    /// The lines to receivers.
    pub lines: &'a L,
    /// Puts it into words.
    pub announcer: &'a dyn Announcer,
    /// The present moment.
    pub context: Context<'a>,
}

/// Notes what happened, and lines it up for every endpoint that hears of it.
///
/// `sequence` is the record's place in the stream. Everything that is made here is made of the record alone, so one that comes again,
/// because the function died or was slow, is announced as the same: receivers know it by its identifier.
///
/// A session starts with its first join. That is noted with the session by the join's own sequence, so however often, and whenever, that
/// join comes again, it is the one that starts it.
pub async fn announce(
    announcing: &Announcing<'_, impl Starts + EventLog + Endpoints + Ledger + Live + Sync, impl Lines + Sync>,
    occurrence: &Occurrence,
    sequence: &str,
    id: impl Fn(&str) -> String,
) -> Result<()> {
    let store = announcing.store;
    let session = occurrence.session;
    let (view, starts) = match (occurrence.view(), occurrence.happening.kind) {
        (Some(view), _) => (Some(view.clone()), false),
        (None, Kind::ParticipantJoined) => match store.note_start(session, sequence, occurrence.happening.at).await? {
            Some((view, starts)) => (Some(view), starts),
            None => (None, false),
        },
        (None, _) => (store.session_view(session).await?, false),
    };
    // A session that was erased meanwhile has no ledger to be found in.
    if let Some((project, stay)) = view.as_ref().and_then(|view| usage::entry(occurrence, view)) {
        store.note_stay(&project, &stay, occurrence.happening.at + USAGE_KEPT).await?;
    }
    if let Some(view) = &view {
        note_what_goes_on(store, &view.session.project, occurrence).await?;
    }
    let endpoints = store.endpoints(occurrence.project(view.as_ref())).await?;

    let start = starts.then(|| Occurrence {
        happening: occurrence.happening.start(),
        subject: Subject::Session(None),
        session,
    });
    // The last digit is the place among what one write tells, so that a start is before its join.
    for (place, occurrence) in [(0, start.as_ref()), (1, Some(occurrence))] {
        let Some(occurrence) = occurrence else { continue };
        let sequence = format!("{sequence}{place}");
        let announced = announcing.announcer.announce(occurrence, view.as_ref(), &sequence, &id(&sequence));
        note_and_line_up(announcing, &announced, occurrence.happening.kind, &endpoints).await?;
    }
    Ok(())
}

/// Notes that an endpoint was disabled, and lines it up for the others of its project. Made of the stream's record alone, as
/// [`announce`] does.
pub async fn announce_disabled(
    announcing: &Announcing<'_, impl EventLog + Endpoints + Sync, impl Lines + Sync>,
    (endpoint, at): (&Endpoint, Timestamp),
    sequence: &str,
    id: impl Fn(&str) -> String,
) -> Result<()> {
    let mut others = announcing.store.endpoints(&endpoint.project).await?;
    others.retain(|other| other.id != endpoint.id);
    let announced = announcing.announcer.announce_disabled(endpoint, at, sequence, &id(sequence));
    note_and_line_up(announcing, &announced, Kind::WebhookDisabled, &others).await
}

async fn note_and_line_up(
    announcing: &Announcing<'_, impl EventLog + Sync, impl Lines + Sync>,
    announced: &Announcement,
    kind: Kind,
    endpoints: &[Endpoint],
) -> Result<()> {
    let now = announcing.context.now;
    announcing.store.note_event(announced, now, now + EVENTS_KEPT).await?;
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.hears_of(kind)) {
        let letter = Letter { endpoint: endpoint.id, announcement: announced.clone(), replay: None, slow_line: None };
        announcing.lines.line_up(&letter).await?;
    }
    Ok(())
}

/// Notes for the quotas of an app's project what goes on in it. A record that comes again is followed again by those behind it, so what
/// is over ends up as that.
async fn note_what_goes_on(store: &(impl Live + Sync), project: &ProjectId, occurrence: &Occurrence) -> Result<()> {
    if project.is_default() {
        return Ok(());
    }
    let happening = &occurrence.happening;
    let stay = || occurrence.stay().map(|stay| Living::Stay(stay.id.clone()));
    let (what, goes_on) = match happening.kind {
        Kind::SessionCreated => (Some(Living::Session(occurrence.session)), true),
        Kind::SessionEnded => (Some(Living::Session(occurrence.session)), false),
        Kind::ParticipantJoined => (stay(), true),
        Kind::ParticipantLeft => (stay(), false),
        _ => return Ok(()),
    };
    match what {
        Some(what) if goes_on => store.note_live(project, &what, happening.at + LIVE_KEPT).await,
        Some(what) => store.note_over(project, &what).await,
        None => Ok(()),
    }
}
