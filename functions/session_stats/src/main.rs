//! The Lambda function behind `POST /api/session/{sessionId}/stats`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_stats::Deps::new, session_stats::handle)
}
