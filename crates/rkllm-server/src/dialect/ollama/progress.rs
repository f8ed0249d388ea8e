//! Lines about work that takes its time.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::stream;
use serde::Serialize;

use super::encode::{NDJSON, line};
use super::reply::{self, Fault};
use crate::error::Error;
use crate::hub::{Progress, Pulling};

/// A silence after which the last line is sent again.
const SILENCE: Duration = Duration::from_secs(1);

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(flatten)]
    bytes: Option<Amount>,
}

/// Bytes that are there of those that will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Amount {
    total: u64,
    completed: u64,
}

impl From<&str> for Status {
    fn from(status: &str) -> Self {
        Self { status: status.to_owned(), digest: None, bytes: None }
    }
}

/// What is said when all is well.
pub(super) const SUCCESS: &str = "success";

/// Lines in the order in which they are sent; the last one may be an error.
pub(super) fn lines(lines: &[Result<Status, &Error>]) -> Bytes {
    let mut out = BytesMut::new();
    for said in lines {
        match said {
            Ok(status) => line(status, &mut out),
            Err(error) => line(&Fault { error: reply::words(error) }, &mut out),
        }
    }
    out.freeze()
}

/// A response made of lines.
pub(super) fn respond<S>(ignored: &[String], body: S) -> HttpResponse
where
    S: Stream<Item = Result<Bytes, Infallible>> + 'static,
{
    reply::accepted(ignored)
        .insert_header((CONTENT_TYPE, NDJSON))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body)
}

/// The lines of a download; `arrived` is waited for before the last one. Whoever drops them waits for
/// the download no longer.
pub(super) fn of_pull(
    pulling: Pulling,
    arrived: impl Future<Output = ()>,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(Some((pulling, arrived, None)), |at| async move {
        let (mut pulling, arrived, last) = at?;
        let next = tokio::time::timeout(SILENCE, pulling.next()).await;
        // It shows to whoever has left that the connection is gone.
        let progress = next.ok().or(last).unwrap_or(Progress::Resolving);
        match &progress {
            Progress::Done => arrived.await,
            Progress::Failed(_) => {}
            _ => return Some((Ok(said(&progress)), Some((pulling, arrived, Some(progress))))),
        }
        Some((Ok(said(&progress)), None))
    })
}

/// Waits for the end of a download.
pub(super) async fn end_of(mut pulling: Pulling) -> Result<(), Error> {
    loop {
        match pulling.next().await {
            Progress::Done => return Ok(()),
            Progress::Failed(error) => return Err(error),
            Progress::Resolving | Progress::Downloading { .. } => {}
        }
    }
}

/// The lines of a model that is there already.
pub(super) fn present() -> Bytes {
    lines(&[Ok("pulling manifest".into()), Ok("writing manifest".into()), Ok(SUCCESS.into())])
}

fn said(progress: &Progress) -> Bytes {
    match progress {
        Progress::Resolving => lines(&[Ok("pulling manifest".into())]),
        Progress::Downloading { file, sha256, completed, total } => {
            let what = sha256.as_ref().map_or(file.as_str(), |sha256| &sha256[..12]);
            let status = Status {
                status: format!("pulling {what}"),
                digest: sha256.as_ref().map(|sha256| format!("sha256:{sha256}")),
                bytes: Some(Amount { total: *total, completed: *completed }),
            };
            lines(&[Ok(status)])
        }
        Progress::Done => lines(&[
            Ok("verifying sha256 digest".into()),
            Ok("writing manifest".into()),
            Ok(SUCCESS.into()),
        ]),
        Progress::Failed(error) => lines(&[Err(error)]),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;

    use futures_util::StreamExt;

    use super::*;
    use crate::error::Code;

    #[tokio::test(start_paused = true)]
    async fn lines_come_when_there_is_something_new_and_now_and_then() {
        let (progress, pulling) = Pulling::scripted();
        let arrived = Cell::new(false);
        let mut lines = pin!(of_pull(pulling, async { arrived.set(true) }));
        let mut next = async || lines.next().await.map(|line| line.unwrap());
        let resolving = "{\"status\":\"pulling manifest\"}\n";
        assert_eq!(next().await.unwrap(), resolving);
        assert_eq!(next().await.unwrap(), resolving, "again after a silence");
        progress.send_replace(Progress::Done);
        assert!(!arrived.get());
        assert!(next().await.unwrap().ends_with(b"{\"status\":\"success\"}\n"));
        assert!(arrived.get(), "before the last line");
        assert_eq!(next().await, None);
    }

    #[tokio::test]
    async fn a_failure_is_the_last_line() {
        let (progress, pulling) = Pulling::scripted();
        progress.send_replace(Progress::Failed(Error::new(Code::DownloadFailed, "away")));
        let failed = async { panic!("nothing arrived") };
        let lines: Vec<_> = of_pull(pulling, failed).collect().await;
        assert_eq!(lines, [Ok(Bytes::from("{\"error\":\"away\"}\n"))]);
        let (progress, pulling) = Pulling::scripted();
        progress.send_replace(Progress::Failed(Error::new(Code::DownloadFailed, "away")));
        assert_eq!(end_of(pulling).await.unwrap_err().message, "away");
    }

    #[test]
    fn every_step_has_its_line() {
        let downloading = |sha256| Progress::Downloading {
            file: "tokenizer.json".into(),
            sha256,
            completed: 104_857_600,
            total: 943_718_400,
        };
        let steps = [
            Progress::Resolving,
            downloading(Some("0f".repeat(32))),
            downloading(None),
            Progress::Done,
            Progress::Failed(Error::new(Code::DownloadFailed, "the hub is away")),
        ];
        let all: Vec<u8> = steps.iter().flat_map(said).collect();
        insta::assert_snapshot!(String::from_utf8(all).unwrap(), @r#"
        {"status":"pulling manifest"}
        {"status":"pulling 0f0f0f0f0f0f","digest":"sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","total":943718400,"completed":104857600}
        {"status":"pulling tokenizer.json","total":943718400,"completed":104857600}
        {"status":"verifying sha256 digest"}
        {"status":"writing manifest"}
        {"status":"success"}
        {"error":"the hub is away"}
        "#);
    }
}
