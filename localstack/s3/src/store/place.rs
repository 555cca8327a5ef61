//! Where bytes are: in memory, or in a folder.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::folder::Folder;
use super::{Facts, Object, Part, Plan};
use crate::error::{Error, Result};

const MEMORY_FULL: &str = "The memory that this server has for recordings is used up.";
const DISK_FULL: &str = "The disk of this server is nearly full.";

/// Where bytes are.
#[derive(Debug)]
pub(crate) enum Place {
    /// In memory, up to so many bytes.
    Memory {
        most: u64,
        used: Arc<AtomicU64>,
    },
    Folder(Folder),
}

/// The bytes of an object or of a part.
#[derive(Debug, Clone)]
pub(crate) enum Blob {
    Memory(Arc<Held>),
    File(PathBuf),
}

/// Bytes in memory.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    _room: Room,
}

/// Memory that is taken, as long as somebody has it: before the first byte has come, so that those who store at the same time do not
/// use more together than there is.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: u64,
    used: Arc<AtomicU64>,
}

impl Room {
    fn take(used: &Arc<AtomicU64>, bytes: u64, most: u64) -> Option<Self> {
        let more = |before: u64| before.checked_add(bytes).filter(|after| *after <= most);
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self { bytes, used: Arc::clone(used) })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes on their way in. Dropped before it is kept, nothing is left of it.
#[derive(Debug)]
pub(crate) enum Draft {
    Memory { bytes: BytesMut, room: Room },
    File { file: File, path: Leftover, bytes: u64 },
}

/// A file that is removed unless it gets another name.
#[derive(Debug)]
pub(crate) struct Leftover(pub(crate) Option<PathBuf>);

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What stays is removed at the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// A draft that is whole, and on the disk.
#[derive(Debug)]
pub(crate) enum Whole {
    Memory(Held),
    File(Leftover),
}

/// What was found in a place.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) objects: BTreeMap<String, Arc<Object>>,
    pub(crate) uploads: Vec<(String, Plan, BTreeMap<u16, Part>)>,
    pub(crate) sequence: u64,
}

impl Place {
    pub(crate) fn memory(most: u64) -> Self {
        Self::Memory { most, used: Arc::default() }
    }

    pub(crate) async fn read(&self) -> io::Result<Found> {
        match self {
            Self::Memory { .. } => Ok(Found::default()),
            Self::Folder(folder) => folder.read().await,
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Memory { .. } => {}
            Self::Folder(folder) => folder.close(),
        }
    }

    /// Room for so many bytes.
    pub(crate) async fn draft(&self, bytes: u64) -> Result<Draft> {
        match self {
            Self::Memory { most, used } => {
                let room = Room::take(used, bytes, *most).ok_or_else(|| Error::full(MEMORY_FULL))?;
                Ok(Draft::Memory { bytes: BytesMut::new(), room })
            }
            Self::Folder(folder) => {
                if !folder.has_room(bytes)? {
                    return Err(Error::full(DISK_FULL));
                }
                let (file, path) = folder.draft().await?;
                Ok(Draft::File { file, path: Leftover(Some(path)), bytes: 0 })
            }
        }
    }

    pub(crate) async fn name_object(&self, whole: Whole, sequence: u64) -> Result<Blob> {
        self.name(whole, |folder| folder.object(sequence)).await
    }

    pub(crate) async fn name_part(&self, whole: Whole, upload: &str, number: u16, etag: &str) -> Result<Blob> {
        self.name(whole, |folder| folder.part(upload, number, etag)).await
    }

    async fn name(&self, whole: Whole, path: impl FnOnce(&Folder) -> PathBuf) -> Result<Blob> {
        match (self, whole) {
            (Self::Folder(folder), Whole::File(mut draft)) => {
                let (named, from) = (path(folder), draft.0.take().unwrap_or_default());
                folder.rename(&from, &named).await?;
                Ok(Blob::File(named))
            }
            (Self::Memory { .. }, Whole::Memory(held)) => Ok(Blob::Memory(Arc::new(held))),
            (Self::Folder(_), Whole::Memory(_)) | (Self::Memory { .. }, Whole::File(_)) => {
                Err(io::Error::other("a draft of another place").into())
            }
        }
    }

    pub(crate) async fn begin_upload(&self, id: &str, plan: &Plan) -> Result<()> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::Folder(folder) => Ok(folder.begin_upload(id, plan).await?),
        }
    }

    pub(crate) async fn forget_upload(&self, id: &str) -> Result<()> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::Folder(folder) => Ok(folder.forget_upload(id).await?),
        }
    }

    pub(crate) async fn forget(&self, blob: &Blob) -> Result<()> {
        match blob {
            // Its last owner frees it.
            Blob::Memory(_) => Ok(()),
            Blob::File(path) => Ok(gone(tokio::fs::remove_file(path).await)?),
        }
    }
}

/// What is not there is as good as removed.
pub(crate) fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

impl Draft {
    pub(crate) async fn write(&mut self, data: &[u8]) -> Result<()> {
        match self {
            Self::Memory { bytes, .. } => bytes.extend_from_slice(data),
            Self::File { file, bytes, .. } => {
                file.write_all(data).await?;
                *bytes += data.len() as u64;
            }
        }
        Ok(())
    }

    /// Adds what is in a blob.
    pub(crate) async fn append(&mut self, blob: &Blob) -> Result<()> {
        match (self, blob) {
            (Self::Memory { bytes, .. }, Blob::Memory(held)) => bytes.extend_from_slice(&held.bytes),
            (Self::File { file, bytes, .. }, Blob::File(path)) => {
                // Copied by the system where it can, without passing through here.
                let (mut from, mut to) = (std::fs::File::open(path)?, file.try_clone().await?.into_std().await);
                let copying = tokio::task::spawn_blocking(move || io::copy(&mut from, &mut to));
                *bytes += copying.await.map_err(io::Error::other)??;
            }
            (Self::Memory { .. }, Blob::File(_)) | (Self::File { .. }, Blob::Memory(_)) => {
                return Err(io::Error::other("a part of another place").into());
            }
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Memory { bytes, .. } => bytes.len() as u64,
            Self::File { bytes, .. } => *bytes,
        }
    }

    /// Whole, with what is known of it at its end.
    pub(crate) async fn sealed(mut self, facts: &Facts) -> Result<Whole> {
        if let Self::File { file, .. } = &mut self {
            file.write_all(&super::folder::trailer(facts)).await?;
        }
        self.finished().await
    }

    /// Whole.
    pub(crate) async fn finished(self) -> Result<Whole> {
        match self {
            Self::Memory { bytes, room } => Ok(Whole::Memory(Held { bytes: bytes.freeze(), _room: room })),
            Self::File { mut file, path, .. } => {
                file.flush().await?;
                file.sync_all().await?;
                Ok(Whole::File(path))
            }
        }
    }
}
