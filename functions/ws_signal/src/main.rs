//! The Lambda function behind sendOffer, sendAnswer and sendIceCandidate.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_signal::Deps::new, ws_signal::handle)
}
