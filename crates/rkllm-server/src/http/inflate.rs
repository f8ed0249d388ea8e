//! Request bodies that come compressed.

use std::io::{self, Read};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Ways to compress a body that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `gzip`, also as `x-gzip`.
    Gzip,
    /// `deflate`, which is zlib's format.
    Deflate,
    /// `zstd`.
    Zstd,
}

/// Why a body cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InflateError {
    /// It is larger than allowed.
    Large,
    /// It is not what it says to be.
    Broken(String),
}

/// Largest window in bytes that a zstd body may ask for: what the format's own tools take.
const MAX_WINDOW: u64 = 8 << 20;

impl Encoding {
    /// The encodings' names, for messages.
    pub(crate) const NAMES: &str = "gzip, deflate or zstd";

    /// The encoding of that name.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            b"deflate" => Some(Self::Deflate),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The body as it was before it was compressed, at most `limit` bytes.
pub(crate) fn inflate(
    body: &[u8],
    encoding: Encoding,
    limit: usize,
) -> Result<Vec<u8>, InflateError> {
    match encoding {
        Encoding::Gzip => read(MultiGzDecoder::new(body), limit),
        Encoding::Deflate => read(ZlibDecoder::new(body), limit),
        Encoding::Zstd => {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(MAX_WINDOW);
            let decoder = StreamingDecoder::new_with_decoder(body, decoder)
                .map_err(|error| InflateError::Broken(error.to_string()))?;
            read(decoder, limit)
        }
    }
}

fn read(decoder: impl Read, limit: usize) -> Result<Vec<u8>, InflateError> {
    let mut body = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(one_more)
        .read_to_end(&mut body)
        .map_err(|error: io::Error| InflateError::Broken(error.to_string()))?;
    if body.len() > limit { Err(InflateError::Large) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn packed(text: &[u8]) -> [(Encoding, Vec<u8>); 3] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(text).unwrap();
        [
            (Encoding::Gzip, gzip.finish().unwrap()),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Zstd, compress_to_vec(text, CompressionLevel::Fastest)),
        ]
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let text = b"{\"messages\": []}".repeat(1000);
        for (encoding, body) in packed(&text) {
            assert!(body.len() < text.len() / 2);
            assert_eq!(inflate(&body, encoding, text.len()).unwrap(), text, "{encoding:?}");
        }
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        for (encoding, body) in packed(&[b' '; 1 << 20]) {
            assert_eq!(inflate(&body, encoding, (1 << 20) - 1), Err(InflateError::Large));
        }
    }

    #[test]
    fn what_is_cut_or_no_such_thing_is_broken() {
        for (encoding, body) in packed(b"{\"messages\": []}") {
            let cut = inflate(&body[..body.len() / 2], encoding, 1000);
            assert!(matches!(cut, Err(InflateError::Broken(_))), "{encoding:?} {cut:?}");
            let other = inflate(b"{\"messages\": []}", encoding, 1000);
            assert!(matches!(other, Err(InflateError::Broken(_))), "{encoding:?} {other:?}");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(Encoding::named(b"GZip"), Some(Encoding::Gzip));
        assert_eq!(Encoding::named(b"br"), None);
        for name in Encoding::NAMES.split([',', ' ']).filter(|name| name.len() > 2) {
            assert!(Encoding::named(name.as_bytes()).is_some(), "{name}");
        }
    }
}
