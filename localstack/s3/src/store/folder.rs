//! A folder of objects: `objects/<number>` is an object, `uploads/<id>/` one that is written in parts, `tmp/` is what is on its way in.

use std::collections::BTreeMap;
use std::fs::{self, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::fs::File;
use uuid::Uuid;

use super::place::{Blob, Found, gone};
use super::{Facts, Object, Part, Plan};

/// How the file of an object ends, after what is known of it and the length of that in 8 bytes.
const MAGIC: &[u8; 8] = b"tunrtcs3";
const PLAN: &str = "upload.json";
/// What is known of one object is never longer.
const LONGEST_FACTS: u64 = 64 * 1024;

/// Tells how many bytes are free where a folder is.
pub(crate) type Free = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

/// A folder that no other process has.
pub(crate) struct Folder {
    root: PathBuf,
    /// Bytes that stay free for whatever else is on that disk: the database of the same server.
    reserve: u64,
    free: Box<Free>,
    /// Held until the bucket is closed.
    lock: Mutex<Option<fs::File>>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Folder").field(&self.root).finish()
    }
}

impl Folder {
    /// That folder, made if it is not there.
    ///
    /// # Errors
    /// Another process has it, or it cannot be written to.
    pub(crate) fn open(root: &Path, reserve: u64, free: Box<Free>) -> io::Result<Self> {
        for name in ["objects", "uploads"] {
            private_folder(&root.join(name))?;
        }
        let lock = fs::File::create(root.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another server has this folder open")
            }
            TryLockError::Error(error) => error,
        })?;
        // What was on its way in when a process ended.
        gone(fs::remove_dir_all(root.join("tmp")))?;
        private_folder(&root.join("tmp"))?;
        Ok(Self { root: root.to_owned(), reserve, free, lock: Mutex::new(Some(lock)) })
    }

    /// Lets another process have it.
    pub(crate) fn close(&self) {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn has_room(&self, bytes: u64) -> io::Result<bool> {
        Ok((self.free)(&self.root)? >= bytes.saturating_add(self.reserve))
    }

    pub(crate) async fn draft(&self) -> io::Result<(File, PathBuf)> {
        let path = self.root.join("tmp").join(Uuid::new_v4().simple().to_string());
        Ok((File::create_new(&path).await?, path))
    }

    pub(crate) fn object(&self, sequence: u64) -> PathBuf {
        self.root.join("objects").join(format!("{sequence:016x}"))
    }

    fn upload(&self, id: &str) -> PathBuf {
        self.root.join("uploads").join(id)
    }

    pub(crate) fn part(&self, upload: &str, number: u16, etag: &str) -> PathBuf {
        self.upload(upload).join(format!("{number:05}-{etag}"))
    }

    /// Gives a file its name, for good.
    pub(crate) async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        tokio::fs::rename(from, to).await?;
        sync_folder(to.parent()).await
    }

    pub(crate) async fn begin_upload(&self, id: &str, plan: &Plan) -> io::Result<()> {
        let folder = self.upload(id);
        tokio::fs::create_dir(&folder).await?;
        tokio::fs::write(folder.join(PLAN), serde_json::to_vec(plan)?).await?;
        sync_folder(Some(&folder)).await
    }

    pub(crate) async fn forget_upload(&self, id: &str) -> io::Result<()> {
        gone(tokio::fs::remove_dir_all(self.upload(id)).await)
    }

    pub(crate) async fn read(&self) -> io::Result<Found> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || read(&root)).await.map_err(io::Error::other)?
    }
}

/// Makes a folder, and those above it, for their owner alone; one that is there stays as it is.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes sure that names in a folder outlive a power cut. Windows has no such thing.
async fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    match folder {
        Some(folder) if cfg!(unix) => File::open(folder).await?.sync_all().await,
        Some(_) | None => Ok(()),
    }
}

/// What an object's file ends with.
pub(crate) fn trailer(facts: &Facts) -> Vec<u8> {
    let mut trailer = serde_json::to_vec(facts).unwrap_or_default();
    let length = trailer.len() as u64;
    trailer.extend_from_slice(&length.to_be_bytes());
    trailer.extend_from_slice(MAGIC);
    trailer
}

fn read(root: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    let mut files: Vec<_> = fs::read_dir(root.join("objects"))?.collect::<io::Result<_>>()?;
    // By their numbers: of two with one key, the later one counts.
    files.sort_by_key(fs::DirEntry::file_name);
    for file in files {
        let Some(sequence) = file.file_name().to_str().and_then(|name| u64::from_str_radix(name, 16).ok()) else {
            continue;
        };
        found.sequence = found.sequence.max(sequence);
        match facts(&file.path()) {
            Ok(facts) => {
                let object = Object { blob: Blob::File(file.path()), facts };
                let earlier = found.objects.insert(object.facts.key.clone(), Arc::new(object));
                if let Some(Blob::File(path)) = earlier.map(|earlier| earlier.blob.clone()) {
                    gone(fs::remove_file(path))?;
                }
            }
            Err(error) => tracing::warn!(file = %file.path().display(), %error, "not an object; it is left alone"),
        }
    }
    for folder in fs::read_dir(root.join("uploads"))? {
        let folder = folder?.path();
        match upload(&folder) {
            Ok((plan, parts)) => {
                let id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                found.uploads.push((id, plan, parts));
            }
            // It had just begun when the process ended: nobody was told of it.
            Err(_) => gone(fs::remove_dir_all(&folder))?,
        }
    }
    Ok(found)
}

fn facts(path: &Path) -> io::Result<Facts> {
    let odd = || io::Error::from(io::ErrorKind::InvalidData);
    let mut file = fs::File::open(path)?;
    let end = file.seek(SeekFrom::End(-16))?;
    let mut tail = [0; 16];
    file.read_exact(&mut tail)?;
    let length = u64::from_be_bytes(tail[..8].try_into().map_err(|_| odd())?);
    if &tail[8..] != MAGIC || length > LONGEST_FACTS.min(end) {
        return Err(odd());
    }
    file.seek(SeekFrom::Start(end - length))?;
    let facts: Facts = serde_json::from_reader(file.take(length))?;
    if facts.bytes == end - length { Ok(facts) } else { Err(odd()) }
}

fn upload(folder: &Path) -> io::Result<(Plan, BTreeMap<u16, Part>)> {
    let plan = serde_json::from_slice(&fs::read(folder.join(PLAN))?)?;
    let mut parts = BTreeMap::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        if let Some((number, md5)) = file.file_name().to_str().and_then(part_name) {
            parts.insert(number, Part { bytes: file.metadata()?.len(), md5, blob: Blob::File(file.path()) });
        }
    }
    Ok((plan, parts))
}

fn part_name(name: &str) -> Option<(u16, [u8; 16])> {
    let (number, md5) = name.split_once('-')?;
    let md5 = u128::from_str_radix(md5, 16).ok().filter(|_| md5.len() == 32)?;
    Some((number.parse().ok()?, md5.to_be_bytes()))
}

/// How many bytes are free where a folder is; where nobody can tell, as many as there can be.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(u64::MAX)
    }
}
