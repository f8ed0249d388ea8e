//! A request as it came, checked for what needs no model.

use super::line::Shape;
use crate::generate::Request;
use crate::registry::KeepAlive;

/// A request for an answer, or only for its model.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The model, as the client names it.
    pub(super) model: String,
    /// What is to be answered; `None`: the model is to be loaded, or unloaded.
    pub(super) request: Option<Request>,
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) stream: bool,
    pub(super) shape: Shape,
    /// Fields without effect.
    pub(super) ignored: Vec<String>,
}
