//! Prompt cache files: the KV cache of a prompt, for later processes.
//!
//! A file holds, numbers in little-endian order: the magic, the version, the digest of the model,
//! the digest of the LoRA adapter (zeros for none), the number of tokens, the tokens, llama.cpp's
//! state to the end, and the SHA-256 digest of all that.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::cache::Cache;
use crate::error::Error;
use crate::item::{Item, common_prefix};
use crate::log;

/// A SHA-256 digest.
pub(crate) type Fingerprint = [u8; 32];

const MAGIC: &[u8; 8] = b"RKLLMPC\0";

/// Grows with each change of the format.
const VERSION: u32 = 1;

/// Pieces of a model file that its fingerprint looks at, and their size in bytes.
const PIECES: u64 = 256;
const PIECE: usize = 4096;

/// A prompt cache in memory.
#[derive(Debug)]
pub(crate) struct PromptCache {
    adapter: Fingerprint,
    items: Vec<Item>,
    state: Vec<u8>,
}

impl PromptCache {
    /// Reads a file that a model with this fingerprint has saved.
    pub(crate) fn read(path: &Path, model: &Fingerprint) -> Result<Self, Error> {
        log::info(format_args!("load prompt cache from '{}'", path.display()));
        let content = fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::PromptCacheMissing(path.to_owned()),
            _ => Error::PromptCacheRead { path: path.to_owned(), reason: error.to_string() },
        })?;
        if content.is_empty() {
            return Err(Error::PromptCacheEmpty(path.to_owned()));
        }
        let damaged = || Error::PromptCacheRead {
            path: path.to_owned(),
            reason: "no complete prompt cache file of this runtime; save it anew".to_owned(),
        };
        let cache = parse(&content, model).ok_or_else(damaged)?;
        let cache = cache.ok_or_else(|| Error::PromptCacheForeign(path.to_owned()))?;
        log::info(format_args!(
            "loaded a prompt cache with prompt size of {} tokens",
            cache.items.len()
        ));
        Ok(cache)
    }

    /// Positions that the cache takes.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Puts the cache in place of the KV cache if it has more of `items`, the first input of a run.
    pub(crate) fn offer(&self, cache: &mut Cache, items: &[Item]) {
        let matches = common_prefix(&self.items, items);
        if matches > common_prefix(cache.items(0), items)
            && adapter_of(cache) == self.adapter
            && !cache.restore(0, (&self.items, &self.state))
        {
            log::warning(
                "the prompt cache does not fit the KV cache; the prompt is evaluated anew",
            );
        }
    }
}

/// `None` if the file is damaged, `Some(None)` if it is of another model.
fn parse(content: &[u8], model: &Fingerprint) -> Option<Option<PromptCache>> {
    let (body, digest) = content.split_last_chunk::<32>()?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    if magic != MAGIC || u32::from_le_bytes(*version) != VERSION {
        return None;
    }
    let (of, rest) = rest.split_first_chunk::<32>()?;
    let (adapter, rest) = rest.split_first_chunk::<32>()?;
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    let (tokens, state) = rest.split_at_checked(count.checked_mul(4)?)?;
    if of != model {
        return Some(None);
    }
    let (tokens, _) = tokens.as_chunks::<4>();
    let items = tokens.iter().map(|bytes| Item::Token(i32::from_le_bytes(*bytes))).collect();
    Some(Some(PromptCache { adapter: *adapter, items, state: state.to_vec() }))
}

/// Writes the KV cache of the first input to a file, in one go: no half file is ever seen.
pub(crate) fn save(cache: &mut Cache, path: &Path, model: &Fingerprint) -> Result<(), Error> {
    let failed = |reason: String| Error::PromptCacheWrite { path: path.to_owned(), reason };
    let tokens: Option<Vec<_>> = cache.items(0).iter().map(Item::token).collect();
    let tokens = tokens.ok_or_else(|| failed("it holds embeddings".to_owned()))?;
    let state = cache.context().state(0);
    let state = state.ok_or_else(|| failed("llama.cpp has no state of it".to_owned()))?;
    let adapter = adapter_of(cache);
    let ids: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
    let count = (tokens.len() as u64).to_le_bytes();
    let parts: [&[u8]; 7] = [MAGIC, &VERSION.to_le_bytes(), model, &adapter, &count, &ids, &state];
    let mut content = parts.concat();
    let digest = Sha256::digest(&content);
    content.extend_from_slice(&digest);
    let partial = partial_path(path);
    fs::write(&partial, content)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|error| failed(error.to_string()))?;
    log::info(format_args!("saved prompt cache to {}", path.display()));
    Ok(())
}

fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn adapter_of(cache: &Cache) -> Fingerprint {
    cache.adapter().map_or([0; 32], |choice| choice.fingerprint)
}

/// Tells a model file from others: its size and pieces from all over it, and this runtime, whose
/// states are its own.
pub(crate) fn fingerprint(path: &Path) -> std::io::Result<Fingerprint> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut digest = Sha256::new();
    digest.update(crate::VERSION);
    digest.update(size.to_le_bytes());
    let mut piece = [0; PIECE];
    for number in 0..PIECES {
        file.seek(SeekFrom::Start(size / PIECES * number))?;
        let read = file.read(&mut piece)?;
        digest.update(&piece[..read]);
    }
    Ok(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(tokens: &[i32], state: &[u8]) -> Vec<u8> {
        let ids: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
        let count = (tokens.len() as u64).to_le_bytes();
        let parts: [&[u8]; 7] =
            [MAGIC, &VERSION.to_le_bytes(), &[7; 32], &[0; 32], &count, &ids, state];
        let mut content = parts.concat();
        let digest = Sha256::digest(&content);
        content.extend_from_slice(&digest);
        content
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let cache = parse(&file(&[1, -2], b"state"), &[7; 32]).flatten().expect("valid");
        assert_eq!(cache.items, Item::of_tokens(&[1, -2]));
        assert_eq!(cache.state, b"state");
        assert!(matches!(parse(&file(&[1], b""), &[8; 32]), Some(None)), "another model");
    }

    proptest! {
        #[test]
        fn no_damage_goes_unnoticed(at in 0_usize..150, bit in 0_u32..8) {
            let whole = file(&[1, 2, 3], b"some state of a cache");
            let mut damaged = whole.clone();
            let at = at % damaged.len();
            damaged[at] ^= 1 << bit;
            prop_assert!(parse(&damaged, &[7; 32]).is_none());
            prop_assert!(parse(&whole[..at], &[7; 32]).is_none());
        }
    }
}
