//! Answers that come piece by piece.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Response;
use rkllm_api::{Delta, StreamEvent};
use sseer::errors::EventStreamError;
use sseer::event_stream::EventStream;

use crate::event_size::EventSize;
use crate::{ApiBody, Error};

/// Most bytes of one event: a server sends a few tokens in each.
const MAX_EVENT: usize = 1024 * 1024;

/// An answer as it is written.
///
/// Yields the deltas in order; the last one carries [`finish`](Delta::finish). The stream ends after the server's end mark, or
/// after its first error: an answer that broke off never looks complete. Deltas are read from the connection when asked for and
/// not before; what a slow reader has not read yet waits in the server, which goes on generating meanwhile.
///
/// Dropping the stream closes the connection, by which the server knows that it can stop generating.
#[must_use = "a stream that is dropped cancels the generation"]
pub struct DeltaStream {
    deltas: Pin<Box<dyn Stream<Item = Result<Delta, Error>> + Send>>,
}

impl DeltaStream {
    /// Reads the body of a response with a success status.
    pub(crate) fn new(response: Response) -> Self {
        let source = Source { url: response.url().to_string(), status: response.status().as_u16() };
        let url = source.url.clone();
        let bytes = response.bytes_stream().map_err(move |source| Error::Transport {
            url: url.clone(),
            source: source.without_url(),
        });
        Self { deltas: Box::pin(deltas(source, bytes)) }
    }
}

impl Stream for DeltaStream {
    type Item = Result<Delta, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.deltas.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for DeltaStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaStream").finish_non_exhaustive()
    }
}

/// Where a stream comes from, for its errors.
#[derive(Debug, Clone)]
struct Source {
    url: String,
    status: u16,
}

impl Source {
    /// What an event means: a delta, the end or a failure.
    fn read(&self, data: &str) -> Result<Option<Delta>, Error> {
        match serde_json::from_str(data) {
            Ok(StreamEvent::Delta(delta)) => Ok(Some(delta)),
            Ok(StreamEvent::Done) => Ok(None),
            Ok(StreamEvent::Error(body)) => Err(Error::Api {
                status: self.status,
                body: ApiBody::Error(body),
                retry_after: None,
            }),
            Err(source) => Err(Error::Decode { url: self.url.clone(), source }),
        }
    }
}

/// Turns the bytes of a body into deltas; ends after the first error.
fn deltas<S>(source: Source, bytes: S) -> impl Stream<Item = Result<Delta, Error>> + Send
where
    S: Stream<Item = Result<Bytes, Error>> + Send,
{
    let events = Box::pin(EventStream::new(bounded(source.clone(), bytes)));
    stream::try_unfold((source, events), |(source, mut events)| async move {
        let event = match events.next().await {
            Some(Ok(event)) => event,
            Some(Err(EventStreamError::Transport(error))) => return Err(error),
            Some(Err(EventStreamError::Utf8Error(error))) => {
                return Err(Error::Encoding { url: source.url, source: error });
            }
            None => return Err(Error::Truncated { url: source.url }),
        };
        let delta = source.read(&event.data)?;
        Ok(delta.map(|delta| (delta, (source, events))))
    })
}

/// Fails where one event takes more than [`MAX_EVENT`] bytes.
fn bounded<S>(source: Source, bytes: S) -> impl Stream<Item = Result<Bytes, Error>> + Send
where
    S: Stream<Item = Result<Bytes, Error>> + Send,
{
    let mut size = EventSize::new();
    bytes.map(move |chunk| {
        let chunk = chunk?;
        if size.within(MAX_EVENT, &chunk) {
            Ok(chunk)
        } else {
            Err(Error::TooLarge { url: source.url.clone(), limit: MAX_EVENT })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    const STREAM: &str = concat!(
        ": waiting\n\n",
        "data: {\"content\": \"Pär\"}\r\n\r\n",
        "event: message\ndata: {\"content\":\ndata: \"is 巴\"}\n\n",
        "data: {\"content\": \"\", \"finish_reason\": \"stop\",",
        "\"usage\": {\"prompt_tokens\": 3, \"completion_tokens\": 2, \"total_tokens\": 5, \"cached_tokens\": 1},",
        "\"timings\": {\"queue_ms\": 0, \"prefill_ms\": 1, \"decode_ms\": 2, \"prefill_tokens\": 2,",
        "\"decode_tokens\": 1, \"tokens_per_second\": 500}}\r\r",
        "data: {\"content\": \"[DONE]\"}\n\n",
        "data: {\"content\": \"after the end\"}\n\n",
    );

    /// Reads chunks to the end: the text, whether the finish was seen, and the error if there was one.
    fn read(chunks: &[&[u8]]) -> (String, bool, Option<Error>) {
        let source = Source { url: "http://test/chat".into(), status: 200 };
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let mut deltas = Box::pin(deltas(source, stream::iter(chunks)));
        let (mut text, mut finished, mut failed) = (String::new(), false, None);
        while let Some(item) = deltas.next().now_or_never().expect("all chunks are there") {
            assert!(failed.is_none(), "nothing follows an error");
            match item {
                Ok(delta) => {
                    text.push_str(&delta.content);
                    finished |= delta.finish.is_some();
                }
                Err(error) => failed = Some(error),
            }
        }
        (text, finished, failed)
    }

    #[test]
    fn every_split_gives_the_same_answer() {
        for at in 0..=STREAM.len() {
            let (left, right) = STREAM.as_bytes().split_at(at);
            let (text, finished, error) = read(&[left, right]);
            assert!(error.is_none(), "split at {at}: {error:?}");
            assert_eq!((text.as_str(), finished), ("Päris 巴", true), "split at {at}");
        }
    }

    proptest! {
        #[test]
        fn any_chunks_give_the_same_answer(sizes in prop::collection::vec(1..40usize, 1..80)) {
            let mut rest = STREAM.as_bytes();
            let mut chunks = Vec::new();
            for size in sizes {
                let (chunk, after) = rest.split_at(size.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            let (text, finished, error) = read(&chunks);
            prop_assert!(error.is_none(), "{error:?}");
            prop_assert_eq!((text.as_str(), finished), ("Päris 巴", true));
        }

        #[test]
        fn a_body_cut_anywhere_before_the_end_mark_is_truncated(at: prop::sample::Index) {
            let end = STREAM.find("[DONE]\"}\n\n").unwrap() + "[DONE]\"}\n".len();
            let (_, _, error) = read(&[&STREAM.as_bytes()[..at.index(end + 1)]]);
            prop_assert!(matches!(error, Some(Error::Truncated { .. })), "{error:?}");
        }
    }

    #[test]
    fn an_error_event_keeps_its_body() {
        let (text, _, error) = read(&[
            b"data: {\"content\": \"Par\"}\n\n",
            b"data: {\"error\": \"it broke\", \"status\": \"error\", \"code\": \"runtime_failed\"}\n\n",
            b"data: {\"content\": \"[DONE]\"}\n\n",
        ]);
        assert_eq!(text, "Par");
        let Some(Error::Api { status: 200, body: ApiBody::Error(body), .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!((body.error.as_str(), body.code.as_str()), ("it broke", "runtime_failed"));
    }

    #[test]
    fn what_is_no_event_of_the_api_is_an_error() {
        let (.., error) = read(&[b"data: hello\n\n"]);
        assert!(matches!(error, Some(Error::Decode { .. })), "{error:?}");
        let (.., error) = read(&[b"data: \xff\n\n"]);
        assert!(matches!(error, Some(Error::Encoding { .. })), "{error:?}");
        let (.., error) = read(&[b"<html>"]);
        assert!(matches!(error, Some(Error::Truncated { .. })), "{error:?}");
    }

    #[test]
    fn an_endless_event_is_refused() {
        let chunk = vec![b'x'; 64 * 1024];
        let (.., error) = read(&vec![chunk.as_slice(); 17]);
        assert!(matches!(error, Some(Error::TooLarge { limit: MAX_EVENT, .. })), "{error:?}");
    }
}
