//! The last station of an answer: trimmed, cut at stop strings, counted and given away.

use super::gap::Gap;
use super::options::{KnownFunction, OutputOptions};
use super::piece::{Piece, Summary};
use crate::{Error, StopStrings};

/// Where pieces go.
pub(super) type Sink<'s> = &'s mut dyn FnMut(Piece<'_>);

/// Delivers the parts of an answer in order, and nothing any more after a stop string.
///
/// White space at the edges of the text, around thoughts and calls, belongs to the markup; between
/// two parts of the text it is kept.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    stops: StopStrings,
    functions: Vec<KnownFunction>,
    /// Whether the text can have edges at all.
    has_marks: bool,
    text: Gap,
    thought: Gap,
    /// Whether there was a thought or a call yet.
    has_others: bool,
    /// Whether nothing but white space followed the last thought or call, or the beginning.
    is_blank: bool,
    summary: Summary,
}

impl Delivery {
    pub(super) fn new(options: OutputOptions) -> Result<Self, Error> {
        let has_tools = options.tools.is_some();
        Ok(Self {
            stops: StopStrings::new(options.stops)?,
            functions: options.functions,
            has_marks: has_tools || options.reasoning.is_some(),
            text: Gap::new(false, has_tools),
            thought: Self::new_thought(),
            has_others: false,
            is_blank: true,
            summary: Summary::default(),
        })
    }

    fn new_thought() -> Gap {
        Gap::new(true, true)
    }

    pub(super) fn functions(&self) -> &[KnownFunction] {
        &self.functions
    }

    /// Whether calls of this function are delivered as such.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.functions.is_empty() || self.functions.iter().any(|function| function.name == name)
    }

    /// Whether nothing but white space followed the last thought or call, or the beginning.
    pub(super) fn is_blank(&self) -> bool {
        self.is_blank
    }

    /// Whether the thought under way has no text yet.
    pub(super) fn is_thought_fresh(&self) -> bool {
        self.thought.is_fresh()
    }

    /// Whether calls were delivered.
    pub(super) fn has_calls(&self) -> bool {
        self.summary.tool_calls > 0
    }

    /// Whether a stop string ended the answer.
    pub(super) fn is_stopped(&self) -> bool {
        self.summary.stop.is_some()
    }

    /// More of the text.
    pub(super) fn text(&mut self, text: &str, sink: Sink<'_>) {
        let Self { stops, summary, .. } = self;
        let mut give = |text: &str| pass(stops, summary, text, sink);
        if !self.has_marks {
            return give(text);
        }
        self.is_blank &= text.trim_ascii_start().is_empty();
        self.text.take(text, &mut give);
    }

    /// More of a thought.
    pub(super) fn thought(&mut self, text: &str, sink: Sink<'_>) {
        if !self.is_stopped() {
            self.thought.take(text, &mut |text| sink(Piece::Thought(text)));
        }
    }

    /// A mark of a thought or a call stands here: the text before it is complete.
    pub(super) fn interrupt(&mut self, sink: Sink<'_>) {
        let held = self.stops.interrupt();
        if !held.is_empty() {
            sink(Piece::Text(held));
        }
        self.text.interrupt();
        self.thought = Self::new_thought();
        (self.has_others, self.is_blank) = (true, true);
    }

    /// A call begins.
    pub(super) fn call(&mut self, name: &str, sink: Sink<'_>) {
        self.interrupt(sink);
        if !self.is_stopped() {
            sink(Piece::ToolCall { index: self.summary.tool_calls, name });
        }
    }

    /// More of the arguments of the call that began last.
    pub(super) fn arguments(&self, json: &str, sink: Sink<'_>) {
        if !json.is_empty() && !self.is_stopped() {
            sink(Piece::ToolArguments { index: self.summary.tool_calls, json });
        }
    }

    /// The call is complete.
    pub(super) fn end_call(&mut self, sink: Sink<'_>) {
        if !self.is_stopped() {
            sink(Piece::ToolEnd { index: self.summary.tool_calls });
            self.summary.tool_calls += 1;
        }
    }

    /// A call, or the rest of one, was delivered as text.
    pub(super) fn count_malformed(&mut self) {
        self.summary.malformed += usize::from(!self.is_stopped());
    }

    /// The output ended within a call that was delivered.
    pub(super) fn note_unclosed_call(&mut self) {
        self.summary.unclosed_call = !self.is_stopped();
    }

    /// No more follows; the output ended in a thought or not.
    pub(super) fn finish(mut self, in_thought: bool, sink: Sink<'_>) -> Summary {
        if in_thought && !self.is_stopped() {
            self.summary.unclosed_thought = true;
            self.thought.release(&mut |text| sink(Piece::Thought(text)));
        }
        let is_edge = self.has_others && self.is_blank;
        let Self { stops, summary, text, .. } = &mut self;
        if !is_edge {
            text.release(&mut |text| pass(stops, summary, text, sink));
        }
        let held = self.stops.finish();
        if !held.is_empty() {
            sink(Piece::Text(&held));
        }
        self.summary
    }
}

/// Delivers text up to the first stop string.
fn pass(stops: &mut StopStrings, summary: &mut Summary, text: &str, sink: Sink<'_>) {
    let pushed = stops.push(text);
    if !pushed.text.is_empty() {
        sink(Piece::Text(pushed.text));
    }
    summary.stop = stops.found();
}
