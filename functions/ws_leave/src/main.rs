//! The Lambda function behind leaveSession.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_leave::Deps::new, ws_leave::handle)
}
