//! The signing secret: kept beside the data, so that tokens outlive the process; made anew without data.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use auth::Secrets;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A new secret: 32 random bytes in hexadecimal.
pub fn random() -> String {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The secret beside `data`; the first time it is made, readable by its owner alone.
///
/// # Errors
/// The file cannot be read or written, or what is in it is too short.
pub fn beside(data: &Path) -> io::Result<String> {
    let path = with_suffix(data, ".secret");
    match fs::read_to_string(&path) {
        Ok(secret) => match secret.trim() {
            "" => {
                fs::remove_file(&path)?;
                create(&path)
            }
            short if short.len() < Secrets::MIN_BYTES => Err(too_short(&path, short.len())),
            secret => Ok(secret.to_owned()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => create(&path),
        Err(error) => Err(error),
    }
}

/// `data` with something behind its name.
pub fn with_suffix(data: &Path, suffix: &str) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn too_short(path: &Path, bytes: usize) -> io::Error {
    io::Error::other(format!("{} has {bytes} bytes; a secret needs at least {}", path.display(), Secrets::MIN_BYTES))
}

fn create(path: &Path) -> io::Result<String> {
    let secret = random();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    Ok(secret)
}
