//! The objects of a bucket and the uploads that have begun: what there is of them in memory, their bytes there too or in a folder.
//!
//! In a folder every object is one file that says at its end what it is, and gets its name only when it is whole and on the disk: a
//! process that ends at any moment leaves no half object. No key is ever part of a path.

mod folder;
mod place;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use place::{Blob, Draft, Place};

use crate::error::{Error, Result};
use crate::signature::hex;

/// What is known of an object, as its file ends with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) stored_at_millis: u64,
    /// Headers that it is answered with, by their names.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Facts {
    pub(crate) fn stored_at(&self) -> Timestamp {
        Timestamp::from_millis(self.stored_at_millis)
    }
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) facts: Facts,
    pub(crate) blob: Blob,
}

/// What an upload will be, once it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    pub(crate) key: String,
    pub(crate) begun_at_millis: u64,
    pub(crate) headers: BTreeMap<String, String>,
}

/// A part of an upload.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) bytes: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) blob: Blob,
}

impl Part {
    pub(crate) fn etag(&self) -> String {
        hex(&self.md5)
    }
}

/// How old everything is.
pub(crate) struct Ages {
    /// Keys, and when their objects were stored.
    pub(crate) objects: Vec<(String, Timestamp)>,
    /// Uploads, their keys, and when they began.
    pub(crate) uploads: Vec<(String, String, Timestamp)>,
}

#[derive(Debug, Clone)]
struct Upload {
    plan: Plan,
    parts: BTreeMap<u16, Part>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Arc<Object>>,
    uploads: BTreeMap<String, Upload>,
    /// The number of the object that was stored last.
    sequence: u64,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) place: Place,
    state: Mutex<State>,
    /// Held while an object gets its name: names and what is known change together.
    naming: tokio::sync::Mutex<()>,
}

impl Store {
    /// What is in that place.
    pub(crate) async fn open(place: Place) -> io::Result<Self> {
        let found = place.read().await?;
        let state = State { objects: found.objects, uploads: BTreeMap::new(), sequence: found.sequence };
        let store = Self { place, state: Mutex::new(state), naming: tokio::sync::Mutex::default() };
        for (id, plan, parts) in found.uploads {
            store.state().uploads.insert(id, Upload { plan, parts });
        }
        Ok(store)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn object(&self, key: &str) -> Result<Arc<Object>> {
        self.state().objects.get(key).cloned().ok_or_else(Error::no_such_key)
    }

    /// Up to `most` objects whose keys begin with `prefix` and come after `after`, in order.
    pub(crate) fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Vec<Arc<Object>> {
        let state = self.state();
        let from = after.unwrap_or_default().max(prefix).to_owned();
        let found = state.objects.range(from..).filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        found.take_while(|(key, _)| key.starts_with(prefix)).take(most).map(|(_, object)| Arc::clone(object)).collect()
    }

    /// Makes a draft an object, in place of one with its key.
    pub(crate) async fn keep(&self, draft: Draft, facts: Facts) -> Result<()> {
        let draft = draft.sealed(&facts).await?;
        let _naming = self.naming.lock().await;
        let sequence = self.state().sequence + 1;
        let blob = self.place.name_object(draft, sequence).await?;
        let replaced = {
            let mut state = self.state();
            state.sequence = sequence;
            state.objects.insert(facts.key.clone(), Arc::new(Object { facts, blob }))
        };
        if let Some(replaced) = replaced {
            self.place.forget(&replaced.blob).await?;
        }
        Ok(())
    }

    pub(crate) async fn remove(&self, key: &str) -> Result<()> {
        let _naming = self.naming.lock().await;
        let found = self.state().objects.get(key).cloned();
        if let Some(found) = found {
            self.place.forget(&found.blob).await?;
            self.state().objects.remove(key);
        }
        Ok(())
    }

    pub(crate) async fn begin(&self, id: &str, plan: Plan) -> Result<()> {
        self.place.begin_upload(id, &plan).await?;
        self.state().uploads.insert(id.to_owned(), Upload { plan, parts: BTreeMap::new() });
        Ok(())
    }

    fn upload(&self, id: &str, key: &str) -> Result<Upload> {
        let found = self.state().uploads.get(id).filter(|upload| upload.plan.key == key).cloned();
        found.ok_or_else(Error::no_such_upload)
    }

    /// What an upload will be, and its parts.
    pub(crate) fn parts(&self, id: &str, key: &str) -> Result<(Plan, BTreeMap<u16, Part>)> {
        self.upload(id, key).map(|upload| (upload.plan, upload.parts))
    }

    /// Makes a draft a part, in place of one with its number.
    pub(crate) async fn keep_part(&self, id: &str, key: &str, number: u16, draft: Draft, md5: [u8; 16]) -> Result<()> {
        let bytes = draft.bytes();
        let draft = draft.finished().await?;
        let _naming = self.naming.lock().await;
        self.upload(id, key)?;
        let blob = self.place.name_part(draft, id, number, &hex(&md5)).await?;
        let replaced = {
            let mut state = self.state();
            let upload = state.uploads.get_mut(id).ok_or_else(Error::no_such_upload)?;
            upload.parts.insert(number, Part { bytes, md5, blob: blob.clone() })
        };
        // The same bytes again have the same name.
        if let Some(replaced) = replaced.filter(|replaced| replaced.md5 != md5) {
            self.place.forget(&replaced.blob).await?;
        }
        Ok(())
    }

    /// Throws an upload away.
    pub(crate) async fn abort(&self, id: &str, key: &str) -> Result<()> {
        let _naming = self.naming.lock().await;
        self.upload(id, key)?;
        self.place.forget_upload(id).await?;
        self.state().uploads.remove(id);
        Ok(())
    }

    /// How old everything is.
    pub(crate) fn ages(&self) -> Ages {
        let state = self.state();
        let objects = state.objects.iter().map(|(key, object)| (key.clone(), object.facts.stored_at())).collect();
        let upload = |(id, upload): (&String, &Upload)| {
            (id.clone(), upload.plan.key.clone(), Timestamp::from_millis(upload.plan.begun_at_millis))
        };
        Ages { objects, uploads: state.uploads.iter().map(upload).collect() }
    }
}

/// A folder on the disk of this machine.
pub(crate) fn folder(root: &std::path::Path, reserve: u64) -> io::Result<Place> {
    folder::Folder::open(root, reserve, Box::new(folder::free_bytes)).map(Place::Folder)
}

/// The same with another word on how much of its disk is free.
#[cfg(test)]
pub(crate) fn folder_with(
    root: &std::path::Path,
    reserve: u64,
    free: impl Fn(&std::path::Path) -> io::Result<u64> + Send + Sync + 'static,
) -> io::Result<Place> {
    folder::Folder::open(root, reserve, Box::new(free)).map(Place::Folder)
}
