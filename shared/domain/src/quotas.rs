//! What a project may have at the same time. Running calls are never cut, and whoever holds a seat comes back to it.
//!
//! What there is at the moment is noted by whoever reads the table's stream (`announcing`): an item for each stay and each
//! session, which goes with it. How many there are is counted when it is asked for, up to the quota, and remembered for some seconds. So
//! there is no counter that could drift or that many write, and nothing to repair; and a little more than the quota may get in.
//!
//! Quotas are for projects of apps. Accounts, in the default project, have throttles of their own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::{Counted, Live, LiveKind, Members, RoomNames, Throttles};
use crate::{Context, Error, Participant, Person, ProjectId, Quota, Result, RoomName, RoomRef, Throttle, Timestamp};

/// For so long a count is believed.
const TRUST: Duration = Duration::from_secs(5);
/// So many counts are remembered; with more than that, all are taken anew.
const REMEMBERED: usize = 1_000;

/// Remembers for some seconds how many there are of each kind in a project, so that most joins count nothing.
#[derive(Default)]
pub struct Quotas {
    known: Mutex<HashMap<(ProjectId, LiveKind), Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    counted_at: Timestamp,
    count: u32,
}

impl Quotas {
    fn known(&self, project: &ProjectId, kind: LiveKind, now: Timestamp) -> Option<u32> {
        let known = self.lock().get(&(project.clone(), kind)).copied();
        known.filter(|known| now.since(known.counted_at) < TRUST).map(|known| known.count)
    }

    fn remember(&self, project: &ProjectId, kind: LiveKind, known: Known) {
        let mut all = self.lock();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert((project.clone(), kind), known);
    }

    /// One more was let in, which will be counted in a while.
    fn took_one(&self, project: &ProjectId, kind: LiveKind) {
        if let Some(known) = self.lock().get_mut(&(project.clone(), kind)) {
            known.count = known.count.saturating_add(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(ProjectId, LiveKind), Known>> {
        // A panic elsewhere leaves at worst a count too few, which is taken anew.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets somebody join, as far as the project's quota of connected participants goes.
///
/// # Errors
/// `QuotaExceeded`, but not for whoever holds a seat.
pub async fn admit_participant(
    store: &(impl Live + Members + RoomNames + Sync),
    quotas: &Quotas,
    context: Context<'_>,
    person: &Person,
    room: &RoomRef,
) -> Result<()> {
    let most = context.policy.participants_per_project;
    match take_one(store, quotas, context, &person.scope.project, (LiveKind::Stays, most)).await? {
        None => Ok(()),
        Some(_) if holds_seat(store, person, room).await? => Ok(()),
        Some(current) => Err(Error::QuotaExceeded { quota: Quota::ConnectedParticipants, max: most, current }),
    }
}

/// Lets a session be made, as far as the project's quota of active sessions goes. A room that is there is not made.
///
/// # Errors
/// `QuotaExceeded`.
pub async fn admit_session(
    store: &(impl Live + RoomNames + Sync),
    quotas: &Quotas,
    context: Context<'_>,
    project: &ProjectId,
    room: Option<&RoomName>,
) -> Result<()> {
    let most = context.policy.sessions_per_project;
    let Some(current) = take_one(store, quotas, context, project, (LiveKind::Sessions, most)).await? else {
        return Ok(());
    };
    if let Some(room) = room
        && store.room(project, room, false).await?.is_some()
    {
        return Ok(());
    }
    Err(Error::QuotaExceeded { quota: Quota::ActiveSessions, max: most, current })
}

/// Counts a call of an app's backend.
///
/// # Errors
/// `QuotaExceeded` for more of them in a second than the project may make.
pub async fn count_call(store: &(impl Throttles + Sync), context: Context<'_>, project: &ProjectId) -> Result<()> {
    if project.is_default() {
        return Ok(());
    }
    let max = context.policy.calls_per_project;
    let throttle = Throttle { limit: max, window: Duration::from_secs(1) };
    match store.hit(&Counted::CallsOf(project.clone()), throttle, context.now).await {
        Err(Error::RateLimited { .. }) => Err(Error::QuotaExceeded { quota: Quota::ServerCalls, max, current: max }),
        counted => counted,
    }
}

/// Takes one of what there may be; how many there are if there are as many as there may be.
async fn take_one(
    store: &(impl Live + Sync),
    quotas: &Quotas,
    context: Context<'_>,
    project: &ProjectId,
    (kind, most): (LiveKind, u32),
) -> Result<Option<u32>> {
    if project.is_default() {
        return Ok(None);
    }
    let count = match quotas.known(project, kind, context.now) {
        Some(count) => count,
        None => {
            let count = store.count_live(project, kind, most, context.now).await?;
            quotas.remember(project, kind, Known { counted_at: context.now, count });
            count
        }
    };
    if count >= most {
        return Ok(Some(count));
    }
    quotas.took_one(project, kind);
    Ok(None)
}

/// Whether somebody holds a seat there.
async fn holds_seat(store: &(impl Members + RoomNames + Sync), person: &Person, room: &RoomRef) -> Result<bool> {
    let session = match room {
        RoomRef::Session(session) => Some(*session),
        RoomRef::Room(name) => store.room(&person.scope.project, name, false).await?,
    };
    let Some(session) = session else { return Ok(false) };
    Ok(store.member(session, person.user_id).await?.is_some_and(|member: Participant| member.holds_seat()))
}
