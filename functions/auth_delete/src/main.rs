//! The Lambda function behind `DELETE /api/auth/me`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(auth_delete::Deps::new, auth_delete::handle)
}
