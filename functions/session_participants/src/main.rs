//! The Lambda function behind `POST /api/session/leave`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_participants::Deps::new, session_participants::handle)
}
