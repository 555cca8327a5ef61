//! The seats that a user took, and what is kept of those that were left.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Held, Visit, Visits};
use domain::{ConnectionId, Departure, Participant, Person, Result, Rights, SessionId, Timestamp, Untold, UserId};
use serde::Deserialize;

use crate::errors::{Malformed, misfit};
use crate::items::{Item, connection_set, expiry, millis, number, text};
use crate::requests::{Change, Written};
use crate::{Store, keys, records};

impl Visits for Store {
    async fn visits(&self, user: UserId) -> Result<Vec<Visit>> {
        let [first, last] = keys::visits();
        let query = self
            .query()
            .consistent_read(true)
            .key_condition_expression("pk = :user AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":user", text(keys::user_partition(user)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last));
        self.every(query).await?.into_iter().map(visit).collect()
    }
}

/// What is read of a visit's item. One whose time ran out does no harm: it only says where to look.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VisitRecord {
    sk: String,
    /// The login that took the seat. Somebody who was banned before they came has none.
    family_id: Option<String>,
    taken_at: u64,
    newest_attempt: Option<u64>,
    #[serde(default)]
    unfenced: Vec<String>,
    rights: Option<u32>,
    banned_until: Option<u64>,
    /// Its presence is what lets somebody past the waiting room.
    admitted: Option<bool>,
}

impl VisitRecord {
    fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    fn left(self) -> Result<Option<Left>> {
        let unfenced = self.unfenced.into_iter().map(ConnectionId::new).collect();
        let rights = records::rights(self.rights)?;
        Ok(self.newest_attempt.map(|newest| Left { newest, unfenced, rights }))
    }
}

/// What a visit keeps of a seat that was left, until the next one is taken.
pub(crate) struct Left {
    /// The newest attempt that a ticket was given for.
    pub(crate) newest: u64,
    /// Connections that are not known to be closed.
    pub(crate) unfenced: Vec<ConnectionId>,
    /// What whoever sat there might do.
    pub(crate) rights: Rights,
}

impl Left {
    /// Of a visit's item.
    pub(crate) fn of(item: Item) -> Result<Option<Self>> {
        VisitRecord::from_item(item)?.left()
    }
}

/// What a visit says to somebody who wants a seat.
pub(crate) struct Found {
    /// What the seat has to go on from.
    pub(crate) left: Option<Left>,
    /// Until when its user is kept out.
    pub(crate) banned_until: Option<Timestamp>,
    /// Whether they pass the waiting room.
    pub(crate) admitted: bool,
}

impl Found {
    /// Of a visit's item.
    pub(crate) fn of(item: Item) -> Result<Self> {
        let record = VisitRecord::from_item(item)?;
        let banned_until = record.banned_until.map(Timestamp::from_millis);
        let admitted = record.admitted.is_some();
        Ok(Self { left: record.left()?, banned_until, admitted })
    }
}

/// What the user's partition says of a seat: whoever ends logins or deletes the account finds it there. `left` is what the
/// seat takes over from the one before, and `admitted` whether its user passes the waiting room; refused when that is not what is
/// kept there, and as long as the user is banned.
pub(crate) fn note_visit(
    session: SessionId,
    caller: &Person,
    now: Timestamp,
    noted_until: Timestamp,
    left: Option<&Left>,
    admitted: bool,
) -> Change {
    let update = "SET familyId = :family, takenAt = :now, expiresAt = :gone REMOVE newestAttempt, unfenced, rights, bannedUntil, removed";
    let as_kept = match left {
        None => "attribute_not_exists(newestAttempt)",
        Some(_) => "newestAttempt = :newest",
    };
    let pass = if admitted { "attribute_exists(admitted)" } else { "attribute_not_exists(admitted)" };
    let condition = format!("{as_kept} AND {pass} AND (attribute_not_exists(bannedUntil) OR bannedUntil <= :now)");
    let change = Change::to(keys::visit(caller.user_id, session), update, condition)
        .with(":family", text(caller.family.to_string()))
        .with(":now", millis(now))
        .with(":gone", expiry(noted_until));
    match left {
        None => change,
        Some(left) => change.with(":newest", number(left.newest)),
    }
}

impl Store {
    /// Keeps with the visit what the next seat of somebody who left goes on from; false when the visit is not noted any more,
    /// or not for long enough. What a later departure has written stays.
    pub(crate) async fn keep_left(&self, left: &Participant, keep_until: Timestamp) -> Result<bool> {
        let adds = if left.unfenced.is_empty() { "" } else { " ADD unfenced :unfenced" };
        // Whoever had a seat passes the waiting room, unless they were removed.
        let removed = left.untold == Some(Untold::Departure(Departure::Removed));
        let pass = if removed { ", removed = :yes" } else { ", admitted = :yes" };
        let change = Change::to(
            keys::visit(left.user_id, left.session_id),
            format!("SET newestAttempt = :newest, rights = :rights{pass}{adds}"),
            "expiresAt >= :gone AND (attribute_not_exists(newestAttempt) OR newestAttempt < :newest)",
        )
        .with(":newest", number(left.tickets))
        .with(":rights", number(left.rights.bits()))
        .with(":gone", expiry(keep_until))
        .with(":yes", AttributeValue::Bool(true));
        let change = match left.unfenced.as_slice() {
            [] => change,
            unfenced => change.with(":unfenced", connection_set(unfenced)),
        };
        match self.change(change, ReturnValue::None).await? {
            Written::Done(_) => Ok(true),
            Written::Refused(item) => {
                let kept = item.map(Left::of).transpose()?.flatten();
                Ok(kept.is_some_and(|kept| kept.newest >= left.tickets))
            }
        }
    }

    /// Whether a visit keeps that connection as one of a seat that was left.
    pub(crate) async fn keeps_unfenced(&self, held: &Held) -> Result<bool> {
        let left = self.get_item(keys::visit(held.user, held.session), true).await?.map(Left::of).transpose()?;
        Ok(left.flatten().is_some_and(|left| left.unfenced.contains(&held.connection)))
    }
}

/// Whether a visit's item says that its user had a seat, and was neither removed nor banned since.
pub(crate) fn is_welcome(item: &Item) -> bool {
    had_a_seat(item) && ["removed", "bannedUntil"].iter().all(|mark| !item.contains_key(*mark))
}

/// Whether a visit's item says that its user had a seat: whoever was banned before they came had none.
pub(crate) fn had_a_seat(item: &Item) -> bool {
    item.contains_key("familyId")
}

fn visit(item: Item) -> Result<Visit> {
    let record = VisitRecord::from_item(item)?;
    let family = record.family_id.map(|family| family.parse().map_err(|_| Malformed("visit's family")));
    Ok(Visit {
        session: keys::visit_of(&record.sk).ok_or(Malformed("visited session"))?,
        family: family.transpose()?,
        at: Timestamp::from_millis(record.taken_at),
    })
}
