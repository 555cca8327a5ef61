//! The Lambda function behind $connect.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_connect::Deps::new, ws_connect::handle)
}
