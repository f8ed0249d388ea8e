//! The arguments of a call, from what models write to JSON.

#[cfg(test)]
mod tests;

use super::literal::write_literal;
use super::string::{StringMender, write_char, write_string};

/// Nesting beyond which parsers of JSON refuse to follow.
const MAX_DEPTH: usize = 100;
/// Longest key or unquoted value, in bytes.
const MAX_TOKEN: usize = 1 << 16;

/// How a call encloses its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// In braces, as JSON does. All faults are mended.
    Braces,
    /// In parentheses, as Python does. Only literals are understood; the rest breaks it.
    Parentheses,
}

/// What a character did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing to speak of.
    Nothing,
    /// A key is complete; see [`Mender::key`].
    Key,
    /// An object or a list was opened.
    Open,
    /// A value is complete.
    Value,
    /// The whole object is complete.
    Done,
    /// This is nothing that can be mended.
    Broken,
}

/// Reads an object of near-JSON character by character and writes the JSON that is meant.
///
/// Mended are: single quotes, unquoted keys and strings, trailing, missing and doubled commas,
/// Python's literals, apostrophes and quotations in strings whose quotes are not escaped, line breaks and wrong escapes in strings, and brackets that are missing or
/// of the wrong kind. White space outside of strings is left out.
#[derive(Debug, Clone)]
pub(super) struct Mender {
    style: Style,
    open: Vec<Frame>,
    state: State,
    string: StringMender,
    /// The key as it is written between quotes, or the unquoted value.
    token: String,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    is_object: bool,
    has_items: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a key or the end of an object.
    Key,
    Colon,
    /// Before the value of a key.
    Value,
    /// Before an item or the end of a list.
    Item,
    Quoted {
        is_key: bool,
        quote: Quote,
    },
    /// After what ends a string unless a word follows.
    Unquoted {
        quote: char,
    },
    Bare {
        is_key: bool,
    },
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Char(char),
    /// A mark of the format; what it encloses has no escapes.
    Mark,
}

impl Mender {
    /// Begins an object; its opening bracket has been read and is written.
    pub(super) fn new(style: Style, out: &mut String) -> Self {
        out.push('{');
        Self {
            style,
            open: vec![Frame { is_object: true, has_items: false }],
            state: State::Key,
            string: StringMender::default(),
            token: String::new(),
        }
    }

    /// How many objects and lists are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The key that was read last, as JSON has it between quotes.
    pub(super) fn key(&self) -> &str {
        &self.token
    }

    /// Whether marks are text here.
    pub(super) fn is_in_string(&self) -> bool {
        matches!(self.state, State::Quoted { .. })
    }

    /// Whether a key has begun and is not complete.
    pub(super) fn is_in_key(&self) -> bool {
        matches!(self.state, State::Quoted { is_key: true, .. } | State::Bare { is_key: true })
    }

    /// Takes one character. It must be given again if the second value is `false`.
    pub(super) fn take(&mut self, c: char, out: &mut String) -> (Step, bool) {
        match self.state {
            State::Key => self.before_key(c, out),
            State::Colon => self.colon(c),
            State::Value | State::Item => self.before_value(c, out),
            State::Quoted { is_key, quote } => self.quoted(c, (is_key, quote), out),
            State::Unquoted { quote } if c.is_alphanumeric() => {
                self.string.take_quote(quote, out);
                self.state = State::Quoted { is_key: false, quote: Quote::Char(quote) };
                (Step::Nothing, false)
            }
            State::Unquoted { .. } => (self.unquote(false, out), false),
            State::Bare { is_key } => self.bare(c, is_key, out),
            State::Done => (Step::Done, false),
        }
    }

    /// Takes a mark that quotes strings; `None` if it is text here.
    pub(super) fn take_quote(&mut self, out: &mut String) -> Option<Step> {
        if let State::Unquoted { .. } = self.state {
            self.end_string(out);
        }
        match self.state {
            State::Quoted { is_key, quote: Quote::Mark } => Some(self.unquote(is_key, out)),
            State::Key => {
                self.token.clear();
                self.state = State::Quoted { is_key: true, quote: Quote::Mark };
                Some(Step::Nothing)
            }
            State::Colon | State::Value | State::Item => {
                self.begin_value(out);
                out.push('"');
                self.state = State::Quoted { is_key: false, quote: Quote::Mark };
                Some(Step::Nothing)
            }
            _ => None,
        }
    }

    fn end_string(&mut self, out: &mut String) {
        match self.state {
            State::Quoted { is_key, .. } => self.unquote(is_key, out),
            State::Unquoted { .. } => self.unquote(false, out),
            _ => Step::Nothing,
        };
    }

    /// Closes what is open until only `depth` objects and lists are.
    pub(super) fn close_to(&mut self, depth: usize, out: &mut String) {
        self.end_string(out);
        while self.open.len() > depth && self.take(self.closer(), out).0 != Step::Broken {}
    }

    /// What closes the whole object, and everything in it.
    pub(super) fn closer(&self) -> char {
        match self.style {
            Style::Braces => '}',
            Style::Parentheses => ')',
        }
    }

    fn before_key(&mut self, c: char, out: &mut String) -> (Step, bool) {
        match c {
            '"' | '\'' => {
                self.token.clear();
                self.state = State::Quoted { is_key: true, quote: Quote::Char(c) };
                (Step::Nothing, true)
            }
            '}' | ']' => self.close_one(c, out),
            ')' if self.style == Style::Parentheses => self.close_one(c, out),
            ',' | ':' | '{' | '[' => (Step::Nothing, true),
            c if c.is_whitespace() => (Step::Nothing, true),
            _ => {
                self.token.clear();
                self.state = State::Bare { is_key: true };
                (Step::Nothing, false)
            }
        }
    }

    fn colon(&mut self, c: char) -> (Step, bool) {
        if c.is_whitespace() {
            return (Step::Nothing, true);
        }
        let is_colon = matches!(c, ':' | '=');
        if !is_colon && self.style == Style::Parentheses {
            return (Step::Broken, true);
        }
        self.state = State::Value;
        (Step::Nothing, is_colon)
    }

    fn before_value(&mut self, c: char, out: &mut String) -> (Step, bool) {
        let is_item = self.state == State::Item;
        match c {
            '"' | '\'' => {
                self.begin_value(out);
                out.push('"');
                self.state = State::Quoted { is_key: false, quote: Quote::Char(c) };
                (Step::Nothing, true)
            }
            '{' | '[' if self.open.len() == MAX_DEPTH => (Step::Broken, true),
            '{' | '[' => {
                self.begin_value(out);
                out.push(c);
                let is_object = c == '{';
                self.open.push(Frame { is_object, has_items: false });
                self.state = if is_object { State::Key } else { State::Item };
                (Step::Open, true)
            }
            ',' if is_item => (Step::Nothing, true),
            '}' | ']' if is_item => self.close_one(c, out),
            ')' if is_item && self.style == Style::Parentheses => self.close_one(c, out),
            ',' | '}' | ']' => self.missing_value(out),
            ')' if self.style == Style::Parentheses => self.missing_value(out),
            c if c.is_whitespace() => (Step::Nothing, true),
            _ => {
                self.begin_value(out);
                self.token.clear();
                self.state = State::Bare { is_key: false };
                (Step::Nothing, false)
            }
        }
    }

    fn missing_value(&mut self, out: &mut String) -> (Step, bool) {
        if self.style == Style::Parentheses {
            return (Step::Broken, true);
        }
        out.push_str("null");
        (self.end_value(), false)
    }

    fn quoted(
        &mut self,
        c: char,
        (is_key, quote): (bool, Quote),
        out: &mut String,
    ) -> (Step, bool) {
        let is_end = quote == Quote::Char(c) && !self.string.is_escaping();
        if is_end && (is_key || self.style == Style::Parentheses) {
            return (self.unquote(is_key, out), true);
        }
        if is_end && !self.string.ends_quotation() {
            self.state = State::Unquoted { quote: c };
            return (Step::Nothing, true);
        }
        if is_key && self.token.len() >= MAX_TOKEN {
            return (Step::Broken, true);
        }
        let target = if is_key { &mut self.token } else { out };
        let taken = match quote {
            Quote::Char(_) => self.string.take(c, target),
            Quote::Mark => {
                write_char(c, target);
                true
            }
        };
        (Step::Nothing, taken)
    }

    fn unquote(&mut self, is_key: bool, out: &mut String) -> Step {
        if is_key {
            self.string.finish(&mut self.token);
            return self.end_key(out);
        }
        self.string.finish(out);
        out.push('"');
        self.end_value()
    }

    fn bare(&mut self, c: char, is_key: bool, out: &mut String) -> (Step, bool) {
        let ends = match c {
            ',' | '}' | ']' | '"' | '\n' | '\r' => true,
            ')' => self.style == Style::Parentheses,
            ':' | '=' => is_key,
            c => is_key && c.is_whitespace(),
        };
        if !ends {
            if self.token.len() >= MAX_TOKEN {
                return (Step::Broken, true);
            }
            match is_key {
                true => write_char(c, &mut self.token),
                false => self.token.push(c),
            }
            return (Step::Nothing, true);
        }
        if is_key {
            return (self.end_key(out), false);
        }
        let token = self.token.trim_end();
        if !write_literal(token, out) {
            if self.style == Style::Parentheses {
                return (Step::Broken, true);
            }
            write_string(token, out);
        }
        (self.end_value(), false)
    }

    /// Writes the comma before an item of a list. The one before a key stands there already.
    fn begin_value(&mut self, out: &mut String) {
        if let Some(frame) = self.open.last_mut().filter(|frame| !frame.is_object) {
            if frame.has_items {
                out.push(',');
            }
            frame.has_items = true;
        }
    }

    fn end_key(&mut self, out: &mut String) -> Step {
        if let Some(frame) = self.open.last_mut() {
            if frame.has_items {
                out.push(',');
            }
            frame.has_items = true;
        }
        out.push('"');
        out.push_str(&self.token);
        out.push_str("\":");
        self.state = State::Colon;
        Step::Key
    }

    fn end_value(&mut self) -> Step {
        self.state = match self.open.last() {
            Some(frame) if frame.is_object => State::Key,
            Some(_) => State::Item,
            None => State::Done,
        };
        if self.state == State::Done { Step::Done } else { Step::Value }
    }

    /// Closes the innermost object or list. A bracket for one further out is given again; one
    /// that closes nothing is dropped.
    fn close_one(&mut self, bracket: char, out: &mut String) -> (Step, bool) {
        let depth = self.open.len();
        let is_object = self.open.last().is_some_and(|frame| frame.is_object);
        let is_root_of_python = depth == 1 && self.style == Style::Parentheses;
        let (fits, closes_another) = match bracket {
            ')' => (is_root_of_python, true),
            '}' => (is_object && !is_root_of_python, !is_root_of_python),
            _ => (!is_object, self.open.iter().any(|frame| !frame.is_object)),
        };
        if !fits && !closes_another {
            return (Step::Nothing, true);
        }
        self.open.pop();
        out.push(if is_object { '}' } else { ']' });
        (self.end_value(), fits)
    }
}
