//! The ports of those who let people in and keep them out: the session's settings, bans, the waiting room, tokens taken back.

use domain::ports::{
    Ban, ControlsSet, Emptied, Knock, Moderation, Outcome, Revocations, SessionChange, SessionMetadata, Verdict, Visit,
    Visits, WaitingRoom, Waits,
};
use domain::{ConnectionId, Metadata, Participant, Result, Rights, Session, SessionId, Timestamp, UserId, Username};

use crate::house::House;
use crate::rule::Broken;
use crate::world::Noted;

impl Moderation for House {
    async fn change_seat(
        &self,
        seen: &Participant,
        rights: Rights,
        username: &Username,
        _: Timestamp,
    ) -> Result<Option<Participant>> {
        self.update(seen.user_id, |row| {
            let as_seen = row.holds_seat() && (row.rights, &row.username) == (seen.rights, &seen.username);
            (row.rights, row.username) = (rights, username.clone());
            as_seen
        })
        .await
    }

    async fn ban(&self, _: SessionId, user: UserId, ban: Ban) -> Result<()> {
        let user = self.place(user);
        self.call(|world| {
            let noted = &mut world.doors.noted[user];
            if ban.shortens || noted.banned_until.is_none_or(|until| until < ban.until) {
                noted.banned_until = Some(ban.until);
                noted.admitted &= self.is_broken(Broken::NobodyIsHeldUp);
            }
            world.note(|| format!("user {user} is banned until {}", ban.until.millis()));
        })
        .await
    }

    async fn lift_ban(&self, _: SessionId, user: UserId) -> Result<()> {
        let user = self.place(user);
        self.call(|world| world.doors.noted[user].banned_until = None).await
    }

    async fn hold_up(&self, _: SessionId, user: UserId) -> Result<()> {
        let user = self.place(user);
        self.call(|world| {
            if !self.is_broken(Broken::NobodyIsHeldUp) {
                world.doors.noted[user].admitted = false;
                let left = &mut world.left[user];
                left.iter_mut().for_each(|left| left.rights = left.rights.after_removal());
            }
            world.note(|| format!("user {user} is held up"));
        })
        .await
    }

    async fn set_controls(&self, _: SessionId, change: &SessionChange, _: Timestamp) -> Result<ControlsSet> {
        self.call(|world| {
            let controls = &mut world.doors.controls;
            controls.locked = change.locked.unwrap_or(controls.locked);
            controls.waiting_room = change.waiting_room.unwrap_or(controls.waiting_room);
            controls.version += 1;
            let controls = *controls;
            world.note(|| format!("locked: {}, waiting room: {}", controls.locked, controls.waiting_room));
            ControlsSet::Set(Box::new(Session { controls, ..self.session.clone() }))
        })
        .await
    }
}

impl SessionMetadata for House {
    async fn metadata_of(&self, _: SessionId, _: Timestamp) -> Result<Option<Metadata>> {
        Ok(None)
    }
}

impl Revocations for House {
    async fn revoke_tokens(&self, user: UserId, before: Timestamp, _: Timestamp) -> Result<()> {
        let user = self.place(user);
        self.call(|world| {
            let since = &mut world.doors.valid_since[user];
            *since = (*since).max(Some(before));
            world.note(|| format!("tokens of user {user} are taken back"));
        })
        .await
    }
}

impl Visits for House {
    async fn visits(&self, user: UserId) -> Result<Vec<Visit>> {
        let user = self.place(user);
        self.call(|world| world.doors.noted[user].visit.into_iter().collect()).await
    }
}

impl WaitingRoom for House {
    async fn wait(&self, knock: &Knock, _: Timestamp) -> Result<bool> {
        self.call(|world| {
            let waiting = &mut world.doors.waiting;
            let own = |other: &Knock| (other.user_id, other.since) == (knock.user_id, knock.since);
            let taken = |other: &Knock| other.place == knock.place && !own(other);
            if waiting.iter().any(taken) {
                return false;
            }
            waiting.retain(|other| other.place != knock.place);
            waiting.push(knock.clone());
            true
        })
        .await
    }

    async fn keep_waiting(
        &self,
        waits: &Waits,
        connection: &ConnectionId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<bool> {
        self.call(|world| {
            let own = world.doors.waiting.iter_mut().find(|own| Waits::from(&**own) == *waits && own.lease_until > now);
            own.map(|own| (own.connection, own.lease_until) = (Some(connection.clone()), lease_until)).is_some()
        })
        .await
    }

    async fn stop_waiting(&self, waits: &Waits, only: &Emptied, _: Outcome, _: Timestamp) -> Result<bool> {
        self.call(|world| {
            let before = world.doors.waiting.len();
            world.doors.waiting.retain(|knock| {
                let as_wanted = match only {
                    Emptied::Anyway => true,
                    Emptied::On(connection) => knock.connection.as_ref().is_none_or(|live| live == connection),
                    Emptied::RunOut(lease) => knock.lease_until == *lease,
                };
                Waits::from(knock) != *waits || !as_wanted
            });
            world.doors.waiting.len() < before
        })
        .await
    }

    async fn let_pass(&self, _: SessionId, user: UserId, _: Timestamp, _: Timestamp) -> Result<()> {
        let user = self.place(user);
        self.call(|world| {
            world.doors.noted[user].admitted = true;
            world.note(|| format!("user {user} may pass the waiting room"));
        })
        .await
    }

    async fn verdict(&self, _: SessionId, user: UserId) -> Result<Verdict> {
        let user = self.place(user);
        self.call(|world| match world.doors.noted[user] {
            Noted { admitted: true, .. } => Verdict::Passes,
            Noted { banned_until: Some(until), .. } => Verdict::KeptOut(until),
            Noted { .. } => Verdict::Open,
        })
        .await
    }
}
