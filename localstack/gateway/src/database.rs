//! The embedded DynamoDB: in memory or in a file. It is called inside the process and listens nowhere.

#[cfg(test)]
mod agreement;
mod attributes;
mod direct;
mod engine;
mod outbox;
mod queues;
mod rows;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use dynoxide::DynoxideError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::{self, JoinHandle};

use crate::StartError;
use crate::data_file::DataFile;
use engine::Engine;
use outbox::{Held, Marked, Numbers, Outbox, Record};
pub use queues::QueueJournal;

/// DynamoDB deletes expired items by itself within days; dynoxide wants to be asked.
const TTL_SWEEP: Duration = Duration::from_secs(60);
/// How long others have the database between two pages of that.
const TTL_PAUSE: Duration = Duration::from_micros(200);
/// How long to wait with records that could not be read.
const RECORDS_AGAIN: Duration = Duration::from_secs(5);

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
            Some(file) => Engine::open(&file.path().to_string_lossy()).map_err(|error| StartError::Data {
                path: file.path().to_owned(),
                source: io::Error::other(error.to_string()),
            })?,
            None => Engine::memory().map_err(|error| StartError::Database(error.to_string()))?,
        };
        let outbox = match &file {
            Some(_) => Outbox::InTable(Numbers::default()),
            None => Outbox::InMemory(Held::default()),
        };
        let table = Table {
            engine: Arc::new(RwLock::new(Some(engine))),
            waits_for_disk: file.is_some(),
            tells: Arc::default(),
            outbox: Arc::new(Mutex::new(outbox)),
            marked: Arc::default(),
        };
        let ttl_sweeps = tokio::spawn(sweep_ttl(table.clone()));
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
    engine: Arc<RwLock<Option<Engine>>>,
    waits_for_disk: bool,
    /// Whether what marked writes make of items is kept to be told.
    tells: Arc<AtomicBool>,
    /// The records of marked writes.
    outbox: Arc<Mutex<Outbox>>,
    /// Told of every marked write.
    marked: Arc<Notify>,
}

/// An answer: its HTTP status and its JSON.
pub type Answer = (u16, Vec<u8>);

impl Table {
    /// Answers one request of the SDK; `operation` is what follows `DynamoDB_20120810.` in its `x-amz-target`.
    pub async fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        let (operation, body) = (operation.to_owned(), body.to_vec());
        let answer = match operation.as_str() {
            "PutItem" => self.writing(&body, outbox::of_put, Engine::put_item).await,
            "TransactWriteItems" => self.writing(&body, outbox::of_transaction, Engine::transact_write_items).await,
            "UpdateItem" => self.writing(&body, outbox::of_update, Engine::update_item).await,
            _ => self.run(move |engine| dispatch(engine, &operation, &body)).await,
        };
        answer.map_or_else(|error| refusal(&error), |json| (200, json))
    }

    /// Answers a request of the SDK that may mark items.
    async fn writing<Q, A>(
        &self,
        body: &[u8],
        marked: fn(&Q) -> Vec<Marked>,
        run: fn(&Engine, Q) -> Result<A, DynoxideError>,
    ) -> Result<Vec<u8>, DynoxideError>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        let request = parse(body)?;
        let marked = marked(&request);
        written(&self.write(marked, move |engine| run(engine, request)).await?)
    }

    /// A write. One that marks items runs alone, and what it made of them is kept to be told.
    async fn write<A: Send + 'static>(
        &self,
        marked: Vec<Marked>,
        request: impl FnOnce(&Engine) -> Result<A, DynoxideError> + Send + 'static,
    ) -> Result<A, DynoxideError> {
        if marked.is_empty() || !self.tells.load(Ordering::Relaxed) {
            return self.run(request).await;
        }
        let table = self.clone();
        let alone = move || {
            let engine = table.engine.write().unwrap_or_else(PoisonError::into_inner);
            let engine = engine.as_ref().ok_or_else(closed)?;
            outbox::write(engine, &mut table.outbox(), &marked, request)
        };
        let answer = match self.waits_for_disk {
            true => task::spawn_blocking(alone).await.unwrap_or_else(|error| Err(lost(&error))),
            false => alone(),
        };
        self.marked.notify_one();
        answer
    }

    /// From now on keeps what marked writes make of items. Where nobody can ask for it, nothing is kept and nothing is paid.
    pub fn tell(&self) {
        self.tells.store(true, Ordering::Relaxed);
    }

    /// Gives an end to the records of writes that the process before did not come back from. Nothing may be written before.
    pub async fn finish_records(&self, table: &'static str) -> Result<(), DynoxideError> {
        self.run(move |engine| outbox::finish(engine, table)).await
    }

    /// The oldest records of what marked writes made of items, at most so many; waits until there is one.
    pub async fn records(&self, table: &'static str, limit: usize) -> Vec<Record> {
        loop {
            match self.oldest_records(table, limit).await {
                Ok(records) if !records.is_empty() => return records,
                Ok(_) => self.marked.notified().await,
                Err(error) => {
                    tracing::warn!(%error, "what happened could not be read; it is kept");
                    tokio::time::sleep(RECORDS_AGAIN).await;
                }
            }
        }
    }

    async fn oldest_records(&self, table: &'static str, limit: usize) -> Result<Vec<Record>, DynoxideError> {
        if let Outbox::InMemory(held) = &*self.outbox() {
            return Ok(held.oldest(limit));
        }
        self.run(move |engine| outbox::oldest(engine, table, 0, limit)).await
    }

    /// These records need not be kept any more.
    pub async fn handed_over(&self, table: &'static str, numbers: Vec<u64>) -> Result<(), DynoxideError> {
        if let Outbox::InMemory(held) = &mut *self.outbox() {
            held.handed_over(&numbers);
            return Ok(());
        }
        self.run(move |engine| outbox::handed_over(engine, table, &numbers)).await
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request to memory takes less time than handing it to another thread does; one to a file may wait for the disk.
    async fn run<A: Send + 'static>(
        &self,
        request: impl FnOnce(&Engine) -> Result<A, DynoxideError> + Send + 'static,
    ) -> Result<A, DynoxideError> {
        if !self.waits_for_disk {
            return self.run_here(request);
        }
        let table = self.clone();
        let answer = task::spawn_blocking(move || table.run_here(request)).await;
        answer.unwrap_or_else(|error| Err(lost(&error)))
    }

    fn run_here<A>(&self, request: impl FnOnce(&Engine) -> Result<A, DynoxideError>) -> Result<A, DynoxideError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        match engine.as_ref() {
            Some(engine) => request(engine),
            None => Err(closed()),
        }
    }

    /// Waits for running requests; later ones are refused.
    fn close(&self) {
        drop(self.engine.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn closed() -> DynoxideError {
    DynoxideError::InternalServerError("the database is closed".to_owned())
}

/// Of a request whose thread did not come to its end.
fn lost(error: &task::JoinError) -> DynoxideError {
    DynoxideError::InternalServerError(error.to_string())
}

fn refusal(error: &DynoxideError) -> Answer {
    (error.status_code(), error.to_json().into_bytes())
}

/// The operations that the store uses.
fn dispatch(engine: &Engine, operation: &str, body: &[u8]) -> Result<Vec<u8>, DynoxideError> {
    match operation {
        "BatchGetItem" => call(body, |request| engine.batch_get_item(request)),
        "BatchWriteItem" => call(body, |request| engine.batch_write_item(request)),
        "CreateTable" => call(body, |request| engine.create_table(request)),
        "DescribeTable" => call(body, |request| engine.describe_table(request)),
        "DeleteItem" => call(body, |request| engine.delete_item(request)),
        "GetItem" => call(body, |request| engine.get_item(request)),
        "Query" => call(body, |request| engine.query(request)),
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
    written(&run(parse(body)?)?)
}

fn parse<Q: DeserializeOwned>(body: &[u8]) -> Result<Q, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| DynoxideError::ValidationException(error.to_string()))
}

fn written(answer: &impl Serialize) -> Result<Vec<u8>, DynoxideError> {
    serde_json::to_vec(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

async fn sweep_ttl(table: Table) {
    let mut ticks = tokio::time::interval(TTL_SWEEP);
    loop {
        ticks.tick().await;
        let table = table.clone();
        match task::spawn_blocking(move || delete_expired(&table)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items were not deleted"),
            Err(error) => tracing::warn!(%error, "expired items were not deleted"),
        }
    }
}

/// Page by page. Whoever waits for the database gets it in between: a lock that is taken again at once keeps them waiting.
fn delete_expired(table: &Table) -> Result<(), DynoxideError> {
    for (name, attribute) in table.run_here(Engine::expiring_tables)? {
        let mut after = table.run_here(|engine| engine.sweep_page(&name, &attribute, None))?;
        while let Some(last) = after {
            thread::sleep(TTL_PAUSE);
            after = table.run_here(|engine| engine.sweep_page(&name, &attribute, Some(last)))?;
        }
    }
    Ok(())
}
