//! The Lambda function behind the operator's command for API keys. It has no route: who may invoke it, IAM says.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(api_keys::Deps::new, api_keys::handle)
}
