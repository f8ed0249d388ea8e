//! The content of one file of the hub, whatever the connection does.

use std::io;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode};

use super::client::{self, Client, Remote};
use super::fault;
use super::part::Part;
use crate::error::Error;

/// Bytes that are gathered before they are written.
const PIECE: usize = 1 << 20;

/// Downloads `file` to `target`, going on with what an earlier try has left beside it. `report` hears
/// how many bytes are there.
///
/// A connection that breaks is taken up again as long as each one brings something.
///
/// # Errors
/// When the hub cannot be reached or sends something else than it promised, or the disk takes no
/// more. What is right is kept, but for content of another sha256.
pub(super) async fn download(
    client: &Client,
    file: &Remote,
    target: &Path,
    mut report: impl FnMut(u64),
) -> Result<(), Error> {
    let partial = target.with_added_extension("part");
    let mut part = opened(partial.clone()).await?;
    if part.len() > file.size {
        part = changed(part, Part::restart).await?;
    }
    report(part.len());
    while part.len() < file.size {
        let before = part.len();
        let response = client.open(file, before).await?;
        let (kept, ended) = receive(response, part, file, &mut report).await?;
        part = kept;
        if part.len() <= before {
            return Err(ended.unwrap_or_else(|| cut(file, part.len())));
        }
    }
    verify(part, file, target.to_owned()).await
}

/// Writes what a response brings, to its end or to where it breaks.
async fn receive(
    mut response: Response,
    mut part: Part,
    file: &Remote,
    report: &mut impl FnMut(u64),
) -> Result<(Part, Option<Error>), Error> {
    if !goes_on_at(&response, part.len()) {
        part = changed(part, Part::restart).await?;
    }
    let mut gathered = BytesMut::new();
    loop {
        let piece = response.chunk().await;
        if let Ok(Some(piece)) = &piece {
            gathered.extend_from_slice(piece);
        }
        let over = !matches!(piece, Ok(Some(_)));
        if over || gathered.len() >= PIECE {
            if part.len() + gathered.len() as u64 > file.size {
                let _ = discard(part).await;
                return Err(too_much(file));
            }
            let bytes = gathered.split().freeze();
            part = changed(part, move |part| part.append(&bytes)).await?;
            report(part.len());
        }
        match piece {
            Ok(Some(_)) => {}
            Ok(None) => return Ok((part, None)),
            Err(error) => return Ok((part, Some(client::broken(&file.path, &error)))),
        }
    }
}

/// Whether the response begins where the part ends.
fn goes_on_at(response: &Response, offset: u64) -> bool {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return offset == 0;
    }
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let start =
        range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    start == Some(offset)
}

/// Compares the content with what the hub says of it, and gives it its name.
async fn verify(part: Part, file: &Remote, target: PathBuf) -> Result<(), Error> {
    let found = part.sha256();
    if let Some(expected) = file.sha256().filter(|expected| *expected != found) {
        discard(part).await?;
        return Err(fault::download(format!(
            "the sha256 of {} is {found}, but the hub says {expected}; what has arrived was deleted, \
             pull again",
            file.path
        )));
    }
    let completed = target.clone();
    blocking(move || part.complete(&completed))
        .await
        .map_err(|error| fault::storage("write", &target, &error))
}

async fn opened(path: PathBuf) -> Result<Part, Error> {
    let opening = path.clone();
    let opened = blocking(move || Part::open(opening)).await;
    opened.map_err(|error| fault::storage("write", &path, &error))
}

/// Changes a part where waiting for the disk holds up nobody.
async fn changed(
    mut part: Part,
    change: impl FnOnce(&mut Part) -> io::Result<()> + Send + 'static,
) -> Result<Part, Error> {
    let path = part.path().to_owned();
    let changed = blocking(move || change(&mut part).map(|()| part)).await;
    changed.map_err(|error| fault::storage("write", &path, &error))
}

async fn discard(part: Part) -> Result<(), Error> {
    let path = part.path().to_owned();
    let discarded = blocking(move || part.discard()).await;
    discarded.map_err(|error| fault::storage("delete", &path, &error))
}

/// Runs what may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("work with files does not panic")
}

fn cut(file: &Remote, len: u64) -> Error {
    fault::download(format!(
        "the hub ends {} after {len} of {} bytes; what has arrived is kept, pull again to go on",
        file.path, file.size
    ))
}

fn too_much(file: &Remote) -> Error {
    fault::download(format!(
        "the hub sends more than the {} bytes that it promised of {}; what has arrived was deleted, \
         pull again",
        file.size, file.path
    ))
}
