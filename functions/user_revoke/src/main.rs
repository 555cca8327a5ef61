//! The Lambda function behind `POST /api/users/{identity}/revoke`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(user_revoke::Deps::new, user_revoke::handle)
}
