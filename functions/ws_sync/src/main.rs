//! The Lambda function behind sync.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_sync::Deps::new, ws_sync::handle)
}
