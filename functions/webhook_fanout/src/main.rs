//! The Lambda function behind the stream of the table.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(webhook_fanout::Deps::new, webhook_fanout::handle)
}
