//! Server-sent events: an answer as a response body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures_core::Stream;
use serde::Serialize;

use crate::generate::Event;
use crate::worker::Answer;

/// Turns the events of one answer into bytes on the wire.
pub(super) trait Encoder: Unpin {
    /// Appends what says `event`.
    fn encode(&mut self, event: Event, out: &mut BytesMut);
}

/// An answer as a stream of chunks. What is ready at the same time travels together; nothing waits
/// for more.
pub(super) struct Body<E> {
    answer: Answer,
    encoder: E,
    buffer: BytesMut,
}

impl<E: Encoder> Body<E> {
    pub(super) fn new(answer: Answer, encoder: E) -> Self {
        Self { answer, encoder, buffer: BytesMut::new() }
    }
}

/// Bytes that one chunk may gather before it is sent.
const CHUNK: usize = 32 * 1024;

impl<E: Encoder> Stream for Body<E> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.buffer.len() < CHUNK {
            match this.answer.poll_next(context) {
                Poll::Ready(Some(event)) => this.encoder.encode(event, &mut this.buffer),
                Poll::Ready(None) if this.buffer.is_empty() => return Poll::Ready(None),
                Poll::Pending if this.buffer.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(Ok(this.buffer.split().freeze())))
    }
}

/// Appends one event whose data is `value`.
pub(super) fn data(value: &impl Serialize, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    serde_json::to_writer(out.writer(), value).expect("wire types serialise, memory takes all");
    out.put_slice(b"\n\n");
}
