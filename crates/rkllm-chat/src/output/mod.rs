//! From a model's output to what clients see.

mod body;
mod calls;
mod channels;
mod delivery;
mod draft;
mod envelope;
mod format;
mod gap;
mod literal;
mod mark;
mod mender;
mod named;
mod options;
mod piece;
mod reasoning;
mod scanner;
mod string;
#[cfg(test)]
mod tests;
mod value;
mod xml;

pub use format::ToolFormat;
pub use options::{KnownFunction, OutputOptions};
pub use piece::{Piece, Summary};
pub use reasoning::ReasoningTags;

use self::body::Outlet;
use self::calls::Calls;
use self::channels::{Channel, Channels};
use self::delivery::{Delivery, Sink};
use self::draft::Draft;
use self::mark::Mark;
use self::scanner::{Scanner, Symbol};
use crate::Error;

/// Divides the output of a model into text, thoughts and calls, while it comes.
///
/// The pieces given depend on the output only, not on how it is split: the fragments of one text,
/// thought or call joined are the same. What may be the beginning of markup or of a stop string is
/// held back until that is decided. Nothing is lost: a call that cannot be read, or is one of an
/// unknown function, is delivered as the text that it was. At most 1 MiB is held back; a call that
/// is not decided by then is text.
///
/// - **Thoughts** stand between the tags given. The opening tag counts where the answer begins,
///   or after another thought or a call; elsewhere it is text. The closing tag counts within a
///   thought, where the answer begins, and once in the text of an answer without any thought, as
///   some models write nothing but that. White space around the tags is left out. Where the tags
///   are those of a channel, as [`ReasoningTags::detect`] finds them for gpt-oss, the headers of all
///   messages are left out; an empty line stands between the texts of two. What a thought says
///   about calls is part of it; but an output that ends with a call in a thought that was not
///   ended makes that call.
/// - **Calls** are read in the format given. Their arguments are always a JSON object: faults that
///   small models make are mended. The name comes first, and the arguments while they are written,
///   where that can be done: not if they come before the name, are a string that holds JSON, or
///   are written in Python; and values in tags only if they are [strings](KnownFunction::strings).
/// - **Stop strings** end the text of the answer; see [`OutputOptions::stops`].
///
/// ```
/// use rkllm_chat::{Output, OutputOptions, Piece, ToolFormat};
///
/// let options = OutputOptions { tools: Some(ToolFormat::Hermes), ..OutputOptions::default() };
/// let mut output = Output::new(options)?;
/// let mut seen = String::new();
/// let mut sink = |piece: Piece<'_>| match piece {
///     Piece::ToolCall { name, .. } => seen += name,
///     Piece::ToolArguments { json, .. } => seen += json,
///     _ => {}
/// };
/// for token in ["<tool_", "call>{'name': 'weather', ", "'arguments': {'city': 'Os", "lo'}}"] {
///     assert!(!output.push(token, &mut sink));
/// }
/// let summary = output.finish(&mut sink);
/// assert_eq!(seen, r#"weather{"city":"Oslo"}"#);
/// assert_eq!(summary.tool_calls, 1);
/// # Ok::<(), rkllm_chat::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Output {
    scanner: Scanner,
    parts: Parts,
}

/// What symbols become.
#[derive(Debug, Clone)]
struct Parts {
    delivery: Delivery,
    calls: Option<Calls>,
    /// Where the answer consists of messages with headers.
    channels: Option<Channels>,
    begins_lines: bool,
    in_thought: bool,
    /// The end of the thought under way, should it be a call.
    draft: Draft,
    /// Whether there was a mark of a thought yet, be it in the prompt.
    has_thought: bool,
    /// Whether the line has nothing but white space so far, where that matters.
    is_line_start: bool,
}

impl Output {
    /// Prepares for one output.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyStops`] and [`Error::EmptyStop`] for the stop strings;
    /// [`Error::ReasoningTags`] for tags that cannot be told apart.
    pub fn new(options: OutputOptions) -> Result<Self, Error> {
        let divides = options.reasoning.as_ref().is_some_and(ReasoningTags::are_channels);
        let is_harmony = options.tools == Some(ToolFormat::Harmony);
        let mut marks = Vec::new();
        let mut add = |list: &[(&str, Mark)]| {
            marks.extend(list.iter().map(|(text, mark)| (text.to_string(), *mark)));
        };
        if let Some(tags) = options.reasoning.as_ref().filter(|_| !divides) {
            tags.check()?;
            add(&[(&tags.open, Mark::ThoughtOpen), (&tags.close, Mark::ThoughtClose)]);
        }
        if divides && !is_harmony {
            add(mark::of(ToolFormat::Harmony));
        }
        if let Some(format) = options.tools {
            add(mark::of(format));
        }
        let in_thought = options.in_thought && options.reasoning.is_some();
        let begins_lines = options.tools.is_some_and(ToolFormat::begins_lines);
        let parts = Parts {
            calls: options.tools.map(Calls::new),
            channels: (divides || is_harmony).then(|| Channels::new(divides, !in_thought)),
            delivery: Delivery::new(options)?,
            begins_lines,
            in_thought,
            draft: Draft::default(),
            has_thought: in_thought,
            is_line_start: begins_lines,
        };
        Ok(Self { scanner: Scanner::new(marks), parts })
    }

    /// Whether the output is divided at a text, or at one that it is part of.
    ///
    /// Runtimes leave special tokens out of the text that they give, as
    /// `skip_special_token` says by default: those that are marks have to be put back.
    ///
    /// ```
    /// use rkllm_chat::{Output, OutputOptions, ToolFormat};
    ///
    /// let tools = Some(ToolFormat::Mistral);
    /// let output = Output::new(OutputOptions { tools, ..OutputOptions::default() })?;
    /// assert!(output.is_divided_at("[TOOL_CALLS]"));
    /// assert!(!output.is_divided_at("[INST]"));
    /// # Ok::<(), rkllm_chat::Error>(())
    /// ```
    pub fn is_divided_at(&self, text: &str) -> bool {
        self.scanner.knows(text)
    }

    /// Takes the next piece of the output and gives what is certain with it.
    ///
    /// `true` means that a stop string was found: the run can end, and nothing is given any more.
    pub fn push(&mut self, text: &str, sink: &mut impl FnMut(Piece<'_>)) -> bool {
        let Self { scanner, parts } = self;
        if !parts.delivery.is_stopped() {
            scanner.push(text, &mut |symbol| parts.take(symbol, sink));
        }
        parts.delivery.is_stopped()
    }

    /// The same output as cut off before its end: what a thought says at last is not read as a call.
    pub fn cut(mut self) -> Self {
        self.parts.draft = Draft::default();
        self
    }

    /// Gives what was held back, as no more follows, and says what is known of the whole.
    pub fn finish(mut self, sink: &mut impl FnMut(Piece<'_>)) -> Summary {
        let held = self.scanner.finish();
        if !held.is_empty() {
            self.parts.take(Symbol::Text(&held), sink);
        }
        self.parts.end_header(sink);
        let Parts { mut delivery, calls, mut in_thought, draft, .. } = self.parts;
        if let Some(calls) = calls {
            let drafted = match in_thought {
                true => draft.calls(calls.format(), delivery.functions()),
                false => Vec::new(),
            };
            in_thought &= drafted.is_empty();
            let mut outlet = Outlet { delivery: &mut delivery, sink };
            for (name, arguments) in drafted {
                outlet.whole_call(&name, arguments);
            }
            calls.finish(&mut outlet);
        }
        delivery.finish(in_thought, sink)
    }
}

impl Parts {
    fn take(&mut self, symbol: Symbol<'_>, sink: Sink<'_>) {
        match symbol {
            _ if self.delivery.is_stopped() => {}
            symbol if self.channels.as_ref().is_some_and(Channels::in_header) => {
                self.header(symbol, sink);
            }
            Symbol::Mark(mark @ (Mark::Header | Mark::Message | Mark::MessageEnd), text) => {
                self.message_mark(mark, text, sink);
            }
            Symbol::Mark(Mark::ThoughtClose, _) if self.in_thought => {
                self.in_thought = false;
                self.draft = Draft::default();
                self.delivery.interrupt(sink);
            }
            // Repeats the tag that the prompt ends with.
            Symbol::Mark(Mark::ThoughtOpen, _)
                if self.in_thought && self.delivery.is_thought_fresh() => {}
            Symbol::Text(text) => self.plain(text, sink),
            Symbol::Mark(mark, text) if self.in_thought => {
                match mark {
                    Mark::Opener(_) => self.draft.begin(text),
                    _ => self.draft.add(text),
                }
                self.delivery.thought(text, sink);
            }
            Symbol::Mark(mark, text) => self.mark(mark, text, sink),
        }
    }

    /// Takes what is no markup.
    fn plain(&mut self, text: &str, sink: Sink<'_>) {
        match self.in_thought {
            true => {
                self.draft.add(text);
                self.delivery.thought(text, sink);
            }
            false => self.text(text, sink),
        }
    }

    /// Takes what stands in a header, or ends it.
    fn header(&mut self, symbol: Symbol<'_>, sink: Sink<'_>) {
        let Some(channels) = &mut self.channels else { return };
        match symbol {
            Symbol::Text(text) if channels.text(text) => {}
            Symbol::Text(_) => self.end_header(sink),
            Symbol::Mark(Mark::Header, text) => channels.mark(text),
            Symbol::Mark(Mark::Message, text) => self.message(text, sink),
            Symbol::Mark(..) => {
                self.end_header(sink);
                self.take(symbol, sink);
            }
        }
    }

    /// What looked like a header is none.
    fn end_header(&mut self, sink: Sink<'_>) {
        let text = self.channels.as_mut().map(Channels::take).unwrap_or_default();
        self.plain(&text, sink);
    }

    /// A message begins after its header, which this mark ends.
    fn message(&mut self, mark: &str, sink: Sink<'_>) {
        let Some(channels) = &mut self.channels else { return };
        let channel = channels.channel();
        let header = channels.take() + mark;
        match (channel, &mut self.calls) {
            (Channel::Text | Channel::Thought, _) => {
                self.in_thought = channel == Channel::Thought;
                self.has_thought |= self.in_thought;
                self.delivery.interrupt(sink);
                if !self.in_thought {
                    // Dropped unless it stands between two messages.
                    self.delivery.text("\n\n", sink);
                }
            }
            (Channel::Call, Some(calls)) => {
                if std::mem::take(&mut self.in_thought) {
                    self.delivery.interrupt(sink);
                }
                calls.begin_message(header);
            }
            _ => self.plain(&header, sink),
        }
    }

    /// Takes markup of messages outside of headers.
    fn message_mark(&mut self, mark: Mark, text: &str, sink: Sink<'_>) {
        let Some(channels) = &mut self.channels else { return };
        let mut outlet = Outlet { delivery: &mut self.delivery, sink: &mut *sink };
        if self.calls.as_mut().is_some_and(|calls| calls.mark(mark, text, &mut outlet)) {
            return;
        }
        match mark {
            Mark::Header => channels.mark(text),
            Mark::MessageEnd if channels.divides() => {
                if std::mem::take(&mut self.in_thought) {
                    self.delivery.interrupt(sink);
                }
            }
            _ => self.plain(text, sink),
        }
    }

    fn text(&mut self, mut text: &str, sink: Sink<'_>) {
        while !text.is_empty() {
            let mut outlet = Outlet { delivery: &mut self.delivery, sink: &mut *sink };
            let Some(calls) = &mut self.calls else { return outlet.text(text) };
            if calls.is_active() {
                let taken = calls.take(text, &mut outlet);
                text = &text[taken..];
                continue;
            }
            let Some(at) = self.next_call(text, sink) else {
                return self.delivery.text(text, sink);
            };
            self.delivery.text(&text[..at], sink);
            text = &text[at..];
        }
    }

    /// Where in a text outside of calls the next one begins without a mark; begins it.
    fn next_call(&mut self, text: &str, sink: Sink<'_>) -> Option<usize> {
        let is_blank = self.delivery.is_blank();
        if !(self.begins_lines || is_blank) {
            return None;
        }
        let outlet = Outlet { delivery: &mut self.delivery, sink };
        let calls = self.calls.as_mut()?;
        let mut is_start = self.is_line_start || is_blank;
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                is_start |= self.begins_lines;
            } else if !byte.is_ascii_whitespace() {
                if is_start && calls.may_begin(byte, &outlet) {
                    calls.begin(byte);
                    self.is_line_start = false;
                    return Some(at);
                }
                is_start = false;
            }
        }
        self.is_line_start = is_start && self.begins_lines;
        None
    }

    fn mark(&mut self, mark: Mark, text: &str, sink: Sink<'_>) {
        let mut outlet = Outlet { delivery: &mut self.delivery, sink: &mut *sink };
        if self.calls.as_mut().is_some_and(|calls| calls.mark(mark, text, &mut outlet)) {
            return;
        }
        let is_blank = self.delivery.is_blank();
        let is_start = is_blank || std::mem::replace(&mut self.is_line_start, false);
        match mark {
            Mark::ThoughtOpen if is_blank => {
                (self.in_thought, self.has_thought) = (true, true);
                self.delivery.interrupt(sink);
            }
            Mark::ThoughtClose if is_blank || !self.has_thought => {
                self.has_thought = true;
                self.delivery.interrupt(sink);
            }
            Mark::Closer if is_blank && self.delivery.has_calls() => {}
            Mark::Fence if !is_start => self.delivery.text(text, sink),
            _ => {
                let begins = self.calls.as_mut().is_some_and(|calls| calls.begin_with(mark, text));
                if !begins {
                    self.delivery.text(text, sink);
                }
            }
        }
    }
}
