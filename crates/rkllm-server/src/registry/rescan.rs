//! Models that came, changed or went while the server runs.

use tokio::time::Instant;

use super::catalog::Diff;
use super::{Registry, shelf};
use crate::error::{Code, Error};

impl Registry {
    /// Looks for models again, and puts up with what there was where that fails.
    pub(crate) async fn rescan(&self) {
        if let Err(error) = self.changes().await {
            tracing::error!("{error}");
        }
    }

    /// Looks for models again, after files of the models folder came, changed or went, and says what is
    /// different. Models that are in memory and have changed are let go once their requests are
    /// answered.
    pub(crate) async fn changes(&self) -> Result<Diff, Error> {
        let Some(catalog) = self.inner.state.lock().catalog.clone() else {
            return Ok(Diff::default());
        };
        let scanned = tokio::task::spawn_blocking(move || catalog.rescan()).await;
        let mut state = self.inner.state.lock();
        state.scanned = Instant::now();
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("looking at the models folder failed: {error}");
            Error::new(Code::StorageFailed, message)
        };
        let scanned = scanned.map_err(|error| failed(&error))?;
        let (catalog, diff) = scanned.map_err(|error| failed(&error))?;
        for name in diff.changed.iter().chain(&diff.removed) {
            drop(state.shelf.unload(name, shelf::far()));
        }
        if !diff.is_empty() {
            let (added, removed) = (diff.added.len(), diff.removed.len());
            let changed = diff.changed.len();
            tracing::info!(added, removed, changed, "the models folder has changed");
        }
        state.catalog = Some(catalog);
        Ok(diff)
    }
}
