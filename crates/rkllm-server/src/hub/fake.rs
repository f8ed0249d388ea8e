//! A hub for tests, on a free port of this machine.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use bytes::Bytes;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::upload::sha256;
use super::{Hub, Progress, Settings};

/// What the hub does and what it was asked.
#[derive(Debug, Default)]
pub(super) struct Behaviour {
    /// Contents of the repository `me/tiny`, by path.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Bytes after which each answer breaks off.
    pub(super) cut: Option<usize>,
    /// Says that contents have this sha256.
    pub(super) lie: Option<String>,
    /// Hands contents out under another address.
    pub(super) redirects: bool,
    /// Does not honour ranges.
    pub(super) rangeless: bool,
    /// Wants this token.
    pub(super) token: Option<String>,
    /// The contents that were asked for: path, and the range.
    pub(super) asked: Vec<(String, Option<String>)>,
}

/// A running hub. Contents are handed out as long as there are permits for them.
pub(super) struct Fake {
    pub(super) behaviour: Arc<Mutex<Behaviour>>,
    pub(super) permits: Arc<Semaphore>,
    address: String,
    server: ServerHandle,
}

type Shared = (Arc<Mutex<Behaviour>>, Arc<Semaphore>);

impl Fake {
    pub(super) fn start(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec()));
        let behaviour = Behaviour { files: files.collect(), ..Behaviour::default() };
        let behaviour = Arc::new(Mutex::new(behaviour));
        let permits = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let shared: Shared = (Arc::clone(&behaviour), Arc::clone(&permits));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(shared.clone()))
                .route("/api/models/me/tiny", web::get().to(describe))
                .route("/me/tiny/resolve/{revision}/{path:.*}", web::head().to(facts))
                .route("/me/tiny/resolve/{revision}/{path:.*}", web::get().to(content))
                .route("/elsewhere/{path:.*}", web::get().to(elsewhere))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let address = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { behaviour, permits, address, server: handle }
    }

    pub(super) fn settings(&self, models: &std::path::Path) -> Settings {
        Settings {
            models: Some(models.to_owned()),
            endpoint: self.address.clone(),
            token: None,
            short_names: BTreeMap::new(),
        }
    }

    pub(super) fn hub(&self, models: &std::path::Path) -> Hub {
        Hub::new(self.settings(models))
    }

    pub(super) async fn stop(self) {
        self.server.stop(false).await;
    }
}

/// Waits for the end of a pull.
pub(super) async fn pull(hub: &Hub, name: &str) -> Progress {
    let mut pulling = hub.pull(name).await.unwrap();
    loop {
        let progress = pulling.next().await;
        if matches!(progress, Progress::Done | Progress::Failed(_)) {
            return progress;
        }
    }
}

/// The sha256 of a content in hexadecimal.
pub(super) fn digest(content: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn describe(shared: Data<Shared>) -> HttpResponse {
    let behaviour = shared.0.lock();
    let siblings = behaviour.files.keys().map(|path| serde_json::json!({ "rfilename": path }));
    HttpResponse::Ok().json(serde_json::json!({ "siblings": siblings.collect::<Vec<_>>() }))
}

async fn facts(
    shared: Data<Shared>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> HttpResponse {
    let behaviour = shared.0.lock();
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap());
    let expected = behaviour.token.as_ref().map(|token| format!("Bearer {token}"));
    if expected.is_some() && authorization != expected.as_deref() {
        return HttpResponse::Unauthorized().finish();
    }
    let Some(content) = behaviour.files.get(&path.1) else {
        return HttpResponse::NotFound().finish();
    };
    let tag = behaviour.lie.clone().unwrap_or_else(|| digest(content));
    assert!(sha256(&format!("sha256:{tag}")).is_some());
    HttpResponse::Found()
        .insert_header(("location", "http://nowhere.invalid/x"))
        .insert_header(("x-linked-etag", format!("\"{tag}\"")))
        .insert_header(("x-linked-size", content.len().to_string()))
        .insert_header(("x-repo-commit", "0123abcd"))
        .finish()
}

async fn content(
    shared: Data<Shared>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> HttpResponse {
    if shared.0.lock().redirects {
        let target = format!("/elsewhere/{}", path.1);
        return HttpResponse::Found().insert_header(("location", target)).finish();
    }
    assert_eq!(path.0, "0123abcd", "contents are asked for by commit");
    hand_out(&shared, &path.1, &request).await
}

async fn elsewhere(
    shared: Data<Shared>,
    path: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    hand_out(&shared, &path, &request).await
}

async fn hand_out(shared: &Shared, path: &str, request: &HttpRequest) -> HttpResponse {
    let range = request.headers().get("range").map(|range| range.to_str().unwrap().to_owned());
    let (mut bytes, cut, rangeless) = {
        let mut behaviour = shared.0.lock();
        behaviour.asked.push((path.to_owned(), range.clone()));
        (behaviour.files[path].clone(), behaviour.cut, behaviour.rangeless)
    };
    shared.1.acquire().await.unwrap().forget();
    let total = bytes.len();
    let start = range.filter(|_| !rangeless).map(|range| {
        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse::<usize>().unwrap()
    });
    let mut response = HttpResponse::Ok();
    if let Some(start) = start {
        response = HttpResponse::PartialContent();
        response.insert_header(("content-range", format!("bytes {start}-{}/{total}", total - 1)));
        bytes.drain(..start);
    }
    response.no_chunking(bytes.len() as u64);
    let whole = cut.is_none_or(|cut| cut >= bytes.len());
    bytes.truncate(cut.unwrap_or(usize::MAX));
    let mut pieces: Vec<io::Result<Bytes>> = vec![Ok(bytes.into())];
    if !whole {
        pieces.push(Err(io::Error::other("cut")));
    }
    response.streaming(stream::iter(pieces))
}
