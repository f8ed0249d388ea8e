//! The models directory, and the hub that models are fetched into it from.
//!
//! Nothing here knows HTTP dialects or loaded models: whoever changes something tells the registry.

mod client;
mod download;
#[cfg(test)]
mod fake;
mod fault;
mod folder;
mod part;
mod pull;
mod settings;
mod source;
mod stage;
mod store;
#[cfg(test)]
mod tests;
mod toml;
mod upload;

use std::sync::Arc;

pub(crate) use pull::{Progress, Pulling};
pub(crate) use settings::Settings;
pub(crate) use store::{Base, Creation, Store};
pub(crate) use toml::Changes;
pub(crate) use upload::sha256;

use crate::error::Error;

/// The way to the models directory and the hub. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    store: Option<Store>,
    pulls: pull::Pulls,
}

impl Hub {
    pub(crate) fn new(settings: Settings) -> Self {
        let store = settings.models.clone().map(Store::new);
        Self { inner: Arc::new(Inner { settings, store, pulls: pull::Pulls::default() }) }
    }

    /// The models directory.
    ///
    /// # Errors
    /// When the server was started without one.
    pub(crate) fn store(&self) -> Result<&Store, Error> {
        self.inner.store.as_ref().ok_or_else(fault::no_directory)
    }

    /// Fetches a model by one of its names on the hub, or joins whoever does so already. Ends when
    /// nobody waits for it any more; what has arrived is kept for the next try.
    ///
    /// # Errors
    /// When there is no models directory, or the name says nothing that can be fetched.
    pub(crate) async fn pull(&self, name: &str) -> Result<Pulling, Error> {
        let store = self.store()?.clone();
        let source = source::Source::parse(name, &self.inner.settings.short_names)?;
        // Reads the system's certificates.
        let hub = self.clone();
        let client = download::blocking(move || client::Client::new(&hub.inner.settings)).await?;
        let errand = pull::Errand { name: name.trim().to_owned(), source, client, store };
        Ok(self.inner.pulls.join(errand))
    }
}
