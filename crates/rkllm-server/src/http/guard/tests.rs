//! Who is let in, through the same middleware as in the server.

use std::num::NonZeroU32;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Condition, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use actix_web::{App, web};
use serde_json::Value;

use super::super::{cors, key::Key, not_found, observe};
use super::*;

const LOCAL: &str = "127.0.0.1:5000";
const PUBLIC: &str = "0.0.0.0:5000";

/// What became of a request.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// Sends the requests one after the other, `METHOD path` and headers.
async fn ask(
    settings: HttpSettings,
    address: &str,
    requests: &[(&str, &[(&'static str, &str)])],
) -> Vec<Answer> {
    let http = Data::new(Http::new(settings, address.parse().unwrap()));
    let cors = Condition::new(!http.origins().is_empty(), cors(http.origins()));
    let ok = || async { HttpResponse::Ok().json("ok") };
    let app = App::new()
        .app_data(http)
        .route("/chat", web::to(ok))
        .route("/health", web::to(ok))
        .route("/v1/messages", web::to(ok))
        .default_service(web::to(not_found))
        .wrap(from_fn(guard))
        .wrap(cors)
        .wrap(from_fn(observe));
    let app = init_service(app).await;
    let mut answers = Vec::new();
    for (line, headers) in requests {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = TestRequest::with_uri(path).method(method.parse().unwrap());
        request = request.peer_addr("192.0.2.1:4000".parse().unwrap());
        for (name, value) in *headers {
            let name = HeaderName::from_static(name);
            request = request.insert_header((name, HeaderValue::from_str(value).unwrap()));
        }
        let response = call_service(&app, request.to_request()).await;
        let status = response.status().as_u16();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        let headers = headers.collect();
        let json = response.headers().contains_key("content-type");
        let body = if json { read_body_json(response).await } else { Value::Null };
        let answer = Answer { status, headers, body };
        // Whoever refused it, and whether it reached a route or not.
        assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{line}");
        answers.push(answer);
    }
    answers
}

fn keys() -> HttpSettings {
    HttpSettings { keys: vec![Key::new("secret").unwrap()], ..HttpSettings::default() }
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[actix_web::test]
async fn without_a_key_only_probes_and_the_description_are_answered() {
    let answers = ask(
        keys(),
        PUBLIC,
        &[
            ("POST /chat", &[]),
            ("POST /chat", &[("authorization", "Bearer wrong")]),
            ("POST /chat", &[("authorization", "Bearer secret")]),
            ("POST /v1/messages", &[]),
            ("POST /v1/messages", &[("x-api-key", "secret")]),
            ("GET /nowhere", &[]),
            ("GET /health", &[]),
            ("POST /v1/chat/completions", &[]),
            ("GET /v1/models", &[("anthropic-version", "2023-06-01")]),
            ("POST /api/chat", &[]),
            ("GET /admin/status", &[]),
            ("GET /docs", &[]),
        ],
    )
    .await;
    let expected = [401, 401, 200, 401, 200, 401, 200, 401, 401, 401, 401, 404];
    assert_eq!(statuses(&answers), expected);
    assert_eq!(answers[0].header("www-authenticate"), Some("Bearer"));
    assert_eq!(answers[0].body["code"], "unauthorized");
    assert_eq!(
        answers[0].body["error"],
        "the API key is missing; send it as Authorization: Bearer KEY or as x-api-key: KEY"
    );
    assert!(answers[1].body["error"].as_str().unwrap().starts_with("the API key is wrong"));
    assert_eq!(answers[3].body["error"]["type"], "authentication_error");
    assert_eq!(answers[3].body["request_id"], answers[3].header("request-id").unwrap());
    assert_eq!(answers[7].body["error"]["code"], "invalid_api_key");
    assert_eq!(answers[8].body["error"]["type"], "authentication_error");
    assert_eq!(answers[9].body["error"], answers[0].body["error"]);
}

#[actix_web::test]
async fn one_too_many_requests_are_refused_in_the_words_of_the_path() {
    let requests_per_minute = NonZeroU32::new(2);
    let settings = HttpSettings { requests_per_minute, ..HttpSettings::default() };
    let line = ("POST /chat", [].as_slice());
    let messages = ("POST /v1/messages", [].as_slice());
    let answers = ask(settings, PUBLIC, &[line, line, line, messages, ("GET /health", &[])]).await;
    assert_eq!(statuses(&answers), [200, 200, 429, 429, 200]);
    assert_eq!(answers[2].body["code"], "rate_limited");
    assert_eq!(answers[3].body["error"]["type"], "rate_limit_error");
    let wait: u32 = answers[2].header("retry-after").unwrap().parse().unwrap();
    assert!((1..=31).contains(&wait), "{wait}");
}

#[actix_web::test]
async fn names_of_others_are_refused_while_only_this_machine_may_ask() {
    let requests: &[(&str, &[(&str, &str)])] = &[
        ("POST /chat", &[("host", "localhost:5000")]),
        ("POST /chat", &[("host", "evil.example:5000")]),
        ("GET /health", &[("host", "evil.example")]),
        ("POST /v1/messages", &[("host", "evil.example")]),
        ("POST /chat", &[("host", "board")]),
    ];
    let allowed_hosts = vec!["board".to_owned()];
    let settings = HttpSettings { allowed_hosts, ..HttpSettings::default() };
    let answers = ask(settings, LOCAL, requests).await;
    assert_eq!(statuses(&answers), [200, 403, 403, 403, 200]);
    insta::assert_snapshot!(answers[1].body["error"].as_str().unwrap(), @"the request is for a server named evil.example, which is not a name of this one; call it localhost, or start it with --allowed-host evil.example or with --api-key");
    assert_eq!(answers[3].body["error"]["type"], "permission_error");
    assert_eq!(statuses(&ask(HttpSettings::default(), PUBLIC, requests).await), [200; 5]);
    let with_key: &[(&str, &[(&str, &str)])] =
        &[("POST /chat", &[("host", "evil.example"), ("x-api-key", "secret")])];
    assert_eq!(statuses(&ask(keys(), LOCAL, with_key).await), [200]);
}

#[actix_web::test]
async fn pages_of_others_may_have_nothing_done() {
    let evil = ("origin", "https://evil.example");
    let requests: &[(&str, &[(&str, &str)])] = &[
        ("POST /chat", &[evil]),
        ("POST /chat", &[("origin", "null")]),
        ("POST /chat", &[("origin", "http://localhost:3000")]),
        ("POST /chat", &[("origin", "http://board:5000"), ("host", "board:5000")]),
        ("GET /chat", &[evil]),
        ("GET /chat", &[evil, ("upgrade", "websocket")]),
    ];
    let answers = ask(HttpSettings::default(), PUBLIC, requests).await;
    assert_eq!(statuses(&answers), [403, 403, 200, 200, 200, 403]);
    insta::assert_snapshot!(answers[0].body["error"].as_str().unwrap(), @"pages of https://evil.example may not use this server; if they shall, start it with --cors-origin https://evil.example");
    let with_key: &[(&str, &[(&str, &str)])] = &[
        ("POST /chat", &[evil, ("x-api-key", "secret")]),
        ("GET /chat", &[evil, ("x-api-key", "secret"), ("upgrade", "websocket")]),
    ];
    assert_eq!(statuses(&ask(keys(), PUBLIC, with_key).await), [200, 403]);
}

#[actix_web::test]
async fn named_origins_may_read_answers_and_never_with_credentials() {
    let chat = "https://chat.example";
    let preflight = [("origin", chat), ("access-control-request-method", "POST")];
    let requests: &[(&str, &[(&str, &str)])] = &[
        ("OPTIONS /chat", &preflight),
        ("POST /chat", &[("origin", chat)]),
        ("POST /chat", &[("origin", chat), ("x-api-key", "secret")]),
        ("POST /chat", &[("origin", "https://evil.example"), ("x-api-key", "secret")]),
    ];
    let settings = HttpSettings { cors_origins: vec![chat.to_owned()], ..keys() };
    let answers = ask(settings, PUBLIC, requests).await;
    assert_eq!(statuses(&answers), [200, 401, 200, 200]);
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    for answer in &answers[..3] {
        assert_eq!(allowed(answer).as_deref(), Some(chat));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    assert_eq!(allowed(&answers[3]), None);
    let settings = HttpSettings { cors_origins: vec!["*".to_owned()], ..HttpSettings::default() };
    let answers = ask(settings, PUBLIC, &requests[..2]).await;
    assert_eq!(allowed(&answers[1]).as_deref(), Some("*"));
    let answers = ask(HttpSettings::default(), PUBLIC, &requests[1..2]).await;
    assert_eq!((answers[0].status, allowed(&answers[0])), (403, None));
}

#[actix_web::test]
async fn every_answer_names_its_request() {
    let answers = ask(
        HttpSettings::default(),
        PUBLIC,
        &[
            ("POST /chat", &[("x-request-id", "mine-1")]),
            ("GET /nowhere", &[]),
            ("POST /v1/messages/batches", &[("x-request-id", "not sane")]),
        ],
    )
    .await;
    assert_eq!(answers[0].header("x-request-id"), Some("mine-1"));
    assert_eq!(answers[0].header("request-id"), Some("mine-1"));
    assert!(answers[1].header("request-id").unwrap().starts_with("req_"));
    assert_eq!(answers[1].body["code"], "not_found");
    assert_eq!(answers[2].status, 404);
    assert_eq!(answers[2].body["request_id"], answers[2].header("x-request-id").unwrap());
    assert_eq!(answers[2].body["error"]["type"], "not_found_error");
}
