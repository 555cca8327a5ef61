//! Roles, permissions and what those who steer a session ask for: parsed and written, for both doors.

use std::time::Duration;

use domain::about::Saying;
use domain::moderation::ParticipantChange;
use domain::ports::SessionChange;
use domain::{MediaKind, Metadata, Permission, Permissions, Rights, RightsChange, Role, SessionName, UserId, Username};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Fields;
use crate::rest::seats;
use crate::signaling::attributes;

/// The longest ban, in seconds: 30 days.
const LONGEST_BAN: u64 = 30 * 24 * 60 * 60;

/// The fields of a participant that may be changed, of which one must be given.
pub(crate) fn participant_change(f: &mut Fields<'_>) -> Option<ParticipantChange> {
    let any = ["role", "permissions", "username", "attributes", "metadata"].iter().any(|name| f.has(name));
    let rights = change(f);
    let username = f.optional_text("username", |text| Username::of_app(&text));
    let attributes = f.optional_json("attributes", attributes);
    let metadata = f.optional_text("metadata", |text| Metadata::parse(&text));
    if !any {
        return f.refuse("role", "is missing, and permissions, username, attributes and metadata too");
    }
    let sayings = attributes?.map(Saying::Attributes).into_iter().chain(metadata?.map(Saying::Metadata)).collect();
    Some(ParticipantChange { rights: rights?, username: username?, sayings })
}

/// `role` and `permissions`.
fn change(f: &mut Fields<'_>) -> Option<RightsChange> {
    let role = f.optional_text("role", |text| role(&text));
    let permissions = f.optional_object("permissions", |p| {
        let read: Vec<_> = Permission::ALL.iter().map(|one| (*one, p.optional_flag(one.name()))).collect();
        read.into_iter().map(|(one, given)| given.map(|given| (one, given))).collect::<Option<Vec<_>>>()
    });
    let (role, permissions) = (role?, permissions?);
    let given = permissions.unwrap_or_default().into_iter();
    let permissions = given.filter_map(|(one, given)| given.map(|given| (one, given))).collect();
    Some(RightsChange { role, permissions })
}

fn role(text: &str) -> Result<Role, &'static str> {
    let named = Role::ALL.into_iter().find(|role| role.name() == text);
    named.ok_or("must be host, cohost, participant or viewer")
}

/// The fields of a session that may be changed, of which one must be given.
pub(crate) fn session_change(f: &mut Fields<'_>) -> Option<SessionChange> {
    let any = ["name", "maxParticipants", "locked", "waitingRoom", "metadata"].iter().any(|name| f.has(name));
    let name = f.optional_text("name", |text| SessionName::parse(&text));
    let max_participants = f.optional_number("maxParticipants", seats);
    let locked = f.optional_flag("locked");
    let waiting_room = f.optional_flag("waitingRoom");
    let metadata = f.optional_text("metadata", |text| Metadata::parse(&text));
    if !any {
        return f.refuse("name", "is missing, and maxParticipants, locked, waitingRoom and metadata too");
    }
    let (name, max_participants, locked, metadata) = (name?, max_participants?, locked?, metadata?);
    Some(SessionChange { name, max_participants, locked, waiting_room: waiting_room?, metadata, seen: None })
}

/// A kind of track.
pub(crate) fn media_kind(text: &str) -> Result<MediaKind, &'static str> {
    match text {
        "audio" => Ok(MediaKind::Audio),
        "video" => Ok(MediaKind::Video),
        "screen" => Ok(MediaKind::Screen),
        _ => Err("must be audio, video or screen"),
    }
}

/// A list of names of users.
pub(crate) fn names(json: &RawValue) -> Result<Vec<String>, &'static str> {
    serde_json::from_str(json.get()).map_err(|_| "must be a list of strings")
}

/// A list of users; what is no identifier names nobody.
pub(crate) fn users(json: &RawValue) -> Result<Vec<UserId>, &'static str> {
    Ok(names(json)?.iter().filter_map(|user| user.parse().ok()).collect())
}

/// How long somebody is kept out; 0 lifts a ban.
pub(crate) fn ban(seconds: u64) -> Result<Duration, &'static str> {
    (0..=LONGEST_BAN).contains(&seconds).then(|| Duration::from_secs(seconds)).ok_or("must be 0-2592000")
}

/// A participant's part in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RoleView {
    /// Steers the session. Its creator always is one.
    Host,
    /// Steers the session too, but neither makes nor unmakes hosts and cohosts.
    Cohost,
    /// Takes part.
    Participant,
    /// Looks on, and may write.
    Viewer,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Host => Self::Host,
            Role::Cohost => Self::Cohost,
            Role::Participant => Self::Participant,
            Role::Viewer => Self::Viewer,
        }
    }
}

/// What a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PermissionsView {
    /// Sending sound.
    pub publish_audio: bool,
    /// Sending a camera's picture.
    pub publish_video: bool,
    /// Sending a screen's picture.
    pub publish_screen: bool,
    /// Writing chat messages.
    pub chat: bool,
    /// Sending data, and calling procedures of others.
    pub data: bool,
    /// Changing the own attributes.
    pub update_own_attributes: bool,
    /// Steering the session and its participants.
    pub moderate: bool,
}

impl From<Permissions> for PermissionsView {
    fn from(permissions: Permissions) -> Self {
        Self {
            publish_audio: permissions.has(Permission::PublishAudio),
            publish_video: permissions.has(Permission::PublishVideo),
            publish_screen: permissions.has(Permission::PublishScreen),
            chat: permissions.has(Permission::Chat),
            data: permissions.has(Permission::Data),
            update_own_attributes: permissions.has(Permission::UpdateOwnAttributes),
            moderate: permissions.has(Permission::Moderate),
        }
    }
}

impl PermissionsView {
    /// The permissions, where they are not the role's usual ones: a roster says them for up to a hundred.
    pub fn unless_usual(rights: Rights) -> Option<Self> {
        (!rights.are_usual()).then(|| rights.permissions.into())
    }
}

/// A kind of track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum MediaKindView {
    /// The microphone.
    Audio,
    /// The camera.
    Video,
    /// The screen.
    Screen,
}

impl From<MediaKind> for MediaKindView {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Audio,
            MediaKind::Video => Self::Video,
            MediaKind::Screen => Self::Screen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(json: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Vec<String> {
        let errors = Fields::read(json, "data", read).err().unwrap_or_default();
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_change_of_rights_names_what_is_wrong_with_it() {
        assert_eq!(refused("{}", participant_change), ["role"]);
        assert_eq!(refused(r#"{"role":"king"}"#, participant_change), ["role"]);
        let odd = r#"{"permissions":{"chat":1,"fly":true},"username":"","attributes":{}}"#;
        let fields = ["permissions.chat", "permissions.fly", "username", "attributes"];
        assert_eq!(refused(odd, participant_change), fields);
    }

    #[test]
    fn a_change_of_rights_holds_what_is_given_alone() {
        let read = Fields::read(r#"{"permissions":{"chat":false,"moderate":true}}"#, "data", change).expect("valid");
        let wanted = vec![(Permission::Chat, false), (Permission::Moderate, true)];
        assert_eq!(read, RightsChange { role: None, permissions: wanted });
    }

    #[test]
    fn a_session_is_changed_in_something() {
        assert_eq!(refused("{}", session_change), ["name"]);
        assert_eq!(refused(r#"{"locked":"yes","maxParticipants":1}"#, session_change), ["maxParticipants", "locked"]);
        let read = Fields::read(r#"{"locked":false}"#, "data", session_change).expect("valid");
        assert_eq!(read, SessionChange { locked: Some(false), ..SessionChange::default() });
    }

    #[test]
    fn a_ban_has_an_end() {
        let lengths = [0, 1, LONGEST_BAN, LONGEST_BAN + 1].map(|seconds| ban(seconds).is_ok());
        assert_eq!(lengths, [true, true, true, false], "0 ends one");
    }
}
