//! The embedded DynamoDB: in memory or in a file, over HTTP on a loopback port that only this process knows.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use dynoxide::Database as Dynoxide;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::StartError;
use crate::secret::with_suffix;

/// DynamoDB deletes expired items by itself within days; dynoxide wants to be asked.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// A database that is being served.
pub struct Database {
    url: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    ttl_sweeps: JoinHandle<()>,
    _lock: Option<File>,
}

impl Database {
    /// Opens the database and serves it. Without a file everything is gone when the process ends.
    pub async fn start(data: Option<&Path>) -> Result<Self, StartError> {
        let lock = data.map(lock).transpose()?;
        let database = match data {
            Some(path) => Dynoxide::new(&path.to_string_lossy()),
            None => Dynoxide::memory(),
        };
        let database = database.map_err(|error| StartError::Database(error.to_string()))?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(StartError::Loopback)?;
        let url = format!("http://{}", listener.local_addr().map_err(StartError::Loopback)?);

        let (stop, stopped) = oneshot::channel::<()>();
        let ttl_sweeps = tokio::spawn(sweep_ttl(database.clone()));
        let serving = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, shutdown).await {
                tracing::error!(error, "the embedded database stopped");
            }
        });
        Ok(Self { url, stop, serving, ttl_sweeps, _lock: lock })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Stops serving, once running requests are done.
    pub async fn stop(self) {
        self.ttl_sweeps.abort();
        // An error means that it has stopped already.
        let _stopped_before = self.stop.send(());
        drop(tokio::time::timeout(Duration::from_secs(2), self.serving).await);
    }
}

/// Two processes on one file would each believe to know every connection.
fn lock(data: &Path) -> Result<File, StartError> {
    let path = with_suffix(data, ".lock");
    let failed = |source| StartError::Data { path: data.to_owned(), source };
    let file = File::options().create(true).append(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(io::Error::other("another TunRTC uses it"))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

async fn sweep_ttl(database: Dynoxide) {
    let mut ticks = tokio::time::interval(TTL_SWEEP);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_deleted)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items were not deleted"),
            Err(error) => tracing::warn!(%error, "expired items were not deleted"),
        }
    }
}
