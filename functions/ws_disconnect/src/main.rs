//! The Lambda function behind $disconnect.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_disconnect::Deps::new, ws_disconnect::handle)
}
