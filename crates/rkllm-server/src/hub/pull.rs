//! Models on their way from the hub; who wants the same one waits for the same download.

use std::pin::pin;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::client::{Client, Remote};
use super::download::{blocking, download};
use super::fault;
use super::folder::{Folder, is_path, without_latest};
use super::source::{self, Source};
use super::stage::File;
use super::store::{Fetched, Store};
use crate::error::Error;

/// Files that a `.rkllm` model needs beside it: it holds no tokenizer that others can use. None of
/// them is settings.
pub(super) const COMPANIONS: [&str; 8] = [
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// How far a model is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Progress {
    /// The hub is asked what the name stands for.
    Resolving,
    /// A file arrives.
    Downloading {
        /// Its name.
        file: String,
        /// Its sha256 in hexadecimal, where the hub tells.
        sha256: Option<String>,
        /// Bytes that are there.
        completed: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The model is in the models directory.
    Done,
    /// It will not be.
    Failed(Error),
}

/// What is to be fetched, and with what.
pub(super) struct Errand {
    /// What the client calls the model.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) client: Client,
    pub(super) store: Store,
}

/// All downloads under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulls {
    // A lock, because nothing is waited for under it.
    running: Arc<Mutex<Vec<Pull>>>,
}

#[derive(Debug)]
struct Pull {
    name: String,
    progress: Arc<watch::Sender<Progress>>,
}

/// Waiting for a model. The download ends when nobody waits any more.
#[derive(Debug)]
pub(crate) struct Pulling {
    progress: watch::Receiver<Progress>,
    begun: bool,
}

impl Pulling {
    /// How far the model is: at once the first time, then when there is something new. What is not
    /// asked for in time is left out, but for the end.
    pub(crate) async fn next(&mut self) -> Progress {
        if std::mem::replace(&mut self.begun, true) {
            // Without a sender the last word is said already.
            let _ = self.progress.changed().await;
        }
        self.progress.borrow_and_update().clone()
    }
}

impl Pulls {
    /// Begins a download or joins the one under way.
    pub(super) fn join(&self, errand: Errand) -> Pulling {
        let mut running = self.running.lock();
        let same = |pull: &&Pull| pull.name.eq_ignore_ascii_case(&errand.name);
        if let Some(pull) = running.iter().find(same) {
            return Pulling { progress: pull.progress.subscribe(), begun: false };
        }
        let (sender, progress) = watch::channel(Progress::Resolving);
        let sender = Arc::new(sender);
        running.push(Pull { name: errand.name.clone(), progress: Arc::clone(&sender) });
        drop(running);
        tokio::spawn(self.clone().run(errand, sender));
        Pulling { progress, begun: false }
    }

    async fn run(self, errand: Errand, progress: Arc<watch::Sender<Progress>>) {
        let mut fetching = pin!(fetch(&errand, &progress));
        loop {
            tokio::select! {
                fetched = &mut fetching => {
                    let end = fetched.map_or_else(Progress::Failed, |()| Progress::Done);
                    let mut running = self.running.lock();
                    running.retain(|pull| !Arc::ptr_eq(&pull.progress, &progress));
                    progress.send_replace(end);
                    return;
                }
                () = progress.closed() => {
                    let mut running = self.running.lock();
                    // Somebody may have joined in the meantime; under the lock nobody can.
                    if progress.receiver_count() == 0 {
                        running.retain(|pull| !Arc::ptr_eq(&pull.progress, &progress));
                        return;
                    }
                }
            }
        }
    }
}

async fn fetch(errand: &Errand, progress: &watch::Sender<Progress>) -> Result<(), Error> {
    let Errand { name, source, client, store } = errand;
    let listed = client.list(&source.repo).await?;
    let path = source.choose(&listed)?;
    let model = client.look_up(&source.repo, path).await?;
    let file = source::file_name(path);
    let folder = folder(source, path, name)?;
    if store.admit(&folder, file, model.sha256().unwrap_or(&model.tag)).await? {
        return Ok(());
    }
    store.make_blobs().await?;
    let mut files = vec![fetch_file(errand, &model, progress).await?];
    for companion in companions(path, &listed) {
        let remote = client.look_up(&source.repo, companion).await?;
        files.push(fetch_file(errand, &remote, progress).await?);
    }
    store.install(Fetched { folder, files }).await
}

async fn fetch_file(
    errand: &Errand,
    remote: &Remote,
    progress: &watch::Sender<Progress>,
) -> Result<File, Error> {
    let name = source::file_name(&remote.path).to_owned();
    let sha256 = remote.sha256().map(str::to_owned);
    let kind = if sha256.is_some() { "sha256" } else { "etag" };
    let from = errand.store.blob(&format!("{kind}-{}", remote.tag));
    let report = |completed| {
        progress.send_replace(Progress::Downloading {
            file: name.clone(),
            sha256: sha256.clone(),
            completed,
            total: remote.size,
        });
    };
    // Complete from a pull that failed later on.
    let whole = from.clone();
    if blocking(move || whole.is_file()).await {
        report(remote.size);
    } else {
        download(&errand.client, remote, &from, report).await?;
    }
    Ok(File { from, name, moved: true, sha256 })
}

/// The folder of a model: by what the hub calls it.
fn folder(source: &Source, path: &str, name: &str) -> Result<Folder, Error> {
    let org = source.repo.split('/').next().unwrap_or_default();
    let folder = format!("hf.co/{org}/{}", source::stem(path));
    if !is_path(&folder) || !is_path(path) {
        return Err(fault::download(format!(
            "{path:?} of {} has a name that no file here can have",
            source.repo
        )));
    }
    Ok(Folder { path: folder, alias: Some(without_latest(name).to_owned()) })
}

/// The files beside a model that it needs.
fn companions<'a>(model: &'a str, listed: &'a [String]) -> impl Iterator<Item = &'a str> {
    let folder = model.strip_suffix(source::file_name(model)).unwrap_or_default();
    let needed = model.to_ascii_lowercase().ends_with(".rkllm");
    listed.iter().map(String::as_str).filter(move |path| {
        needed && path.strip_prefix(folder).is_some_and(|name| COMPANIONS.contains(&name))
    })
}

#[cfg(test)]
impl Pulling {
    /// Waiting for whatever is sent.
    pub(crate) fn scripted() -> (watch::Sender<Progress>, Self) {
        let (sender, progress) = watch::channel(Progress::Resolving);
        (sender, Self { progress, begun: false })
    }
}

#[cfg(test)]
impl Pulls {
    /// Downloads under way.
    pub(super) fn count(&self) -> usize {
        self.running.lock().len()
    }
}
