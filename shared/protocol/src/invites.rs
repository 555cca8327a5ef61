//! Invitations: what clients send and what they get.

use std::time::Duration;

use domain::invites::{Guest, Invitation, USUAL_LIFE};
use domain::{Error, GuestRole, Invite, NewInvite, Timestamp, Username};
use serde::Serialize;

use crate::format_time;
use crate::rest::{body, span};
use crate::rights::RoleView;

/// How long an invitation is good, in seconds: a minute to a week.
const LIFE: (u64, u64, &str) = (60, 7 * 24 * 60 * 60, "must be 60-604800");

/// `POST /api/session/{sessionId}/invites`.
pub fn parse_new_invite(json: &str) -> Result<NewInvite, Error> {
    body(json, |f| {
        let role = f.optional_text("role", |text| GuestRole::named(&text).ok_or("must be participant or viewer"));
        let life: Option<Option<Duration>> = f.optional_number("expiresInSeconds", |seconds| span(seconds, LIFE));
        Some(NewInvite { role: role?.unwrap_or(GuestRole::Participant), life: life?.unwrap_or(USUAL_LIFE) })
    })
}

/// `POST /api/invites/lookup`: the code of a link.
pub fn parse_code(json: &str) -> Result<String, Error> {
    body(json, |f| f.text("code", Ok))
}

/// `POST /api/invites/redeem`: the code of a link, and the name that a guest chooses.
pub fn parse_redemption(json: &str) -> Result<(String, Username), Error> {
    body(json, |f| {
        let code = f.text("code", Ok);
        let name = f.text("name", |text| Username::parse(&text));
        Some((code?, name?))
    })
}

/// An invitation, for those who host its session.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InviteView {
    /// Its identifier, which is no secret. The `identity` of a guest who came by it has it in the middle.
    pub invite_id: String,
    /// Where it leads.
    pub session_id: String,
    /// What guests may do who come by it: `participant` or `viewer`.
    pub role: RoleView,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// What its link carries; shown once, as it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The link to the console of this server; shown once, as it is made. An app puts the code behind the address of a page of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl InviteView {
    /// An invitation, and its code and link if it was just made.
    pub fn new(invite: &Invite, made: Option<(String, String)>) -> Self {
        let (code, url) = made.unzip();
        Self {
            invite_id: invite.id.as_str().to_owned(),
            session_id: invite.session.to_string(),
            role: invite.role.rights().role.into(),
            created_at: format_time(invite.created_at),
            expires_at: format_time(invite.expires_at),
            code,
            url,
        }
    }
}

/// Where a code leads, for whoever has it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// The session. An account joins it by this.
    pub session_id: String,
    /// Its name.
    pub session_name: String,
    /// Whose session it is.
    pub host_username: String,
    /// What guests may do who come by it: `participant` or `viewer`.
    pub role: RoleView,
    /// When the invitation ends.
    pub expires_at: String,
}

impl From<&Invitation> for InvitationView {
    fn from(Invitation { invite, session }: &Invitation) -> Self {
        Self {
            session_id: session.id.to_string(),
            session_name: session.name.as_str().to_owned(),
            host_username: session.creator_username.as_str().to_owned(),
            role: invite.role.rights().role.into(),
            expires_at: format_time(invite.expires_at),
        }
    }
}

/// A guest, and what they join by.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GuestView {
    /// The token that joins the session, and comes back to the seat there.
    pub token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// When the token ends. A seat is taken only as long as the invitation is good.
    pub expires_at: String,
    /// Who they are there.
    pub user_id: String,
    /// The same, as it stands in rosters: `guest:`, the invitation's identifier, `:`, and something random.
    pub identity: String,
    /// What others see: the name with ` (guest)` behind it.
    pub username: String,
    /// Where the invitation leads.
    pub invitation: InvitationView,
}

impl GuestView {
    /// A guest with the token made for them.
    pub fn new(guest: &Guest, token: String, expires_at: Timestamp) -> Self {
        Self {
            token,
            token_type: "Bearer",
            expires_at: format_time(expires_at),
            user_id: guest.user_id.to_string(),
            identity: guest.identity.as_str().to_owned(),
            username: guest.username.as_str().to_owned(),
            invitation: InvitationView::from(&guest.invitation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::refused;

    #[test]
    fn an_invitation_lets_people_take_part_for_a_day_if_nothing_else_is_said() {
        let usual = parse_new_invite("{}").expect("valid");
        assert_eq!((usual.role, usual.life.as_secs()), (GuestRole::Participant, 86_400));
        let said = parse_new_invite(r#"{"role":"viewer","expiresInSeconds":604800}"#).expect("valid");
        assert_eq!((said.role, said.life.as_secs()), (GuestRole::Viewer, 604_800));
    }

    #[test]
    fn an_invitation_names_every_bad_field() {
        for seconds in ["59", "604801", "1.5", "\"day\""] {
            assert_eq!(
                refused(parse_new_invite(&format!(r#"{{"expiresInSeconds":{seconds}}}"#))),
                ["expiresInSeconds"]
            );
        }
        for role in ["host", "cohost", "Viewer", ""] {
            assert_eq!(refused(parse_new_invite(&format!(r#"{{"role":"{role}"}}"#))), ["role"]);
        }
        assert_eq!(refused(parse_redemption(r#"{"name":" ","codes":1}"#)), ["code", "name", "codes"]);
        assert_eq!(refused(parse_code("{}")), ["code"]);
    }
}
