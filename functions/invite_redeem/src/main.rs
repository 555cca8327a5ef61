//! The Lambda function behind `POST /api/invites/lookup` and `/redeem`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(invite_redeem::Deps::new, invite_redeem::handle)
}
