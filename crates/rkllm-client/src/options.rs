//! How a client connects and how patient it is.

use std::time::Duration;

use crate::ApiKey;

/// How a [`Client`](crate::Client) connects and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The key to show; `None`, the default, for a server that wants none.
    pub api_key: Option<ApiKey>,
    /// Longest wait for a connection; 10 seconds by default.
    pub connect_timeout: Duration,
    /// Longest wait for the next byte of an answer; `None`, the default, waits as long as the server takes, which on a board may be
    /// minutes for a long prompt.
    pub read_timeout: Option<Duration>,
    /// How often a request is tried again after a refused connection or a status 429 or 503; 2 by default.
    pub retries: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_key: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: None,
            retries: 2,
        }
    }
}
