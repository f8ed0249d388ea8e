//! Contents that clients upload, by their sha256.

use futures_core::Stream;
use futures_util::TryStreamExt;

use super::download::blocking;
use super::fault;
use super::part::Part;
use super::store::Store;
use crate::error::Error;

/// Bytes that are gathered before they are written.
const PIECE: usize = 1 << 20;

/// A content that may be uploaded.
#[derive(Debug)]
pub(crate) struct Upload {
    store: Store,
    sha256: String,
}

impl Store {
    /// The content with this digest, `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the digest is none.
    pub(crate) fn upload(&self, digest: &str) -> Result<Upload, Error> {
        let sha256 = sha256(digest).ok_or_else(|| {
            Error::invalid("invalid digest format: send sha256: and 64 hexadecimal digits")
        })?;
        Ok(Upload { store: self.clone(), sha256 })
    }
}

/// The digits of a digest, in lower case.
pub(crate) fn sha256(digest: &str) -> Option<String> {
    let digits = digest.strip_prefix("sha256:").or_else(|| digest.strip_prefix("sha256-"))?;
    let are = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are.then(|| digits.to_ascii_lowercase())
}

impl Upload {
    /// Whether the content is there.
    pub(crate) async fn exists(&self) -> bool {
        let path = self.path();
        blocking(move || path.is_file()).await
    }

    fn path(&self) -> std::path::PathBuf {
        self.store.blob(&format!("sha256-{}", self.sha256))
    }

    /// Takes the content in.
    ///
    /// # Errors
    /// When it breaks off, is another one, or the disk refuses. Nothing of it is kept then.
    pub(crate) async fn receive<S>(&self, mut content: S) -> Result<(), Error>
    where
        S: Stream<Item = Result<bytes::Bytes, Error>> + Unpin,
    {
        self.store.make_blobs().await?;
        let path = self.path();
        let partial = path.with_added_extension("upload");
        let failed = |error| fault::storage("write", &path, &error);
        let opening = partial.clone();
        let mut part = blocking(move || {
            let mut part = Part::open(opening)?;
            part.restart().map(|()| part)
        })
        .await
        .map_err(failed)?;
        let mut gathered = bytes::BytesMut::new();
        loop {
            let piece = match content.try_next().await {
                Ok(piece) => piece,
                Err(error) => {
                    blocking(move || part.discard()).await.map_err(failed)?;
                    return Err(error);
                }
            };
            let over = piece.is_none();
            gathered.extend_from_slice(&piece.unwrap_or_default());
            if over || gathered.len() >= PIECE {
                let bytes = gathered.split().freeze();
                part =
                    blocking(move || part.append(&bytes).map(|()| part)).await.map_err(failed)?;
            }
            if over {
                return self.verify(part).await;
            }
        }
    }

    async fn verify(&self, part: Part) -> Result<(), Error> {
        let path = self.path();
        let failed = |error| fault::storage("write", &path, &error);
        let (found, expected) = (part.sha256(), &self.sha256);
        if found != *expected {
            blocking(move || part.discard()).await.map_err(failed)?;
            return Err(Error::invalid(format!(
                "digest mismatch, expected \"sha256:{expected}\", got \"sha256:{found}\""
            )));
        }
        let complete = path.clone();
        blocking(move || part.complete(&complete)).await.map_err(failed)
    }
}
