//! Which dialect a path belongs to, and in whose words its errors are therefore told.

use actix_web::dev::RequestHead;
use actix_web::{HttpRequest, HttpResponse};

use super::{admin, anthropic, native, ollama, openai, ws};
use crate::error::Error;

/// What HTTP as a whole needs to know of a dialect.
pub(crate) struct Face {
    /// For metrics.
    pub(crate) name: &'static str,
    /// What there is, for clients that ask for something else.
    pub(crate) paths: &'static str,
    owns: fn(&RequestHead) -> bool,
    failure: fn(&HttpRequest, &Error) -> HttpResponse,
}

/// All dialects; the first one that owns a path has it.
const FACES: [Face; 6] = [
    Face {
        name: "anthropic",
        paths: anthropic::PATHS,
        owns: anthropic::owns,
        failure: anthropic::failure,
    },
    Face {
        name: "openai",
        paths: openai::PATHS,
        owns: openai::owns,
        failure: |_, error| openai::failure(error),
    },
    Face {
        name: "ollama",
        paths: ollama::PATHS,
        owns: ollama::owns,
        failure: |_, error| ollama::failure(error),
    },
    Face {
        name: "admin",
        paths: admin::PATHS,
        owns: |request| admin::owns(request.uri.path()),
        failure: |_, error| native::failure(error),
    },
    Face {
        name: "websocket",
        paths: ws::PATH,
        owns: |request| request.uri.path() == ws::PATH,
        failure: |_, error| native::failure(error),
    },
    Face {
        name: "native",
        paths: "GET /health, POST /generate and POST /chat",
        owns: |_| true,
        failure: |_, error| native::failure(error),
    },
];

impl Face {
    /// The dialect of a request.
    pub(crate) fn of(request: &RequestHead) -> &'static Self {
        let mut faces = const { &FACES }.iter();
        faces.find(|face| (face.owns)(request)).expect("the native dialect owns every path")
    }

    /// An error in the dialect's words.
    pub(crate) fn failure(&self, request: &HttpRequest, error: &Error) -> HttpResponse {
        (self.failure)(request, error)
    }
}
