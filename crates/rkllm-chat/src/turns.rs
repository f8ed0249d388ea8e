//! The fixed texts of a template around the texts of a conversation.

use crate::{ChatTemplate, Error, Message, RenderOptions, Role};

/// What a template writes around the turns of a conversation without a system message.
///
/// With these three, a runtime that keeps earlier turns in its cache continues a conversation by
/// the new text alone: `head + user + postfix` to begin with, then `between + user + postfix`
/// after each answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnTexts {
    /// Everything before the first user text, a default system prompt included.
    pub head: String,
    /// From the end of a user text to where the model's answer begins.
    pub postfix: String,
    /// From the end of an answer's text to the next user text.
    pub between: String,
}

const FIRST_USER: &str = "rkllmProbeUserOne";
const ANSWER: &str = "rkllmProbeAnswer";
const NEXT_USER: &str = "rkllmProbeUserTwo";

impl ChatTemplate {
    /// Finds the texts around a turn by rendering two probe conversations.
    ///
    /// # Errors
    ///
    /// [`Error::NoTurnTexts`] when the template shows a text not at all, more than once or out of
    /// order, or when a turn looks different later in a conversation; and the errors of
    /// [`ChatTemplate::render`] when it refuses a probe.
    ///
    /// ```
    /// use rkllm_chat::{ChatTemplate, SpecialTokens};
    ///
    /// let template = ChatTemplate::parse(
    ///     "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}\
    ///      {% if add_generation_prompt %}<assistant>{% endif %}",
    ///     SpecialTokens::default(),
    /// )?;
    /// let turn = template.turn_texts(None)?;
    /// assert_eq!(turn.head, "<user>");
    /// assert_eq!(turn.postfix, "\n<assistant>");
    /// assert_eq!(turn.between, "\n<user>");
    /// # Ok::<(), rkllm_chat::Error>(())
    /// ```
    pub fn turn_texts(&self, enable_thinking: Option<bool>) -> Result<TurnTexts, Error> {
        let options = RenderOptions { enable_thinking, ..RenderOptions::default() };
        let mut messages = vec![Message::new(Role::User, FIRST_USER)];
        let once = self.render_as_is(&messages, &options)?.text();
        let [head, postfix] = around(&once, [FIRST_USER])?;
        messages.push(Message::new(Role::Assistant, ANSWER));
        messages.push(Message::new(Role::User, NEXT_USER));
        let twice = self.render_as_is(&messages, &options)?.text();
        let [first_head, _, between, next_postfix] =
            around(&twice, [FIRST_USER, ANSWER, NEXT_USER])?;
        if first_head != head {
            return Err(refuse("the text before the first message changes as the chat goes on"));
        }
        if next_postfix != postfix {
            return Err(refuse("the text after a user's message changes as the chat goes on"));
        }
        Ok(TurnTexts { head, postfix, between })
    }
}

/// The stretches of `text` before, between and after the marks, each of which occurs once.
fn around<const MARKS: usize, const STRETCHES: usize>(
    text: &str,
    marks: [&str; MARKS],
) -> Result<[String; STRETCHES], Error> {
    let mut stretches = Vec::with_capacity(STRETCHES);
    let mut rest = text;
    for mark in marks {
        let (before, after) =
            rest.split_once(mark).ok_or_else(|| refuse("it leaves out or reorders messages"))?;
        stretches.push(before.to_owned());
        rest = after;
    }
    stretches.push(rest.to_owned());
    if marks.iter().any(|mark| stretches.iter().any(|stretch| stretch.contains(mark))) {
        return Err(refuse("it repeats messages"));
    }
    stretches.try_into().map_err(|_| refuse("it leaves out or reorders messages"))
}

fn refuse(reason: &'static str) -> Error {
    Error::NoTurnTexts { reason }
}
