//! The Lambda function behind `/api/webhooks`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(webhook_endpoints::Deps::new, webhook_endpoints::handle)
}
