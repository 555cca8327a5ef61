//! Arbitrary things of the domain, for properties.

use std::time::Duration;

use domain::ports::{Admission, ChatMessage, ClientMessageId, Closure, Counted, Spoken};
use domain::{
    Attached, ConnectionId, Controls, Email, Identity, Lifetime, PasswordHash, ProjectId, RoomName, Session,
    SessionKind, SessionName, SessionState, Timestamp, User, Username, Visibility,
};
use proptest::prelude::*;

/// Any identifier of version 7, from its bytes.
macro_rules! any_id {
    ($($name:ident: $type:ident),+ $(,)?) => {
        $(pub(crate) fn $name() -> impl Strategy<Value = domain::$type> {
            any::<[u8; 16]>().prop_map(|mut bytes| {
                bytes[6] = 0x70 | bytes[6] & 0x0f;
                bytes[8] = 0x80 | bytes[8] & 0x3f;
                domain::$type::from_bytes(bytes).expect("version and variant are set")
            })
        })+
    };
}

any_id!(
    user_id: UserId,
    session_id: SessionId,
    message_id: MessageId,
    signal_id: SignalId,
    ticket_id: TicketId,
    family_id: FamilyId,
);

/// Any moment up to the year 10,889.
pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0..1u64 << 48).prop_map(Timestamp::from_millis)
}

/// Any moment at which something may be due.
pub(crate) fn due_time() -> impl Strategy<Value = Timestamp> {
    (0..100_000_000_000_000u64).prop_map(Timestamp::from_millis)
}

/// Any user name, keys' own separators included.
pub(crate) fn username() -> impl Strategy<Value = Username> {
    "[^\\p{Cc}]{1,50}".prop_filter_map("valid", |text| Username::kept(&text))
}

/// Any address, keys' own separators included.
pub(crate) fn email() -> impl Strategy<Value = Email> {
    "[a-zA-Z0-9#._+-]{1,64}@[a-zA-Z0-9#-]{1,20}\\.[a-zA-Z#]{2,10}"
        .prop_filter_map("valid", |text| Email::parse(&text).ok())
}

/// Anything that is counted.
pub(crate) fn counted() -> impl Strategy<Value = Counted> {
    prop_oneof![
        "[a-z0-9#@.:]{0,40}".prop_map(Counted::FailedLoginsOfAccount),
        "[a-z0-9#@.:]{0,40}".prop_map(Counted::FailedLoginsOfAddress),
        "[a-z0-9#@.:]{0,40}".prop_map(Counted::RegistrationsOfAddress),
        "[a-z0-9#@.:]{0,40}".prop_map(Counted::InvitesOfAddress),
        user_id().prop_map(Counted::SessionsOf),
        user_id().prop_map(Counted::TicketsOf),
        user_id().prop_map(Counted::TranscribeLinesOf),
        user_id().prop_map(Counted::RecordingsOf),
        project().prop_map(Counted::CallsOf),
    ]
}

/// Any account.
pub(crate) fn user() -> impl Strategy<Value = User> {
    (user_id(), username(), email(), ".{0,100}", timestamp(), proptest::option::of(timestamp())).prop_map(
        |(id, username, email, hash, created_at, last_login_at)| User {
            id,
            username,
            email,
            password: PasswordHash(hash),
            created_at,
            last_login_at,
        },
    )
}

/// Any project.
pub(crate) fn project() -> impl Strategy<Value = ProjectId> {
    "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?".prop_filter_map("valid", |text| ProjectId::parse(&text).ok())
}

/// Any room's name.
pub(crate) fn room_name() -> impl Strategy<Value = RoomName> {
    "[^\\p{Cc}]{1,128}".prop_filter_map("valid", |text| RoomName::parse(&text).ok())
}

/// Any session that is active.
pub(crate) fn session() -> impl Strategy<Value = Session> {
    let kind = prop_oneof![
        Just(SessionKind::AudioOnly),
        Just(SessionKind::VideoCall),
        Just(SessionKind::ScreenShare),
        Just(SessionKind::Mixed)
    ];
    let visibility = prop_oneof![Just(Visibility::Public), Just(Visibility::Unlisted)];
    let name = "[^\\p{Cc}]{1,100}".prop_filter_map("valid", |text| SessionName::kept(&text));
    let seats = (2..=100u8).prop_flat_map(|max| (Just(max), 0..=max));
    let creator = (user_id(), username(), any::<bool>());
    let app = prop_oneof![Just((ProjectId::default(), None)), (project(), proptest::option::of(room_name()))];
    let span = || proptest::option::of((1..100_000u64).prop_map(Duration::from_secs));
    let lifetime = (span(), span()).prop_map(|(empty, longest)| Lifetime { empty, longest });
    let times = (timestamp(), timestamp(), lifetime);
    (session_id(), name, kind, visibility, seats, times, app, creator).prop_map(
        |(id, name, kind, visibility, (max_participants, seats_taken), times, app, creator)| {
            let (created_at, touched_at, lifetime) = times;
            Session {
                id,
                name,
                kind,
                visibility,
                state: SessionState::Active,
                max_participants,
                seats_taken,
                created_at,
                touched_at,
                project: app.0,
                room: app.1,
                creator_id: creator.0,
                creator_username: creator.1,
                controls: Controls {
                    locked: creator.2,
                    waiting_room: !creator.2,
                    version: 0,
                    lifetime,
                    tells_messages: creator.2,
                    recording_requested: false,
                },
                metadata: Attached::Nothing,
            }
        },
    )
}

/// Any chat message.
pub(crate) fn message() -> impl Strategy<Value = ChatMessage> {
    let client_id = proptest::option::of("\\PC{1,64}".prop_filter_map("valid", |id| ClientMessageId::parse(id).ok()));
    let identity = proptest::option::of("[a-z]{1,8}".prop_filter_map("valid", |name| Identity::parse(&name).ok()));
    let spoken =
        proptest::option::of(("[a-z]{2,8}", timestamp()).prop_map(|(language, began)| Spoken { language, began }));
    (message_id(), session_id(), user_id(), username(), identity, "\\PC{1,200}", client_id, spoken).prop_map(
        |(id, session, from, username, identity, text, client_id, spoken)| ChatMessage {
            id,
            session,
            from,
            username,
            identity,
            text,
            client_id,
            spoken,
        },
    )
}

/// Any connection that a ticket admitted.
pub(crate) fn admission() -> impl Strategy<Value = Admission> {
    let ids = (ticket_id(), user_id(), proptest::option::of(session_id()), family_id());
    (ids, "[a-zA-Z0-9_=-]{16}", timestamp(), ".{0,40}", ".{0,200}").prop_map(
        |((ticket, user, session, family), connection, at, address, user_agent)| Admission {
            ticket,
            user,
            session,
            family,
            connection: ConnectionId::new(connection),
            at,
            address,
            user_agent,
        },
    )
}

/// Any end of a connection.
pub(crate) fn closure() -> impl Strategy<Value = Closure> {
    (timestamp(), any::<u16>(), ".{0,123}").prop_map(|(at, code, reason)| Closure { at, code, reason })
}
