//! The Lambda function behind `GET /api/events`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(webhook_events::Deps::new, webhook_events::handle)
}
