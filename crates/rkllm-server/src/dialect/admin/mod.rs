//! The admin API: which models there are, loading and unloading them, and how the server is doing.

mod encode;
mod status;

use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use rkllm_api::{KeepAlive as Asked, LoadRequest, Loaded, Model, ModelList, Rescanned};

use super::native::failure;
use super::{body, ignored, json};
use crate::app::State;
use crate::error::Error;
use crate::http::resource;
use crate::registry::catalog::keep_alive;
use crate::registry::{KeepAlive, Target};

/// What all its paths begin with.
const PREFIX: &str = "/admin";

/// The paths, for clients that ask for something else.
pub(super) const PATHS: &str = "GET /admin/models, GET /admin/models/{name}, POST \
     /admin/models/{name}/load, POST /admin/models/{name}/unload, POST /admin/rescan and GET \
     /admin/status";

/// Whether a path is one of the admin API.
pub(super) fn owns(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Mounts the admin API. Names of models contain slashes, plain or encoded.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/admin/models", "GET").route(web::get().to(models)))
        .service(resource("/admin/models/{name:.+}/load", "POST").route(web::post().to(load)))
        .service(resource("/admin/models/{name:.+}/unload", "POST").route(web::post().to(unload)))
        .service(resource("/admin/models/{name:.+}", "GET").route(web::get().to(model)))
        .service(resource("/admin/rescan", "POST").route(web::post().to(rescan)))
        .service(resource("/admin/status", "GET").route(web::get().to(status::status)));
}

async fn models(state: Data<State>) -> HttpResponse {
    let models = state.registry.models().await;
    let models = models.into_iter().map(|model| told(&state, model)).collect();
    HttpResponse::Ok().json(ModelList { models })
}

async fn model(state: Data<State>, name: Path<String>) -> HttpResponse {
    match one(&state, &name).await {
        Ok(model) => HttpResponse::Ok().json(model),
        Err(error) => failure(&error),
    }
}

/// Loads a model and answers once that is done. Its body may be left out.
async fn load(
    state: Data<State>,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let answered = async {
        let (keep_alive, ignored) = wanted(&body::read(&request, payload).await?)?;
        let target = Target { model: Some(name.clone()), keep_alive };
        let took = state.registry.load(&target).await?;
        let model = one(&state, &name).await?;
        let mut response = HttpResponse::Ok();
        if !ignored.is_empty() {
            response.insert_header((ignored::IGNORED, ignored::header(&ignored)));
        }
        Ok(response.json(Loaded { load_ms: took.as_secs_f64() * 1000.0, model }))
    };
    answered.await.unwrap_or_else(|error: Error| failure(&error))
}

async fn unload(state: Data<State>, name: Path<String>) -> HttpResponse {
    let unloaded = async {
        state.registry.unload(Some(&name)).await?;
        one(&state, &name).await
    };
    match unloaded.await {
        Ok(model) => HttpResponse::Ok().json(model),
        Err(error) => failure(&error),
    }
}

async fn rescan(state: Data<State>) -> HttpResponse {
    match state.registry.changes().await {
        Ok(diff) => HttpResponse::Ok().json(Rescanned {
            added: diff.added,
            changed: diff.changed,
            removed: diff.removed,
            broken: diff.broken.into_iter().map(|broken| broken.name).collect(),
        }),
        Err(error) => failure(&error),
    }
}

async fn one(state: &State, name: &str) -> Result<Model, Error> {
    Ok(told(state, state.registry.model(Some(name)).await?))
}

fn told(state: &State, model: crate::registry::ModelInfo) -> Model {
    let requests = state.registry.requests(&model.name);
    encode::model(model, requests)
}

/// How long a model is to stay, and what else the body says.
fn wanted(body: &[u8]) -> Result<(Option<KeepAlive>, Vec<String>), Error> {
    if body.is_empty() {
        return Ok((None, Vec::new()));
    }
    let (request, ignored) = json::parse::<LoadRequest>(body, r#"{"keep_alive": "5m"}"#)?;
    let keep_alive = match request.keep_alive {
        None => None,
        Some(asked) => Some(read(&asked)?),
    };
    Ok((keep_alive, ignored))
}

fn read(asked: &Asked) -> Result<KeepAlive, Error> {
    let (time, said) = match asked {
        Asked::Seconds(seconds) => (keep_alive::from_seconds(*seconds), format!("{seconds:?}")),
        Asked::Text(text) => (keep_alive::from_text(text), format!("{text:?}")),
    };
    time.ok_or_else(|| {
        Error::invalid(format!(
            "keep_alive is {said}; send seconds, 0, -1 for ever, or a time such as \"5m\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};

    use super::*;

    #[test]
    fn a_load_may_say_how_long() {
        let minutes = KeepAlive::For(Duration::from_secs(300));
        for (body, meant) in [
            ("", None),
            ("{}", None),
            (r#"{"keep_alive": null}"#, None),
            (r#"{"keep_alive": "5m"}"#, Some(minutes)),
            (r#"{"keep_alive": 300}"#, Some(minutes)),
            (r#"{"keep_alive": -1}"#, Some(KeepAlive::Forever)),
        ] {
            assert_eq!(wanted(body.as_bytes()).unwrap(), (meant, vec![]), "{body}");
        }
        assert_eq!(wanted(br#"{"mood": 1}"#).unwrap(), (None, vec!["mood".to_owned()]));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let refused = |body: &str| wanted(body.as_bytes()).unwrap_err().message;
        insta::assert_snapshot!(
            [
                refused(r#"{"keep_alive": "soon"}"#),
                refused(r#"{"keep_alive": 1e300}"#),
                refused(r#"{"keep_alive": true}"#),
                refused("5m"),
            ]
            .join("\n"),
            @r#"
        keep_alive is "soon"; send seconds, 0, -1 for ever, or a time such as "5m"
        keep_alive is 1e300; send seconds, 0, -1 for ever, or a time such as "5m"
        keep_alive: invalid type: boolean `true`, expected seconds, or a time such as "5m" at line 1 column 19; send for example {"keep_alive": "5m"}
        the request body is not a JSON object; send for example {"keep_alive": "5m"}
        "#
        );
    }

    #[test]
    fn its_paths_are_its_own() {
        assert!(owns("/admin") && owns("/admin/") && owns("/admin/models/x"));
        assert!(!owns("/administration") && !owns("/chat"));
    }

    #[actix_web::test]
    async fn names_contain_anything() {
        let echo = |what: &'static str| {
            web::get().to(move |name: Path<String>| async move { format!("{what} {name}") })
        };
        let app = init_service(
            App::new()
                .route("/admin/models/{name:.+}/load", echo("load"))
                .route("/admin/models/{name:.+}", echo("show")),
        )
        .await;
        for (path, read) in [
            ("/admin/models/hf.co/org/m:Q4", "show hf.co/org/m:Q4"),
            ("/admin/models/hf.co%2Forg%2Fm:Q4/load", "load hf.co/org/m:Q4"),
            ("/admin/models/org/load", "load org"),
            ("/admin/models/org/load/load", "load org/load"),
        ] {
            let request = TestRequest::get().uri(path).to_request();
            assert_eq!(read_body(call_service(&app, request).await).await, read, "{path}");
        }
    }
}
