//! Request bodies on their way in: whole, bounded in size and in time, decompressed.

use std::pin::Pin;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, Route};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::time::{Instant, timeout_at};

use crate::app::State;
use crate::error::{Code, Error};
use crate::http::{Encoding, InflateError, Room, inflate};

/// Largest body in bytes, as it comes and decompressed. Far more text than any model's context
/// holds.
pub(super) const MAX_BODY: usize = 64 << 20;
/// Longest silence between two pieces of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// Time that a whole body may take: that of the largest at some 200 kB per second.
const WHOLE: Duration = Duration::from_secs(300);

/// A route that reads a body, whatever its content type, and answers it with `answer`, or with what
/// `failure` makes of an error.
pub(super) fn reading<A>(route: Route, answer: A, failure: fn(&Error) -> HttpResponse) -> Route
where
    A: AsyncFn(&State, Bytes) -> Result<HttpResponse, Error> + Copy + 'static,
{
    route.to(move |state: Data<State>, request: HttpRequest, payload: Payload| async move {
        let answered = async {
            let body = read(&request, payload).await?;
            answer(&state.of(&request), body).await
        };
        answered.await.unwrap_or_else(|error| failure(&error))
    })
}

/// Reads a body to its end, as far as there is room for it beside those of others.
pub(super) async fn read<S>(request: &HttpRequest, mut payload: S) -> Result<Bytes, Error>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let (headers, room) = (request.headers(), Room::of(request));
    let encoding = encoding(headers)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    let end = Instant::now() + WHOLE;
    loop {
        let piece = std::future::poll_fn(|context| Pin::new(&mut payload).poll_next(context));
        let Ok(piece) = timeout_at(end.min(Instant::now() + SILENCE), piece).await else {
            let message = match Instant::now() < end {
                true => format!("no more of the request body came for {} s", SILENCE.as_secs()),
                false => format!("the request body took more than {} s", WHOLE.as_secs()),
            };
            return Err(Error::new(Code::BodyIncomplete, message));
        };
        match piece.transpose().map_err(broken)? {
            None => return plain(body.freeze(), encoding, &room),
            Some(piece) if body.len() + piece.len() > MAX_BODY => return Err(too_large()),
            Some(piece) => {
                room.keep(piece.len())?;
                body.extend_from_slice(&piece);
            }
        }
    }
}

/// How the body is compressed, if it is.
fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, Error> {
    let Some(name) = headers.get(CONTENT_ENCODING).map(|name| name.as_bytes().trim_ascii()) else {
        return Ok(None);
    };
    if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
        return Ok(None);
    }
    Encoding::named(name).map(Some).ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        let known = Encoding::NAMES;
        Error::new(
            Code::UnsupportedEncoding,
            format!("the request has Content-Encoding: {name}; send the body as it is, or {known}"),
        )
    })
}

fn plain(body: Bytes, encoding: Option<Encoding>, room: &Room) -> Result<Bytes, Error> {
    let Some(encoding) = encoding else {
        return Ok(body);
    };
    let plain = inflate(&body, encoding, MAX_BODY).map_err(|error| match error {
        InflateError::Large => too_large(),
        InflateError::Broken(why) => Error::invalid(format!(
            "the request body is not what its Content-Encoding says: {why}; send it as it is"
        )),
    })?;
    room.keep(plain.len())?;
    Ok(plain.into())
}

fn too_large() -> Error {
    let limit = MAX_BODY >> 20;
    let message = format!("the request body is larger than {limit} MiB; shorten the text");
    Error::new(Code::BodyTooLarge, message)
}

fn broken(error: PayloadError) -> Error {
    let code = match error {
        PayloadError::EncodingCorrupted => Code::InvalidRequest,
        _ => Code::BodyIncomplete,
    };
    Error::new(code, format!("the request body did not arrive whole: {error}"))
}

#[cfg(test)]
mod tests {
    use actix_web::HttpMessage;
    use actix_web::http::header::TryIntoHeaderPair;
    use actix_web::test::TestRequest;
    use futures_util::{StreamExt, stream};

    use super::*;

    type Piece = Result<Bytes, PayloadError>;

    fn plain() -> HttpRequest {
        TestRequest::default().to_http_request()
    }

    fn with(header: impl TryIntoHeaderPair) -> HttpRequest {
        TestRequest::default().insert_header(header).to_http_request()
    }

    fn pieces(pieces: Vec<&'static [u8]>) -> impl Stream<Item = Piece> + Unpin {
        stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece))))
    }

    #[tokio::test]
    async fn pieces_make_a_body() {
        let body = read(&plain(), pieces(vec![b"{\"a\"", b"", b": 1}"])).await.unwrap();
        assert_eq!(body, "{\"a\": 1}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_takes_for_ever_is_given_up() {
        let endless = stream::repeat_with(|| ()).then(|()| async {
            tokio::time::sleep(SILENCE / 2).await;
            Ok(Bytes::from_static(b" "))
        });
        let error = read(&plain(), Box::pin(endless)).await.unwrap_err();
        assert_eq!(error.code, Code::BodyIncomplete);
        assert_eq!(error.message, "the request body took more than 300 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let stalled = pieces(vec![b"{"]).chain(stream::pending());
        let error = read(&plain(), stalled).await.unwrap_err();
        assert_eq!((error.code.status().as_u16(), error.code.name()), (408, "body_incomplete"));
        assert_eq!(error.message, "no more of the request body came for 30 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_read_to_its_end() {
        let slow = stream::iter([b"1", b"2", b"3"]).then(|piece| async move {
            tokio::time::sleep(SILENCE / 2).await;
            Ok(Bytes::from_static(piece))
        });
        assert_eq!(read(&plain(), Box::pin(slow)).await.unwrap(), "123");
    }

    #[tokio::test]
    async fn bodies_are_bounded_whether_they_say_their_length_or_not() {
        let endless = || stream::repeat_with(|| Ok(Bytes::from_static(&[b' '; 1 << 16])));
        let error = read(&plain(), endless()).await.unwrap_err();
        assert_eq!(error.code, Code::BodyTooLarge);
        let long = with((CONTENT_LENGTH, MAX_BODY + 1));
        let error = read(&long, stream::pending()).await.unwrap_err();
        assert_eq!(error.code, Code::BodyTooLarge);
    }

    #[tokio::test]
    async fn encodings_are_undone_and_unknown_ones_named() {
        let named = |encoding: &str| with((CONTENT_ENCODING, encoding));
        for none in ["identity", "Identity", ""] {
            assert_eq!(read(&named(none), pieces(vec![b"{}"])).await.unwrap(), "{}");
        }
        // `{}` as a raw block without checksum.
        let packed = b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}";
        assert_eq!(read(&named("zstd"), pieces(vec![packed])).await.unwrap(), "{}");
        let error = read(&named("zstd"), pieces(vec![b"{}"])).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidRequest);
        let error = read(&named("br"), pieces(vec![])).await.unwrap_err();
        assert_eq!(error.code.status().as_u16(), 415);
        assert!(error.message.contains("Content-Encoding: br; send"), "{error}");
    }

    #[tokio::test]
    async fn a_body_has_to_fit_beside_those_of_others() {
        let (others, request) = (Room::of(&plain()), plain());
        request.extensions_mut().insert(others.clone());
        others.keep((256 << 20) - 3).unwrap();
        let error = read(&request, pieces(vec![b"{}", b"  "])).await.unwrap_err();
        assert_eq!((error.code.status().as_u16(), error.code.name()), (503, "busy"));
        drop(others.hand_over());
        // A body that is compressed counts as it comes and as it is.
        let packed = b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}";
        let request = with((CONTENT_ENCODING, "zstd"));
        request.extensions_mut().insert(others.clone());
        others.keep((256 << 20) - packed.len() - 1).unwrap();
        let error = read(&request, pieces(vec![packed])).await.unwrap_err();
        assert_eq!(error.code, Code::Busy);
    }
}
