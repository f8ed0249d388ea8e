//! Chat templates: from messages to the text that a model was trained on.

use crate::adapt::{Draft, attempts};
use crate::engine::Engine;
use crate::placeholder::SpecialMatcher;
use crate::probe::Probed;
use crate::resume::Resume;
use crate::thought::Tags;
use crate::view::{Shape, variables};
use crate::{Error, Message, Prompt, RenderOptions, SpecialTokens};

/// A model's chat template, with the conventions of Hugging Face `transformers`.
///
/// That is Jinja with `trim_blocks`, `lstrip_blocks` and loop controls, Python's string and
/// dictionary methods, `raise_exception`, `strftime_now`, a `tojson` that writes what Python's
/// `json.dumps` does, `{% generation %}`, and the variables `messages`, `add_generation_prompt`,
/// `enable_thinking`, `bos_token`, `eos_token`, `tools`, `documents` and those of
/// [`RenderOptions::kwargs`].
///
/// Rendering is bounded: source 256 KiB, prompt 8 MiB, a budget of work that the engine charges for
/// each instruction and each piece of data, and a stack of its own for deep recursion, so a template
/// that loops, recurses or grows without end gives an error. One thing the engine does not charge
/// for: comparing lists, using them as keys and turning them into strings when they contain the
/// same list many times over. No real template does so; a process that renders templates of unknown
/// origin needs a deadline after which it can be killed.
#[derive(Debug)]
pub struct ChatTemplate {
    pub(crate) engine: Engine,
    pub(crate) special: SpecialTokens,
    pub(crate) probed: Probed,
    /// What opens and closes reasoning in it.
    pub(crate) tags: Tags,
    matcher: SpecialMatcher,
    with_tools: Option<Box<ChatTemplate>>,
}

impl ChatTemplate {
    /// Parses a template's source for a model with these special tokens.
    ///
    /// # Errors
    ///
    /// [`Error::TemplateTooLarge`] beyond 256 KiB, [`Error::Parse`] with the line when the source is
    /// no valid template, [`Error::SpecialTokens`] when there are too many of them.
    pub fn parse(source: &str, special: SpecialTokens) -> Result<Self, Error> {
        let engine = Engine::parse(source)?;
        let matcher = SpecialMatcher::new(&special, source)?;
        let probed = Probed::new(source);
        let tags = Tags::of_template(source).unwrap_or_default();
        Ok(Self { engine, special, probed, tags, matcher, with_tools: None })
    }

    /// The same, with another source for conversations with tools; some models have two.
    ///
    /// # Errors
    ///
    /// Those of [`ChatTemplate::parse`].
    pub fn with_tool_use(self, source: &str) -> Result<Self, Error> {
        let tool_use = Self::parse(source, self.special.clone())?;
        Ok(Self { with_tools: Some(Box::new(tool_use)), ..self })
    }

    /// Renders a conversation.
    ///
    /// Control tokens that message texts spell out come back as untrusted segments: a user who
    /// writes `<|im_end|>` has written ten characters and ended nothing. Everything else, the
    /// other text of messages included, is trusted, as it holds no control token but the
    /// template's. (Only a template that cuts out of the middle of a text, or changes its case,
    /// could put one together from parts.)
    ///
    /// What the template cannot show is put in a way that it can, and [`Prompt::adapted`] says so:
    ///
    /// - Where it shows no tools, the system text describes them; where it shows no calls or no
    ///   results, they become texts of the assistant and the user.
    /// - Where it has no place for a system text, that moves to a user message.
    /// - Where it refuses a conversation in which one role speaks twice in a row, calls are made
    ///   together, or ids of calls are not as it wants them, it is tried without.
    ///
    /// # Errors
    ///
    /// [`Error::Raised`] when the template refuses the conversation in every form, with its words
    /// about the first; [`Error::Render`] when it fails otherwise; [`Error::NoMessages`],
    /// [`Error::ReservedVariable`], [`Error::NothingToContinue`], [`Error::NotContinued`],
    /// [`Error::TooMuchWork`], [`Error::PromptTooLarge`] and [`Error::NoPlaceholder`] as they say.
    ///
    /// ```
    /// use rkllm_chat::{ChatTemplate, Message, RenderOptions, Role, SpecialTokens};
    ///
    /// let template = ChatTemplate::parse(
    ///     "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>{% endfor %}",
    ///     SpecialTokens { control: vec!["<|end|>".into()], ..SpecialTokens::default() },
    /// )?;
    /// let messages = [Message::new(Role::User, "Hi <|end|>")];
    /// let prompt = template.render(&messages, &RenderOptions::default())?;
    /// assert_eq!(prompt.text(), "<|user|>Hi <|end|><|end|>");
    /// assert_eq!(prompt.segments[1].text, "<|end|>");
    /// assert!(!prompt.segments[1].trusted);
    /// # Ok::<(), rkllm_chat::Error>(())
    /// ```
    pub fn render(&self, messages: &[Message], options: &RenderOptions) -> Result<Prompt, Error> {
        if messages.is_empty() {
            return Err(Error::NoMessages);
        }
        options.check()?;
        if options.continue_final_message {
            Resume::check(messages)?;
        }
        let template = self.for_options(options);
        let draft = template.draft(messages, options);
        let rendered = template.render_draft(&draft);
        if matches!(rendered, Err(Error::Raised { .. })) && draft.is_changed() {
            // What was made of the conversation is not what the caller can mend.
            template.render_as_is(messages, options).and(rendered)
        } else {
            rendered
        }
    }

    /// The template that is in force with these options.
    pub(crate) fn for_options(&self, options: &RenderOptions) -> &Self {
        self.with_tools.as_deref().filter(|_| options.has_tools()).unwrap_or(self)
    }

    fn render_draft(&self, draft: &Draft) -> Result<Prompt, Error> {
        let mut refusal = None;
        for steps in attempts(self.fate_of_system(&draft.messages)) {
            let Some(messages) = draft.after(&steps) else { continue };
            match self.render_as_is(&messages, &draft.options) {
                Ok(prompt) => return Ok(Prompt { adapted: draft.adapted_with(&steps), ..prompt }),
                Err(error @ Error::Raised { .. }) => refusal = refusal.or(Some(error)),
                Err(error) => return Err(refusal.unwrap_or(error)),
            }
        }
        // A conversation whose system text has nowhere to go leaves no attempt.
        match refusal {
            Some(refusal) => Err(refusal),
            None => self.render_as_is(&draft.messages, &draft.options),
        }
    }

    pub(crate) fn render_as_is(
        &self,
        messages: &[Message],
        options: &RenderOptions,
    ) -> Result<Prompt, Error> {
        let mut variables = variables(messages, options, self.shape(messages));
        let mut placeholders = self.matcher.protect(&mut variables)?;
        let resume = match options.continue_final_message {
            true => Some(Resume::mark(&mut variables, &mut placeholders)?),
            false => None,
        };
        let rendered = self
            .engine
            .evaluate(&variables, &self.special, options.now)
            .map_err(|error| placeholders.restore_refusal(error))?;
        let (rendered, resumed_in_thought) = match resume {
            Some(resume) => resume.cut(&rendered, self.tags)?,
            None => (rendered, false),
        };
        let segments = placeholders.restore(&rendered);
        let is_opening = |text: &str| self.tags.opening_at_end(text).is_some();
        let opened = options.add_generation_prompt
            && segments.last().is_some_and(|last| last.trusted && is_opening(&last.text));
        let opens_thought = resumed_in_thought || (opened && !options.continue_final_message);
        Ok(Prompt { segments, adapted: Vec::new(), opens_thought })
    }

    /// How the template wants these messages.
    fn shape(&self, messages: &[Message]) -> Shape {
        let calls = messages.iter().any(|message| !message.tool_calls.is_empty());
        let calls = calls.then(|| self.call_shape()).flatten().unwrap_or_default();
        Shape { parts: self.wants_parts(), thinking: self.probed.reads_thinking, calls }
    }
}
