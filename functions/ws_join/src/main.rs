//! The Lambda function behind joinSession.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_join::Deps::new, ws_join::handle)
}
