//! A call as a name and parameters in tags.

use super::body::{Given, Outlet, Progress};
use super::literal::write_literal;
use super::mark::Mark;
use super::mender::{Mender, Step, Style};
use super::named::is_name;
use super::string::write_string;

/// Longest name of a function or parameter, in bytes.
const MAX_NAME: usize = 512;
/// Longest value, in bytes; what is longer goes on as text.
const MAX_VALUE: usize = 1 << 20;

/// Reads `name><parameter=x>value</parameter></function>` and `name>{…}</function>`, from where
/// the name begins.
#[derive(Debug, Clone)]
pub(super) struct Xml {
    state: State,
    /// The name or value under way.
    token: String,
    name: String,
    /// The parameters that are strings.
    strings: Vec<String>,
    parameter: String,
    has_parameters: bool,
    /// The arguments, as far as they are not delivered.
    out: String,
    given: Given,
}

#[derive(Debug, Clone)]
enum State {
    Name,
    /// Between parameters.
    Body,
    Parameter,
    Value,
    Json(Mender),
}

impl Xml {
    pub(super) fn new() -> Self {
        Self {
            state: State::Name,
            token: String::new(),
            name: String::new(),
            strings: Vec::new(),
            parameter: String::new(),
            has_parameters: false,
            out: String::new(),
            given: Given::Nothing,
        }
    }

    pub(super) fn given(&self) -> Given {
        self.given
    }

    pub(super) fn take(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        match self.state {
            State::Name => self.function(c, outlet),
            State::Body if c.is_whitespace() => Progress::More,
            State::Body if c == '{' && self.given == Given::Nothing => {
                self.begin(outlet);
                self.state = State::Json(Mender::new(Style::Braces, &mut self.out));
                Progress::More
            }
            State::Body => self.give_up(outlet),
            State::Parameter => self.parameter(c, outlet),
            State::Value if self.token.len() >= MAX_VALUE => self.give_up(outlet),
            State::Value => {
                self.token.push(c);
                Progress::More
            }
            State::Json(_) => self.json(c, outlet),
        }
    }

    pub(super) fn mark(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> Progress {
        let ends_line = self.token.ends_with('\n');
        match (&self.state, mark) {
            (State::Value, Mark::ParameterEnd) => self.end_value(),
            // The end of the value is missing.
            (State::Value, Mark::Parameter | Mark::Closer) if ends_line => {
                self.end_value();
                return self.mark(mark, text, outlet);
            }
            (State::Body, Mark::Parameter) => {
                self.begin_object(outlet);
                self.token.clear();
                self.state = State::Parameter;
            }
            (State::Body, Mark::Closer) => {
                self.begin_object(outlet);
                self.close(outlet);
                return Progress::Ended;
            }
            (State::Body, Mark::ParameterEnd) => {}
            (State::Body, Mark::Opener(_)) if self.given == Given::Begun => {
                self.close(outlet);
                return Progress::EndedBefore;
            }
            (State::Json(mender), Mark::Closer) if !mender.is_in_string() => {
                self.close(outlet);
                return Progress::Ended;
            }
            (State::Value | State::Json(_), _) => {
                let all = text.chars().map(|c| self.take(c, outlet));
                return all.last().unwrap_or(Progress::More);
            }
            _ => return self.give_up(outlet),
        }
        Progress::More
    }

    pub(super) fn flush(&mut self, outlet: &mut Outlet<'_>) {
        if self.given == Given::Begun {
            outlet.arguments(&mut self.out);
        }
    }

    pub(super) fn close(&mut self, outlet: &mut Outlet<'_>) {
        match &mut self.state {
            State::Json(mender) => mender.close_to(0, &mut self.out),
            State::Value => {
                self.end_value();
                self.out.push('}');
            }
            _ => self.out.push('}'),
        }
        outlet.arguments(&mut self.out);
        outlet.end_call();
        self.given = Given::All;
    }

    fn function(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        if c != '>' {
            self.token.push(c);
            let can_be = self.token.len() <= MAX_NAME && c != '\n';
            return if can_be { Progress::More } else { Progress::REFUSED };
        }
        let name = self.token.trim();
        if !is_name(name) || !outlet.delivery.knows(name) {
            return Progress::REFUSED;
        }
        let function = outlet.delivery.functions().iter().find(|function| function.name == name);
        self.strings = function.map(|function| function.strings.clone()).unwrap_or_default();
        self.name = name.to_owned();
        self.state = State::Body;
        Progress::More
    }

    fn parameter(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        if c == '>' {
            self.parameter = self.token.trim().to_owned();
            self.token.clear();
            self.state = State::Value;
            return Progress::More;
        }
        if self.token.len() >= MAX_NAME {
            return self.give_up(outlet);
        }
        self.token.push(c);
        Progress::More
    }

    fn json(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        let State::Json(mender) = &mut self.state else { return Progress::More };
        loop {
            match mender.take(c, &mut self.out) {
                (Step::Broken, _) => return self.give_up(outlet),
                (Step::Done, _) => {
                    self.close(outlet);
                    return Progress::Ended;
                }
                (_, true) => return Progress::More,
                _ => {}
            }
        }
    }

    fn begin(&mut self, outlet: &mut Outlet<'_>) {
        if self.given == Given::Nothing {
            outlet.call(&self.name);
            self.given = Given::Begun;
        }
    }

    fn begin_object(&mut self, outlet: &mut Outlet<'_>) {
        if self.given == Given::Nothing {
            self.out.push('{');
        }
        self.begin(outlet);
    }

    /// Nothing more of this can be understood.
    fn give_up(&mut self, outlet: &mut Outlet<'_>) -> Progress {
        if self.given == Given::Begun {
            self.close(outlet);
        }
        if matches!(self.state, State::Parameter) {
            outlet.text(&self.token);
        }
        Progress::REFUSED
    }

    fn end_value(&mut self) {
        if std::mem::replace(&mut self.has_parameters, true) {
            self.out.push(',');
        }
        write_string(&self.parameter, &mut self.out);
        self.out.push(':');
        let value = self.token.strip_prefix('\n').unwrap_or(&self.token);
        let value = value.strip_suffix('\n').unwrap_or(value);
        if self.strings.contains(&self.parameter) || !write_json(value.trim(), &mut self.out) {
            write_string(value, &mut self.out);
        }
        self.token.clear();
        self.state = State::Body;
    }
}

/// Writes a value that is not a string; `false` if it is one.
fn write_json(value: &str, out: &mut String) -> bool {
    let is_container =
        value.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(value).is_ok();
    if is_container {
        out.push_str(value);
    }
    is_container || write_literal(value, out)
}
