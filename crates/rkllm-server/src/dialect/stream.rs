//! An answer as a response body that grows while it is generated.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{BufMut, Bytes, BytesMut};
use futures_core::Stream;
use serde::Serialize;
use tokio::time::{Instant, Sleep, sleep};

use crate::generate::Event;
use crate::worker::Answer;

/// Where the events of a stream come from.
pub(super) trait Source {
    /// The next event; `None` after the last one.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>>;
}

impl Source for Answer {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        Self::poll_next(self, context)
    }
}

/// Turns the events of a source into bytes on the wire.
pub(super) trait Encoder: Unpin + 'static {
    /// The body's content type.
    const CONTENT_TYPE: &'static str;
    /// What is sent when nothing else was for a while, so that nobody on the way takes the
    /// connection for dead; empty where the format has nothing without a meaning.
    const KEEP_ALIVE: &'static [u8];

    /// Appends what is sent at once, before the request has even left the line.
    fn begin(&mut self, _out: &mut BytesMut) {}

    /// Appends what says `event`.
    fn encode(&mut self, event: Event, out: &mut BytesMut);

    /// Takes what the next chunk is to hold from what is ready; all of it unless the format's readers
    /// want less.
    fn chunk(ready: &mut BytesMut) -> Bytes {
        ready.split().freeze()
    }
}

/// The content type of server-sent events.
pub(super) const SSE: &str = "text/event-stream";
/// A comment among server-sent events.
pub(super) const SSE_COMMENT: &[u8] = b": keep-alive\n\n";

/// A silence after which [`Encoder::KEEP_ALIVE`] is sent.
const SILENCE: Duration = Duration::from_secs(10);
/// Bytes that one chunk may gather before it is sent.
const CHUNK: usize = 32 * 1024;

/// Answers with a stream.
pub(super) fn respond<S: Source + Unpin + 'static, E: Encoder>(
    mut response: HttpResponseBuilder,
    source: S,
    encoder: E,
) -> HttpResponse {
    response
        .insert_header((CONTENT_TYPE, E::CONTENT_TYPE))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(("x-accel-buffering", "no"));
    response.streaming(Body::new(source, encoder))
}

/// Events as a stream of chunks. What is ready at the same time travels together; nothing waits
/// for more.
pub(super) struct Body<S, E> {
    source: S,
    encoder: E,
    buffer: BytesMut,
    sent: Instant,
    silence: Pin<Box<Sleep>>,
}

impl<S, E: Encoder> Body<S, E> {
    pub(super) fn new(source: S, mut encoder: E) -> Self {
        let silence = Box::pin(sleep(SILENCE));
        let mut buffer = BytesMut::new();
        encoder.begin(&mut buffer);
        Self { source, encoder, buffer, sent: Instant::now(), silence }
    }

    /// Sends a sign of life when it is time, and asks to be woken for the next.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        while !E::KEEP_ALIVE.is_empty() && self.silence.as_mut().poll(context).is_ready() {
            let due = self.sent + SILENCE;
            if due <= Instant::now() {
                self.sent = Instant::now();
                return Poll::Ready(Bytes::from_static(E::KEEP_ALIVE));
            }
            self.silence.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl<S: Source + Unpin, E: Encoder> Stream for Body<S, E> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.buffer.len() < CHUNK {
            match this.source.poll_next(context) {
                Poll::Ready(Some(event)) => this.encoder.encode(event, &mut this.buffer),
                Poll::Ready(None) if this.buffer.is_empty() => return Poll::Ready(None),
                Poll::Pending if this.buffer.is_empty() => {
                    return this.poll_silence(context).map(|comment| Some(Ok(comment)));
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        this.sent = Instant::now();
        Poll::Ready(Some(Ok(E::chunk(&mut this.buffer))))
    }
}

/// Appends one server-sent event without a name whose data is `value`.
pub(super) fn data(value: &impl Serialize, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    json(value, out);
    out.put_slice(b"\n\n");
}

/// Appends `value` as JSON.
pub(super) fn json<T: Serialize + ?Sized>(value: &T, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), value).expect("wire types serialise, memory takes all");
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    struct Comments;

    impl Encoder for Comments {
        const CONTENT_TYPE: &'static str = SSE;
        const KEEP_ALIVE: &'static [u8] = SSE_COMMENT;

        fn encode(&mut self, _: Event, _: &mut BytesMut) {}
    }

    struct Silent;

    impl Encoder for Silent {
        const CONTENT_TYPE: &'static str = "application/x-ndjson";
        const KEEP_ALIVE: &'static [u8] = b"";

        fn encode(&mut self, _: Event, _: &mut BytesMut) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_waits_shows_every_ten_seconds_that_it_lives() {
        let (answer, _place) = Answer::waiting();
        let mut body = Body::new(answer, Comments);
        for _ in 0..3 {
            let before = Instant::now();
            let chunk = body.next().await.unwrap().unwrap();
            assert_eq!((&*chunk, before.elapsed().as_secs()), (SSE_COMMENT, 10));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_format_without_comments_waits_in_silence() {
        let (answer, _place) = Answer::waiting();
        let mut body = Body::new(answer, Silent);
        assert!(tokio::time::timeout(SILENCE * 3, body.next()).await.is_err());
    }
}
