//! The parts of a template's text that a runtime adds to what is in its cache.

use crate::{ChatTemplate, Error, Message, RenderOptions, Role, Segment};

const USER: &str = "rkllmProbeUser";
const ANSWER: &str = "rkllmProbeAnswer";

impl ChatTemplate {
    /// What the template writes before the text of the first user message, which follows `before`:
    /// nothing, or a system message. A default system prompt is part of it.
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
        let messages = [before, &[Message::new(Role::User, USER)]].concat();
        let text = self.render(&messages, options)?.text();
        Ok(around(&text, USER)?.0.to_owned())
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
        let turn = [Message::new(Role::User, USER), Message::new(Role::Assistant, ANSWER)];
        let messages = [before, &turn, next].concat();
        let mut segments = self.render(&messages, options)?.segments;
        let has_answer = |segment: &Segment| segment.text.contains(ANSWER);
        let mut found = (0..segments.len()).filter(|&index| has_answer(&segments[index]));
        let (Some(at), None) = (found.next(), found.next()) else {
            return Err(shown_otherwise("answers"));
        };
        segments.drain(..at);
        segments[0].text = around(&segments[0].text, ANSWER)?.1.to_owned();
        segments.retain(|segment| !segment.text.is_empty());
        Ok(segments)
    }
}

/// The texts before and after a mark, which occurs once.
fn around<'t>(text: &'t str, mark: &str) -> Result<(&'t str, &'t str), Error> {
    let parts = text.split_once(mark).filter(|(_, after)| !after.contains(mark));
    parts.ok_or_else(|| shown_otherwise("messages"))
}

fn shown_otherwise(what: &'static str) -> Error {
    Error::NoTurnTexts { what }
}
