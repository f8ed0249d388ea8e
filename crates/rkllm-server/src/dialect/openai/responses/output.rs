//! What an answer consists of: thoughts, messages, function calls.

use rkllm_chat::{Message, Role, ToolCall};
use serde::Serialize;
use serde_json::Value;

use super::PREFIX;
use crate::dialect::Collected;
use crate::dialect::calls;
use crate::generate::{self, Finish};

/// How an answer is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Show {
    /// Thoughts are told where other models have a summary of them.
    pub(super) summary: bool,
}

/// An item of the output as it stands on the wire.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    Reasoning {
        id: &'a str,
        summary: Vec<Part<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Part<'a>>,
        status: Status,
    },
    Message {
        id: &'a str,
        status: Status,
        role: &'static str,
        content: Vec<Part<'a>>,
    },
    FunctionCall {
        id: &'a str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
        status: Status,
    },
}

/// A part of an item.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Part<'a> {
    #[serde(rename = "summary_text")]
    Summary { text: &'a str },
    #[serde(rename = "reasoning_text")]
    Thought { text: &'a str },
    #[serde(rename = "output_text")]
    Text { text: &'a str, annotations: [(); 0], logprobs: [(); 0] },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    InProgress,
    Completed,
    /// Cut by the limit of tokens.
    Incomplete,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Summary,
    Thought,
    Text,
    Call { id: String, name: String },
}

impl From<generate::ToolCall> for Kind {
    fn from(call: generate::ToolCall) -> Self {
        Self::Call { id: call.id, name: call.name }
    }
}

/// One item and what has come of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// Text, or arguments.
    pub(super) text: String,
    status: Status,
}

impl Piece {
    /// The item; one in progress is told without what has come of it.
    pub(super) fn item(&self) -> Item<'_> {
        let (id, status) = (self.id.as_str(), self.status);
        let begun = status == Status::InProgress;
        let parts = || self.part().filter(|_| !begun).into_iter().collect();
        match &self.kind {
            Kind::Summary => Item::Reasoning { id, summary: parts(), content: Vec::new(), status },
            Kind::Thought => Item::Reasoning { id, summary: Vec::new(), content: parts(), status },
            Kind::Text => Item::Message { id, status, role: "assistant", content: parts() },
            Kind::Call { id: call_id, name } => {
                let arguments = if begun { "" } else { &self.text };
                Item::FunctionCall { id, call_id, name, arguments, status }
            }
        }
    }

    /// The only part of the item; calls have none.
    pub(super) fn part(&self) -> Option<Part<'_>> {
        self.kind.part(&self.text)
    }
}

impl Kind {
    pub(super) fn part<'a>(&self, text: &'a str) -> Option<Part<'a>> {
        match self {
            Self::Summary => Some(Part::Summary { text }),
            Self::Thought => Some(Part::Thought { text }),
            Self::Text => Some(Part::Text { text, annotations: [], logprobs: [] }),
            Self::Call { .. } => None,
        }
    }

    fn prefix(&self) -> &'static str {
        match self {
            Self::Summary | Self::Thought => "rs_",
            Self::Text => "msg_",
            Self::Call { .. } => "fc_",
        }
    }
}

/// The items of one answer, of which the last one may be in progress.
#[derive(Debug)]
pub(super) struct Output {
    show: Show,
    /// What the ids of the items have in common.
    tail: String,
    pieces: Vec<Piece>,
}

impl Output {
    /// Nothing yet of the answer `id`.
    pub(super) fn new(id: &str, show: Show) -> Self {
        let tail = id.strip_prefix(PREFIX).unwrap_or(id).to_owned();
        Self { show, tail, pieces: Vec::new() }
    }

    /// An answer that is over.
    pub(super) fn whole(id: &str, show: Show, collected: Collected) -> Self {
        let mut output = Self::new(id, show);
        let mut add = |kind, text: String| {
            output.complete(Status::Completed);
            output.begin(kind).text = text;
        };
        if !collected.thought.is_empty() {
            add(show.thought(), collected.thought);
        }
        if !collected.text.is_empty() {
            add(Kind::Text, collected.text);
        }
        for call in collected.tool_calls {
            add(Kind::Call { id: call.id, name: call.name }, call.arguments);
        }
        let finish = collected.done.finish;
        if output.lacks_message(finish) {
            output.complete(Status::Completed);
            output.begin(Kind::Text);
        }
        output.complete(Status::at(finish));
        output
    }

    /// Begins the next item; the one before must be complete.
    pub(super) fn begin(&mut self, kind: Kind) -> &mut Piece {
        let id = format!("{}{}{}", kind.prefix(), self.tail, self.pieces.len());
        let (text, status) = (String::new(), Status::InProgress);
        self.pieces.push(Piece { id, kind, text, status });
        self.pieces.last_mut().expect("a piece was pushed")
    }

    /// The item in progress.
    pub(super) fn open(&mut self) -> Option<&mut Piece> {
        self.pieces.last_mut().filter(|piece| piece.status == Status::InProgress)
    }

    /// Ends the item in progress; gives it.
    pub(super) fn complete(&mut self, status: Status) -> Option<&Piece> {
        let piece = self.open()?;
        piece.status = status;
        Some(piece)
    }

    /// Whether the answer needs an empty message to be one. An answer that was cut while it was
    /// thought about needs none.
    pub(super) fn lacks_message(&self, finish: Finish) -> bool {
        let says = |piece: &Piece| matches!(piece.kind, Kind::Text | Kind::Call { .. });
        finish != Finish::Length && !self.pieces.iter().any(says)
    }

    pub(super) fn show(&self) -> Show {
        self.show
    }

    /// Counts the items that have begun.
    pub(super) fn count(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.pieces.iter().map(Piece::item)
    }

    /// The turn of the assistant, for the requests that follow.
    pub(super) fn message(&self) -> Message {
        let mut message = Message::new(Role::Assistant, "");
        for piece in &self.pieces {
            match &piece.kind {
                Kind::Summary | Kind::Thought => {
                    message.reasoning.get_or_insert_default().push_str(&piece.text);
                }
                Kind::Text => message.content.push_str(&piece.text),
                Kind::Call { id, name } => message.tool_calls.push(ToolCall {
                    id: Some(id.clone()),
                    name: name.clone(),
                    arguments: calls::arguments(Some(Value::from(piece.text.as_str()))),
                }),
            }
        }
        message
    }
}

impl Show {
    /// What thoughts are told as.
    pub(super) fn thought(self) -> Kind {
        if self.summary { Kind::Summary } else { Kind::Thought }
    }
}

impl Status {
    /// The state of the last item of an answer.
    pub(super) fn at(finish: Finish) -> Self {
        match finish {
            Finish::Length => Self::Incomplete,
            Finish::Stop | Finish::ToolCalls => Self::Completed,
        }
    }
}
