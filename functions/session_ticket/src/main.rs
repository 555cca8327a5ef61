//! The Lambda function behind `POST /api/session/ticket`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_ticket::Deps::new, session_ticket::handle)
}
