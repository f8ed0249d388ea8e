//! Answers in one piece, compressed for clients that take that. Streams are left alone: a compressor
//! would hold tokens back.

use std::io::Write;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, Encoding, Header, HeaderValue,
    VARY,
};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, http::header::HeaderMap};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smallest body in bytes that is worth it: what fits one packet travels as fast uncompressed.
const WORTH: usize = 1400;

/// Compresses the JSON of an answer if the client takes gzip.
pub(crate) async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let wanted = takes_gzip(&request);
    let response = next.call(request).await?.map_into_boxed_body();
    let json = response.headers().get(CONTENT_TYPE).is_some_and(is_json);
    if !wanted || !json || response.headers().contains_key(CONTENT_ENCODING) {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    Ok(ServiceResponse::new(request, pack(response)))
}

fn takes_gzip(request: &ServiceRequest) -> bool {
    request.headers().contains_key(ACCEPT_ENCODING)
        && AcceptEncoding::parse(request).is_ok_and(|accepted| {
            let gzip = Encoding::gzip();
            accepted.negotiate([&gzip, &Encoding::identity()].into_iter()) == Some(gzip)
        })
}

fn is_json(content_type: &HeaderValue) -> bool {
    let kind = content_type.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn pack(response: HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
    let (mut response, body) = response.into_parts();
    match body.try_into_bytes() {
        Ok(whole) if whole.len() >= WORTH => {
            mark(response.headers_mut());
            response.set_body(BoxBody::new(gzip(&whole)))
        }
        Ok(whole) => response.set_body(BoxBody::new(whole)),
        Err(stream) => response.set_body(stream),
    }
}

fn mark(headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
}

fn gzip(whole: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::with_capacity(whole.len() / 2), Compression::fast());
    let written = packed.write_all(whole).and_then(|()| packed.finish());
    written.expect("memory takes all").into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use actix_web::middleware::from_fn;
    use actix_web::{App, test, web};
    use flate2::read::GzDecoder;
    use futures_util::stream;

    use super::*;

    async fn ask(path: &str, accept: &str) -> ServiceResponse<impl MessageBody> {
        let app = App::new()
            .route("/long", web::to(|| async { HttpResponse::Ok().json("x".repeat(5000)) }))
            .route("/short", web::to(|| async { HttpResponse::Ok().json("x") }))
            .route(
                "/stream",
                web::to(|| async {
                    let pieces = stream::iter([Ok::<_, actix_web::Error>(Bytes::from("x"))]);
                    HttpResponse::Ok().content_type("application/json").streaming(pieces)
                }),
            )
            .wrap(from_fn(compress));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get().uri(path);
        test::call_service(&app, request.insert_header((ACCEPT_ENCODING, accept)).to_request())
            .await
    }

    #[actix_web::test]
    async fn long_answers_are_compressed_for_clients_that_take_it() {
        for accept in ["gzip, deflate, br", "gzip;q=0.5", "br, gzip;q=0.1, identity;q=0"] {
            let answer = ask("/long", accept).await;
            assert_eq!(answer.headers().get(CONTENT_ENCODING).unwrap(), "gzip", "{accept}");
            assert_eq!(answer.headers().get(VARY).unwrap(), "accept-encoding");
            let packed = test::read_body(answer).await;
            let mut text = String::new();
            GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("\"{}\"", "x".repeat(5000)));
        }
    }

    #[actix_web::test]
    async fn everything_else_is_left_alone() {
        for (path, accept) in [
            ("/long", ""),
            ("/long", "br"),
            ("/long", "gzip;q=0"),
            ("/long", "identity"),
            ("/short", "gzip"),
            ("/stream", "gzip"),
        ] {
            let answer = ask(path, accept).await;
            assert!(!answer.headers().contains_key(CONTENT_ENCODING), "{path} {accept}");
            assert!(test::read_body(answer).await.ends_with(b"x") || path != "/stream");
        }
    }
}
