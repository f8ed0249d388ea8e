//! What all of HTTP has in common, whatever the dialect: who may ask, how often and from where,
//! request ids, log lines, compression, probes.

mod client;
mod compress;
mod cors;
mod guard;
mod host;
mod inflate;
mod key;
mod observe;
mod origin;
mod probes;
mod rate;
mod request_id;
mod resource;
mod room;
mod settings;

pub(crate) use client::Client;
pub(crate) use compress::compress;
pub(crate) use cors::cors;
pub(crate) use guard::{Http, guard};
pub(crate) use inflate::{Encoding, InflateError, inflate};
pub(crate) use key::Key;
pub(crate) use observe::observe;
pub(crate) use probes::{Probe, routes};
pub(crate) use request_id::RequestId;
pub(crate) use resource::{not_found, resource};
pub(crate) use room::{Room, Taken};
pub(crate) use settings::HttpSettings;
