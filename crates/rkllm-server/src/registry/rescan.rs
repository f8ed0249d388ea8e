//! Models that came, changed or went while the server runs.

use tokio::time::Instant;

use super::catalog::{Catalog, CatalogError, Diff};
use super::{Registry, State, shelf};
use crate::error::{Code, Error};

/// A catalog that was looked at again, and what is different.
type Looked = Result<(Catalog, Diff), CatalogError>;

impl Registry {
    /// Looks for models again, and puts up with what there was where that fails.
    pub(crate) async fn rescan(&self) {
        if let Err(error) = self.look_again(Some(Instant::now()), look).await {
            tracing::error!("{error}");
        }
    }

    /// Looks for models again, after files of the models folder came, changed or went, and says what is
    /// different. Models that are in memory and have changed are let go once their requests are
    /// answered.
    pub(crate) async fn changes(&self) -> Result<Diff, Error> {
        self.look_again(None, look).await
    }

    /// Looks at the folder, one after the other: what was seen first must not replace what was seen
    /// last. Whoever waited while somebody else looked and began after `since` need not look again.
    async fn look_again(
        &self,
        since: Option<Instant>,
        look: impl AsyncFnOnce(Catalog) -> Result<Looked, tokio::task::JoinError>,
    ) -> Result<Diff, Error> {
        let _turn = self.inner.scanning.lock().await;
        let (catalog, scanned) = {
            let state = self.inner.state.lock();
            (state.catalog.clone(), state.scanned)
        };
        let Some(catalog) = catalog.filter(|_| since.is_none_or(|since| scanned < since)) else {
            return Ok(Diff::default());
        };
        let began = Instant::now();
        let looked = look(catalog).await;
        let mut state = self.inner.state.lock();
        state.scanned = began;
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!("looking at the models folder failed: {error}");
            Error::new(Code::StorageFailed, message)
        };
        let looked = looked.map_err(|error| failed(&error))?;
        let (catalog, diff) = looked.map_err(|error| failed(&error))?;
        state.replace(catalog, &diff);
        Ok(diff)
    }
}

/// Looks where waiting for the disk holds up nobody.
async fn look(catalog: Catalog) -> Result<Looked, tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || catalog.rescan()).await
}

impl State {
    /// Goes on with a catalog that differs so from the one before.
    fn replace(&mut self, catalog: Catalog, diff: &Diff) {
        let old = self.catalog.replace(catalog);
        for name in diff.changed.iter().chain(&diff.removed) {
            let was = old.iter().flat_map(Catalog::entries).find(|entry| entry.name == *name);
            // The model that the server was started with may have the name and be another file.
            let file = self.shelf.get(name).map(|loaded| &loaded.entry.file);
            if file.is_some() && file == was.map(|entry| &entry.file) {
                drop(self.shelf.unload(name, shelf::far()));
            }
        }
        if !diff.is_empty() {
            let (added, removed) = (diff.added.len(), diff.removed.len());
            let changed = diff.changed.len();
            tracing::info!(added, removed, changed, "the models folder has changed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tokio::sync::oneshot;

    use super::super::{Models, tests::defaults};
    use super::*;

    fn registry(folder: &Path) -> Registry {
        let catalog = Some(Catalog::scan(folder).unwrap());
        Registry::new(Models { main: None, catalog }, defaults()).0
    }

    fn names(registry: &Registry) -> Vec<String> {
        registry.inner.state.lock().entries().map(|entry| entry.name.clone()).collect()
    }

    fn add(folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.rkllm")), "x").unwrap();
    }

    #[tokio::test]
    async fn what_was_seen_first_never_replaces_what_was_seen_last() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        let (go, wait) = oneshot::channel();
        let first = registry.look_again(None, async |catalog| {
            let looked = catalog.rescan();
            wait.await.unwrap();
            Ok(looked)
        });
        let second = registry.look_again(None, async |catalog| Ok(catalog.rescan()));
        let (mut first, mut second) = (Box::pin(first), Box::pin(second));
        assert!(futures_util::poll!(&mut first).is_pending(), "it has looked");
        add(folder.path(), "a");
        assert!(futures_util::poll!(&mut second).is_pending(), "it has not");
        go.send(()).unwrap();
        assert!(first.await.unwrap().is_empty());
        assert_eq!(second.await.unwrap().added, ["a"]);
        assert_eq!(names(&registry), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_began_late_enough_serves_all_who_waited() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(folder.path());
        let asked = Instant::now();
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        registry.changes().await.unwrap();
        add(folder.path(), "a");
        let never = async |_: Catalog| -> Result<Looked, _> { panic!("it looks again") };
        assert!(registry.look_again(Some(asked), never).await.unwrap().is_empty());
        assert_eq!(registry.changes().await.unwrap().added, ["a"], "who asks for it gets it");
    }
}
