//! Who is let in.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HOST, HeaderValue, ORIGIN, UPGRADE, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpResponse};

use tokio::sync::{Semaphore, watch};

use super::client::Client;
use super::origin::Origins;
use super::probes::is_probe;
use super::rate::Limit;
use super::settings::HttpSettings;
use super::{Room, host, key, room};
use crate::dialect::{Face, openapi};
use crate::error::{Code, Error};

/// The settings at work, shared by all threads.
#[derive(Debug)]
pub(crate) struct Http {
    settings: HttpSettings,
    origins: Origins,
    limit: Option<Limit>,
    /// Whether the server can be reached from this machine only.
    local: bool,
    /// Room for bodies.
    room: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Http {
    /// The settings for a server that listens on `address`.
    pub(crate) fn new(settings: HttpSettings, address: SocketAddr) -> Self {
        Self {
            origins: Origins::new(&settings.cors_origins),
            limit: settings.requests_per_minute.map(Limit::new),
            local: address.ip().to_canonical().is_loopback(),
            settings,
            room: room::all(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Says that the server is going down, for connections that would stay.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Over once the server is going down.
    pub(crate) async fn stopping(&self) {
        // The sender lives as long as `self`, so this waits for the word and nothing else.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// The way of a new request to the room for bodies.
    pub(super) fn room(&self) -> Room {
        Room::new(&self.room)
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Counts one request against its client's limit.
    pub(crate) fn count(&self, client: Client) -> Result<(), Error> {
        self.limit.as_ref().map_or(Ok(()), |limit| limit.check(client))
    }

    fn admit(&self, request: &RequestHead) -> Result<Client, Error> {
        self.check_host(request)?;
        self.check_origin(request)?;
        if is_open(request.uri.path()) {
            return Ok(Client::Unknown);
        }
        let client = match self.settings.keys.as_slice() {
            [] => Client::at(request.peer_addr.map(|address| address.ip())),
            keys => key::find(keys, key::shown(request.headers()))
                .map(Client::Key)
                .ok_or_else(|| unauthorized(request))?,
        };
        self.count(client)?;
        Ok(client)
    }

    /// Keeps pages out that gave their name the address of this machine.
    fn check_host(&self, request: &RequestHead) -> Result<(), Error> {
        if !self.local || !self.settings.keys.is_empty() {
            return Ok(());
        }
        // Only HTTP/1.0 may leave it out, and no browser speaks that.
        let Some(host) = host_of(request) else {
            return Ok(());
        };
        if host::is_own(host, &self.settings.allowed_hosts) {
            return Ok(());
        }
        let name = shown(host::without_port(host));
        Err(Error::new(
            Code::Forbidden,
            format!(
                "the request is for a server named {name}, which is not a name of this one; call \
                 it localhost, or start it with --allowed-host {name} or with --api-key"
            ),
        ))
    }

    /// Keeps pages of other origins from having something done. What only reads is for the browser
    /// to keep from them, and a page that knows a key was given it; but connections that stay open
    /// are the page's to read as well.
    fn check_origin(&self, request: &RequestHead) -> Result<(), Error> {
        let reads = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let upgrade = request.headers().contains_key(UPGRADE);
        let matters = upgrade || (!reads && self.settings.keys.is_empty());
        let Some(origin) = request.headers().get(ORIGIN).filter(|_| matters) else {
            return Ok(());
        };
        if self.origins.admits(origin.as_bytes(), host_of(request)) {
            return Ok(());
        }
        let origin = shown(&String::from_utf8_lossy(origin.as_bytes()));
        Err(Error::new(
            Code::Forbidden,
            format!(
                "pages of {origin} may not use this server; if they shall, start it with \
                 --cors-origin {origin}"
            ),
        ))
    }
}

/// Whether a path needs no key: whoever watches over the server has none, and a browser cannot send one
/// with the address of a page.
fn is_open(path: &str) -> bool {
    is_probe(path) || openapi::owns(path)
}

/// The beginning of what a client sent, fit for a message.
fn shown(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_default).collect()
}

fn host_of(request: &RequestHead) -> Option<&str> {
    match request.headers().get(HOST) {
        // What is no text is no name either.
        Some(host) => Some(host.to_str().unwrap_or_default()),
        None => request.uri.authority().map(|authority| authority.as_str()),
    }
}

fn unauthorized(request: &RequestHead) -> Error {
    let what = match key::shown(request.headers()).next() {
        Some(_) => "the API key is wrong",
        None => "the API key is missing",
    };
    let message = format!("{what}; send it as Authorization: Bearer KEY or as x-api-key: KEY");
    Error::new(Code::Unauthorized, message)
}

/// Lets a request in or answers it with the reason why not, in the words of its path's dialect.
pub(crate) async fn guard(
    http: Data<Http>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match http.admit(request.head()) {
        Ok(client) => {
            request.extensions_mut().insert(client);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(error) => {
            let response = refusal(&request, &error);
            Ok(request.into_response(response))
        }
    }
}

fn refusal(request: &ServiceRequest, error: &Error) -> HttpResponse {
    let mut response = Face::of(request.head()).failure(request.request(), error);
    if error.code == Code::Unauthorized {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

#[cfg(test)]
mod tests;
