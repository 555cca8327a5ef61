//! What participants say of themselves, and what their app says of them: attributes, metadata, and a raised hand. It lasts as long as
//! the stay does.

use std::collections::BTreeMap;

use crate::delivery::broadcast;
use crate::ports::{Abouts, Delays, Held, Inbox, Members, Ports, Rosters, Sockets};
use crate::standing::Standing;
use crate::{Context, Error, Event, Metadata, Participant, Permission, Person, Result, SessionId, Timestamp, UserId};

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
    /// The one that a participant holds.
    pub(crate) fn of(participant: &Participant) -> Self {
        Self { session: participant.session_id, user: participant.user_id, joined_at: participant.joined_at }
    }
}

impl About {
    /// Nothing.
    fn nothing(seat: Seat) -> Self {
        Self {
            session: seat.session,
            user: seat.user,
            joined_at: seat.joined_at,
            attributes: BTreeMap::new(),
            metadata: None,
            hand_raised_at: None,
            version: 0,
        }
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
    note(ports, Seat { session: held.session, user: held.user, joined_at: standing.joined_at }, &[saying]).await
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
    let current = known.filter(|about| about.joined_at == seat.joined_at);
    let about = current.unwrap_or_else(|| About::nothing(seat));
    (seen, About { version: seen.unwrap_or_default() + 1, ..about })
}

/// Keeps what a join token says of whoever took a seat with it, once for each seat: what was changed since stays. The others are told
/// with their coming ([`Participant::introduced`]).
pub(crate) async fn introduce(
    store: &(impl Abouts + Members + Sync),
    context: Context<'_>,
    session: SessionId,
    person: &Person,
    joined_at: Timestamp,
) -> Result<()> {
    let said = &person.introduction;
    if said.is_empty() {
        return Ok(());
    }
    let seat = Seat { session, user: person.user_id, joined_at };
    for _ in 0..TRIES {
        let known = store.about(session, person.user_id).await?;
        if known.as_ref().is_some_and(|about| about.joined_at == joined_at) {
            return Ok(());
        }
        let (seen, nothing) = next_of(known, seat);
        let about = About { attributes: said.attributes.clone(), metadata: said.metadata.clone(), ..nothing };
        if store.set_about(&about, seen, context.now + context.policy.connection_log).await? {
            return Ok(());
        }
    }
    Err(Error::Unavailable("what a participant says changes too fast".into()))
}

/// Tells everybody who is connected, whoever says it too.
async fn tell(
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
