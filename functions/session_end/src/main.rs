//! The Lambda function behind `POST /api/session/end`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_end::Deps::new, session_end::handle)
}
