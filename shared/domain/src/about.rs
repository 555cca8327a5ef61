//! What participants say of themselves, and what their app says of them: attributes, metadata, and a raised hand.
//!
//! A hand is lowered, and what a token said is gone, when the stay ends. What was changed by hand counts on the next one, too.

use std::collections::BTreeMap;

use crate::delivery::broadcast;
use crate::ports::{Abouts, Delays, Held, Inbox, Members, Ports, Rosters, Sockets};
use crate::standing::Standing;
use crate::{
    Context, Error, Event, Introduction, Metadata, Participant, Permission, Person, Result, SessionId, Timestamp,
    UserId,
};

pub use crate::ports::About;

/// The most that the names and values of somebody's attributes have together, in bytes.
pub const MAX_ATTRIBUTES: usize = 4 * 1024;

/// A change that others make at the same time is tried so often.
const TRIES: usize = 4;

/// A seat, from its taking to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    session: SessionId,
    user: UserId,
    joined_at: Timestamp,
}

impl Seat {
    /// The one that somebody took then.
    pub(crate) fn taken(session: SessionId, user: UserId, joined_at: Timestamp) -> Self {
        Self { session, user, joined_at }
    }

    /// The one that a participant holds.
    pub(crate) fn of(participant: &Participant) -> Self {
        Self::taken(participant.session_id, participant.user_id, participant.joined_at)
    }
}

impl About {
    /// Nothing.
    fn nothing(seat: Seat) -> Self {
        Self {
            session: seat.session,
            user: seat.user,
            joined_at: seat.joined_at,
            given: Introduction::default(),
            given_by: 0,
            attributes: BTreeMap::new(),
            metadata: None,
            hand_raised_at: None,
            version: 0,
        }
    }

    /// What of it counts on the seat that was taken then.
    #[must_use]
    pub fn on_seat(self, joined_at: Timestamp) -> Self {
        if self.joined_at >= joined_at {
            return self;
        }
        Self { joined_at, hand_raised_at: None, ..self.introduced(&Introduction::default()) }
    }

    /// With that said by a token, and what was changed by hand over it. Where both together do not fit, what the token says counts
    /// alone.
    fn introduced(self, given: &Introduction) -> Self {
        let mut attributes = given.attributes.clone();
        attributes.retain(|name, _| self.attributes.contains_key(name) || !self.given.attributes.contains_key(name));
        let changed = self.attributes.iter().filter(|(name, value)| self.given.attributes.get(*name) != Some(*value));
        attributes.extend(changed.map(|(name, value)| (name.clone(), value.clone())));
        if size_of(&attributes) > MAX_ATTRIBUTES {
            attributes.clone_from(&given.attributes);
        }
        let metadata = if self.metadata == self.given.metadata { given.metadata.clone() } else { self.metadata };
        Self { attributes, metadata, given: given.clone(), ..self }
    }

    /// Whether it says the same.
    fn says_as(&self, other: &Self) -> bool {
        (&self.attributes, &self.metadata) == (&other.attributes, &other.metadata)
    }
}

/// The most attributes in one change, and the longest name of one, in characters.
const MOST_NAMES: usize = 64;
const LONGEST_NAME: usize = 64;

/// Whether attributes of these names, all in one change, are 1-64, each with a name of 1-64 characters.
pub fn names_fit<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> bool {
    let (count, mut names) = (names.len(), names);
    (1..=MOST_NAMES).contains(&count) && names.all(|name| (1..=LONGEST_NAME).contains(&name.chars().count()))
}

/// The bytes that attributes have together.
pub fn size_of(attributes: &BTreeMap<String, String>) -> usize {
    attributes.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// What somebody wants to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// These attributes from now on; those without a value are taken away.
    Attributes(BTreeMap<String, Option<String>>),
    /// This metadata from now on, or none.
    Metadata(Option<Metadata>),
    /// The hand is raised, or lowered.
    Hand(bool),
}

impl Saying {
    fn applied_to(&self, about: &mut About, now: Timestamp) -> Result<()> {
        match self {
            Self::Hand(true) => about.hand_raised_at = Some(about.hand_raised_at.unwrap_or(now)),
            Self::Hand(false) => about.hand_raised_at = None,
            Self::Metadata(metadata) => about.metadata.clone_from(metadata),
            Self::Attributes(change) => {
                for (name, value) in change {
                    match value {
                        Some(value) => about.attributes.insert(name.clone(), value.clone()),
                        None => about.attributes.remove(name),
                    };
                }
                if size_of(&about.attributes) > MAX_ATTRIBUTES {
                    return Err(Error::PayloadTooLarge { what: "the attributes together", limit: MAX_ATTRIBUTES });
                }
            }
        }
        Ok(())
    }
}

/// Says something of a participant who is there, and tells everybody. Two changes at the same time are both made.
///
/// # Errors
/// `NotPermitted` without `updateOwnAttributes`, where it is about those; `PayloadTooLarge`.
pub async fn say(
    ports: Ports<'_, impl Abouts + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    held: &Held,
    standing: &Standing,
    saying: Saying,
) -> Result<About> {
    match saying {
        Saying::Attributes(_) | Saying::Metadata(_) => standing.rights.require(Permission::UpdateOwnAttributes)?,
        Saying::Hand(_) => {}
    }
    note(ports, Seat::taken(held.session, held.user, standing.joined_at), &[saying]).await
}

/// Notes what is said of somebody, and tells everybody.
///
/// # Errors
/// `PayloadTooLarge`.
pub(crate) async fn note(
    ports: Ports<'_, impl Abouts + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    seat: Seat,
    sayings: &[Saying],
) -> Result<About> {
    let Ports { store, context, .. } = ports;
    for _ in 0..TRIES {
        let known = store.about(seat.session, seat.user).await?;
        let (seen, mut about) = next_of(known, seat);
        sayings.iter().try_for_each(|saying| saying.applied_to(&mut about, context.now))?;
        if store.set_about(&about, seen, context.now + context.policy.connection_log).await? {
            tell(ports, &about).await?;
            return Ok(about);
        }
    }
    Err(Error::Unavailable("what a participant says changes too fast".into()))
}

/// The version that is known, and what the next one starts from.
fn next_of(known: Option<About>, seat: Seat) -> (Option<u64>, About) {
    let seen = known.as_ref().map(|about| about.version);
    let about = known.map_or_else(|| About::nothing(seat), |about| about.on_seat(seat.joined_at));
    (seen, About { version: seen.unwrap_or_default() + 1, ..about })
}

/// Whether a join with that access would change what is said of somebody.
pub(crate) async fn would_change(
    store: &(impl Members + Sync),
    participant: &Participant,
    person: &Person,
) -> Result<bool> {
    let seat = Seat::of(participant);
    let (_, about) = next_of(store.about(seat.session, seat.user).await?, seat);
    Ok(!about.clone().introduced(&person.introduction).says_as(&about))
}

/// Keeps what the access says of somebody who joined with it, and what was changed by hand over it; what is said then, if that is
/// something else than before. Of two joins the one with the newer attempt counts.
pub(crate) async fn introduce(
    store: &(impl Abouts + Members + Sync),
    context: Context<'_>,
    seat: Seat,
    person: &Person,
    attempt: u64,
) -> Result<Option<About>> {
    for _ in 0..TRIES {
        let known = store.about(seat.session, seat.user).await?;
        let (seen, before) = next_of(known.clone(), seat);
        if before.given_by >= attempt || before.joined_at > seat.joined_at {
            return Ok(None);
        }
        let about = known.unwrap_or_else(|| About::nothing(seat)).introduced(&person.introduction);
        let About { joined_at, hand_raised_at, version, .. } = before;
        let about = About { joined_at, hand_raised_at, version, given_by: attempt, ..about };
        if store.set_about(&about, seen, context.now + context.policy.connection_log).await? {
            return Ok((!about.says_as(&before)).then_some(about));
        }
    }
    Err(Error::Unavailable("what a participant says changes too fast".into()))
}

/// Tells everybody who is connected, whoever says it too.
pub(crate) async fn tell(
    ports: Ports<'_, impl Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    about: &About,
) -> Result<()> {
    let roster = ports.store.roster(about.session, ports.context.now).await?.ok_or(Error::SessionNotFound)?;
    if !roster.session.is_active() {
        return Err(Error::SessionEnded);
    }
    let participant = roster.seated(about.user).ok_or(Error::NotJoined)?;
    let frame = ports.encode(&Event::ParticipantUpdated { participant, about: Some(about) });
    broadcast(ports, about.session, roster.connected(ports.context.now), &frame, None).await
}
