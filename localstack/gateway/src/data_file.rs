//! The data file: found, taken for this process alone, and looked at before the engine changes a byte of it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::StartError;
use crate::secret::with_suffix;

/// A data file that this process alone uses.
pub struct DataFile {
    path: PathBuf,
    _lock: File,
}

impl DataFile {
    /// Takes the file, which is made, readable by its owner alone, where there is none.
    ///
    /// # Errors
    /// It cannot be written, another server uses it, it is no database of TunRTC's, or it is damaged. What is not TunRTC's
    /// stays as it was.
    pub fn take(given: &Path, table: &str) -> Result<Self, StartError> {
        let failed = |source| StartError::Data { path: given.to_owned(), source };
        let path = make(given).map_err(failed)?;
        let lock = lock(&path).map_err(failed)?;
        check(&path, table).map_err(failed)?;
        for suffix in ["", "-wal", "-shm", ".secret"] {
            keep_private(&with_suffix(&path, suffix)).map_err(failed)?;
        }
        Ok(Self { path, _lock: lock })
    }

    /// Writes the file anew, once nobody has it open. SQLite overwrites what it deletes where it stands, but leaves copies
    /// behind where it has moved items from one page to another.
    pub fn rewrite(&self) -> rusqlite::Result<()> {
        Connection::open(&self.path)?.execute_batch("VACUUM")
    }

    /// Where it is, links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the file if there is none. Its name without symbolic links, so that one file has one lock and one secret.
fn make(given: &Path) -> io::Result<PathBuf> {
    let file = owners_alone(OpenOptions::new().read(true).write(true).create(true)).open(given)?;
    if other_names(&file)? {
        return Err(io::Error::other("the file has a second name (a hard link), and its journal would not"));
    }
    fs::canonicalize(given)
}

/// Two processes on one file would each believe to know every connection.
fn lock(data: &Path) -> io::Result<File> {
    let path = with_suffix(data, ".lock");
    let file = owners_alone(OpenOptions::new().create(true).append(true)).open(&path)?;
    keep_private(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another TunRTC uses it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Looks at what is in the file, without changing it.
fn check(path: &Path, table: &str) -> io::Result<()> {
    if fs::metadata(path)?.len() == 0 {
        return Ok(());
    }
    let database = open(path).map_err(unreadable)?;
    if !is_ours(&database, table).map_err(unreadable)? {
        return Err(io::Error::other("it is a database of something else"));
    }
    let found: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(unreadable)?;
    match found.as_str() {
        "ok" => Ok(()),
        damage => Err(damaged(&damage.replace('\n', " "))),
    }
}

fn unreadable(error: rusqlite::Error) -> io::Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => damaged(&error.to_string()),
        Some(_) | None => io::Error::other(format!("it cannot be read as a database ({error})")),
    }
}

fn damaged(how: &str) -> io::Error {
    io::Error::other(format!("it is damaged, use a backup of it ({how})"))
}

/// Opens a database only to read it. Without a journal beside it nothing else is touched, not even to take a lock.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let has_journal = ["-wal", "-journal"].iter().any(|suffix| with_suffix(path, suffix).exists());
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{escaped}{}", if has_journal { "" } else { "?immutable=1" });
    Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// Whether it is empty, or an embedded DynamoDB that has the table of this name or none at all.
fn is_ours(database: &Connection, table: &str) -> rusqlite::Result<bool> {
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
    let marked = database.query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0))? != 0;
    if count("SELECT count(*) FROM sqlite_master")? == 0 {
        return Ok(!marked);
    }
    if count("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_tables'")? == 0 {
        return Ok(false);
    }
    let own = database.query_row("SELECT 1 FROM _tables WHERE table_name = ?1", [table], |_| Ok(())).optional()?;
    Ok(own.is_some() || count("SELECT count(*) FROM _tables")? == 0)
}

#[cfg(unix)]
fn owners_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn owners_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn other_names(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 1)
}

#[cfg(not(unix))]
fn other_names(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Takes the rights of everybody but the owner away; earlier versions left them to the process's umask.
#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}
