//! What can go wrong between a program and the server.

use std::fmt;
use std::str::Utf8Error;
use std::time::Duration;

use rkllm_api::ErrorBody;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the server cannot be used.
    #[error(
        "cannot use `{url}` as the address of a server: {reason}; give one like http://127.0.0.1:5000"
    )]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key cannot be sent.
    #[error(
        "the API key has characters that no HTTP header can carry; give it as the server knows it"
    )]
    Key,
    /// The HTTP library could not be set up.
    #[error("cannot set up an HTTP client")]
    Setup {
        /// What the library said.
        source: reqwest::Error,
    },
    /// The request cannot be written as JSON.
    #[error("cannot write the request as JSON")]
    Encode {
        /// Which value cannot be written.
        source: serde_json::Error,
    },
    /// No connection could be made.
    #[error("cannot connect to {url}: is the server running?")]
    Connect {
        /// What was called.
        url: String,
        /// What the HTTP library said.
        source: reqwest::Error,
    },
    /// The connection broke, or nothing came for the time of [`Options::read_timeout`](crate::Options::read_timeout).
    #[error(
        "the connection to {url} failed before the answer was complete; the server's log may say why"
    )]
    Transport {
        /// What was called.
        url: String,
        /// What the HTTP library said.
        source: reqwest::Error,
    },
    /// The server answered with an error.
    #[error("the server answered with an error (HTTP status {status}): {body}")]
    Api {
        /// The HTTP status; a success when the failure came inside a stream that had begun well.
        status: u16,
        /// What the server said.
        body: ApiBody,
        /// How long the server asked to wait before the next attempt.
        retry_after: Option<Duration>,
    },
    /// The answer is not what the API promises.
    #[error(
        "cannot understand the answer of {url}: is it an rkllm-server, and of the same version?"
    )]
    Decode {
        /// What was called.
        url: String,
        /// What is wrong with the JSON, and where.
        source: serde_json::Error,
    },
    /// A stream contains bytes that are no UTF-8.
    #[error("the stream from {url} is not UTF-8: is it an rkllm-server?")]
    Encoding {
        /// What was called.
        url: String,
        /// Where it goes wrong.
        source: Utf8Error,
    },
    /// A stream ended before its end mark: the answer is incomplete.
    #[error(
        "the stream from {url} ended before the answer was complete; the server's log may say why"
    )]
    Truncated {
        /// What was called.
        url: String,
    },
    /// An answer, or one event of a stream, is larger than any that an rkllm-server sends.
    #[error("the answer of {url} is larger than {limit} bytes: is it an rkllm-server?")]
    TooLarge {
        /// What was called.
        url: String,
        /// Most bytes that are accepted.
        limit: usize,
    },
}

/// What came with an error status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiBody {
    /// The error object of the API.
    Error(ErrorBody),
    /// Anything else, as text: what answered is perhaps no rkllm-server.
    Text(String),
}

impl fmt::Display for ApiBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Characters of a foreign answer that are worth showing.
        const SHOWN: usize = 200;
        match self {
            Self::Error(body) => write!(f, "{} [{}]", body.error, body.code),
            Self::Text(text) if text.trim().is_empty() => {
                f.write_str("no explanation; is it an rkllm-server?")
            }
            Self::Text(text) => {
                let shown: String = text.trim().chars().take(SHOWN).collect();
                write!(f, "{shown:?}; is it an rkllm-server?")
            }
        }
    }
}
