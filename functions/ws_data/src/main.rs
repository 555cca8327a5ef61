//! The Lambda function behind sendData, sendRpc and answerRpc.

fn main() -> Result<(), runtime::serve::Error> {
    runtime::serve::events(ws_data::Deps::new, ws_data::handle)
}
