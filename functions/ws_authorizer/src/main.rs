//! The Lambda function behind the authorizer of $connect.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_authorizer::Deps::new, ws_authorizer::handle)
}
