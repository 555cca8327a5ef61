//! The Lambda function behind the queue of recordings.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(recording_compose::Deps::new, recording_compose::handle)
}
