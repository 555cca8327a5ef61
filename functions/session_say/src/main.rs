//! The Lambda function behind `POST /api/session/{sessionId}/messages` and `/data`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_say::Deps::new, session_say::handle)
}
