//! The sweep: finds what is due by when it is due, so that it costs what ran out, not what there is.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::leases::{tell_untold, time_out};
use crate::ports::{
    ActiveSessions, DUE_PARTS, Delays, Due, DueTimes, Endings, Inbox, Members, Ports, Rosters, Seats, Sockets,
};
use crate::sessions::finish_ending;
use crate::{
    Clock, Context, Ending, Error, Participant, Policy, ProjectId, Result, Roster, SessionId, SessionState, Timestamp,
    UserId, Visibility,
};

/// A function that is at work on something is left alone for so long, before the sweep takes it for dead.
pub const LEFT_ALONE: Duration = Duration::from_secs(60);

/// So many parts are read at the same time.
const PARTS_AT_ONCE: usize = 8;
/// So many sessions of each are worked on at the same time.
const SESSIONS_AT_ONCE: usize = 4;

/// What the sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Sessions looked at.
    pub sessions: usize,
    /// Seats freed because their lease had run out.
    pub timed_out: usize,
    /// Sessions ended because they stood empty, or whose ending had been interrupted.
    pub ended: usize,
    /// Whether its time was over before everything that is due had its turn; the rest is still due.
    pub cut: bool,
}

impl Swept {
    fn add(&mut self, other: Swept) {
        self.sessions += other.sessions;
        self.timed_out += other.timed_out;
        self.ended += other.ended;
        self.cut |= other.cut;
    }
}

/// The sweep's own ends: by when it has to stop, and who hears of sessions that could not be swept.
struct Bounds<'a, F> {
    clock: &'a dyn Clock,
    until: Timestamp,
    failed: &'a F,
}

// Not derived: that would ask the same of what the references point to.
impl<F> Clone for Bounds<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Bounds<'_, F> {}

/// Looks at every session in which something is due: frees seats whose lease ran out without a `$disconnect`, tells what
/// others were not told because a function died, ends sessions that stand empty, and finishes endings that were interrupted.
///
/// What was done is due no more, so a sweep that stops at `until`, or dies, is gone on with by the next; each begins with
/// another part. `failed` hears of sessions that could not be swept; they are put off, so that they stand in nobody's way. A sweep
/// takes its time, so `clock` is asked for each session.
pub async fn sweep(
    ports: Ports<
        '_,
        impl DueTimes + Rosters + Endings + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    clock: &dyn Clock,
    until: Timestamp,
    failed: impl Fn(SessionId, Error) + Sync,
) -> Result<Swept> {
    let bounds = Bounds { clock, until, failed: &failed };
    let first = ports.context.now.seconds() / LEFT_ALONE.as_secs() % u64::from(DUE_PARTS);
    let parts = (0..DUE_PARTS).map(|part| (u64::from(part) + first) % u64::from(DUE_PARTS));
    let parts = parts.map(|part| sweep_part(ports, bounds, u8::try_from(part).expect("fewer than 256 parts")));
    let done: Vec<_> = stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).collect().await;
    done.into_iter().try_fold(Swept::default(), |mut all, part| {
        all.add(part?);
        Ok(all)
    })
}

/// Sweeps one part of what is due, page by page.
async fn sweep_part<F: Fn(SessionId, Error) + Sync>(
    ports: Ports<
        '_,
        impl DueTimes + Rosters + Endings + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    bounds: Bounds<'_, F>,
    part: u8,
) -> Result<Swept> {
    let (mut swept, mut last) = (Swept::default(), None);
    loop {
        let page = ports.store.due(part, ports.context.now, last.as_ref()).await?;
        let sessions = by_session(page.items).into_iter();
        let sessions = sessions.map(|(session, due)| sweep_session(ports, bounds, session, due));
        let done: Vec<_> = stream::iter(sessions).buffer_unordered(SESSIONS_AT_ONCE).collect().await;
        done.into_iter().for_each(|one| swept.add(one));
        match page.next {
            Some(next) if !swept.cut => last = Some(next),
            Some(_) | None => return Ok(swept),
        }
    }
}

fn by_session(due: Vec<Due>) -> BTreeMap<SessionId, Vec<Due>> {
    due.into_iter().fold(BTreeMap::new(), |mut sessions: BTreeMap<_, Vec<_>>, due| {
        sessions.entry(due.session).or_default().push(due);
        sessions
    })
}

/// Sweeps a session, if there is time for it. One that fails is looked at again in a while, behind what is due by then.
async fn sweep_session<F: Fn(SessionId, Error) + Sync>(
    ports: Ports<
        '_,
        impl DueTimes + Rosters + Endings + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    bounds: Bounds<'_, F>,
    session: SessionId,
    due: Vec<Due>,
) -> Swept {
    let now = bounds.clock.now();
    if now >= bounds.until {
        return Swept { cut: true, ..Swept::default() };
    }
    let ports = Ports { context: Context { now, ..ports.context }, ..ports };
    match sweep_one(ports, session, &due).await {
        Ok(swept) => swept,
        Err(error) => {
            (bounds.failed)(session, error);
            for due in &due {
                // Best effort: what stays due is only looked at sooner.
                let _put_off = ports.store.put_off(due, Some(now + LEFT_ALONE)).await;
            }
            Swept { sessions: 1, ..Swept::default() }
        }
    }
}

async fn sweep_one(
    ports: Ports<
        '_,
        impl DueTimes + Rosters + Endings + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    session: SessionId,
    due: &[Due],
) -> Result<Swept> {
    let Ports { store, context, .. } = ports;
    let mut swept = Swept { sessions: 1, ..Swept::default() };
    let roster = store.roster(session, context.now).await?;
    if let Some(roster) = &roster {
        if roster.session.is_active() {
            for participant in roster.untold() {
                tell_untold(ports, roster, participant).await?;
            }
            for participant in roster.run_out(context.now) {
                swept.timed_out += usize::from(time_out(ports, participant).await?);
            }
        }
        if due.iter().any(|due| due.seat.is_none())
            && let Some(why) = over(ports, roster).await?
        {
            finish_ending(ports, session, why).await?;
            swept.ended += 1;
        }
    }
    for due in due {
        match next_look(roster.as_ref(), due, context) {
            Look::Noted => {}
            Look::At(at) => store.put_off(due, Some(at)).await?,
            Look::Never => store.put_off(due, None).await?,
        }
    }
    Ok(swept)
}

/// Notes when every active session and every seat is to be looked at, where nothing is noted: of a table from before that was
/// noted at all.
pub async fn note_all(
    store: &(impl ActiveSessions + Rosters + DueTimes + Sync),
    policy: &Policy,
    now: Timestamp,
) -> Result<()> {
    const PAGE: usize = 100;
    // There were no others then.
    let project = ProjectId::default();
    for visibility in [Visibility::Public, Visibility::Unlisted] {
        let mut before = None;
        loop {
            let page = store.active(&project, Some(visibility), PAGE, before).await?;
            for session in &page.items {
                if let Some(roster) = store.roster(session.id, now).await? {
                    note_session(store, policy, now, &roster).await?;
                }
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
    }
    Ok(())
}

async fn note_session(store: &(impl DueTimes + Sync), policy: &Policy, now: Timestamp, roster: &Roster) -> Result<()> {
    let session = roster.session.id;
    let seated = roster.participants.iter().filter(|participant| participant.holds_seat());
    let seats = seated.map(|seat| (seat.user_id, seat.lease_until.rounded_up(policy.lease_step())));
    let departed = roster.departed.iter().map(|left| (left.user_id, now));
    for (user, at) in seats.chain(departed) {
        store.note_due(&Due { session, seat: Some(user), at }).await?;
    }
    let at = match roster.session.state {
        SessionState::Ended(_) => now,
        SessionState::Active => roster.session.due(roster.session.touched_at, policy),
    };
    store.note_due(&Due { session, seat: None, at }).await
}

/// Whether the session's ending is to be finished, and why it ended; one that stands empty for long, or whose longest time is over, is
/// ended first.
async fn over(ports: Ports<'_, impl Endings + Sync, impl Sync, impl Sync>, roster: &Roster) -> Result<Option<Ending>> {
    let Ports { store, context, .. } = ports;
    let session = &roster.session;
    let why = if session.has_run_out(context.now) { Ending::MaxDuration } else { Ending::Empty };
    let ended = match session.state {
        SessionState::Ended(at) => context.now.since(at) >= LEFT_ALONE,
        SessionState::Active if session.has_run_out(context.now) => {
            store.mark_ended(session.id, context.now, why, None).await?
        }
        SessionState::Active if stands_empty(roster, context.now, context.policy) => {
            store.mark_ended(session.id, context.now, why, Some(session.touched_at)).await?
        }
        SessionState::Active => false,
    };
    Ok(ended.then_some(why))
}

fn stands_empty(roster: &Roster, now: Timestamp, policy: &Policy) -> bool {
    let occupied = roster.participants.iter().any(Participant::holds_seat);
    !occupied && now.since(roster.session.touched_at) >= roster.session.empty_for(policy)
}

/// When something is to be looked at that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// As it is noted: what was done about it noted that too, or whoever changed it meanwhile did.
    Noted,
    At(Timestamp),
    Never,
}

fn next_look(roster: Option<&Roster>, due: &Due, context: Context<'_>) -> Look {
    match (roster, due.seat) {
        (None, _) => Look::Never,
        (Some(roster), Some(user)) => next_look_at_seat(roster, user, context),
        (Some(roster), None) => next_look_at_session(roster, context),
    }
}

fn next_look_at_seat(roster: &Roster, user: UserId, context: Context<'_>) -> Look {
    let is_active = roster.session.is_active();
    match roster.seated(user) {
        // The rest of the ending releases it.
        Some(_) if !is_active => Look::At(context.now + LEFT_ALONE),
        Some(seat) if seat.is_present(context.now) => {
            Look::At(seat.lease_until.rounded_up(context.policy.lease_step()))
        }
        Some(_) => Look::Noted,
        None if is_active && roster.departed.iter().any(|departed| departed.user_id == user) => Look::Noted,
        None => Look::Never,
    }
}

fn next_look_at_session(roster: &Roster, context: Context<'_>) -> Look {
    match roster.session.state {
        SessionState::Ended(_) => Look::Noted,
        SessionState::Active if roster.session.has_run_out(context.now) => Look::Noted,
        // Whoever leaves last notes it again.
        SessionState::Active if roster.session.seats_taken > 0 => {
            roster.session.ends_at().map_or(Look::Never, Look::At)
        }
        SessionState::Active if stands_empty(roster, context.now, context.policy) => Look::Noted,
        SessionState::Active => Look::At(roster.session.due(roster.session.touched_at, context.policy)),
    }
}
