//! A call as a name and the arguments after it.

use super::body::{Given, Outlet, Progress};
use super::mark::{DEEPSEEK_SEPARATOR, MISTRAL_ARGUMENTS, MISTRAL_ID, Mark, Opener};
use super::mender::{Mender, Step, Style};

/// Longest text before the arguments, in bytes.
const MAX_HEAD: usize = 512;

/// Reads `name[ARGS]{…}`, `call:name{…}`, `name(…)`, what DeepSeek writes, and messages to functions.
#[derive(Debug, Clone)]
pub(super) struct Named {
    opener: Opener,
    /// Whether a mark said that this is a call.
    is_marked: bool,
    /// What stands before the arguments; later the name in it.
    head: String,
    mender: Option<Mender>,
    /// The arguments, as far as they are not delivered.
    out: String,
    given: Given,
}

impl Named {
    /// A call of which this much came before its arguments.
    pub(super) fn new(opener: Opener, is_marked: bool, head: String) -> Self {
        Self { opener, is_marked, head, mender: None, out: String::new(), given: Given::Nothing }
    }

    pub(super) fn given(&self) -> Given {
        self.given
    }

    pub(super) fn is_malformed(&self) -> bool {
        self.is_marked || self.given != Given::Nothing
    }

    pub(super) fn take(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        let Some(mender) = &mut self.mender else { return self.head(c, outlet) };
        loop {
            match mender.take(c, &mut self.out) {
                (Step::Broken, _) => {
                    if self.given == Given::Begun {
                        self.close(outlet);
                    }
                    return Progress::REFUSED;
                }
                (Step::Done, _) => {
                    self.end(outlet);
                    return Progress::Ended;
                }
                (_, true) => return Progress::More,
                _ => {}
            }
        }
    }

    /// Marks are text in strings; elsewhere one that ends calls stands for the missing brackets.
    pub(super) fn mark(&mut self, mark: Mark, text: &str, outlet: &mut Outlet<'_>) -> Progress {
        let Some(mender) = &mut self.mender else {
            let is_fence = mark == Mark::Fence && self.opener == Opener::Deepseek;
            if mark != Mark::Separator && !is_fence {
                return Progress::REFUSED;
            }
            self.head.push_str(text);
            return Progress::More;
        };
        if mark == Mark::Quote && mender.take_quote(&mut self.out).is_some() {
            return Progress::More;
        }
        if mender.is_in_string() || !mark.ends_arguments() {
            let all = text.chars().map(|c| self.take(c, outlet));
            return all.last().unwrap_or(Progress::More);
        }
        let closer = mender.closer();
        loop {
            match self.take(closer, outlet) {
                Progress::More => {}
                Progress::Ended => return Progress::EndedBefore,
                refused => return refused,
            }
        }
    }

    pub(super) fn flush(&mut self, outlet: &mut Outlet<'_>) {
        if self.given == Given::Begun {
            outlet.arguments(&mut self.out);
        }
    }

    pub(super) fn close(&mut self, outlet: &mut Outlet<'_>) {
        if let Some(mender) = &mut self.mender {
            mender.close_to(0, &mut self.out);
        }
        self.end(outlet);
    }

    fn head(&mut self, c: char, outlet: &mut Outlet<'_>) -> Progress {
        let style = match self.opener {
            Opener::Python => Style::Parentheses,
            _ => Style::Braces,
        };
        let opens = if style == Style::Parentheses { '(' } else { '{' };
        if c != opens {
            self.head.push(c);
            let can_be = match self.opener {
                Opener::Message => c.is_whitespace(),
                _ => self.is_marked || self.may_name(outlet),
            };
            let is_over = self.head.len() > MAX_HEAD || !can_be;
            return if is_over { Progress::REFUSED } else { Progress::More };
        }
        if style == Style::Parentheses && self.head.trim() == "print" {
            self.head.clear();
            return Progress::More;
        }
        let Some(name) = self.name(outlet) else { return Progress::REFUSED };
        self.mender = Some(Mender::new(style, &mut self.out));
        // What is only read strictly can still turn out to be no call.
        if style == Style::Braces {
            outlet.call(&name);
            self.given = Given::Begun;
        }
        self.head = name;
        Progress::More
    }

    /// Whether the text so far can become the call of a known function.
    fn may_name(&self, outlet: &Outlet<'_>) -> bool {
        let prefix = if self.opener == Opener::Gemma { "call:" } else { "" };
        let Some(name) = self.head.strip_prefix(prefix) else {
            return prefix.starts_with(&self.head);
        };
        let mut functions = outlet.delivery.functions().iter();
        match name.split_once(['[', '\n']) {
            // The arguments may stand in the next line.
            Some((line, rest)) if name[line.len()..].starts_with('\n') => {
                rest.trim().is_empty() && functions.any(|function| function.name == line)
            }
            Some((name, _)) => functions.any(|function| function.name == name),
            None => functions.any(|function| function.name.starts_with(name)),
        }
    }

    /// The name in the head, if it is one that may be called.
    fn name(&self, outlet: &Outlet<'_>) -> Option<String> {
        let head = self.head.trim();
        let name = match self.opener {
            Opener::Gemma => head.strip_prefix("call:").unwrap_or(head),
            Opener::Deepseek => deepseek_name(head)?,
            Opener::Message => recipient(head)?,
            Opener::Python if !outlet.delivery.knows(head) => {
                head.rsplit('.').next().unwrap_or(head)
            }
            _ => mistral_name(head),
        };
        let name = name.trim();
        (is_name(name) && outlet.delivery.knows(name)).then(|| name.to_owned())
    }

    fn end(&mut self, outlet: &mut Outlet<'_>) {
        if self.given == Given::Nothing {
            outlet.call(&self.head);
        }
        outlet.arguments(&mut self.out);
        outlet.end_call();
        self.given = Given::All;
    }
}

/// The name in `…to=functions.name…`.
pub(super) fn recipient(header: &str) -> Option<&str> {
    let (_, name) = header.split_once("to=")?;
    let name = name.split(|c: char| c.is_whitespace() || c == '<').next()?;
    Some(name.strip_prefix("functions.").unwrap_or(name))
}

/// The name in `name`, `name[ARGS]` or `name[CALL_ID]id[ARGS]`.
fn mistral_name(head: &str) -> &str {
    let head = head.strip_suffix(MISTRAL_ARGUMENTS).unwrap_or(head);
    let name = head.split_once(MISTRAL_ID).filter(|(_, id)| is_name(id.trim()));
    name.map_or(head, |(name, _)| name)
}

/// The name in `function<sep>name` or `name<sep>`, with or without the opening of a fence.
fn deepseek_name(head: &str) -> Option<&str> {
    let (first, rest) = head.split_once(DEEPSEEK_SEPARATOR)?;
    let rest = rest.trim();
    let rest = ["```json", "```"].iter().find_map(|fence| rest.strip_suffix(fence)).unwrap_or(rest);
    match (first.trim(), rest.trim()) {
        (name, "") | ("function", name) => Some(name),
        _ => None,
    }
}

/// Whether a text can be the name of a function.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    !text.is_empty() && text.chars().all(is_part)
}
