//! The Lambda function behind `/api/session/{sessionId}/invites`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_invites::Deps::new, session_invites::handle)
}
