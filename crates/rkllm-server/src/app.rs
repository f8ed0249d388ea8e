//! The routes and what they share; the same for the server and for tests.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, web};

use crate::dialect::{native, ollama, openai};
use crate::hub::Hub;
use crate::registry::Registry;

/// What every handler may use.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(crate) hub: Hub,
}

/// The application: all routes, and a JSON answer for every other path.
pub(crate) fn create_app(
    state: State,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(web::Data::new(state))
        .configure(native::routes)
        .configure(openai::routes)
        .configure(ollama::routes)
        .default_service(web::to(native::not_found))
}
