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

/// Turns the events of one answer into bytes on the wire.
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
pub(super) fn respond<E: Encoder>(
    mut response: HttpResponseBuilder,
    answer: Answer,
    encoder: E,
) -> HttpResponse {
    response
        .insert_header((CONTENT_TYPE, E::CONTENT_TYPE))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(("x-accel-buffering", "no"));
    response.streaming(Body::new(answer, encoder))
}

/// An answer as a stream of chunks. What is ready at the same time travels together; nothing waits
/// for more.
pub(super) struct Body<E> {
    answer: Answer,
    encoder: E,
    buffer: BytesMut,
    sent: Instant,
    silence: Pin<Box<Sleep>>,
}

impl<E: Encoder> Body<E> {
    pub(super) fn new(answer: Answer, mut encoder: E) -> Self {
        let silence = Box::pin(sleep(SILENCE));
        let mut buffer = BytesMut::new();
        encoder.begin(&mut buffer);
        Self { answer, encoder, buffer, sent: Instant::now(), silence }
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

impl<E: Encoder> Stream for Body<E> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.buffer.len() < CHUNK {
            match this.answer.poll_next(context) {
                Poll::Ready(Some(event)) => this.encoder.encode(event, &mut this.buffer),
                Poll::Ready(None) if this.buffer.is_empty() => return Poll::Ready(None),
                Poll::Pending if this.buffer.is_empty() => {
                    return this.poll_silence(context).map(|comment| Some(Ok(comment)));
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        this.sent = Instant::now();
        Poll::Ready(Some(Ok(this.buffer.split().freeze())))
    }
}

/// Appends one server-sent event without a name whose data is `value`.
pub(super) fn data(value: &impl Serialize, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    serde_json::to_writer(out.writer(), value).expect("wire types serialise, memory takes all");
    out.put_slice(b"\n\n");
}
