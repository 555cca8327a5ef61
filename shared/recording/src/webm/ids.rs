//! Elements of Matroska by the names of RFC 9559, section 5.1.

use super::ebml::Id;

pub(crate) const EBML: Id = 0x1a45_dfa3;
pub(crate) const EBML_VERSION: Id = 0x4286;
pub(crate) const EBML_READ_VERSION: Id = 0x42f7;
pub(crate) const EBML_MAX_ID_LENGTH: Id = 0x42f2;
pub(crate) const EBML_MAX_SIZE_LENGTH: Id = 0x42f3;
pub(crate) const DOC_TYPE: Id = 0x4282;
pub(crate) const DOC_TYPE_VERSION: Id = 0x4287;
pub(crate) const DOC_TYPE_READ_VERSION: Id = 0x4285;
pub(crate) const VOID: Id = 0xec;
pub(crate) const CRC_32: Id = 0xbf;

pub(crate) const SEGMENT: Id = 0x1853_8067;
pub(crate) const SEEK_HEAD: Id = 0x114d_9b74;
pub(crate) const SEEK: Id = 0x4dbb;
pub(crate) const SEEK_ID: Id = 0x53ab;
pub(crate) const SEEK_POSITION: Id = 0x53ac;
pub(crate) const INFO: Id = 0x1549_a966;
pub(crate) const TIMESTAMP_SCALE: Id = 0x002a_d7b1;
pub(crate) const DURATION: Id = 0x4489;
pub(crate) const MUXING_APP: Id = 0x4d80;
pub(crate) const WRITING_APP: Id = 0x5741;
pub(crate) const DATE_UTC: Id = 0x4461;
pub(crate) const TRACKS: Id = 0x1654_ae6b;
pub(crate) const TRACK_ENTRY: Id = 0xae;
pub(crate) const TRACK_NUMBER: Id = 0xd7;
pub(crate) const TRACK_UID: Id = 0x73c5;
pub(crate) const TRACK_TYPE: Id = 0x83;
pub(crate) const CODEC_ID: Id = 0x86;
pub(crate) const CUES: Id = 0x1c53_bb6b;
pub(crate) const CUE_POINT: Id = 0xbb;
pub(crate) const CUE_TIME: Id = 0xb3;
pub(crate) const CUE_TRACK_POSITIONS: Id = 0xb7;
pub(crate) const CUE_TRACK: Id = 0xf7;
pub(crate) const CUE_CLUSTER_POSITION: Id = 0xf1;
pub(crate) const TAGS: Id = 0x1254_c367;

pub(crate) const CLUSTER: Id = 0x1f43_b675;
pub(crate) const TIMESTAMP: Id = 0xe7;
pub(crate) const POSITION: Id = 0xa7;
pub(crate) const PREV_SIZE: Id = 0xab;
pub(crate) const SIMPLE_BLOCK: Id = 0xa3;
pub(crate) const BLOCK_GROUP: Id = 0xa0;
pub(crate) const BLOCK: Id = 0xa1;
pub(crate) const BLOCK_DURATION: Id = 0x9b;
pub(crate) const REFERENCE_BLOCK: Id = 0xfb;
