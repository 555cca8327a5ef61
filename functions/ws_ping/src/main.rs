//! The Lambda function behind ping and $default.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_ping::Deps::new, ws_ping::handle)
}
