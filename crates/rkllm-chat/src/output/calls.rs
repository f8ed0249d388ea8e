//! Where calls begin and end, and what becomes of what only looked like one.

use super::body::{Body, Given, Outlet, Progress};
use super::envelope::Envelope;
use super::format::ToolFormat;
use super::mark::{Mark, Opener};
use super::named::Named;
use super::xml::Xml;

/// Longest text that waits for being told to be a call or not, in bytes.
const MAX_HELD: usize = 1 << 20;

/// Reads calls in the format of a model.
///
/// As long as nothing of a call was delivered, its text is kept, and given back as it was if it
/// turns out to be no call.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    format: ToolFormat,
    state: State,
    /// What the call under way, or the last one, began with.
    opener: Opener,
    /// What was read since the last call, or since there is none.
    raw: String,
    /// Whether a mark said that this is a call.
    is_marked: bool,
    is_fenced: bool,
    is_list: bool,
    /// Whether what is under way is text, although it looked like a call.
    is_refused: bool,
}

#[derive(Debug, Clone)]
enum State {
    /// Not in a call.
    Outside,
    /// In the line that opens a fence; where its text begins.
    Fence(usize),
    /// Before a call.
    Opening,
    Inside(Box<Body>),
    /// After a call, where another one may follow.
    Between,
}

impl Calls {
    pub(super) fn new(format: ToolFormat) -> Self {
        Self {
            format,
            state: State::Outside,
            opener: Opener::Json,
            raw: String::new(),
            is_marked: false,
            is_fenced: false,
            is_list: false,
            is_refused: false,
        }
    }

    pub(super) fn format(&self) -> ToolFormat {
        self.format
    }

    /// Whether what comes belongs to a call.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.state, State::Outside)
    }

    /// Whether a call may begin with this character although no mark is there.
    pub(super) fn may_begin(&self, byte: u8, outlet: &Outlet<'_>) -> bool {
        use ToolFormat::{Deepseek, Gemma, Glm, Harmony, Json, Mistral, Python};
        match (byte, self.format) {
            (b'{', format) => !matches!(format, Deepseek | Harmony | Mistral),
            (b'[', format) => matches!(format, Json | Mistral | Python),
            (b'c', Gemma) => !outlet.delivery.functions().is_empty(),
            (_, Glm | Mistral) => {
                let mut functions = outlet.delivery.functions().iter();
                functions.any(|function| function.name.as_bytes().first() == Some(&byte))
            }
            _ => false,
        }
    }

    /// Begins where [`may_begin`](Self::may_begin) says so.
    pub(super) fn begin(&mut self, byte: u8) {
        let opener = match (self.format, byte) {
            (ToolFormat::Glm | ToolFormat::Mistral, _) => Opener::JsonOrName,
            (ToolFormat::Python, _) => Opener::Python,
            (ToolFormat::Gemma, b'c') => Opener::Gemma,
            _ => Opener::Json,
        };
        self.open(false);
        self.opener = opener;
        self.state = State::Opening;
    }

    /// Begins with a mark, if it is one that begins calls.
    pub(super) fn begin_with(&mut self, mark: Mark, text: &str) -> bool {
        let state = match mark {
            Mark::Opener(opener) => self.opened(opener),
            Mark::Fence if self.format != ToolFormat::Deepseek => {
                self.opener = Opener::Json;
                State::Fence(text.len())
            }
            _ => return false,
        };
        self.open(mark != Mark::Fence);
        self.raw.push_str(text);
        self.state = state;
        true
    }

    /// Begins a call of which the whole header of its message has come.
    pub(super) fn begin_message(&mut self, header: String) {
        self.open(true);
        self.opener = Opener::Message;
        self.raw.push_str(&header);
        self.state = State::Inside(Box::new(Body::Named(Named::new(self.opener, true, header))));
    }

    /// The state after a mark that begins calls.
    fn opened(&mut self, opener: Opener) -> State {
        self.opener = opener;
        match opener {
            Opener::Xml => State::Inside(Box::new(Body::Xml(Xml::new('>')))),
            _ => State::Opening,
        }
    }

    fn open(&mut self, is_marked: bool) {
        self.raw.clear();
        self.is_marked = is_marked;
        (self.is_fenced, self.is_list, self.is_refused) = (false, false, false);
    }

    /// Takes text; says how many bytes of it belong to calls.
    pub(super) fn take(&mut self, text: &str, outlet: &mut Outlet<'_>) -> usize {
        for (at, c) in text.char_indices() {
            if !self.is_active() || !self.take_char(c, outlet) {
                return at;
            }
        }
        self.flush(outlet);
        text.len()
    }

    /// Delivers what is certain of a call, or of what only looked like one.
    fn flush(&mut self, outlet: &mut Outlet<'_>) {
        if let State::Inside(body) = &mut self.state {
            body.flush(outlet);
            if self.is_refused {
                outlet.text(&self.raw);
                self.raw.clear();
            }
        }
    }

    /// Takes one character; `false` if it does not belong to a call.
    fn take_char(&mut self, c: char, outlet: &mut Outlet<'_>) -> bool {
        self.raw.push(c);
        if self.raw.len() > MAX_HELD && !self.is_refused {
            self.leave(outlet);
            return true;
        }
        match &mut self.state {
            State::Outside => false,
            State::Fence(from) => {
                let from = *from;
                if c == '\n' {
                    self.fence(from, outlet);
                }
                true
            }
            State::Opening => self.opening(c, outlet),
            State::Between => self.between(c, outlet),
            State::Inside(body) => {
                let before = body.given();
                let progress = body.take(c, outlet);
                if before == Given::Nothing && body.given() != Given::Nothing
                    || body.given() == Given::Begun
                {
                    self.raw.clear();
                }
                self.proceed(progress, outlet);
                true
            }
        }
    }

    /// Takes a mark; `false` if it does not belong to a call.
    pub(super) fn mark(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> bool {
        match &mut self.state {
            State::Outside => false,
            State::Fence(_) => {
                self.leave(outlet);
                false
            }
            State::Opening => self.mark_opening(mark, text, outlet),
            State::Between => self.mark_between(mark, outlet),
            State::Inside(body) => {
                let before = body.given();
                let progress = body.mark(mark, text, outlet);
                if before == Given::Nothing && body.given() != Given::Nothing {
                    self.raw.clear();
                }
                let is_taken = self.proceed_with(progress, (mark, text), outlet);
                self.flush(outlet);
                is_taken
            }
        }
    }

    /// The output ends here.
    pub(super) fn finish(mut self, outlet: &mut Outlet<'_>) {
        match &mut self.state {
            State::Between if self.is_refused => self.leave(outlet),
            State::Outside | State::Between => {}
            State::Fence(_) | State::Opening => self.leave(outlet),
            State::Inside(body) => match body.given() {
                Given::Nothing => self.leave(outlet),
                Given::Begun => {
                    body.close(outlet);
                    outlet.delivery.note_unclosed_call();
                }
                Given::All if body.has_rest() => self.leave(outlet),
                Given::All => {}
            },
        }
    }

    fn fence(&mut self, from: usize, outlet: &mut Outlet<'_>) {
        let (opener, is_marked) = match (self.raw[from..].trim(), self.opener) {
            ("" | "json" | "python", Opener::Python) => (Opener::Python, true),
            ("python", _) if self.format == ToolFormat::Python => (Opener::Python, false),
            ("" | "json", _) => (Opener::Json, false),
            ("tool_call" | "tool_calls", _) => (Opener::Json, true),
            ("tool_code", _) => (Opener::Python, true),
            _ => return self.leave(outlet),
        };
        self.opener = opener;
        self.is_marked |= is_marked;
        self.is_fenced = true;
        self.state = State::Opening;
    }

    fn opening(&mut self, c: char, outlet: &mut Outlet<'_>) -> bool {
        match c {
            '{' if self.opener.is_json() => self.enter(c, outlet),
            '[' if self.opener.is_json() && !self.is_list => self.is_list = true,
            c if c.is_whitespace() => {}
            c if self.opener.is_named() && (c.is_alphanumeric() || c == '_') => {
                self.enter(c, outlet);
            }
            _ => self.leave(outlet),
        }
        true
    }

    fn between(&mut self, c: char, outlet: &mut Outlet<'_>) -> bool {
        match c {
            '{' if self.opener.is_json() => self.enter(c, outlet),
            ',' | ';' | ']' | '}' | ')' => {}
            c if c.is_whitespace() => {}
            c if self.opener == Opener::Python && (c.is_alphabetic() || c == '_') => {
                self.enter(c, outlet);
            }
            _ => {
                self.raw.pop();
                outlet.text(&self.raw);
                self.raw.clear();
                self.state = State::Outside;
                return false;
            }
        }
        true
    }

    /// A call begins with this character.
    fn enter(&mut self, c: char, outlet: &mut Outlet<'_>) {
        self.is_refused = false;
        if c == '{' {
            let body = Body::Envelope(Envelope::new(self.is_marked));
            self.state = State::Inside(Box::new(body));
            return;
        }
        let mut body = match self.opener {
            Opener::Glm => Body::Xml(Xml::new('\n')),
            opener => Body::Named(Named::new(opener, self.is_marked, String::new())),
        };
        let progress = body.take(c, outlet);
        self.state = State::Inside(Box::new(body));
        self.proceed(progress, outlet);
    }

    fn mark_opening(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> bool {
        self.state = match mark {
            Mark::Opener(opener) => self.opened(opener),
            Mark::Fence
                if matches!(self.opener, Opener::Json | Opener::Python) && !self.is_fenced =>
            {
                State::Fence(self.raw.len() + text.len())
            }
            _ => {
                self.leave(outlet);
                return false;
            }
        };
        self.raw.push_str(text);
        true
    }

    fn mark_between(&mut self, mark: Mark, outlet: &mut Outlet<'_>) -> bool {
        let is_end = match mark {
            // What ends a call that was given back as text is part of that text.
            _ if self.is_refused => false,
            Mark::Closer | Mark::MessageEnd => true,
            Mark::Fence => self.is_fenced || self.opener == Opener::Deepseek,
            _ => false,
        };
        if self.is_refused || !is_end && !matches!(mark, Mark::Opener(_)) {
            outlet.text(&self.raw);
        }
        self.raw.clear();
        self.state = State::Outside;
        is_end
    }

    /// What a character did to the call.
    fn proceed(&mut self, progress: Progress, outlet: &mut Outlet<'_>) {
        match progress {
            Progress::More => {}
            Progress::Ended | Progress::EndedBefore => {
                self.raw.clear();
                self.state = State::Between;
            }
            Progress::Refused { is_over: false } => self.refuse(outlet),
            Progress::Refused { is_over: true } => {
                self.leave(outlet);
                if self.is_list {
                    self.state = State::Between;
                }
            }
        }
    }

    /// What a mark did to the call; `false` if the mark does not belong to it.
    fn proceed_with(
        &mut self,
        progress: Progress,
        (mark, text): (Mark, &str),
        outlet: &mut Outlet<'_>,
    ) -> bool {
        match progress {
            Progress::More => {
                if !matches!(&self.state, State::Inside(body) if body.given() == Given::Begun) {
                    self.raw.push_str(text);
                }
                true
            }
            Progress::Ended => {
                self.proceed(progress, outlet);
                true
            }
            Progress::EndedBefore => {
                self.proceed(progress, outlet);
                self.mark(mark, text, outlet)
            }
            Progress::Refused { is_over: true } => {
                self.leave(outlet);
                false
            }
            Progress::Refused { is_over: false } => {
                self.raw.push_str(text);
                self.refuse(outlet);
                true
            }
        }
    }

    /// This is no call: the text is given back, and what follows is text.
    fn leave(&mut self, outlet: &mut Outlet<'_>) {
        self.refuse(outlet);
        outlet.text(&self.raw);
        self.raw.clear();
        self.state = State::Outside;
    }

    /// This is no call. Its text is given back with the next flush.
    fn refuse(&mut self, outlet: &mut Outlet<'_>) {
        let is_malformed = match &self.state {
            State::Inside(body) => body.is_malformed(),
            _ => self.is_marked,
        };
        if !std::mem::replace(&mut self.is_refused, true) && is_malformed {
            outlet.delivery.count_malformed();
        }
    }
}
