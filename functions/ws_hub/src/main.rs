//! The Lambda function behind $default: the frames of the hub.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_hub::Deps::new, ws_hub::handle)
}
