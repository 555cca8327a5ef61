//! The Lambda function behind `GET /api/session/active`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_active::Deps::new, session_active::handle)
}
