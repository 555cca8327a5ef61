//! The Lambda function behind `GET /api/session/{sessionId}`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_get::Deps::new, session_get::handle)
}
