//! The fixed texts of a template around the texts of a conversation.

use crate::{ChatTemplate, Error, Message, RenderOptions, Role, Segment};

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

/// The name of a function that no template writes by itself.
const TOOL: &str = "rkllm_probe_tool";

impl ChatTemplate {
    /// What the template writes before the text of the first user message, which follows `before`:
    /// nothing, or a system message.
    ///
    /// # Errors
    ///
    /// [`Error::NoTurnTexts`] when the template does not show the message once; and the errors of
    /// [`ChatTemplate::render`].
    pub fn text_before_user(
        &self,
        before: &[Message],
        options: &RenderOptions,
    ) -> Result<String, Error> {
        let messages = [before, &[Message::new(Role::User, FIRST_USER)]].concat();
        let [head, _] = around(&self.render(&messages, options)?.text(), [FIRST_USER])?;
        Ok(head)
    }

    /// What the template writes for messages that follow an answer of the model, from the end of
    /// the answer's text on. `before` is what the conversation begins with, as above.
    ///
    /// A runtime that keeps earlier turns in its cache continues a conversation by this alone.
    ///
    /// # Errors
    ///
    /// [`Error::NoTurnTexts`] when the template does not show the answer once; and the errors of
    /// [`ChatTemplate::render`].
    ///
    /// ```
    /// use rkllm_chat::{ChatTemplate, Message, RenderOptions, Role, SpecialTokens};
    ///
    /// let template = ChatTemplate::parse(
    ///     "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>",
    ///     SpecialTokens::default(),
    /// )?;
    /// let result = [Message::new(Role::Tool, "21 °C")];
    /// let next = template.after_answer(&[], &result, &RenderOptions::default())?;
    /// assert_eq!(next[0].text, "\n<tool>21 °C\n<assistant>");
    /// # Ok::<(), rkllm_chat::Error>(())
    /// ```
    pub fn after_answer(
        &self,
        before: &[Message],
        next: &[Message],
        options: &RenderOptions,
    ) -> Result<Vec<Segment>, Error> {
        let turn = [Message::new(Role::User, FIRST_USER), Message::new(Role::Assistant, ANSWER)];
        let messages = [before, &turn, next].concat();
        let mut segments = self.render(&messages, options)?.segments;
        let found = |segment: &Segment| segment.text.contains(ANSWER);
        if segments.iter().filter(|segment| found(segment)).count() != 1 {
            return Err(refuse("it leaves out or repeats answers"));
        }
        let at = segments.iter().position(found).unwrap_or(0);
        segments.drain(..at);
        let [_, after] = around(&segments[0].text, [ANSWER])?;
        segments[0].text = after;
        segments.retain(|segment| !segment.text.is_empty());
        Ok(segments)
    }

    /// Whether the template tells the model which functions it may call.
    pub fn shows_tools(&self) -> bool {
        let function = serde_json::json!({
            "name": TOOL, "description": TOOL, "parameters": { "type": "object", "properties": {} }
        });
        let tools = serde_json::json!([{ "type": "function", "function": function }]);
        let options = RenderOptions { tools: Some(tools), ..RenderOptions::default() };
        let rendered = self.render(&[Message::new(Role::User, FIRST_USER)], &options);
        rendered.is_ok_and(|prompt| prompt.text().contains(TOOL))
    }

    /// Whether the template has a turn for the results of functions: the role `tool`.
    pub fn shows_results(&self) -> bool {
        let result = [Message::new(Role::Tool, NEXT_USER)];
        let next = self.after_answer(&[], &result, &RenderOptions::default());
        next.is_ok_and(|segments| segments.iter().any(|part| part.text.contains(NEXT_USER)))
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
