//! The Lambda function behind `GET /health`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(health::Deps::new, health::handle)
}
