//! How much memory the bodies of requests may take together.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpMessage;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Code, Error};

/// Bytes that the bodies of all requests under way may have together: four of the largest.
const ALL: usize = 256 << 20;

/// The room that all requests share: a permit for each byte.
pub(super) fn all() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ALL))
}

/// The way of one request to the room for bodies, and what it has taken of it. Clones are of the same
/// request; what it has taken is free again when the last one is gone. Stands in the extensions of
/// every request and goes with its answer, as the text is in memory up to its end: the model's
/// process may need it again.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    kept: Rc<RefCell<Taken>>,
}

/// Room that is free again when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Taken(Option<OwnedSemaphorePermit>);

impl Room {
    pub(super) fn new(free: &Arc<Semaphore>) -> Self {
        Self { free: Arc::clone(free), kept: Rc::default() }
    }

    /// That of a request that came through the middleware; elsewhere one of its own.
    pub(crate) fn of(request: &impl HttpMessage) -> Self {
        let given = request.extensions().get::<Self>().cloned();
        given.unwrap_or_else(|| Self::new(&all()))
    }

    /// Takes room for so many bytes more.
    pub(crate) fn keep(&self, bytes: usize) -> Result<(), Error> {
        let permits = u32::try_from(bytes).ok();
        let more =
            permits.and_then(|bytes| Arc::clone(&self.free).try_acquire_many_owned(bytes).ok());
        let more = more.ok_or_else(full)?;
        match &mut self.kept.borrow_mut().0 {
            Some(kept) => kept.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Gives away what was taken so far, for a part of the request that is over before the whole.
    pub(crate) fn hand_over(&self) -> Taken {
        self.kept.take()
    }

    /// The same stream, but room is taken for what it brings; without, it breaks.
    pub(crate) fn counted<S>(self, pieces: S) -> impl Stream<Item = Result<Bytes, PayloadError>>
    where
        S: Stream<Item = Result<Bytes, PayloadError>>,
    {
        pieces.map(move |piece| {
            let piece = piece?;
            let kept = self.keep(piece.len());
            kept.map(|()| piece).map_err(|error| PayloadError::Io(io::Error::other(error)))
        })
    }

    /// Whether a stream broke for want of room, given the error that came of it.
    pub(crate) fn is_lacking(error: &io::Error) -> bool {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref()) {
            Some(PayloadError::Io(error)) => Self::is_lacking(error),
            _ => inner.is_some_and(|inner| inner.is::<Error>()),
        }
    }
}

fn full() -> Error {
    let limit = ALL >> 20;
    let message = format!(
        "the bodies of all requests under way may have {limit} MiB together, and this one is too much; \
         try again in a while"
    );
    Error::new(Code::Busy, message)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::RETRY_AFTER;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::web::{self, Data};
    use actix_web::{App, HttpRequest, HttpResponse};
    use futures_util::stream;

    use super::super::{Http, HttpSettings, observe};
    use super::*;
    use crate::dialect::Face;

    #[actix_web::test]
    async fn a_request_has_its_room_up_to_the_end_of_its_answer() {
        let take = |request: HttpRequest| async move {
            match Room::of(&request).keep(ALL) {
                Ok(()) => HttpResponse::Ok().streaming(stream::pending::<Result<_, io::Error>>()),
                Err(error) => Face::of(request.head()).failure(&request, &error),
            }
        };
        let http = Http::new(HttpSettings::default(), "127.0.0.1:5000".parse().unwrap());
        let app = App::new().app_data(Data::new(http)).route("/chat", web::to(take));
        let app = init_service(app.wrap(from_fn(observe))).await;
        let ask = || call_service(&app, TestRequest::with_uri("/chat").to_request());
        let first = ask().await;
        assert_eq!(first.status(), 200);
        let refused = ask().await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers().get(RETRY_AFTER).unwrap(), "1");
        drop(first);
        assert_eq!(ask().await.status(), 200);
    }

    #[test]
    fn what_one_request_takes_no_other_one_gets() {
        let free = Arc::new(Semaphore::new(10));
        let (one, other) = (Room::new(&free), Room::new(&free));
        one.keep(4).unwrap();
        one.clone().keep(2).unwrap();
        other.keep(4).unwrap();
        assert_eq!(other.keep(1).unwrap_err().code, Code::Busy);
        one.keep(0).unwrap();
        drop(one);
        other.keep(6).unwrap();
        assert_eq!(other.keep(usize::MAX).unwrap_err().code, Code::Busy);
        drop(other);
        assert_eq!(free.available_permits(), 10);
    }

    #[test]
    fn a_part_can_be_over_before_the_whole() {
        let free = Arc::new(Semaphore::new(10));
        let room = Room::new(&free);
        room.keep(6).unwrap();
        let part = room.hand_over();
        room.keep(3).unwrap();
        assert_eq!(free.available_permits(), 1);
        drop(part);
        assert_eq!(free.available_permits(), 7);
        drop(room.hand_over());
        assert_eq!(free.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_stream_breaks_where_there_is_no_room_for_it() {
        let room = Room::new(&Arc::new(Semaphore::new(4)));
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(b"xyz")));
        let (came, broke): (Vec<_>, Vec<_>) = room
            .counted(endless)
            .take(2)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .partition(Result::is_ok);
        assert_eq!((came.len(), broke.len()), (1, 1));
        let Some(Err(PayloadError::Io(error))) = broke.into_iter().next() else {
            panic!("another error");
        };
        assert!(error.to_string().contains("may have 256 MiB together"), "{error}");
        assert!(Room::is_lacking(&error));
        assert!(Room::is_lacking(&io::Error::other(PayloadError::Io(error))), "wrapped once more");
        assert!(!Room::is_lacking(&io::Error::other("it broke")));
    }
}
