//! The Lambda function behind `GET /api/session/{sessionId}/messages`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_messages::Deps::new, session_messages::handle)
}
