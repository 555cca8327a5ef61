//! The Lambda function behind sendMessage.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_message::Deps::new, ws_message::handle)
}
