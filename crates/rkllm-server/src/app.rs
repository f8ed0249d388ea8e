//! The routes and what they share; the same for the server and for tests.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest};
use tokio::time::Instant;

use crate::dialect::{admin, anthropic, native, ollama, openai, openapi, ws};
use crate::http::{self as common, Client, Http};
use crate::hub::Hub;
use crate::registry::Registry;

/// What every handler may use.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(crate) hub: Hub,
    /// When the server began to serve.
    pub(crate) started: Instant,
}

impl State {
    /// The same for the client that sends a request: what a model remembers of one client's prompts
    /// is nobody else's.
    pub(crate) fn of(&self, request: &HttpRequest) -> Self {
        let registry = self.registry.clone().with_owner(Client::of(request).owner());
        Self { registry, hub: self.hub.clone(), started: self.started }
    }
}

/// The application: all routes, and a JSON answer for every other path.
///
/// Every request passes, in this order: id and log line, rules for other origins, who may ask,
/// compression, route.
pub(crate) fn create_app(
    state: State,
    http: Data<Http>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let cors = Condition::new(!http.origins().is_empty(), common::cors(http.origins()));
    App::new()
        .app_data(Data::new(state))
        .app_data(http)
        .configure(common::routes)
        .configure(admin::routes)
        .configure(anthropic::routes)
        .configure(native::routes)
        .configure(openai::routes)
        .configure(ollama::routes)
        .configure(openapi::routes)
        .configure(ws::routes)
        .default_service(web::to(common::not_found))
        .wrap(from_fn(common::compress))
        .wrap(from_fn(common::guard))
        .wrap(cors)
        .wrap(from_fn(common::observe))
}
