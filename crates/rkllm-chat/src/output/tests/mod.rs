//! Outputs of models, and what becomes of them.

mod formats;
mod properties;
mod text;

use super::*;

/// What is expected in most of the tests.
fn options(tools: ToolFormat, functions: &[&str]) -> OutputOptions {
    OutputOptions {
        reasoning: ReasoningTags::detect("</think>"),
        tools: Some(tools),
        functions: functions.iter().map(|name| KnownFunction::from(*name)).collect(),
        ..OutputOptions::default()
    }
}

/// What an output becomes, written down: `«thought»`, `name(arguments)`, and text as it is.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    pieces: Vec<String>,
    text: String,
    thoughts: String,
    calls: Vec<(String, String)>,
    summary: Summary,
}

impl Seen {
    fn note(&mut self, piece: Piece<'_>) {
        let (opens, text, closes) = match piece {
            Piece::Text(text) => ("", text, ""),
            Piece::Thought(text) => ("«", text, "»"),
            Piece::ToolCall { name, index } => {
                assert_eq!(index, self.calls.len());
                self.calls.push((name.to_owned(), String::new()));
                self.pieces.push(format!("{name}("));
                return;
            }
            Piece::ToolArguments { index, json } => {
                assert_eq!(index + 1, self.calls.len());
                self.calls[index].1 += json;
                assert!(self.pieces.last().unwrap().contains('('), "arguments outside of a call");
                *self.pieces.last_mut().unwrap() += json;
                return;
            }
            Piece::ToolEnd { index } => {
                assert_eq!(index + 1, self.calls.len());
                *self.pieces.last_mut().unwrap() += ")";
                return;
            }
        };
        assert!(!text.is_empty());
        let joined = if opens.is_empty() { &mut self.text } else { &mut self.thoughts };
        joined.push_str(text);
        match self.pieces.last_mut().filter(|last| is_alike(last, opens)) {
            Some(last) => {
                last.truncate(last.len() - closes.len());
                *last += text;
                *last += closes;
            }
            None => self.pieces.push(format!("{opens}{text}{closes}")),
        }
    }

    /// All that came out, calls too.
    fn everything(&self) -> String {
        self.pieces.concat()
    }
}

/// Whether a noted piece goes on with the next one.
fn is_alike(noted: &str, opens: &str) -> bool {
    let is_call = noted.ends_with(')') && noted.contains("({");
    !is_call && noted.starts_with('«') == (opens == "«")
}

fn see<S: AsRef<str>>(options: &OutputOptions, pieces: impl IntoIterator<Item = S>) -> Seen {
    let mut output = Output::new(options.clone()).unwrap();
    let mut seen = Seen::default();
    for piece in pieces {
        let stopped = output.push(piece.as_ref(), &mut |piece| seen.note(piece));
        if stopped {
            output.push("more", &mut |_| panic!("nothing follows a stop"));
        }
    }
    let summary = output.finish(&mut |piece| seen.note(piece));
    assert_eq!(summary.tool_calls, seen.calls.len());
    for (_, arguments) in &seen.calls {
        let value: serde_json::Value = serde_json::from_str(arguments).expect(arguments);
        assert!(value.is_object());
    }
    Seen { summary, ..seen }
}

/// Sees an output as a whole and character by character, which must be the same.
#[track_caller]
fn check(options: &OutputOptions, output: &str, expected: &[&str]) -> Summary {
    let whole = see(options, [output]);
    assert_eq!(whole.pieces, expected, "of {output:?}");
    let chars = see(options, output.chars().map(String::from));
    assert_eq!(chars, whole, "of {output:?} by characters");
    whole.summary
}
