//! The Lambda function behind `PATCH /api/session/{sessionId}`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_update::Deps::new, session_update::handle)
}
