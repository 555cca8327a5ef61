//! The Lambda function behind `POST /api/session/leave`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_moderate::Deps::new, session_moderate::handle)
}
