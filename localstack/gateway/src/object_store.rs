//! The bucket of recordings: what `localstack/s3` is started with here, and where it keeps them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apigateway::Function;
use aws_lc_rs::hmac;
use bytes::Bytes;
use domain::Clock;
use domain::recording::MAX_CHUNK_BYTES;
use s3::{Keeping, Keys, S3};

use crate::secret::with_suffix;
use crate::{StartError, template};

/// Its name, and the path of this server below which it is.
pub const BUCKET: &str = "recordings";

/// Where the SDK's clients believe to be; no signature is good for another region.
const REGION: &str = "us-east-1";

/// What a server without data holds in memory at most, in bytes.
const MOST_IN_MEMORY: u64 = 256 * 1024 * 1024;

/// What stays free of a disk for the database and whatever else is there, in bytes.
const RESERVE: u64 = 512 * 1024 * 1024;

/// How often it is looked at what has expired. The rules are in days.
pub const EXPIRE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Whether participants may record themselves, and where that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Recordings {
    /// Nobody records.
    Off,
    /// Beside the data; in memory without any.
    #[default]
    On,
    /// In that folder.
    Folder(PathBuf),
}

impl Recordings {
    /// Where objects are kept, if they are.
    fn keeping(&self, data: Option<&Path>) -> Option<Keeping> {
        match (self, data) {
            (Self::Off, _) => None,
            (Self::On, None) => Some(Keeping::Memory(MOST_IN_MEMORY)),
            (Self::On, Some(data)) => Some(Keeping::Folder(with_suffix(data, ".recordings"), RESERVE)),
            (Self::Folder(folder), _) => Some(Keeping::Folder(folder.clone(), RESERVE)),
        }
    }
}

/// What signs requests to AWS here: made of the server's secret, so that addresses outlive a restart as that does. Whoever has an address
/// knows the first of them, and cannot make the second of it.
pub fn keys(secret: &str) -> Keys {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let derived = |purpose: &str| -> String {
        hmac::sign(&key, purpose.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    Keys {
        access_key_id: derived("access key id")[..20].to_owned(),
        secret_access_key: derived("secret access key"),
        region: REGION.to_owned(),
    }
}

/// Opens the bucket, if there is to be one.
///
/// # Errors
/// Its folder cannot be used.
pub async fn open(
    recordings: &Recordings,
    data: Option<&Path>,
    days: Duration,
    keys: Keys,
    origins: &[String],
    clock: Arc<dyn Clock>,
) -> Result<Option<S3>, StartError> {
    let Some(keeping) = recordings.keeping(data) else { return Ok(None) };
    let path = match &keeping {
        Keeping::Memory(_) => PathBuf::new(),
        Keeping::Folder(folder, _) => folder.clone(),
    };
    let settings = s3::Settings {
        bucket: BUCKET.to_owned(),
        keeping,
        keys,
        cors: template::objects_cors(origins),
        lifecycle: template::lifecycle(days),
        most_presigned: MAX_CHUNK_BYTES,
        clock,
    };
    let bucket = S3::open(settings).await.map_err(|source| StartError::Recordings { path, source })?;
    bucket.expire().await;
    Ok(Some(bucket))
}

/// What looks for what has expired.
pub fn expiring(bucket: S3) -> Function {
    apigateway::function(move |_| {
        let bucket = bucket.clone();
        async move {
            bucket.expire().await;
            Ok(Bytes::new())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_signs_is_not_to_be_had_from_what_addresses_show() {
        let (one, other) = (keys("one"), keys("other"));
        assert_eq!(one.access_key_id.len(), 20);
        assert!(!one.secret_access_key.contains(&one.access_key_id));
        assert_ne!(one.secret_access_key, other.secret_access_key);
        assert_eq!(one.secret_access_key, keys("one").secret_access_key);
    }

    #[test]
    fn recordings_lie_beside_the_data() {
        let beside = Recordings::On.keeping(Some(Path::new("/data/tunrtc.db")));
        assert!(
            matches!(beside, Some(Keeping::Folder(folder, _)) if folder == Path::new("/data/tunrtc.db.recordings"))
        );
        assert!(matches!(Recordings::On.keeping(None), Some(Keeping::Memory(_))));
        assert!(Recordings::Off.keeping(Some(Path::new("/data/tunrtc.db"))).is_none());
    }
}
