//! The Lambda function behind ping and $default.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_default::Deps::new, ws_default::handle)
}
