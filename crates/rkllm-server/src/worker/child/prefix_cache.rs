//! The states of conversations that take turns, kept on disk so that each goes on where it was.
//!
//! One conversation needs none of this: the runtime itself evaluates only what is new in a prompt
//! that begins like the one before. When several take turns, each drives the others' state out of
//! the runtime. Then states are saved and restored as prompt cache files.
//!
//! A state is worth tens of kilobytes per token on disk, so none is saved before a conversation has
//! come back to find its state gone. What a file holds is compared token by token with the prompt
//! before it is restored, and again by the runtime.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::PathBuf;

use rkllm::Session;

use crate::worker::spec::PrefixCacheSpec;

/// Tokens below which evaluating is as quick as reading a file.
const WORTH: usize = 256;
/// Prompts that are remembered to notice that conversations take turns.
const REMEMBERED: usize = 8;
/// Runs whose states are saved after a conversation has come back.
const SAVED_RUNS: u32 = 16;
/// Bytes that the state of a token is taken for before one has been saved: models of up to three
/// billion parameters have 12 to 36 thousand. Should it be more and the disk too small, a run fails
/// after its answer, which is noticed.
const TOKEN: u64 = 40_000;

/// The states of conversations. The folder belongs to this process alone.
#[derive(Debug)]
pub(super) struct PrefixCache {
    spec: PrefixCacheSpec,
    saved: VecDeque<Saved>,
    recent: VecDeque<State>,
    /// What the runtime holds.
    held: State,
    /// Runs whose states will still be saved.
    to_save: u32,
    /// Whether a file is loaded that must be released before another one is.
    loaded: bool,
    /// Bytes of the last state that was saved, per token.
    token_size: Option<u64>,
    /// Whether it was said that there is no room.
    told: bool,
    files: u64,
}

/// The tokens of a conversation, prompt and answer, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) owner: Option<u64>,
    pub(super) tokens: Vec<i32>,
}

/// A state on disk.
#[derive(Debug)]
struct Saved {
    state: State,
    path: PathBuf,
    size: u64,
}

impl State {
    /// Tokens that both begin with; none where the owners differ.
    fn shared(&self, other: &Self) -> usize {
        let pairs = self.tokens.iter().zip(&other.tokens);
        if self.owner == other.owner { pairs.take_while(|(a, b)| a == b).count() } else { 0 }
    }
}

impl PrefixCache {
    /// An empty cache in a folder that is made here, in the server's own.
    pub(super) fn new(spec: PrefixCacheSpec) -> io::Result<Self> {
        // What a process left behind that was killed.
        let _ = fs::remove_dir_all(&spec.folder);
        fs::create_dir(&spec.folder)?;
        Ok(Self {
            spec,
            saved: VecDeque::new(),
            recent: VecDeque::new(),
            held: State::default(),
            to_save: 0,
            loaded: false,
            token_size: None,
            told: false,
            files: 0,
        })
    }

    /// Gets the runtime into the best state for a prompt. Returns where to save its state.
    ///
    /// # Errors
    /// What to tell the user, once, when there is no room for it.
    pub(super) fn before(
        &mut self,
        session: &mut Session,
        prompt: &State,
    ) -> Result<Option<PathBuf>, String> {
        if self.held.owner != prompt.owner && !self.held.tokens.is_empty() {
            // How long a prompt takes must not tell one client what others asked. Without history
            // there is nothing to forget.
            let _ = session.clear_history();
            self.held = State::default();
        }
        let held = self.held.shared(prompt);
        let best = self.saved.iter().map(|saved| saved.state.shared(prompt)).enumerate();
        let best = best.max_by_key(|(_, shared)| *shared);
        match best {
            Some((index, shared)) if shared >= held + WORTH => self.restore(session, index),
            _ => {
                let gone = self.recent.iter().any(|recent| recent.shared(prompt) >= held + WORTH);
                if gone {
                    self.to_save = SAVED_RUNS;
                }
            }
        }
        let tokens = prompt.tokens.len();
        if self.to_save == 0 || tokens < WORTH {
            return Ok(None);
        }
        if !self.has_room(tokens) {
            let told = std::mem::replace(&mut self.told, true);
            let message = "conversations that take turns start anew: the last state could not be \
                           saved, or there is no room for the next in --prefix-cache or on its disk";
            return if told { Ok(None) } else { Err(message.to_owned()) };
        }
        self.to_save -= 1;
        self.files += 1;
        Ok(Some(self.spec.folder.join(format!("{}.cache", self.files))))
    }

    /// The runtime holds nothing any more.
    pub(super) fn forgotten(&mut self) {
        self.held = State::default();
    }

    fn restore(&mut self, session: &mut Session, index: usize) {
        if std::mem::take(&mut self.loaded) {
            // A runtime that cannot release a file has none.
            let _ = session.release_prompt_cache();
        }
        let Some(saved) = self.saved.remove(index) else {
            return;
        };
        if session.load_prompt_cache(&saved.path).is_err() {
            // The prompt is evaluated, which is only slower.
            self.held = State::default();
            remove(&saved);
            return;
        }
        self.loaded = true;
        self.to_save = SAVED_RUNS;
        self.held = saved.state.clone();
        self.saved.push_back(saved);
    }

    /// Remembers what the runtime holds after a run, and the file that it wrote if it was `good`.
    pub(super) fn after(&mut self, state: State, file: Option<PathBuf>, good: bool) {
        match file {
            Some(path) if good => self.keep(&state, path),
            Some(path) => {
                // What stands there is not all of a state, and the next would fare no better.
                let _ = fs::remove_file(path);
                self.spec.budget = 0;
            }
            None => {}
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(state.clone());
        self.held = state;
    }

    fn keep(&mut self, state: &State, path: PathBuf) {
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let new = Saved { state: state.clone(), path, size };
        if size > 0 {
            self.token_size = Some(size / state.tokens.len().max(1) as u64);
        }
        if size == 0 || size > self.spec.budget {
            // Nothing was written, or no state of this model ever fits.
            remove(&new);
            self.to_save = 0;
            return;
        }
        // Earlier states of the same conversation.
        let state = &new.state;
        let (outdated, rest) = std::mem::take(&mut self.saved)
            .into_iter()
            .partition::<VecDeque<_>, _>(|old| old.state.shared(state) == old.state.tokens.len());
        self.saved = rest;
        outdated.iter().for_each(remove);
        self.saved.push_back(new);
        while self.saved.iter().map(|saved| saved.size).sum::<u64>() > self.spec.budget {
            if let Some(oldest) = self.saved.pop_front() {
                remove(&oldest);
            }
        }
    }

    /// Whether the budget and the disk take the state of so many tokens, and the disk as much again:
    /// others write there too, and the runtime fails a run whose state it cannot write.
    fn has_room(&self, tokens: usize) -> bool {
        let size = |per_token: u64| per_token.saturating_mul(tokens as u64);
        let fits = size(self.token_size.unwrap_or(1)) <= self.spec.budget;
        let needed = size(self.token_size.unwrap_or(TOKEN)).saturating_mul(2);
        // Some file systems do not say what they have.
        let disk = rustix::fs::statvfs(&self.spec.folder).ok().filter(|disk| disk.f_blocks > 0);
        let free = disk.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        fits && free >= needed
    }
}

impl Drop for PrefixCache {
    fn drop(&mut self) {
        // What stays behind is removed by the next process, or when the server ends.
        let _ = fs::remove_dir_all(&self.spec.folder);
    }
}

fn remove(saved: &Saved) {
    // The folder goes with the process.
    let _ = fs::remove_file(&saved.path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_begins_empty_and_leaves_nothing() {
        let server = tempfile::tempdir().unwrap();
        let folder = server.path().join("model");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("7.cache"), "left behind").unwrap();
        let cache =
            PrefixCache::new(PrefixCacheSpec { folder: folder.clone(), budget: 1 }).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        drop(cache);
        assert!(!folder.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let folder = PathBuf::from("/dev/null/model");
        PrefixCache::new(PrefixCacheSpec { folder, budget: 1 }).unwrap_err();
    }

    #[test]
    fn room_is_what_the_budget_and_the_disk_have() {
        let server = tempfile::tempdir().unwrap();
        let folder = server.path().join("model");
        let mut cache = PrefixCache::new(PrefixCacheSpec { folder, budget: 1000 }).unwrap();
        assert!(cache.has_room(1));
        cache.token_size = Some(10);
        assert!(cache.has_room(100));
        assert!(!cache.has_room(101));
    }

    #[test]
    fn what_a_failed_run_wrote_is_removed() {
        let server = tempfile::tempdir().unwrap();
        let folder = server.path().join("model");
        let spec = PrefixCacheSpec { folder: folder.clone(), budget: 1000 };
        let mut cache = PrefixCache::new(spec).unwrap();
        let state = State { owner: None, tokens: vec![1, 2] };
        for good in [true, false] {
            fs::write(folder.join("1.cache"), "0123456789").unwrap();
            cache.after(state.clone(), Some(folder.join("1.cache")), good);
            assert_eq!(folder.join("1.cache").exists(), good);
            assert_eq!(cache.has_room(2), good, "after a failure there is none");
        }
        assert_eq!(cache.token_size, Some(5));
    }
}
