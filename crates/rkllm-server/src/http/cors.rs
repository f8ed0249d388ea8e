//! Which pages of other origins may read answers.

use actix_cors::Cors;

use super::origin::Origins;
use super::request_id::{REQUEST_ID, X_REQUEST_ID};
use crate::dialect::IGNORED;

/// Seconds for which a browser need not ask again.
const MAX_AGE: usize = 600;

/// The rules for named origins. Never with credentials: a page has to know a key, the browser does
/// not add one.
pub(crate) fn cors(origins: &Origins) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        .expose_headers([X_REQUEST_ID.as_str(), REQUEST_ID.as_str(), IGNORED, "retry-after"])
        .max_age(MAX_AGE);
    if origins.any() {
        return cors.allow_any_origin().send_wildcard();
    }
    let origins = origins.clone();
    cors.allowed_origin_fn(move |origin, _| origins.names(origin.as_bytes()))
}
