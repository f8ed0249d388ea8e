//! The calls.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, Url};
use rkllm_api::{
    ChatRequest, ChatResponse, GenerateRequest, GenerateResponse, Health, LoadRequest, Loaded,
    Model, ModelList, Rescanned, ServerStatus,
};
use serde::Serialize;

use crate::{ApiBody, DeltaStream, Error, Options, body, retry};

/// A connection to one server; cheap to clone, clones share their connections.
///
/// Every call fails with [`Error::Connect`] or [`Error::Transport`] when the server cannot be reached, [`Error::Api`] when it
/// refuses, and [`Error::Decode`] or [`Error::TooLarge`] when what answers is no rkllm-server. A refused connection and the
/// statuses 429 and 503 are tried again as [`Options::retries`] says, after the time that the header `Retry-After` asks for (at
/// most 60 seconds) or else 0.2 s, 0.4 s and so on. Nothing is tried again once an answer has begun.
///
/// Dropping the future of a call, like dropping a [`DeltaStream`], closes the connection, which cancels the generation.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    retries: u32,
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:5000`, which may have a path if the server is behind a proxy.
    ///
    /// Does not connect yet. Neither proxies of the environment nor redirects are followed: the server is on the local network.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if `url` is no plain HTTP address.
    ///
    /// ```
    /// # use rkllm_client::{Client, Error};
    /// assert!(Client::new("http://127.0.0.1:5000").is_ok());
    /// assert!(matches!(Client::new("127.0.0.1:5000"), Err(Error::Url { .. })));
    /// ```
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::with_options(url, &Options::default())
    }

    /// Like [`new`](Self::new), with a key, other timeouts or another number of retries.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] if `url` is no plain HTTP address, [`Error::Key`] if no request can carry the key.
    pub fn with_options(url: &str, options: &Options) -> Result<Self, Error> {
        let base = base_url(url)?;
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(options.connect_timeout);
        if let Some(timeout) = options.read_timeout {
            http = http.read_timeout(timeout);
        }
        if let Some(key) = &options.api_key {
            http = http.default_headers([(AUTHORIZATION, key.header()?)].into_iter().collect());
        }
        let http = http.build().map_err(|source| Error::Setup { source })?;
        Ok(Self { http, base, retries: options.retries })
    }

    /// Whether the server can answer requests. That it cannot is an answer, too, with which it is tried again like with any status
    /// 503.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn health(&self) -> Result<Health, Error> {
        match self.send(Method::GET, &["health"], None).await {
            Ok(response) => body::json(response).await,
            Err(error) => unhealthy(&error).ok_or(error),
        }
    }

    /// Answers one prompt; the whole answer at once, whatever `request.stream` says.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn generate(&self, request: &GenerateRequest) -> Result<GenerateResponse, Error> {
        let request = GenerateRequest { stream: false, ..request.clone() };
        body::json(self.post(&["generate"], &request).await?).await
    }

    /// Answers one prompt; the answer as it is written, whatever `request.stream` says.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`]. What fails after the server has accepted the request is an item of the stream.
    pub async fn generate_stream(&self, request: &GenerateRequest) -> Result<DeltaStream, Error> {
        let request = GenerateRequest { stream: true, ..request.clone() };
        Ok(DeltaStream::new(self.post(&["generate"], &request).await?))
    }

    /// Answers the last turn of a conversation; the whole answer at once, whatever `request.stream` says.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatResponse, Error> {
        let request = ChatRequest { stream: false, ..request.clone() };
        body::json(self.post(&["chat"], &request).await?).await
    }

    /// Answers the last turn of a conversation; the answer as it is written, whatever `request.stream` says.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`]. What fails after the server has accepted the request is an item of the stream.
    pub async fn chat_stream(&self, request: &ChatRequest) -> Result<DeltaStream, Error> {
        let request = ChatRequest { stream: true, ..request.clone() };
        Ok(DeltaStream::new(self.post(&["chat"], &request).await?))
    }

    /// All models of the server, loaded or not.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn models(&self) -> Result<ModelList, Error> {
        body::json(self.send(Method::GET, &["admin", "models"], None).await?).await
    }

    /// One model, by its name or an alias.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn model(&self, name: &str) -> Result<Model, Error> {
        body::json(self.send(Method::GET, &["admin", "models", name], None).await?).await
    }

    /// Brings a model into memory, and returns once it is there.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn load(&self, name: &str, request: &LoadRequest) -> Result<Loaded, Error> {
        body::json(self.post(&["admin", "models", name, "load"], request).await?).await
    }

    /// Takes a model out of memory once its requests are answered, and returns when it is gone.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn unload(&self, name: &str) -> Result<Model, Error> {
        let path = ["admin", "models", name, "unload"];
        body::json(self.send(Method::POST, &path, None).await?).await
    }

    /// Has the server look for models again, and returns what has changed.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn rescan(&self) -> Result<Rescanned, Error> {
        body::json(self.send(Method::POST, &["admin", "rescan"], None).await?).await
    }

    /// What the server is, is doing and has done.
    ///
    /// # Errors
    ///
    /// Those of every call, see [`Client`].
    pub async fn status(&self) -> Result<ServerStatus, Error> {
        body::json(self.send(Method::GET, &["admin", "status"], None).await?).await
    }

    async fn post(&self, path: &[&str], request: &impl Serialize) -> Result<Response, Error> {
        let body = serde_json::to_vec(request).map_err(|source| Error::Encode { source })?;
        self.send(Method::POST, path, Some(body.into())).await
    }

    /// Sends a request until it succeeds or another attempt is pointless.
    async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Bytes>,
    ) -> Result<Response, Error> {
        let mut request = self.http.request(method, self.endpoint(path));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let mut attempt = 0;
        loop {
            let again = request.try_clone().expect("a body of bytes can be sent again");
            let error = match self.attempt(again, path).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match retry::wait(&error, attempt) {
                Some(wait) if attempt < self.retries => tokio::time::sleep(wait).await,
                _ => return Err(error),
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        request: reqwest::RequestBuilder,
        path: &[&str],
    ) -> Result<Response, Error> {
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(response),
            Ok(response) => Err(body::error(response).await),
            Err(error) => {
                let url = self.endpoint(path).into();
                let connecting = error.is_connect();
                let source = error.without_url();
                Err(if connecting {
                    Error::Connect { url, source }
                } else {
                    Error::Transport { url, source }
                })
            }
        }
    }

    /// The address of a path, given as the parts between its slashes: a slash in a name is part of the name.
    fn endpoint(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        let mut parts = url.path_segments_mut().expect("addresses of HTTP have paths");
        parts.pop_if_empty().extend(path);
        drop(parts);
        url
    }
}

/// What a server that is not healthy says of itself.
fn unhealthy(error: &Error) -> Option<Health> {
    match error {
        Error::Api { status: 503, body: ApiBody::Text(text), .. } => {
            serde_json::from_str(text).ok()
        }
        _ => None,
    }
}

/// Checks what people give as an address.
fn base_url(given: &str) -> Result<Url, Error> {
    let refuse = |reason: &str| Error::Url { url: given.into(), reason: reason.into() };
    let url = Url::parse(given).map_err(|error| refuse(&error.to_string()))?;
    if url.scheme() != "http" {
        return Err(refuse("only plain http:// is spoken"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The address appears in error messages, so a password in it would too.
        let reason = "it must not contain a user name or password".into();
        let url = format!("http://…@{}", url.host_str().unwrap_or_default());
        return Err(Error::Url { url, reason });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must end with the host, port or path"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiKey;
    use crate::scripted::{After, Scripted};
    use futures_util::StreamExt;
    use rkllm_api::Message;

    const BUSY: &str = r#"{"error": "try later", "status": "error", "code": "busy"}"#;
    const HEALTHY: &str = r#"{"status": "healthy", "model_loaded": true, "timestamp": 1.5}"#;

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nRetry-After: 0\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    fn events(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{body}")
    }

    fn chat() -> ChatRequest {
        ChatRequest { messages: vec![Message::user("Hi")], ..ChatRequest::default() }
    }

    #[test]
    fn addresses_that_cannot_work_are_refused() {
        let reason = |url| Client::new(url).unwrap_err().to_string();
        insta::assert_snapshot!(reason("127.0.0.1:5000"), @"cannot use `127.0.0.1:5000` as the address of a server: relative URL without a base; give one like http://127.0.0.1:5000");
        insta::assert_snapshot!(reason("localhost:5000"), @"cannot use `localhost:5000` as the address of a server: only plain http:// is spoken; give one like http://127.0.0.1:5000");
        insta::assert_snapshot!(reason("https://board:5000"), @"cannot use `https://board:5000` as the address of a server: only plain http:// is spoken; give one like http://127.0.0.1:5000");
        insta::assert_snapshot!(reason("http://me:secret@board:5000"), @"cannot use `http://…@board` as the address of a server: it must not contain a user name or password; give one like http://127.0.0.1:5000");
        insta::assert_snapshot!(reason("http://board:5000/?x=1"), @"cannot use `http://board:5000/?x=1` as the address of a server: it must end with the host, port or path; give one like http://127.0.0.1:5000");
    }

    #[test]
    fn a_path_before_the_api_is_kept() {
        for (base, endpoint) in [
            ("http://board", "http://board/chat"),
            ("http://board/", "http://board/chat"),
            ("http://board/llm", "http://board/llm/chat"),
            ("http://board/llm/", "http://board/llm/chat"),
        ] {
            assert_eq!(Client::new(base).unwrap().endpoint(&["chat"]).as_str(), endpoint);
        }
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        let client = Client::new("http://board").unwrap();
        let url = client.endpoint(&["admin", "models", "hf.co/org/m:Q4 ?#%", "load"]);
        assert_eq!(url.path(), "/admin/models/hf.co%2Forg%2Fm:Q4%20%3F%23%25/load");
        assert_eq!((url.query(), url.fragment()), (None, None));
    }

    #[tokio::test]
    async fn the_request_is_sent_as_json_with_stream_as_called() {
        let server =
            Scripted::play([answer("400 Bad Request", BUSY), events("")], After::Close).await;
        let client = Client::new(&server.url).unwrap();
        let streaming = ChatRequest { stream: true, ..chat() };
        client.chat(&streaming).await.unwrap_err();
        let mut stream = client.chat_stream(&chat()).await.unwrap();
        let ended = stream.next().await.unwrap();
        assert!(matches!(ended, Err(Error::Truncated { .. })), "{ended:?}");
        assert!(stream.next().await.is_none());

        let requests = server.requests().await;
        assert!(requests[0].starts_with("POST /chat HTTP/1.1\r\n"), "{}", requests[0]);
        assert!(requests[0].contains("content-type: application/json\r\n"), "{}", requests[0]);
        assert!(requests[0].ends_with(&serde_json::to_string(&chat()).unwrap()));
        assert!(requests[1].ends_with(&serde_json::to_string(&streaming).unwrap()));
    }

    #[tokio::test]
    async fn a_busy_server_is_tried_again() {
        let busy = answer("503 Service Unavailable", BUSY);
        let limited = answer("429 Too Many Requests", BUSY);
        let server = Scripted::play([busy, limited, answer("200 OK", HEALTHY)], After::Close).await;
        let health = Client::new(&server.url).unwrap().health().await.unwrap();
        assert_eq!(health.status, Health::HEALTHY);
        assert_eq!(server.requests().await.len(), 3);
    }

    #[tokio::test]
    async fn a_server_that_is_not_healthy_says_why() {
        let body =
            r#"{"status": "unhealthy", "model_loaded": false, "timestamp": 1, "reason": "x"}"#;
        let server = Scripted::play([answer("503 Service Unavailable", body)], After::Close).await;
        let options = Options { retries: 0, ..Options::default() };
        let client = Client::with_options(&server.url, &options).unwrap();
        let health = client.health().await.unwrap();
        assert_eq!(
            (health.status.as_str(), health.reason.as_deref()),
            (Health::UNHEALTHY, Some("x"))
        );
    }

    #[tokio::test]
    async fn every_request_carries_the_key() {
        let refused = answer("400 Bad Request", BUSY);
        let server = Scripted::play([refused.clone(), refused], After::Close).await;
        let options = Options { api_key: Some(ApiKey::new("sk-1")), ..Options::default() };
        let client = Client::with_options(&server.url, &options).unwrap();
        client.unload("a").await.unwrap_err();
        client.load("org/a", &LoadRequest::default()).await.unwrap_err();
        let requests = server.requests().await;
        assert!(requests[0].starts_with("POST /admin/models/a/unload HTTP/1.1\r\n"));
        assert!(requests[1].starts_with("POST /admin/models/org%2Fa/load HTTP/1.1\r\n"));
        for request in requests {
            assert!(request.contains("\r\nauthorization: Bearer sk-1\r\n"), "{request}");
        }
    }

    #[tokio::test]
    async fn retries_end_and_the_last_error_is_kept() {
        let busy = answer("503 Service Unavailable", BUSY);
        let server = Scripted::play([busy.clone(), busy], After::Close).await;
        let options = Options { retries: 1, ..Options::default() };
        let client = Client::with_options(&server.url, &options).unwrap();
        let error = client.chat_stream(&chat()).await.unwrap_err();
        assert!(matches!(error, Error::Api { status: 503, .. }), "{error:?}");
        assert_eq!(server.requests().await.len(), 2);
    }

    #[tokio::test]
    async fn a_stream_that_broke_is_not_tried_again() {
        let body = "data: {\"content\": \"Par\"}\n\n";
        let broken = format!(
            "{}9\r\n",
            answer("200 OK", "").replace("Content-Length: 0", "Transfer-Encoding: chunked")
        );
        let server = Scripted::play([events(body), broken], After::Close).await;
        let client = Client::new(&server.url).unwrap();

        let mut stream = client.chat_stream(&chat()).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().content, "Par");
        assert!(matches!(stream.next().await, Some(Err(Error::Truncated { .. }))));

        let mut stream = client.chat_stream(&chat()).await.unwrap();
        let broken = stream.next().await;
        assert!(matches!(broken, Some(Err(Error::Transport { .. }))), "{broken:?}");
        assert_eq!(server.requests().await.len(), 2);
    }

    #[tokio::test]
    async fn errors_keep_status_and_body() {
        let refused = answer("400 Bad Request", BUSY);
        let foreign = answer("404 Not Found", "<h1>nothing here</h1>");
        let server = Scripted::play([refused, foreign, answer("200 OK", "{}")], After::Close).await;
        let client = Client::new(&server.url).unwrap();

        let refused = client.chat(&chat()).await.unwrap_err();
        insta::assert_snapshot!(refused, @"the server answered with an error (HTTP status 400): try later [busy]");
        let foreign = client.chat(&chat()).await.unwrap_err();
        insta::assert_snapshot!(foreign, @r#"the server answered with an error (HTTP status 404): "<h1>nothing here</h1>"; is it an rkllm-server?"#);
        let Error::Api { body: ApiBody::Text(text), .. } = foreign else { panic!("{foreign:?}") };
        assert_eq!(text, "<h1>nothing here</h1>");
        let empty = client.health().await.unwrap_err();
        assert!(matches!(empty, Error::Decode { .. }), "{empty:?}");
    }

    #[tokio::test]
    async fn dropping_a_stream_closes_the_connection() {
        let script = events("data: {\"content\": \"Par\"}\n\n");
        let server = Scripted::play([script], After::WaitForClient).await;
        let client = Client::new(&server.url).unwrap();
        let mut stream = client.chat_stream(&chat()).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().content, "Par");
        drop(stream);
        // Returns only once the server has read the end of the connection.
        assert_eq!(server.requests().await.len(), 1);
    }

    #[tokio::test]
    async fn what_json_cannot_say_is_not_sent() {
        let client = Client::new("http://127.0.0.1:1").unwrap();
        let request = ChatRequest { temperature: Some(f64::NAN), ..chat() };
        let error = client.chat(&request).await.unwrap_err();
        assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    }
}
