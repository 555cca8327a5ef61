//! The Lambda function behind updateStatus.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_status::Deps::new, ws_status::handle)
}
