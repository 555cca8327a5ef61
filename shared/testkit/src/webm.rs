//! Chunks of WebM as a browser records it, of any size (RFC 8794, RFC 9559).

fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a small one") | 1 << 28;
    [id, &length.to_be_bytes(), body].concat()
}

/// A chunk with one key frame of so many bytes, which is shown that many milliseconds after the beginning. The first chunk has the head.
pub fn webm_chunk(seq: u32, begins_ms: u32, bytes: usize) -> Vec<u8> {
    let mut chunk = Vec::new();
    if seq == 0 {
        let track = [element(&[0xd7], &[1]), element(&[0x83], &[1]), element(&[0x86], b"V_VP8")].concat();
        chunk.extend(element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm")));
        chunk.extend_from_slice(b"\x18\x53\x80\x67\xff");
        chunk.extend(element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track)));
    }
    chunk.extend_from_slice(b"\x1f\x43\xb6\x75\xff");
    chunk.extend(element(&[0xe7], &begins_ms.to_be_bytes()));
    chunk.extend(element(&[0xa3], &[&b"\x81\0\0\x80"[..], &vec![7; bytes]].concat()));
    chunk
}
