//! Whether requests are taken, and how many there are.

use super::Registry;
use crate::error::{Code, Error};
use crate::worker::Status;

/// Whether requests are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// They are, and begin as soon as it is their turn.
    Ready,
    /// They are, and wait for the model to be loaded.
    Loading,
    /// The model that the server was started with has failed, for this reason.
    Failed { reason: String },
    /// The server is going down.
    Closing,
}

impl Readiness {
    /// What keeps requests from being answered at once, if anything does.
    pub(crate) fn error(&self) -> Option<Error> {
        let (code, message) = match self {
            Self::Ready => return None,
            Self::Loading => (Code::Busy, "the model is being loaded".to_owned()),
            Self::Failed { reason } => {
                (Code::ModelFailed, format!("the model has failed: {reason}"))
            }
            Self::Closing => (Code::ShuttingDown, "the server is shutting down".to_owned()),
        };
        Some(Error::new(code, message))
    }

    /// What keeps requests from being answered at all: that a model is being loaded only makes them
    /// wait.
    pub(crate) fn fault(&self) -> Option<String> {
        match self {
            Self::Loading => None,
            other => other.error().map(|error| error.message),
        }
    }
}

impl Registry {
    pub(crate) fn readiness(&self) -> Readiness {
        let state = self.inner.state.lock();
        if state.closing {
            return Readiness::Closing;
        }
        let Some(main) = &state.main else {
            return Readiness::Ready;
        };
        match state.shelf.get(&main.name).map(|loaded| loaded.worker.status()) {
            Some(Status::Ready(_)) => Readiness::Ready,
            // Who may not use the model need not read what its runtime printed.
            Some(Status::Failed { reason, .. }) => Readiness::Failed {
                reason: reason.split("; it printed last").next().unwrap_or_default().to_owned(),
            },
            // It may have been unloaded, and is loaded for the next request.
            None if *self.inner.started.borrow() => Readiness::Ready,
            _ => Readiness::Loading,
        }
    }

    /// Whether a model is in memory: the one that the server was started with, else any.
    pub(crate) fn is_loaded(&self) -> bool {
        let state = self.inner.state.lock();
        let names =
            state.main.as_ref().map_or_else(|| state.shelf.names(), |main| vec![main.name.clone()]);
        names.iter().any(|name| {
            let loaded = state.shelf.get(name);
            loaded.is_some_and(|loaded| matches!(loaded.worker.status(), Status::Ready(_)))
        })
    }

    /// Requests that run or wait for a model, which is none for one that is not in memory.
    pub(crate) fn requests(&self, name: &str) -> usize {
        let state = self.inner.state.lock();
        state.shelf.get(name).map_or(0, |loaded| loaded.worker.activity().requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loading_is_a_reason_to_wait_and_no_fault() {
        let failed = Readiness::Failed { reason: "it is cut".into() };
        let told =
            |readiness: &Readiness| (readiness.error().map(|error| error.code), readiness.fault());
        assert_eq!(told(&Readiness::Ready), (None, None));
        assert_eq!(told(&Readiness::Loading), (Some(Code::Busy), None));
        let fault = Some("the model has failed: it is cut".to_owned());
        assert_eq!(told(&failed), (Some(Code::ModelFailed), fault));
        let fault = Some("the server is shutting down".to_owned());
        assert_eq!(told(&Readiness::Closing), (Some(Code::ShuttingDown), fault));
    }
}
