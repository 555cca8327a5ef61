//! A file that is written in parts
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>).

use std::collections::BTreeMap;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use domain::ports::ObjectFile;
use domain::{Error, Result};

use crate::bucket::{Open, failed, own};

/// A multipart upload that has begun.
#[derive(Debug)]
pub struct Upload {
    bucket: Open,
    key: String,
    id: String,
    /// What S3 calls each part that it has.
    tags: BTreeMap<u16, String>,
}

impl Upload {
    pub(crate) async fn begin(bucket: Open, key: &str, content_type: &str) -> Result<Self> {
        let create = bucket.client.create_multipart_upload().bucket(&bucket.name).key(key).content_type(content_type);
        let created = create.send().await.map_err(failed)?;
        let id = created.upload_id.ok_or_else(|| Error::Unavailable("an upload without an id".into()))?;
        Ok(Self { bucket, key: key.to_owned(), id, tags: BTreeMap::new() })
    }
}

impl ObjectFile for Upload {
    async fn part(&mut self, number: u16, bytes: Vec<u8>) -> Result<()> {
        let upload = self.bucket.client.upload_part().bucket(&self.bucket.name).key(&self.key).upload_id(&self.id);
        let uploaded = upload.part_number(number.into()).body(bytes.into()).send().await.map_err(failed)?;
        let tag = uploaded.e_tag.ok_or_else(|| Error::Unavailable("a part without a tag".into()))?;
        self.tags.insert(number, tag);
        Ok(())
    }

    async fn finish(self) -> Result<()> {
        if self.tags.is_empty() {
            return Err(own("a file of no parts"));
        }
        let part =
            |(number, tag): (u16, String)| CompletedPart::builder().part_number(number.into()).e_tag(tag).build();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.tags.into_iter().map(part).collect()));
        let complete = self.bucket.client.complete_multipart_upload().bucket(&self.bucket.name).key(&self.key);
        let complete = complete.upload_id(&self.id).multipart_upload(parts.build());
        complete.send().await.map(drop).map_err(failed)
    }

    async fn abort(self) -> Result<()> {
        let abort = self.bucket.client.abort_multipart_upload().bucket(&self.bucket.name).key(&self.key);
        abort.upload_id(&self.id).send().await.map(drop).map_err(failed)
    }
}
