//! The Lambda function behind `POST /api/session/create`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_create::Deps::new, session_create::handle)
}
