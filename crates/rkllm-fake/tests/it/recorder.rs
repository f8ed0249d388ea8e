//! What the callbacks of a run brought.

use std::ffi::{CStr, c_char, c_int};

/// One callback.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) state: u32,
    /// `None` when text or result are null.
    pub(crate) text: Option<Vec<u8>>,
    /// `None` when the result is null.
    pub(crate) id: Option<i32>,
}

/// The callbacks so far, and what to answer to the next ones.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) events: Vec<Event>,
    /// Callback, counted from 1, to answer with 1.
    pub(crate) pause_at: Option<usize>,
    /// Called at each callback, with their number so far.
    pub(crate) hook: Option<fn(usize)>,
}

impl Recorder {
    /// # Safety
    ///
    /// `text` is null or a C string.
    pub(crate) unsafe fn record(
        &mut self,
        state: u32,
        result: Option<(*const c_char, i32)>,
    ) -> c_int {
        let text = result.and_then(|(text, _)| {
            // SAFETY: the caller vouches for what is not null.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes().to_owned())
        });
        let id = result.map(|(_, id)| id);
        self.events.push(Event { state, text, id });
        if let Some(hook) = self.hook {
            hook(self.events.len());
        }
        c_int::from(self.pause_at == Some(self.events.len()))
    }

    /// Texts of the NORMAL callbacks.
    pub(crate) fn texts(&self) -> Vec<String> {
        let normal = self.events.iter().filter(|event| event.state == 0);
        normal
            .filter_map(|event| event.text.as_ref())
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect()
    }

    /// States, in the order of the callbacks.
    pub(crate) fn states(&self) -> Vec<u32> {
        self.events.iter().map(|event| event.state).collect()
    }
}
