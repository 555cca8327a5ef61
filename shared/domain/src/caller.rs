//! Who calls, and what each kind of caller may do.
//!
//! A rule is asked with a [`Caller`] where a key may call too, and with a [`Person`] where somebody takes part.

use std::collections::BTreeMap;

use crate::{
    Error, FamilyId, GuestRole, Identity, InviteId, KeyGrant, KeyId, Metadata, Permission, ProjectId, Result, Rights,
    Role, RoomName, RoomRef, Sender, Session, SessionId, Timestamp, UserId, Username, Visibility,
};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// An account, by its access token.
    Account(Person),
    /// A participant of an app, by a join token.
    Participant(Person),
    /// The backend of an app, by its key or by a token of the key without `roomJoin`.
    Backend(Backend),
}

/// Somebody who can take a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account, or whom the app's identity stands for.
    pub user_id: UserId,
    /// What others see.
    pub username: Username,
    /// The login that the access token belongs to. Of a join token: an identifier that carries when it was minted.
    pub family: FamilyId,
    /// When the access that is given from now on ends.
    pub expires_at: Timestamp,
    /// What the app calls its user; an account has none.
    pub identity: Option<Identity>,
    /// Where the access counts.
    pub scope: Scope,
    /// What the join token allows; an account may do what the rules allow everybody.
    pub grants: Grants,
    /// What the join token says of its holder.
    pub introduction: Introduction,
}

/// What a join token says of whoever takes a seat with it, beside their name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Introduction {
    /// What the app keeps with them.
    pub metadata: Option<Metadata>,
    /// Their attributes, by name; together at most [`MAX_ATTRIBUTES`](crate::about::MAX_ATTRIBUTES).
    pub attributes: BTreeMap<String, String>,
}

impl Introduction {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.metadata.is_none() && self.attributes.is_empty()
    }
}

/// An app's backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its key.
    pub key: KeyId,
    /// Whom sessions that it creates name as their creator.
    pub creator: UserId,
    /// Where the key counts.
    pub scope: Scope,
    /// What it may do.
    pub grants: Grants,
}

/// The sessions that an access is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The project.
    pub project: ProjectId,
    /// Which of its sessions.
    pub rooms: Rooms,
    /// Whether a join makes the room that it names: the project's setting.
    pub auto_create: bool,
}

/// Sessions of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rooms {
    /// All.
    Any,
    /// One.
    Only(RoomRef),
    /// Those whose room name begins so.
    StartingWith(String),
}

impl Scope {
    /// The whole of a project.
    pub fn of(project: ProjectId) -> Self {
        Self { project, rooms: Rooms::Any, auto_create: false }
    }

    /// Whether the session lies within.
    pub fn holds(&self, session: &Session) -> bool {
        self.project == session.project && self.holds_room(session.id, session.room.as_ref())
    }

    /// The same of a session of the project that has that name.
    pub fn holds_room(&self, session: SessionId, room: Option<&RoomName>) -> bool {
        match &self.rooms {
            Rooms::Any => true,
            Rooms::Only(RoomRef::Session(id)) => session == *id,
            Rooms::Only(RoomRef::Room(name)) => room == Some(name),
            Rooms::StartingWith(prefix) => room.is_some_and(|room| room.as_str().starts_with(prefix)),
        }
    }

    /// Whether a room of that name would lie within.
    pub fn allows(&self, room: &RoomName) -> bool {
        match &self.rooms {
            Rooms::Any => true,
            Rooms::Only(RoomRef::Session(_)) => false,
            Rooms::Only(RoomRef::Room(only)) => only == room,
            Rooms::StartingWith(prefix) => room.as_str().starts_with(prefix),
        }
    }
}

/// What a token says may be done, LiveKit's grants with their defaults.
/// <https://docs.livekit.io/frontends/reference/tokens-grants/>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a grant of its own")]
pub struct Grants {
    /// `roomJoin`
    pub room_join: bool,
    /// `roomCreate`
    pub room_create: bool,
    /// `roomAdmin`: acts as a host.
    pub room_admin: bool,
    /// `roomList`
    pub room_list: bool,
    /// `canPublish` and `microphone` among `canPublishSources`
    pub publish_audio: bool,
    /// `canPublish` and `camera` among `canPublishSources`
    pub publish_video: bool,
    /// `canPublish` and `screen_share` among `canPublishSources`
    pub publish_screen: bool,
    /// `canPublishData`
    pub publish_data: bool,
    /// `canSubscribe`
    pub subscribe: bool,
    /// `canUpdateOwnMetadata`
    pub update_own_metadata: bool,
    /// Looks on and may write: of a guest who was invited so.
    pub looks_on: bool,
    /// `maxParticipants`: the seats of a room that a join makes, 2-100.
    pub max_participants: Option<u8>,
    /// `ejectAtTokenExp`: whoever joined with the token goes when it ends.
    pub eject_at_end: bool,
}

impl Grants {
    /// What a token without any of them has.
    pub const LEAST: Self = Self {
        room_join: false,
        room_create: false,
        room_admin: false,
        room_list: false,
        publish_audio: true,
        publish_video: true,
        publish_screen: true,
        publish_data: true,
        subscribe: true,
        update_own_metadata: false,
        looks_on: false,
        max_participants: None,
        eject_at_end: false,
    };

    /// What an account has: what it may do beyond taking part, the rules say.
    pub const ACCOUNT: Self =
        Self { room_join: true, room_create: true, room_list: true, update_own_metadata: true, ..Self::LEAST };

    /// What an API key has that is not restricted.
    pub const KEY: Self = Self { room_create: true, room_admin: true, room_list: true, ..Self::LEAST };
}

impl Person {
    /// An account.
    pub fn account(user_id: UserId, username: Username, family: FamilyId, expires_at: Timestamp) -> Self {
        let (scope, grants) = (Scope::of(ProjectId::default()), Grants::ACCOUNT);
        let introduction = Introduction::default();
        Self { user_id, username, family, expires_at, identity: None, scope, grants, introduction }
    }

    /// A guest of accounts, in that session.
    pub fn guest(
        (user_id, identity): (UserId, Identity),
        username: Username,
        family: FamilyId,
        expires_at: Timestamp,
        (session, role): (SessionId, GuestRole),
    ) -> Self {
        let rooms = Rooms::Only(RoomRef::Session(session));
        let scope = Scope { rooms, ..Scope::of(ProjectId::default()) };
        let grants = Grants { room_join: true, looks_on: role == GuestRole::Viewer, ..Grants::LEAST };
        let introduction = Introduction::default();
        Self { user_id, username, family, expires_at, identity: Some(identity), scope, grants, introduction }
    }

    /// The invitation by which a guest came; nobody else has one.
    pub fn invite(&self) -> Option<InviteId> {
        self.identity.as_ref().filter(|_| self.scope.project.is_default()).and_then(Identity::invite)
    }

    /// What the access gives whoever takes a seat with it.
    pub fn rights(&self) -> Rights {
        let grants = &self.grants;
        if grants.room_admin {
            return Rights::of(Role::Host);
        }
        if grants.looks_on {
            return GuestRole::Viewer.rights();
        }
        let withheld = [
            (Permission::PublishAudio, grants.publish_audio),
            (Permission::PublishVideo, grants.publish_video),
            (Permission::PublishScreen, grants.publish_screen),
            (Permission::Data, grants.publish_data),
            (Permission::UpdateOwnAttributes, grants.update_own_metadata),
        ];
        let usual = Rights::default();
        let withheld = withheld.into_iter().filter(|(_, given)| !given);
        let permissions = withheld.fold(usual.permissions, |permissions, (one, _)| permissions.without(one));
        Rights { permissions, ..usual }
    }

    /// Why somebody is refused whose access was taken away.
    pub fn gone(&self) -> Error {
        if self.identity.is_some() { Error::TokenRevoked } else { Error::Unauthorized }
    }
}

impl From<Person> for Caller {
    fn from(person: Person) -> Self {
        if person.identity.is_some() { Self::Participant(person) } else { Self::Account(person) }
    }
}

impl Caller {
    /// Where the access counts.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Account(person) | Self::Participant(person) => &person.scope,
            Self::Backend(backend) => &backend.scope,
        }
    }

    /// What the access allows.
    pub fn grants(&self) -> &Grants {
        match self {
            Self::Account(person) | Self::Participant(person) => &person.grants,
            Self::Backend(backend) => &backend.grants,
        }
    }

    /// Whom sessions name as their creator that this caller creates, and the name that others see.
    pub fn creator(&self) -> (UserId, Username) {
        match self {
            Self::Account(person) | Self::Participant(person) => (person.user_id, person.username.clone()),
            Self::Backend(backend) => {
                let name = Username::kept(backend.scope.project.as_str()).expect("a project's name is not blank");
                (backend.creator, name)
            }
        }
    }

    /// Whom a chat message of this caller names as its writer. A backend may say what others see; the project's name, if it does not.
    ///
    /// # Errors
    /// `InvalidRequest` for a person who gives themselves another name.
    pub fn writer(&self, shown: Option<Username>) -> Result<Sender> {
        match (self.sender(), shown) {
            (Some(_), Some(_)) => {
                Err(Error::field("fromUsername", "is for API keys: others write under their own name"))
            }
            (Some(sender), None) => Ok(sender),
            (None, shown) => {
                let (user_id, of_project) = self.creator();
                Ok(Sender { user_id, username: shown.unwrap_or(of_project), identity: None })
            }
        }
    }

    /// Whom data of this caller names as its sender; nobody, if that is a backend.
    pub fn sender(&self) -> Option<Sender> {
        match self {
            Self::Account(person) | Self::Participant(person) => Some(Sender {
                user_id: person.user_id,
                username: person.username.clone(),
                identity: person.identity.clone(),
            }),
            Self::Backend(_) => None,
        }
    }

    /// Who takes part.
    ///
    /// # Errors
    /// `Forbidden` for a key: it takes no seat.
    pub fn person(&self) -> Result<&Person> {
        match self {
            Self::Account(person) | Self::Participant(person) => Ok(person),
            Self::Backend(_) => {
                Err(Error::forbidden("an API key takes no part in sessions: mint a token with roomJoin"))
            }
        }
    }

    /// Does this caller act as a host of the session, seated or not? Its creator does, if that is an account; else whoever has
    /// `roomAdmin` for it.
    pub fn hosts(&self, session: &Session) -> bool {
        match self {
            Self::Account(person) => session.is_hosted_by(person.user_id),
            Self::Participant(_) | Self::Backend(_) => self.grants().room_admin && self.scope().holds(session),
        }
    }

    /// Why this caller is refused who neither hosts a session nor has a seat there.
    pub(crate) fn lacks_authority(&self) -> Error {
        match self {
            Self::Account(_) => Error::NotPermitted { permission: Permission::Moderate.name() },
            Self::Participant(_) | Self::Backend(_) => Error::missing_grant(KeyGrant::Admin.name()),
        }
    }

    /// May this caller decide for the whole project? A key may, and a token of it with `roomAdmin`, unless it is for some rooms.
    ///
    /// # Errors
    /// `Forbidden`, or `MissingGrant`.
    pub fn require_project(&self) -> Result<()> {
        match self {
            Self::Account(_) | Self::Participant(_) => Err(Error::forbidden("this is for the API keys of apps")),
            Self::Backend(backend) if !backend.grants.room_admin => Err(Error::missing_grant("roomAdmin")),
            Self::Backend(backend) if backend.scope.rooms != Rooms::Any => {
                Err(Error::forbidden("the token or the key is for some rooms alone"))
            }
            Self::Backend(_) => Ok(()),
        }
    }

    /// May this caller list sessions, and of which visibility? An account those that are public, an app all of its own.
    ///
    /// # Errors
    /// `MissingGrant` without `roomList`.
    pub fn require_list(&self) -> Result<Option<Visibility>> {
        match self {
            Self::Account(_) => Ok(Some(Visibility::Public)),
            Self::Participant(_) | Self::Backend(_) if !self.grants().room_list => {
                Err(Error::missing_grant("roomList"))
            }
            Self::Participant(_) | Self::Backend(_) => Ok(None),
        }
    }

    /// May this caller see the session?
    ///
    /// # Errors
    /// `SessionNotFound` for a session of another project, `Forbidden` for another room than the token's.
    pub fn require_sight(&self, session: &Session) -> Result<()> {
        if self.scope().project != session.project {
            return Err(Error::SessionNotFound);
        }
        let within = self.scope().holds(session);
        within.then_some(()).ok_or_else(|| Error::forbidden("the token or the key is for other rooms"))
    }
}
