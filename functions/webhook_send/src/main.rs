//! The Lambda function behind the delay queue and the sweep.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(webhook_send::Deps::new, webhook_send::handle)
}
