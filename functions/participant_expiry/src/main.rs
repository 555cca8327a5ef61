//! The Lambda function behind the delay queue and the sweep.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(participant_expiry::Deps::new, participant_expiry::handle)
}
