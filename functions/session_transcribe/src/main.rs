//! The Lambda function behind `POST /api/session/{sessionId}/transcribe`.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::http(session_transcribe::Deps::new, session_transcribe::handle)
}
