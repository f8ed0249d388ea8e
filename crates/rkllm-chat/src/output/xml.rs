//! A call as a name and parameters in tags.

use super::body::{Given, Outlet, Progress};
use super::mark::{LINES_PARAMETER, Mark};
use super::mender::{Mender, Step, Style};
use super::named::is_name;
use super::string::write_string;
use super::value::{Layout, ParameterValue};

/// Longest name of a function or parameter, in bytes.
const MAX_NAME: usize = 512;

/// Reads `name><parameter=x>value</parameter></function>`, `name>{…}</function>`, the same with
/// names in quotes, and `name`, a line break and `<arg_key>x</arg_key><arg_value>value</arg_value>`;
/// from where the name begins.
#[derive(Debug, Clone)]
pub(super) struct Xml {
    /// What ends the name of the function.
    name_end: char,
    state: State,
    /// The name under way.
    token: String,
    name: String,
    /// The parameters that are strings.
    strings: Vec<String>,
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
    /// In the name of a parameter, which ends the tag.
    Parameter(Layout),
    /// In the name of a parameter, which has a tag of its own.
    Key,
    /// After that.
    Keyed,
    Value(ParameterValue),
    Json(Mender),
}

impl Xml {
    /// A call whose name ends with this character.
    pub(super) fn new(name_end: char) -> Self {
        Self {
            name_end,
            state: State::Name,
            token: String::new(),
            name: String::new(),
            strings: Vec::new(),
            has_parameters: false,
            out: String::new(),
            given: Given::Nothing,
        }
    }

    pub(super) fn given(&self) -> Given {
        self.given
    }

    pub(super) fn take(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        match &mut self.state {
            State::Name if c == self.name_end => self.function(outlet),
            State::Name | State::Parameter(_) | State::Key => self.token(c, outlet),
            State::Body | State::Keyed if c.is_whitespace() => Progress::More,
            State::Body if c == '{' && self.given == Given::Nothing => {
                self.begin(outlet);
                self.state = State::Json(Mender::new(Style::Braces, &mut self.out));
                Progress::More
            }
            State::Body | State::Keyed => self.give_up(outlet),
            State::Value(value) => match value.take(c) {
                true => Progress::More,
                false => self.give_up(outlet),
            },
            State::Json(_) => self.json(c, outlet),
        }
    }

    pub(super) fn mark(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> Progress {
        match (&self.state, mark) {
            (State::Name, Mark::Key | Mark::Closer) if self.name_end == '\n' => {
                return match self.function(outlet) {
                    Progress::More => self.mark(mark, text, outlet),
                    refused => refused,
                };
            }
            (State::Value(_), Mark::ParameterEnd) => self.end_value(),
            // The end of the value is missing.
            (State::Value(value), Mark::Parameter | Mark::Key | Mark::Closer)
                if value.ends_line() =>
            {
                self.end_value();
                return self.mark(mark, text, outlet);
            }
            (State::Body, Mark::Parameter | Mark::Key) => {
                self.begin_object(outlet);
                self.state = match mark {
                    Mark::Key => State::Key,
                    _ if text == LINES_PARAMETER => State::Parameter(Layout::Lines),
                    _ => State::Parameter(Layout::Plain),
                };
            }
            (State::Key, Mark::KeyEnd) => self.state = State::Keyed,
            (State::Keyed, Mark::Value) => return self.begin_value(Layout::Plain, outlet),
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
            (State::Value(_) | State::Json(_), _) => {
                let all = text.chars().map(|c| self.take(c, outlet));
                return all.last().unwrap_or(Progress::More);
            }
            _ => return self.give_up(outlet),
        }
        Progress::More
    }

    pub(super) fn flush(&mut self, outlet: &mut Outlet<'_>) {
        if self.given == Given::Begun {
            if let State::Value(value) = &mut self.state {
                value.flush(&mut self.out);
            }
            outlet.arguments(&mut self.out);
        }
    }

    pub(super) fn close(&mut self, outlet: &mut Outlet<'_>) {
        self.end_value();
        match &mut self.state {
            State::Json(mender) => mender.close_to(0, &mut self.out),
            _ => self.out.push('}'),
        }
        outlet.arguments(&mut self.out);
        outlet.end_call();
        self.given = Given::All;
    }

    /// Takes one character of a name.
    fn token(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        match self.state {
            State::Parameter(layout) if c == '>' => return self.begin_value(layout, outlet),
            _ if self.token.len() >= MAX_NAME => return self.give_up(outlet),
            State::Name if c == '\n' => return Progress::REFUSED,
            _ => self.token.push(c),
        }
        Progress::More
    }

    /// The name of the function is complete.
    fn function(&mut self, outlet: &mut Outlet<'_>) -> Progress {
        let name = read_tag(&self.token).map(|(name, _)| name);
        let Some(name) = name.filter(|name| is_name(name) && outlet.delivery.knows(name)) else {
            return Progress::REFUSED;
        };
        let function = outlet.delivery.functions().iter().find(|function| function.name == name);
        self.strings = function.map(|function| function.strings.clone()).unwrap_or_default();
        self.name = name.to_owned();
        self.token.clear();
        self.state = State::Body;
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
            // The name of a parameter without value.
            outlet.text(&self.token);
        }
        Progress::REFUSED
    }

    /// The name of a parameter is complete.
    fn begin_value(&mut self, layout: Layout, outlet: &mut Outlet<'_>) -> Progress {
        let Some((parameter, is_string)) = read_tag(&self.token) else {
            return self.give_up(outlet);
        };
        if std::mem::replace(&mut self.has_parameters, true) {
            self.out.push(',');
        }
        write_string(parameter, &mut self.out);
        self.out.push(':');
        let is_known_string = || self.strings.iter().any(|name| name == parameter);
        let is_string = is_string.unwrap_or_else(is_known_string);
        self.state = State::Value(ParameterValue::new(layout, is_string));
        self.token.clear();
        Progress::More
    }

    fn end_value(&mut self) {
        if matches!(self.state, State::Value(_))
            && let State::Value(value) = std::mem::replace(&mut self.state, State::Body)
        {
            value.finish(&mut self.out);
        }
    }
}

/// The name in a tag, which may be quoted, and what the tag says about whether the value is a
/// string; `None` if there is something else in it.
fn read_tag(tag: &str) -> Option<(&str, Option<bool>)> {
    let tag = tag.trim();
    let Some(quote @ ('"' | '\'')) = tag.chars().next() else { return Some((tag, None)) };
    let (name, rest) = tag[1..].split_once(quote).unwrap_or((&tag[1..], ""));
    let is_string = match rest.trim() {
        "" => None,
        "string=\"true\"" => Some(true),
        "string=\"false\"" => Some(false),
        _ => return None,
    };
    Some((name, is_string))
}
