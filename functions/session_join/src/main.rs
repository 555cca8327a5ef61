//! The Lambda function behind `POST /api/session/join`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_join::Deps::new, session_join::handle)
}
