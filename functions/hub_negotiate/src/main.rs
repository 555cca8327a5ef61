//! The Lambda function behind `POST /hubs/signaling/negotiate`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(hub_negotiate::Deps::new, hub_negotiate::handle)
}
