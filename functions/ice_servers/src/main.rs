//! The Lambda function behind `GET /api/iceservers`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(ice_servers::Deps::new, ice_servers::handle)
}
