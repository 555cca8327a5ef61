//! The Lambda function behind what those who steer do to participants.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_moderate::Deps::new, session_moderate::handle)
}
