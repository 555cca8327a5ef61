//! The Lambda function behind updateStatus.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_moderate::Deps::new, ws_moderate::handle)
}
