//! The slow sweep over every active session.

use crate::leases::{tell_untold, time_out};
use crate::ports::{ActiveSessions, Delays, Endings, Inbox, Members, Ports, Rosters, Seats, Sockets};
use crate::sessions::finish_ending;
use crate::{
    Clock, Context, Ending, Error, Participant, Policy, Result, Roster, SessionId, SessionState, Timestamp, Visibility,
};

/// What the slow sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Sessions looked at.
    pub sessions: usize,
    /// Seats freed because their lease had run out.
    pub timed_out: usize,
    /// Sessions ended because they stood empty, or whose ending had been interrupted.
    pub ended: usize,
}

impl Swept {
    fn add(&mut self, other: Swept) {
        self.sessions += other.sessions;
        self.timed_out += other.timed_out;
        self.ended += other.ended;
    }
}

/// Looks at every active session: frees seats whose lease ran out without a `$disconnect`, tells what others were not told
/// because a function died, ends sessions that stand empty, and finishes endings that were interrupted. `failed` hears of
/// sessions that could not be swept; the others still are. A sweep takes its time, so `clock` is asked for each session.
pub async fn sweep(
    ports: Ports<
        '_,
        impl ActiveSessions + Rosters + Endings + Members + Seats + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    clock: &dyn Clock,
    mut failed: impl FnMut(SessionId, Error) + Send,
) -> Result<Swept> {
    const PAGE: usize = 100;
    let mut swept = Swept::default();
    for visibility in [Visibility::Public, Visibility::Unlisted] {
        let mut before = None;
        loop {
            let page = ports.store.active(visibility, PAGE, before).await?;
            for session in &page {
                let context = Context { now: clock.now(), ..ports.context };
                match sweep_one(Ports { context, ..ports }, session.id).await {
                    Ok(one) => swept.add(one),
                    Err(error) => failed(session.id, error),
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => before = Some(last.id),
                _ => break,
            }
        }
    }
    Ok(swept)
}

async fn sweep_one(
    ports: Ports<'_, impl Rosters + Endings + Members + Seats + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
) -> Result<Swept> {
    let Ports { store, context, .. } = ports;
    let mut swept = Swept { sessions: 1, ..Swept::default() };
    let Some(roster) = store.roster(session, context.now).await? else {
        return Ok(swept);
    };
    if roster.session.is_active() {
        for participant in roster.untold() {
            tell_untold(ports, &roster, participant).await?;
        }
        for participant in roster.run_out(context.now) {
            swept.timed_out += usize::from(time_out(ports, participant).await?);
        }
    }
    let due = match roster.session.state {
        // Only what was interrupted is still listed; a minute leaves a running ending alone.
        SessionState::Ended(at) => context.now.since(at).as_secs() >= 60,
        SessionState::Active => {
            stands_empty(&roster, context.now, context.policy) && {
                store.mark_ended(session, context.now, Some(roster.session.touched_at)).await?
            }
        }
    };
    if due {
        finish_ending(ports, session, Ending::Empty).await?;
        swept.ended += 1;
    }
    Ok(swept)
}

fn stands_empty(roster: &Roster, now: Timestamp, policy: &Policy) -> bool {
    let occupied = roster.participants.iter().any(Participant::holds_seat);
    !occupied && now.since(roster.session.touched_at) >= policy.empty_session
}
