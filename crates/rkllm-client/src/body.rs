//! Reading whole bodies, within bounds.

use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;
use std::time::SystemTime;

use crate::{ApiBody, Error, retry};

/// Most bytes of an answer: far more text than any context holds.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Most bytes that are kept of an error.
const MAX_ERROR: usize = 64 * 1024;

/// Reads an answer with a success status.
pub(crate) async fn json<T: DeserializeOwned>(mut response: Response) -> Result<T, Error> {
    let url = response.url().to_string();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(source) => {
                let source = source.without_url();
                return Err(Error::Transport { url, source });
            }
        }
        if body.len() > MAX_ANSWER {
            return Err(Error::TooLarge { url, limit: MAX_ANSWER });
        }
    }
    serde_json::from_slice(&body).map_err(|source| Error::Decode { url, source })
}

/// Reads an answer with another status. What arrives before the connection breaks says more than that it broke.
pub(crate) async fn error(mut response: Response) -> Error {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|header| header.to_str().ok())
        .and_then(|header| retry::retry_after(header, SystemTime::now()));
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR {
            body.truncate(MAX_ERROR);
            break;
        }
    }
    let body = serde_json::from_slice(&body).map_or_else(
        |_| ApiBody::Text(String::from_utf8_lossy(&body).into_owned()),
        ApiBody::Error,
    );
    Error::Api { status, body, retry_after }
}
