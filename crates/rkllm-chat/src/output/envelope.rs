//! A call as one JSON object with the name and the arguments.

use super::body::{Given, Outlet, Progress};
use super::mark::Mark;
use super::mender::{Mender, Step, Style};

/// Reads `{"name": …, "arguments": {…}}`, its members in any order.
///
/// The arguments may be called `parameters`, be a string that holds the object, or be missing;
/// both may be members of a `function`. Other members are left out if they are no objects or lists,
/// which might be the arguments under a wrong name.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    mender: Mender,
    /// The value under way, as far as it is not delivered.
    out: String,
    field: Field,
    /// Depth of the object with the name: 1, or 2 within `function`.
    depth: usize,
    name: Option<String>,
    arguments: Option<String>,
    given: Given,
    /// Whether a mark said that this is a call.
    is_marked: bool,
    has_unknown: bool,
    is_refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Arguments,
    Function,
    /// One without meaning here.
    Other,
    /// One that should not be there.
    Unknown,
}

impl Envelope {
    /// An envelope whose opening brace was read.
    pub(super) fn new(is_marked: bool) -> Self {
        let mut out = String::new();
        Self {
            mender: Mender::new(Style::Braces, &mut out),
            out,
            field: Field::Other,
            depth: 1,
            name: None,
            arguments: None,
            given: Given::Nothing,
            is_marked,
            has_unknown: false,
            is_refused: false,
        }
    }

    pub(super) fn given(&self) -> Given {
        self.given
    }

    pub(super) fn is_in_key(&self) -> bool {
        self.mender.is_in_key()
    }

    pub(super) fn take(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        loop {
            let (step, taken) = self.mender.take(c, &mut self.out);
            match step {
                Step::Broken if self.given == Given::Begun => {
                    self.close(outlet);
                    return Progress::REFUSED;
                }
                Step::Broken => return Progress::REFUSED,
                Step::Done => return self.done(outlet),
                _ if self.is_refused => self.out.clear(),
                _ => self.is_refused |= !self.accept(step, outlet),
            }
            if taken {
                let is_over = false;
                return if self.is_refused {
                    Progress::Refused { is_over }
                } else {
                    Progress::More
                };
            }
        }
    }

    /// Marks are text in strings; elsewhere one that ends calls stands for the missing brackets.
    pub(super) fn mark(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> Progress {
        if self.mender.is_in_string() || !mark.ends_arguments() {
            let all = text.chars().map(|c| self.take(c, outlet));
            return all.last().unwrap_or(Progress::More);
        }
        loop {
            match self.take(self.mender.closer(), outlet) {
                Progress::Ended => return Progress::EndedBefore,
                Progress::Refused { is_over: true } => return Progress::REFUSED,
                _ => {}
            }
        }
    }

    pub(super) fn flush(&mut self, outlet: &mut Outlet<'_>) {
        match self.given {
            Given::Begun => outlet.arguments(&mut self.out),
            Given::All => self.out.clear(),
            Given::Nothing => {}
        }
    }

    pub(super) fn close(&mut self, outlet: &mut Outlet<'_>) {
        self.mender.close_to(self.depth, &mut self.out);
        self.end(outlet);
    }

    /// Says whether this can still be a call after a step.
    fn accept(&mut self, step: Step, outlet: &mut Outlet<'_>) -> bool {
        let depth = self.mender.depth();
        match step {
            Step::Key if depth == self.depth => self.key(outlet),
            Step::Open if depth == self.depth + 1 => self.open(outlet),
            Step::Value if depth == self.depth => self.value(outlet),
            Step::Value if depth < self.depth => {
                self.depth = depth;
                true
            }
            _ => true,
        }
    }

    fn key(&mut self, outlet: &mut Outlet<'_>) -> bool {
        self.out.clear();
        self.field = match self.mender.key() {
            "type" | "id" | "index" => Field::Other,
            // What a bracket too many put here would be lost.
            _ if self.given == Given::All => return false,
            "name" if self.name.is_none() => Field::Name,
            "function" if self.name.is_none() => Field::Function,
            "arguments" | "parameters" if self.arguments.is_none() => Field::Arguments,
            // So would one call of two that a missing bracket joins.
            "name" | "function" | "arguments" | "parameters" => return false,
            _ if !self.is_marked => return false,
            _ => {
                self.has_unknown = true;
                Field::Unknown
            }
        };
        self.field != Field::Arguments || self.is_known(outlet)
    }

    fn open(&mut self, outlet: &mut Outlet<'_>) -> bool {
        let is_object = self.out == "{";
        match self.field {
            Field::Arguments if is_object => {
                if let Some(name) = self.name.as_deref() {
                    outlet.call(name);
                    self.given = Given::Begun;
                }
                true
            }
            Field::Function if is_object && self.depth == 1 => {
                self.depth = 2;
                true
            }
            Field::Other => true,
            _ => false,
        }
    }

    fn value(&mut self, outlet: &mut Outlet<'_>) -> bool {
        match std::mem::replace(&mut self.field, Field::Other) {
            Field::Arguments if self.given == Given::Begun => {
                self.end(outlet);
                return true;
            }
            Field::Arguments => {
                self.arguments = object(std::mem::take(&mut self.out));
                if self.arguments.is_none() {
                    return false;
                }
            }
            Field::Name | Field::Function => {
                self.name = serde_json::from_str(&self.out).ok();
                if self.name.is_none() || self.arguments.is_some() && !self.is_known(outlet) {
                    return false;
                }
            }
            Field::Other | Field::Unknown => {}
        }
        self.out.clear();
        if self.given == Given::Nothing
            && self.name.is_some()
            && let Some(arguments) = self.arguments.take()
        {
            self.give(arguments, outlet);
        }
        true
    }

    fn done(&mut self, outlet: &mut Outlet<'_>) -> Progress {
        if self.is_refused {
            return Progress::REFUSED;
        }
        if self.given == Given::All {
            return Progress::Ended;
        }
        // Without a mark and without arguments, only the name can tell a call from other JSON.
        let is_call = self.is_marked || !outlet.delivery.functions().is_empty();
        if self.name.is_none() || self.has_unknown || !is_call || !self.is_known(outlet) {
            return Progress::REFUSED;
        }
        self.give("{}".to_owned(), outlet);
        Progress::Ended
    }

    fn give(&mut self, arguments: String, outlet: &mut Outlet<'_>) {
        outlet.whole_call(self.name.as_deref().unwrap_or_default(), arguments);
        self.given = Given::All;
    }

    fn end(&mut self, outlet: &mut Outlet<'_>) {
        outlet.arguments(&mut self.out);
        outlet.end_call();
        self.given = Given::All;
    }

    /// Whether the name is that of a function, as far as it has been read.
    fn is_known(&mut self, outlet: &mut Outlet<'_>) -> bool {
        let is_known = self.name.as_deref().is_none_or(|name| outlet.delivery.knows(name));
        // This is a call for sure, although no mark said so.
        self.is_marked |= !is_known;
        is_known
    }

    /// Whether what was refused was meant to be a call.
    pub(super) fn is_malformed(&self) -> bool {
        self.is_marked || self.given != Given::Nothing
    }
}

/// The arguments from a value that was read as a whole: an object, a string that holds one, or
/// null for none.
fn object(value: String) -> Option<String> {
    if value.starts_with('{') {
        return Some(value);
    }
    if value == "null" {
        return Some("{}".to_owned());
    }
    let text: String = serde_json::from_str(&value).ok()?;
    let text = text.trim();
    if text.is_empty() {
        return Some("{}".to_owned());
    }
    let text = text.strip_prefix('{')?;
    let mut out = String::new();
    let mut mender = Mender::new(Style::Braces, &mut out);
    for (at, c) in text.char_indices() {
        loop {
            match mender.take(c, &mut out) {
                (Step::Broken, _) => return None,
                // A bracket too many does no harm; other text after the object would be lost.
                (Step::Done, _) => {
                    let is_all = text[at..].chars().all(|c| c == '}' || c.is_whitespace());
                    return is_all.then_some(out);
                }
                (_, true) => break,
                _ => {}
            }
        }
    }
    mender.close_to(0, &mut out);
    Some(out)
}
