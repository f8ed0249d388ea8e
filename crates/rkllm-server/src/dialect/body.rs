//! Request bodies on their way in: plain, whole, bounded in size and in time.

use std::pin::Pin;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::error::{Code, Error};

/// Largest body in bytes. Far more text than any model's context holds.
const MAX_BODY: usize = 16 << 20;
/// Longest silence between two pieces of a body.
const SILENCE: Duration = Duration::from_secs(30);

/// Reads a body to its end.
pub(super) async fn read<S>(headers: &HeaderMap, mut payload: S) -> Result<Bytes, Error>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    check_encoding(headers)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    loop {
        let piece = std::future::poll_fn(|context| Pin::new(&mut payload).poll_next(context));
        let Ok(piece) = tokio::time::timeout(SILENCE, piece).await else {
            let message = format!("no more of the request body came for {} s", SILENCE.as_secs());
            return Err(Error::new(Code::BodyIncomplete, message));
        };
        match piece.transpose().map_err(broken)? {
            None => return Ok(body.freeze()),
            Some(piece) if body.len() + piece.len() > MAX_BODY => return Err(too_large()),
            Some(piece) => body.extend_from_slice(&piece),
        }
    }
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Error> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(());
    };
    if encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    Err(Error::new(
        Code::UnsupportedEncoding,
        format!("the request has Content-Encoding: {encoding}; send the body as it is"),
    ))
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
    use actix_web::http::header::HeaderValue;
    use futures_util::{StreamExt, stream};

    use super::*;

    type Piece = Result<Bytes, PayloadError>;

    fn pieces(pieces: Vec<&'static [u8]>) -> impl Stream<Item = Piece> + Unpin {
        stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece))))
    }

    #[tokio::test]
    async fn pieces_make_a_body() {
        let body = read(&HeaderMap::new(), pieces(vec![b"{\"a\"", b"", b": 1}"])).await.unwrap();
        assert_eq!(body, "{\"a\": 1}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let stalled = pieces(vec![b"{"]).chain(stream::pending());
        let error = read(&HeaderMap::new(), stalled).await.unwrap_err();
        assert_eq!((error.code.status().as_u16(), error.code.name()), (408, "body_incomplete"));
        assert_eq!(error.message, "no more of the request body came for 30 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_read_to_its_end() {
        let slow = stream::iter([b"1", b"2", b"3"]).then(|piece| async move {
            tokio::time::sleep(SILENCE / 2).await;
            Ok(Bytes::from_static(piece))
        });
        assert_eq!(read(&HeaderMap::new(), Box::pin(slow)).await.unwrap(), "123");
    }

    #[tokio::test]
    async fn bodies_are_bounded_whether_they_say_their_length_or_not() {
        let mut headers = HeaderMap::new();
        let endless = || stream::repeat_with(|| Ok(Bytes::from_static(&[b' '; 1 << 16])));
        let error = read(&headers, endless()).await.unwrap_err();
        assert_eq!(error.code, Code::BodyTooLarge);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(MAX_BODY + 1));
        let error = read(&headers, stream::pending()).await.unwrap_err();
        assert_eq!(error.code, Code::BodyTooLarge);
    }

    #[tokio::test]
    async fn encodings_are_named() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        read(&headers, pieces(vec![])).await.unwrap();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let error = read(&headers, pieces(vec![])).await.unwrap_err();
        assert_eq!(error.code.status().as_u16(), 415);
        assert!(error.message.contains("Content-Encoding: gzip"), "{error}");
    }
}
