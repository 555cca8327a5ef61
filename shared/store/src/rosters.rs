//! A session with its participants: they share a partition, so one query reads them in one piece.

use domain::ports::Rosters;
use domain::{Participant, Result, Roster, SessionId, Timestamp, UserId};

use crate::Store;
use crate::items::{is_over, text};
use crate::keys;
use crate::records::{self, SessionRecord};
use crate::visits::Found;
use crate::waiting;

impl Rosters for Store {
    async fn roster(&self, session: SessionId, now: Timestamp) -> Result<Option<Roster>> {
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(keys::session_partition(session)));
        let (sessions, others): (Vec<_>, Vec<_>) = self.every(query).await?.into_iter().partition(records::is_session);
        let (waiting, participants): (Vec<_>, Vec<_>) = others.into_iter().partition(records::is_place_to_wait);
        let record = sessions.into_iter().next().map(SessionRecord::from_item).transpose()?;
        let Some(record) = record.filter(|record| !record.expires_at.is_some_and(|end| is_over(end, now))) else {
            return Ok(None);
        };
        let participants: Vec<_> = participants.into_iter().map(records::participant).collect::<Result<_>>()?;
        let (departed, participants) = participants.into_iter().partition(|p: &Participant| p.has_untold_departure());
        let waiting = waiting.into_iter().filter_map(|item| waiting::knock(item).transpose()).collect::<Result<_>>()?;
        Ok(Some(Roster::new(record.into_session()?, in_order(participants), departed).with_waiting(waiting)))
    }

    async fn banned_until(&self, session: SessionId, user: UserId) -> Result<Option<Timestamp>> {
        let visit = self.get_item(keys::visit(user, session), true).await?.map(Found::of).transpose()?;
        Ok(visit.and_then(|visit| visit.banned_until))
    }
}

/// Those who hold a seat, or did when the session ended, in the order of joining.
fn in_order(mut participants: Vec<Participant>) -> Vec<Participant> {
    participants.retain(Participant::takes_part);
    participants.sort_by_key(|participant| (participant.joined_at, participant.user_id));
    participants
}
