//! Answers that are kept for the requests that follow them, in memory and not many.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rkllm_chat::Message;
use serde::Serialize;
use serde_json::Value;

use super::PREFIX;
use super::input::Item;
use super::output::Output;
use super::response::Response;

/// Most answers that are kept.
pub(super) const MAX_ENTRIES: usize = 1000;
/// Most memory that they take in bytes; the oldest ones go first.
const MAX_BYTES: usize = 32 << 20;

/// The answers of all clients.
#[derive(Debug, Default)]
pub(super) struct Store(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// Oldest first.
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// An answer and what it answers, as JSON: its size is known and it takes no more than that.
#[derive(Debug)]
struct Entry {
    owner: Option<u64>,
    id: String,
    response: Bytes,
    conversation: Bytes,
}

impl Entry {
    fn size(&self) -> usize {
        size_of::<Self>() + self.id.len() + self.response.len() + self.conversation.len()
    }
}

impl Entries {
    fn add(&mut self, entry: Entry) {
        self.bytes += entry.size();
        self.entries.push_back(entry);
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            self.remove(0);
        }
    }

    fn find(&self, shelf: &Shelf, id: &str) -> Option<usize> {
        self.entries.iter().rposition(|entry| entry.id == id && entry.owner == shelf.owner)
    }

    fn remove(&mut self, index: usize) {
        if let Some(entry) = self.entries.remove(index) {
            self.bytes -= entry.size();
        }
    }
}

/// What one client may see of the answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) store: Arc<Store>,
    /// Whose they are, where clients are told apart.
    pub(super) owner: Option<u64>,
}

impl Shelf {
    /// The answer as JSON.
    pub(super) fn get(&self, id: &str) -> Option<Bytes> {
        let entries = self.store.0.lock();
        let index = entries.find(self, id)?;
        Some(entries.entries[index].response.clone())
    }

    /// The conversation up to and with the answer, without instructions.
    pub(super) fn conversation(&self, id: &str) -> Option<Vec<Message>> {
        let json = {
            let entries = self.store.0.lock();
            let index = entries.find(self, id)?;
            entries.entries[index].conversation.clone()
        };
        Some(serde_json::from_slice(&json).expect("messages were written as JSON"))
    }

    /// An item of an answer, as a request could have sent it.
    pub(super) fn item(&self, id: &str) -> Option<Item> {
        let (_, tail) = id.split_once('_')?;
        let whole = {
            let entries = self.store.0.lock();
            let mine = entries.entries.iter().filter(|entry| entry.owner == self.owner);
            // The ids of items begin like their answer's.
            let mut holds = mine.filter(|entry| {
                entry.id.strip_prefix(PREFIX).is_some_and(|answer| tail.starts_with(answer))
            });
            holds.next()?.response.clone()
        };
        let mut whole: Value =
            serde_json::from_slice(&whole).expect("answers were written as JSON");
        let mut items = whole["output"].as_array_mut()?.iter_mut();
        let item = items.find(|item| item["id"] == id)?.take();
        Some(serde_json::from_value(item).expect("items are read as they are written"))
    }

    /// Whether there was such an answer to remove.
    pub(super) fn remove(&self, id: &str) -> bool {
        let mut entries = self.store.0.lock();
        let index = entries.find(self, id);
        index.map(|index| entries.remove(index)).is_some()
    }
}

/// The place for an answer, and what it answers.
#[derive(Debug)]
pub(super) struct Keep {
    shelf: Shelf,
    conversation: Vec<Message>,
}

impl Keep {
    pub(super) fn new(shelf: &Shelf, conversation: &[Message]) -> Self {
        Self { shelf: shelf.clone(), conversation: conversation.to_vec() }
    }

    /// Keeps the answer.
    pub(super) fn put(mut self, response: &Response<'_>, output: &Output) {
        self.conversation.push(output.message());
        let entry = Entry {
            owner: self.shelf.owner,
            id: response.id.to_owned(),
            response: json(response),
            conversation: json(&self.conversation),
        };
        self.shelf.store.0.lock().add(entry);
    }
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("wire types serialise, memory takes all").into()
}

#[cfg(test)]
mod tests {
    use rkllm_chat::Role;

    use super::super::output::{Kind, Show};
    use super::super::response::{Draft, Echo, Progress};
    use super::*;

    fn shelves() -> [Shelf; 2] {
        let store = Arc::new(Store::default());
        [Some(0), Some(1)].map(|owner| Shelf { store: Arc::clone(&store), owner })
    }

    fn put(shelf: &Shelf, id: &str, question: &str) {
        let draft = Draft { id: id.to_owned(), created_at: 0, echo: Echo::new("m".to_owned()) };
        let mut output = Output::new(id, Show::default());
        output.begin(Kind::Text).text = "Hello!".to_owned();
        let keep = Keep::new(shelf, &[Message::new(Role::User, question)]);
        keep.put(&draft.response(Progress::Begun, &output), &output);
    }

    #[test]
    fn answers_are_their_owners() {
        let [one, other] = shelves();
        put(&one, "resp_1", "hi");
        let said = one.conversation("resp_1").unwrap();
        let expected = [Message::new(Role::User, "hi"), Message::new(Role::Assistant, "Hello!")];
        assert_eq!(said, expected);
        assert!(other.get("resp_1").is_none() && other.conversation("resp_1").is_none());
        assert!(!other.remove("resp_1"));
        let response: serde_json::Value =
            serde_json::from_slice(&one.get("resp_1").unwrap()).unwrap();
        assert_eq!(response["id"], "resp_1");
        assert!(one.remove("resp_1"));
        assert!(one.get("resp_1").is_none() && !one.remove("resp_1"));
        assert_eq!(one.store.0.lock().bytes, 0);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let [shelf, _] = shelves();
        for number in 0..=MAX_ENTRIES {
            put(&shelf, &format!("resp_{number}"), "hi");
        }
        assert!(shelf.get("resp_0").is_none());
        assert!(shelf.get("resp_1").is_some());
        assert_eq!(shelf.store.0.lock().entries.len(), MAX_ENTRIES);
    }

    #[test]
    fn the_oldest_go_when_they_are_too_large() {
        let [shelf, _] = shelves();
        let half = "x".repeat(MAX_BYTES / 2);
        for id in ["resp_1", "resp_2"] {
            put(&shelf, id, &half);
        }
        assert!(shelf.get("resp_1").is_none() && shelf.get("resp_2").is_some());
        put(&shelf, "resp_3", &half.repeat(2));
        let entries = shelf.store.0.lock();
        assert_eq!((entries.entries.len(), entries.bytes), (0, 0));
    }
}
