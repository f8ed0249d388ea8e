//! A completion's events as chunks.

use bytes::BytesMut;

use crate::dialect::openai::chunk::{Chunks, Plan, Shape, failed};
use crate::dialect::openai::wire::{Head, finish};
use crate::dialect::stream::{self, json};
use crate::generate::Event;

const SHAPE: Shape = Shape { before: ",\"text\":", empty: "\"\"", after: "" };

/// The stream of completions: for each answer chunks with text and one with the reason of its end;
/// at last the usage, if it was asked for, and `[DONE]`.
pub(super) struct Encoder {
    chunks: Chunks,
    /// The prompts, if they stand before their answers.
    echo: Vec<String>,
    n: usize,
}

impl Encoder {
    pub(super) fn new(head: &Head, echo: Vec<String>, plan: Plan) -> Self {
        Self { chunks: Chunks::new(head, &SHAPE, plan), echo, n: plan.n as usize }
    }
}

impl stream::Encoder for Encoder {
    const CONTENT_TYPE: &'static str = stream::SSE;
    const KEEP_ALIVE: &'static [u8] = stream::SSE_COMMENT;

    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Started => {
                if let Some(prompt) = self.echo.get(self.chunks.number() / self.n) {
                    self.chunks.piece(out, |out| json(prompt, out));
                }
            }
            // The answer is one text, whatever the model means by it.
            Event::Text(text) | Event::Thought(text) => {
                self.chunks.piece(out, |out| json(&text, out));
            }
            // There are no functions to call.
            Event::ToolCall(_) | Event::Arguments(_) => {}
            Event::Done(done) => self.chunks.done(&done, finish(done.finish), out),
            Event::Failed(error) => failed(&error, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::scripted::{self, done, text, thought};
    use crate::error::{Code, Error};
    use crate::generate::Finish;

    fn encoded(echo: &[&str], plan: Plan, events: Vec<Event>) -> String {
        let echo = echo.iter().map(|text| (*text).to_owned()).collect();
        scripted::encoded(Encoder::new(&scripted::head("text_completion"), echo, plan), events)
    }

    #[test]
    fn one_text() {
        let plan = Plan { n: 1, total: 1, usage: false };
        let events = vec![Event::Started, text(" world"), thought("?"), done(Finish::Length)];
        insta::assert_snapshot!(encoded(&[], plan, events));
    }

    #[test]
    fn two_prompts_are_echoed_and_answered_twice() {
        let plan = Plan { n: 2, total: 4, usage: true };
        let answer = |said: &str| vec![Event::Started, text(said), done(Finish::Stop)];
        let events = ["1", "2", "3", "4"].into_iter().flat_map(answer).collect();
        insta::assert_snapshot!(encoded(&["a", "b"], plan, events));
    }

    #[test]
    fn a_failure_ends_the_stream() {
        let plan = Plan { n: 1, total: 1, usage: true };
        let failed = Event::Failed(Error::new(Code::InferenceFailed, "the runtime failed"));
        insta::assert_snapshot!(encoded(&[], plan, vec![Event::Started, text(" w"), failed]));
    }

    #[test]
    fn a_sign_of_life_is_a_comment() {
        assert_eq!(<Encoder as stream::Encoder>::KEEP_ALIVE, b": keep-alive\n\n");
    }
}
