//! The operator's commands for API keys. They run the same function as on AWS: in the server that has the data open, which listens
//! for them beside its file, or, while none runs, in the command's own process.

use std::path::{Path, PathBuf};

use apigateway::Function;
use bytes::Bytes;

use crate::{Server, StartError};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The data cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server that has the data open does not answer.
    #[error("the server that uses {} does not answer: {source}", data.display())]
    Server {
        /// The data file.
        data: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The function fails.
    #[error("the command failed: {0}")]
    Function(String),
}

/// Has a command carried out on that data; the function's answer, as JSON.
///
/// # Errors
/// What is in the way, in one line.
pub async fn command(data: &Path, command: String) -> Result<Bytes, OperatorError> {
    match control::ask(data, &command).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Server::command(data, command).await,
        Err(source) => Err(OperatorError::Server { data: data.to_owned(), source }),
    }
}

/// Invokes the function with a command.
pub(crate) async fn invoke(function: &Function, command: impl Into<Bytes>) -> Result<Bytes, OperatorError> {
    function(command.into()).await.map_err(|error| OperatorError::Function(error.message))
}

/// The server's ear for commands: a socket beside the data, for its owner alone.
#[cfg(unix)]
pub(crate) mod control {
    use std::io;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;
    use std::time::Duration;

    use apigateway::Function;
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::invoke;
    use crate::secret::with_suffix;

    const SUFFIX: &str = ".control";
    /// A command is a line; an answer has some keys.
    const LONGEST: u64 = 1 << 20;
    const PATIENCE: Duration = Duration::from_secs(10);

    /// Listens for commands, one after the other. Whoever has the lock of the data removes the socket of one that was killed.
    pub(crate) fn listen(data: &Path, function: Function) -> io::Result<JoinHandle<()>> {
        let path = with_suffix(data, SUFFIX);
        let owner = std::fs::metadata(data)?.uid();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The data's owner, or root; whoever else got hold of the socket is not listened to.
                let allowed = stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0);
                if allowed {
                    // Best effort: whoever asked sees that there is no answer.
                    let _served = timeout(PATIENCE, serve(stream, &function)).await;
                }
            }
        }))
    }

    async fn serve(mut stream: UnixStream, function: &Function) -> io::Result<()> {
        let mut command = Vec::new();
        (&mut stream).take(LONGEST).read_to_end(&mut command).await?;
        if let Ok(answer) = invoke(function, command).await {
            stream.write_all(&answer).await?;
        }
        stream.shutdown().await
    }

    /// Asks the server that has the data open; `None` when there is none.
    pub(crate) async fn ask(data: &Path, command: &str) -> io::Result<Option<Bytes>> {
        let Ok(data) = std::fs::canonicalize(data) else { return Ok(None) };
        let Ok(mut stream) = UnixStream::connect(with_suffix(&data, SUFFIX)).await else { return Ok(None) };
        let asked = async {
            stream.write_all(command.as_bytes()).await?;
            stream.shutdown().await?;
            let mut answer = Vec::new();
            stream.take(LONGEST).read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        match timeout(2 * PATIENCE, asked).await {
            Ok(Ok(answer)) if answer.is_empty() => Err(io::Error::other("it closed the connection; its log says why")),
            Ok(answer) => answer.map(|answer| Some(Bytes::from(answer))),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Takes the socket away when the server stops.
    pub(crate) fn remove(data: &Path) {
        // Best effort: the next server removes what is left.
        let _removed = std::fs::remove_file(with_suffix(data, SUFFIX));
    }
}

/// Elsewhere a command waits until the server is stopped: the data's lock says so.
#[cfg(not(unix))]
pub(crate) mod control {
    use std::io;
    use std::path::Path;

    use apigateway::Function;
    use bytes::Bytes;
    use tokio::task::JoinHandle;

    pub(crate) fn listen(_: &Path, _: Function) -> io::Result<JoinHandle<()>> {
        Ok(tokio::spawn(async {}))
    }

    pub(crate) async fn ask(_: &Path, _: &str) -> io::Result<Option<Bytes>> {
        Ok(None)
    }

    pub(crate) fn remove(_: &Path) {}
}
