//! What is written down about each request: its id, one log line, the metrics. Never its content.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Data;
use bytes::Bytes;
use tracing::{Instrument, Span};

use super::probes::is_probe;
use super::request_id::{REQUEST_ID, RequestId, X_REQUEST_ID};
use super::{Http, Room};
use crate::dialect::Face;
use crate::metrics;

/// Names the request, follows it to the end of its answer, then says how it went.
pub(crate) async fn observe(
    http: Data<Http>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let id = RequestId::new(request.headers());
    let span = tracing::info_span!("request", %id);
    let room = http.room();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(room.clone());
    let mut response = next.call(request).instrument(span.clone()).await?;
    for name in [X_REQUEST_ID, REQUEST_ID] {
        response.response_mut().headers_mut().insert(name, id.header());
    }
    let record = Record {
        started,
        dialect: Face::of(response.request().head()).name,
        route: response.request().match_pattern().unwrap_or_else(|| "other".to_owned()),
        method: method(response.request().method()),
        path: response.request().path().to_owned(),
        status: response.status().as_u16(),
        bytes: 0,
    };
    Ok(response.map_body(|_, body| {
        let left = match body.size() {
            BodySize::None => Some(0),
            BodySize::Sized(size) => Some(size),
            BodySize::Stream => None,
        };
        BoxBody::new(Observed { body: body.boxed(), left, span, record, _room: room })
    }))
}

/// The method's name, of which there are few whatever clients send.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// What is known of a request.
struct Record {
    started: Instant,
    dialect: &'static str,
    route: String,
    method: &'static str,
    path: String,
    status: u16,
    bytes: u64,
}

impl Record {
    fn write(&self, whole: bool) {
        let took = self.started.elapsed();
        let &Self { dialect, method, status, bytes, .. } = self;
        metrics::request(&metrics::Request { dialect, route: &self.route, method, status, took });
        let path = self.path.escape_default();
        if is_probe(&self.path) || self.path == "/metrics" {
            tracing::debug!(%path, method, status, bytes, ?took, whole, "request");
        } else {
            tracing::info!(%path, method, status, bytes, ?took, whole, "request");
        }
    }
}

/// A body that is followed to its end.
struct Observed {
    body: BoxBody,
    /// Bytes that are still to come, where that is known; 0 once it is over.
    left: Option<u64>,
    span: Span,
    record: Record,
    /// What the request has taken, which is free once this is over.
    _room: Room,
}

impl MessageBody for Observed {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let _entered = this.span.enter();
        let polled = this.body.as_pin_mut().poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(piece))) => {
                let length = piece.len() as u64;
                this.record.bytes += length;
                this.left = this.left.map(|left| left.saturating_sub(length));
            }
            Poll::Ready(None) => this.left = Some(0),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        self.record.write(self.left == Some(0));
    }
}
