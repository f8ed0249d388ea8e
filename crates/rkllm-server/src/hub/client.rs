//! The hub's HTTP interface: what a repository has, and its files.

use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, RANGE,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::{Settings, fault};
use crate::error::Error;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(30);
/// Longest silence of the hub.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest list of files that is read, in bytes.
const MAX_LIST: usize = 16 << 20;
/// Most redirects in a row.
const MAX_REDIRECTS: usize = 10;

/// A connection to the hub.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// Follows redirects to wherever the hub keeps its files.
    files: reqwest::Client,
    /// Follows redirects of the hub to itself only: the answer that leads elsewhere says what the
    /// file is.
    facts: reqwest::Client,
    endpoint: Url,
}

/// A file on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) repo: String,
    /// A commit where the hub names one, so that the file stays the same.
    pub(super) revision: String,
    pub(super) path: String,
    pub(super) size: u64,
    /// What changes with the content: letters and digits.
    pub(super) tag: String,
}

impl Remote {
    /// The content's sha256 in hexadecimal, where the hub knows it.
    pub(super) fn sha256(&self) -> Option<&str> {
        (self.tag.len() == 64).then_some(self.tag.as_str())
    }
}

/// The hub's description of a repository.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let endpoint = Url::parse(&settings.endpoint).ok().filter(|url| !url.cannot_be_a_base());
        let endpoint = endpoint.ok_or_else(|| {
            let endpoint = &settings.endpoint;
            fault::download(format!(
                "HF_ENDPOINT is {endpoint:?}, which is no http or https address"
            ))
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(token) = &settings.token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.0));
            let mut value =
                value.map_err(|_| fault::download("HF_TOKEN has characters that no token has"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let build = |redirects| {
            reqwest::Client::builder()
                .user_agent(concat!("rkllm-server/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers.clone())
                .connect_timeout(CONNECT)
                .read_timeout(SILENCE)
                .redirect(redirects)
                .build()
                .map_err(|error| {
                    fault::download(format!(
                        "cannot make encrypted connections: {}; are the system's CA certificates \
                         installed (package ca-certificates)?",
                        chain(&error)
                    ))
                })
        };
        let files = build(Policy::limited(MAX_REDIRECTS))?;
        Ok(Self { files, facts: build(Policy::custom(stay))?, endpoint })
    }

    /// The paths of all files of a repository.
    pub(super) async fn list(&self, repo: &str) -> Result<Vec<String>, Error> {
        let url = self.url(&["api/models", repo]);
        let mut response = self.send(self.files.get(url), repo).await?;
        if response.status() != StatusCode::OK {
            return Err(refused(response.status(), repo));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| broken(repo, &error))? {
            if body.len() + piece.len() > MAX_LIST {
                return Err(fault::download(format!(
                    "the hub's description of {repo} is too long"
                )));
            }
            body.extend_from_slice(&piece);
        }
        let described: Description = serde_json::from_slice(&body).map_err(|error| {
            fault::download(format!(
                "the hub's description of {repo} cannot be understood: {error}"
            ))
        })?;
        Ok(described.siblings.into_iter().map(|sibling| sibling.rfilename).collect())
    }

    /// What a file is, without its content.
    pub(super) async fn look_up(&self, repo: &str, path: &str) -> Result<Remote, Error> {
        let what = format!("{path} of {repo}");
        let url = self.url(&[repo, "resolve/main", path]);
        let response = self.send(self.facts.head(url), &what).await?;
        let status = response.status();
        if status != StatusCode::OK && !status.is_redirection() {
            return Err(refused(status, &what));
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let tag = header("x-linked-etag").or_else(|| header(ETAG.as_str())).and_then(tag);
        let size = header("x-linked-size").or_else(|| header(CONTENT_LENGTH.as_str()));
        let (Some(tag), Some(size)) = (tag, size.and_then(|size| size.parse().ok())) else {
            return Err(fault::download(format!(
                "the hub does not say what {what} is: its answer lacks an ETag or a length"
            )));
        };
        let revision = header("x-repo-commit").filter(|commit| is_hexadecimal(commit));
        let revision = revision.unwrap_or("main").to_owned();
        Ok(Remote { repo: repo.to_owned(), revision, path: path.to_owned(), size, tag })
    }

    /// The content of a file from an offset on; the hub may send it from the beginning instead.
    pub(super) async fn open(&self, file: &Remote, offset: u64) -> Result<Response, Error> {
        let url = self.url(&[&file.repo, "resolve", &file.revision, &file.path]);
        let mut request = self.files.get(url);
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let what = format!("{} of {}", file.path, file.repo);
        let response = self.send(request, &what).await?;
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
            status => Err(refused(status, &what)),
        }
    }

    async fn send(&self, request: RequestBuilder, what: &str) -> Result<Response, Error> {
        request.send().await.map_err(|error| broken(what, &error))
    }

    /// The address of a path of the hub, whose segments may hold any characters.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .expect("checked when the client was made")
            .pop_if_empty()
            .extend(parts.iter().flat_map(|part| part.split('/')));
        url
    }
}

/// Follows a redirect to the same server.
fn stay(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = |url: &Url| url.origin() == attempt.url().origin();
    if attempt.previous().len() <= MAX_REDIRECTS && attempt.previous().last().is_some_and(same) {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// An ETag without its quotes, if it can be part of a file's name.
fn tag(etag: &str) -> Option<String> {
    let tag = etag.trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
    let plain = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && (8..=128).contains(&tag.len())).then_some(tag)
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A file or repository that the hub does not hand out.
fn refused(status: StatusCode, what: &str) -> Error {
    match status {
        StatusCode::NOT_FOUND => fault::absent(format_args!("the hub has no {what}")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => fault::absent(format_args!(
            "the hub does not show {what}: it does not exist, is private, or its licence must be \
             accepted there; start the server with a token that may read it in HF_TOKEN"
        )),
        StatusCode::TOO_MANY_REQUESTS => fault::download(format!(
            "the hub has had too many requests from here and refuses {what}; try again in a while, or \
             start the server with a token in HF_TOKEN"
        )),
        status => fault::download(format!(
            "the hub answers {status} when asked for {what}; try again in a while"
        )),
    }
}

/// A connection that failed.
pub(super) fn broken(what: &str, error: &reqwest::Error) -> Error {
    fault::download(format!(
        "the connection to the hub failed while asking for {what}: {}; what has arrived is kept, pull \
         again to go on",
        chain(error)
    ))
}

/// The error and what caused it, without addresses, which may carry signatures.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    match causes.is_empty() {
        true if error.is_timeout() => "it took too long".to_owned(),
        true => "the reason is not known".to_owned(),
        false => causes.join(": "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_can_be_names_of_files() {
        let sha = "a".repeat(64);
        assert_eq!(tag(&format!("\"{sha}\"")).unwrap(), sha);
        assert_eq!(tag("W/\"0123ABCD\"").unwrap(), "0123abcd");
        assert_eq!(tag("\"../../x\""), None);
        assert_eq!(tag("\"\""), None);
    }
}
