//! `GET /ws`: the native API over one connection that carries several requests at a time.

mod connection;
mod id;
mod inbound;
mod outbound;

use actix_web::dev;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use tracing::{Instrument, Span};

use super::{body, native};
use crate::app::State;
use crate::error::Error;
use crate::http::{Client, Http, Room, resource};
use connection::{Connection, Shared};

/// Where the WebSocket is.
pub(super) const PATH: &str = "/ws";

/// Mounts the WebSocket.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(resource(PATH, "GET").route(web::get().to(open)));
}

async fn open(
    state: Data<State>,
    http: Data<Http>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let room = Room::of(&request);
    let payload = counted(&request, payload, room.clone()).await;
    let (response, session, stream) = match actix_ws::handle(&request, payload) {
        Ok(opened) => opened,
        Err(error) => {
            return native::failure(&Error::invalid(format!(
                "{PATH} is a WebSocket and this request opens none: {error}; connect a WebSocket \
                 client to it, or send the request to /chat"
            )));
        }
    };
    let client = Client::of(&request);
    let state = Data::new(state.of(&request));
    let stream = stream.max_frame_size(body::MAX_BODY).aggregate_continuations();
    let stream = stream.max_continuation_size(body::MAX_BODY);
    let connection = Connection::new(Shared { state, http, client, room }, session);
    actix_web::rt::spawn(connection.serve(stream).instrument(Span::current()));
    response
}

/// What the client sends, as far as there is room for it beside what others send.
async fn counted(request: &HttpRequest, payload: Payload, room: Room) -> Payload {
    let payload = Box::pin(room.counted(payload));
    let counted = Payload::from_request(request, &mut dev::Payload::Stream { payload }).await;
    counted.expect("a payload is taken as it is")
}
