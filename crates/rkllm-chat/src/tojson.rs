//! The filter `tojson` as chat templates know it: what Python's `json.dumps` writes.

use std::io;

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, State};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::limit::{LimitedWriter, MAX_PROMPT};

/// Wider than any template's, and small enough that deep nesting cannot blow up the output.
const MAX_INDENT: usize = 32;

/// As deep as JSON parsers read; serializing takes more stack per level than anything else.
const MAX_DEPTH: usize = 128;

/// `value | tojson(indent=…, separators=…, ensure_ascii=…)`.
pub(crate) fn tojson(state: &State, value: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "tojson needs a defined value"));
    }
    let mut writer = LimitedWriter::new(MAX_PROMPT);
    let formatter = PythonFormatter::from_kwargs(&kwargs)?;
    value
        .serialize(&mut Serializer::with_formatter(&mut writer, formatter))
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let text = writer.into_text();
    // The engine charges for the result; writing it out costs about as much again.
    state.consume_fuel((text.len() / 64) as u64)?;
    Ok(Value::from(text))
}

/// A value as Python's `json.dumps` writes it for models: on one line, characters as they are.
pub(crate) fn python_json(value: &serde_json::Value) -> String {
    let mut text = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, PythonSeparators));
    written.expect("a JSON value has text keys, and memory takes all that is written");
    String::from_utf8(text).expect("JSON is written as whole strings")
}

/// Writes JSON on one line with Python's separators.
struct PythonSeparators;

impl Formatter for PythonSeparators {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// Writes JSON as templates ask for, with Python's separators where they don't.
struct PythonFormatter {
    indent: Option<usize>,
    item_separator: String,
    key_separator: String,
    depth: usize,
    has_items: bool,
}

impl PythonFormatter {
    fn from_kwargs(kwargs: &Kwargs) -> Result<Self, Error> {
        let indent: Option<usize> = kwargs.get("indent")?;
        if indent.is_some_and(|indent| indent > MAX_INDENT) {
            let message = format!("tojson indents by at most {MAX_INDENT}");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        // Off is what templates get and sometimes spell out. On would escape the characters that
        // stand in for special tokens.
        if kwargs.get::<Option<bool>>("ensure_ascii")? == Some(true) {
            let message = "tojson writes characters as they are: remove ensure_ascii=true";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        let separators: Option<Vec<String>> = kwargs.get("separators")?;
        kwargs.assert_all_used()?;
        let default_item = if indent.is_some() { "," } else { ", " };
        let (item_separator, key_separator) = match separators.as_deref() {
            None => (default_item.to_owned(), ": ".to_owned()),
            Some([item, key]) => (item.clone(), key.clone()),
            Some(_) => {
                let message = "tojson takes two separators: between items, and after a key";
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
        };
        Ok(Self { indent, item_separator, key_separator, depth: 0, has_items: false })
    }

    fn open<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(io::Error::other(format!("it is nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        self.has_items = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_items {
            self.break_line(out)?;
        }
        out.write_all(bracket)
    }

    fn begin_item<W: ?Sized + io::Write>(&self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(self.item_separator.as_bytes())?;
        }
        self.break_line(out)
    }

    fn break_line<W: ?Sized + io::Write>(&self, out: &mut W) -> io::Result<()> {
        let Some(indent) = self.indent else {
            return Ok(());
        };
        out.write_all(b"\n")?;
        (0..indent * self.depth).try_for_each(|_| out.write_all(b" "))
    }
}

impl Formatter for PythonFormatter {
    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.begin_item(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.begin_item(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(self.key_separator.as_bytes())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _out: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }
}
