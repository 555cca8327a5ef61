//! The Lambda function behind `POST /api/auth/register`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_register::Deps::new, auth_register::handle)
}
