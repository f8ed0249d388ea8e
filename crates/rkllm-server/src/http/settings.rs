//! What the user decides about HTTP.

use std::num::NonZeroU32;

use super::key::Key;

/// Who may use the server, and how. The default is a server for this machine: no keys, no other
/// origins, no limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpSettings {
    /// Keys, one of which every request has to carry; none: everybody may ask.
    pub(crate) keys: Vec<Key>,
    /// Origins of web pages that may use the server, as `https://chat.example.com`; `*` is every
    /// page. None: pages of the server's own origin only.
    pub(crate) cors_origins: Vec<String>,
    /// Names that the server may be called by while it listens on this machine only and has no
    /// keys, beside `localhost` and addresses; without port.
    pub(crate) allowed_hosts: Vec<String>,
    /// Requests that one key, or without keys one address, may send in a minute; `None` is any
    /// number.
    pub(crate) requests_per_minute: Option<NonZeroU32>,
}
