//! The embedded DynamoDB: in memory or in a file. It is called inside the process and listens nowhere.

#[cfg(test)]
mod agreement;
mod attributes;
mod direct;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dynoxide::{Database as Dynoxide, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::{self, JoinHandle};

use crate::StartError;
use crate::data_file::DataFile;

/// DynamoDB deletes expired items by itself within days; dynoxide wants to be asked.
const TTL_SWEEP: Duration = Duration::from_secs(60);

/// A database that is open.
pub struct Database {
    table: Table,
    ttl_sweeps: JoinHandle<()>,
    file: Option<DataFile>,
}

impl Database {
    /// Opens the database. Without a file everything is gone when the process ends.
    pub fn open(file: Option<DataFile>) -> Result<Self, StartError> {
        let engine = match &file {
            Some(file) => Dynoxide::new(&file.path().to_string_lossy()).map_err(|error| StartError::Data {
                path: file.path().to_owned(),
                source: io::Error::other(error.to_string()),
            })?,
            None => Dynoxide::memory().map_err(|error| StartError::Database(error.to_string()))?,
        };
        let ttl_sweeps = tokio::spawn(sweep_ttl(engine.clone()));
        let table = Table { engine: Arc::new(RwLock::new(Some(engine))), waits_for_disk: file.is_some() };
        Ok(Self { table, ttl_sweeps, file })
    }

    /// What answers requests.
    pub fn table(&self) -> Table {
        self.table.clone()
    }

    /// Closes the database once running requests are done, and writes its file anew: what was deleted is in it no more.
    pub async fn stop(self) {
        self.ttl_sweeps.abort();
        // An error means that the sweep was stopped, as it should be.
        drop(self.ttl_sweeps.await);
        let close = move || {
            self.table.close();
            if let Some(Err(error)) = self.file.as_ref().map(DataFile::rewrite) {
                tracing::warn!(%error, "the data file was not written anew");
            }
        };
        // The file is written to its end, which may take a moment.
        drop(task::spawn_blocking(close).await);
    }
}

/// Answers requests: those of the store as they are, and those of the SDK as it sends them. Clones are the same database.
#[derive(Clone)]
pub struct Table {
    engine: Arc<RwLock<Option<Dynoxide>>>,
    waits_for_disk: bool,
}

/// An answer: its HTTP status and its JSON.
pub type Answer = (u16, Vec<u8>);

impl Table {
    /// Answers one request of the SDK; `operation` is what follows `DynamoDB_20120810.` in its `x-amz-target`.
    pub async fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let (operation, body) = (operation.to_owned(), body.to_vec());
        let answer = self.run(move |engine| dispatch(engine, &operation, &body)).await;
        answer.map_or_else(|error| refusal(&error), |json| (200, json))
    }

    /// A request to memory takes less time than handing it to another thread does; one to a file may wait for the disk.
    async fn run<A: Send + 'static>(
        &self,
        request: impl FnOnce(&Dynoxide) -> Result<A, DynoxideError> + Send + 'static,
    ) -> Result<A, DynoxideError> {
        if !self.waits_for_disk {
            return self.run_here(request);
        }
        let table = self.clone();
        let answer = task::spawn_blocking(move || table.run_here(request)).await;
        answer.unwrap_or_else(|error| Err(DynoxideError::InternalServerError(error.to_string())))
    }

    fn run_here<A>(&self, request: impl FnOnce(&Dynoxide) -> Result<A, DynoxideError>) -> Result<A, DynoxideError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        match engine.as_ref() {
            Some(engine) => request(engine),
            None => Err(DynoxideError::InternalServerError("the database is closed".to_owned())),
        }
    }

    /// Waits for running requests; later ones are refused.
    fn close(&self) {
        drop(self.engine.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn refusal(error: &DynoxideError) -> Answer {
    (error.status_code(), error.to_json().into_bytes())
}

/// The operations that the store uses.
fn dispatch(engine: &Dynoxide, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
    match operation {
        "BatchGetItem" => call(body, |request| engine.batch_get_item(request)),
        "BatchWriteItem" => call(body, |request| engine.batch_write_item(request)),
        "CreateTable" => call(body, |request| engine.create_table(request)),
        "DescribeTable" => call(body, |request| engine.describe_table(request)),
        "DeleteItem" => call(body, |request| engine.delete_item(request)),
        "GetItem" => call(body, |request| engine.get_item(request)),
        "PutItem" => call(body, |request| engine.put_item(request)),
        "Query" => call(body, |request| engine.query(request)),
        "TransactWriteItems" => call(body, |request| engine.transact_write_items(request)),
        "UpdateItem" => call(body, |request| engine.update_item(request)),
        "UpdateTable" => call(body, |request| engine.update_table(request)),
        "UpdateTimeToLive" => call(body, |request| engine.update_time_to_live(request)),
        other => Err(DynoxideError::ValidationException(format!("the local gateway does not offer {other}"))),
    }
}

fn call<Q, A>(body: &[u8], run: impl FnOnce(Q) -> Result<A, DynoxideError>) -> Result<Vec<u8>, DynoxideError>
where
    Q: DeserializeOwned,
    A: Serialize,
{
    let request =
        serde_json::from_slice(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    let answer = run(request)?;
    serde_json::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
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
