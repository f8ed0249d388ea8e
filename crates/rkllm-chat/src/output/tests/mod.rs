//! Outputs of models, and what becomes of them.

mod formats;
mod properties;
mod text;

use super::*;

/// Tags by tags, or a channel for thoughts.
fn tags(are_channels: bool) -> Option<ReasoningTags> {
    ReasoningTags::detect(if are_channels { "<|channel|>analysis" } else { "</think>" })
}

/// What is expected in most of the tests.
fn options(tools: ToolFormat, functions: &[&str]) -> OutputOptions {
    OutputOptions {
        reasoning: tags(tools == ToolFormat::Harmony),
        tools: Some(tools),
        functions: functions.iter().map(|name| KnownFunction::from(*name)).collect(),
        ..OutputOptions::default()
    }
}

/// What an output becomes. The pieces are written down as `«thought»`, `name(arguments)`, and text
/// as it is, joined where they go on.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    pieces: Vec<String>,
    kinds: Vec<Kind>,
    text: String,
    calls: Vec<(String, String)>,
    summary: Summary,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Thought,
    /// A call that goes on.
    Call,
    /// A complete call.
    Ended,
}

impl Seen {
    fn note(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => {
                self.text += text;
                self.join(Kind::Text, text);
            }
            Piece::Thought(text) => self.join(Kind::Thought, text),
            Piece::ToolCall { name, index } => {
                assert_eq!(index, self.calls.len());
                self.calls.push((name.to_owned(), String::new()));
                self.pieces.push(format!("{name}("));
                self.kinds.push(Kind::Call);
            }
            Piece::ToolArguments { index, json } => {
                assert_eq!(index + 1, self.calls.len());
                self.calls[index].1 += json;
                assert_eq!(self.kinds.last(), Some(&Kind::Call));
                self.join(Kind::Call, json);
            }
            Piece::ToolEnd { index } => {
                assert_eq!(index + 1, self.calls.len());
                self.join(Kind::Call, ")");
                *self.kinds.last_mut().unwrap() = Kind::Ended;
            }
        }
    }

    fn join(&mut self, kind: Kind, text: &str) {
        assert!(!text.is_empty());
        if self.kinds.last() != Some(&kind) {
            self.kinds.push(kind);
            self.pieces.push(if kind == Kind::Thought { "«»" } else { "" }.to_owned());
        }
        let piece = self.pieces.last_mut().unwrap();
        let end = piece.len() - if kind == Kind::Thought { "»".len() } else { 0 };
        piece.insert_str(end, text);
    }

    /// All that came out, calls too.
    fn everything(&self) -> String {
        self.pieces.concat()
    }
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
    assert!(!seen.kinds.contains(&Kind::Call), "a call does not end");
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
