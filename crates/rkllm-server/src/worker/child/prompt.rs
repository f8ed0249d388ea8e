//! From a request to what the runtime is given.

use rkllm::{Capability, Content, Input as RuntimeInput, RunOptions, Sampling, TokenizeOptions};
use rkllm_chat::{Message, RenderOptions, Role, StopStrings};

use super::load::{Loaded, TextSide, count};
use crate::error::{Code, Error};
use crate::generate::{Input, Request, Tuning, temperature};
use crate::worker::ROLE;
use crate::worker::protocol::Prepared;
use crate::worker::work::{Output, Work};

/// Work that only has to be run.
#[derive(Debug)]
pub(super) enum Task {
    Answer(Box<Ready>),
}

/// A request in the runtime's words.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) input: RuntimeInput,
    pub(super) options: RunOptions,
    pub(super) stops: StopStrings,
    /// Whose prompt it is, where clients are told apart.
    pub(super) owner: Option<u64>,
    /// Tokens of the prompt, where we know them.
    pub(super) tokens: Option<u32>,
    /// Tokens the answer may have, where we know it.
    pub(super) limit: Option<u32>,
    /// Tokens that prompt and answer may have together.
    pub(super) context: u32,
}

/// Bytes that a token may stand for where nobody knows the vocabulary. Far more than in any text
/// that means something.
const LONG_PIECE: usize = 256;

/// Refuses texts that cannot fit whatever their tokens are, because tokenizing takes many times the
/// memory of the text.
fn refuse_far_too_long(loaded: &Loaded, messages: &[Message]) -> Result<(), Error> {
    let longest_piece = loaded.text.as_ref().map_or(LONG_PIECE, |text| text.longest_piece);
    let context = loaded.facts.context;
    let bytes: usize = messages.iter().map(|message| message.content.len()).sum();
    if bytes <= longest_piece.saturating_mul(context as usize) {
        return Ok(());
    }
    Err(too_long(&format!("{bytes} bytes"), context))
}

fn too_long(size: &str, context: u32) -> Error {
    Error::new(
        Code::ContextLengthExceeded,
        format!(
            "the prompt has {size}, but this model's maximum context length is {context} tokens; \
             shorten the prompt or restart the server with a larger --context-length"
        ),
    )
}

/// What needs no turn of the model.
pub(super) fn answer_at_once(loaded: &Loaded, work: Work) -> Result<Output, Error> {
    let Some(text) = &loaded.text else {
        return Err(Error::new(Code::Unsupported, "this model has no tokenizer that can be asked"));
    };
    match work {
        Work::Count(request) => {
            let tokens = tokenize(text, &request)?;
            Ok(Output::Count(u32::try_from(tokens.len()).unwrap_or(u32::MAX)))
        }
        Work::Tokenize { text: written, special } => {
            let how = TokenizeOptions { add_special: false, parse_special: special };
            text.model.tokenize(&written, how).map(Output::Tokens).map_err(internal)
        }
        Work::Detokenize(tokens) => {
            text.model.detokenize(&tokens, true).map(Output::Text).map_err(internal)
        }
        Work::Answer(_) | Work::Embed(_) | Work::Rerank { .. } => {
            unreachable!("this work needs a turn")
        }
    }
}

fn internal(error: rkllm::Error) -> Error {
    Error::new(Code::InferenceFailed, error.to_string())
}

/// Checks work against the model.
pub(super) fn prepare(
    loaded: &Loaded,
    work: Work,
    owner: Option<u64>,
) -> Result<(Task, Prepared), Error> {
    match work {
        Work::Answer(request) => {
            let (ready, ignored) = prepare_answer(loaded, request)?;
            let ready = Ready { owner, ..ready };
            let prepared = Prepared { tokens: ready.tokens, ignored };
            Ok((Task::Answer(Box::new(ready)), prepared))
        }
        _ => Err(Error::new(Code::Unsupported, "this model cannot do that")),
    }
}

/// Prepares a request and says which of its parameters this runtime cannot honour.
fn prepare_answer(loaded: &Loaded, request: Request) -> Result<(Ready, Vec<String>), Error> {
    refuse_far_too_long(loaded, request.messages())?;
    let stops = StopStrings::new(request.tuning.stop.clone())
        .map_err(|error| Error::invalid(format!("stop: {error}")))?;
    let (content, tokens) = match &loaded.text {
        Some(text) => {
            let tokens = tokenize(text, &request)?;
            let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
            (Content::Tokens(tokens), Some(count))
        }
        None => (Content::Prompt(flatten(request.messages())), None),
    };
    let room = tokens.map(|tokens| room(loaded, tokens)).transpose()?;
    let (role, mut ignored) = Template::of(loaded).role(&request);
    let mut options = run_options(loaded, &request.tuning, &mut ignored);
    let asked = options.max_new_tokens.or(count(loaded.spec.defaults.max_new_tokens));
    let limit = match (asked, room) {
        (Some(asked), Some(room)) => Some(asked.min(room)),
        (asked, room) => asked.or(room),
    };
    if loaded.runtime.supports(Capability::PerRunSampling) {
        options.max_new_tokens = limit;
    }
    let input = RuntimeInput {
        content,
        role,
        // Older runtimes have no switch: their template decides.
        enable_thinking: loaded.runtime.supports(Capability::Roles)
            && request.enable_thinking.unwrap_or(true),
    };
    let context = loaded.facts.context;
    let ignored = ignored.into_iter().map(str::to_owned).collect();
    Ok((Ready { input, options, stops, owner: None, tokens, limit, context }, ignored))
}

/// Whose chat template a conversation goes through.
#[derive(Clone, Copy)]
enum Template {
    /// The model's, rendered here.
    Model,
    /// The runtime's own, which takes a role and the switch for thinking or neither.
    Runtime { roles: bool },
    /// None: the model continues the text.
    Nobodys,
}

impl Template {
    fn of(loaded: &Loaded) -> Self {
        match &loaded.text {
            Some(TextSide { template: Some(_), .. }) => Self::Model,
            Some(_) => Self::Nobodys,
            None => Self::Runtime { roles: loaded.runtime.supports(Capability::Roles) },
        }
    }

    /// The role of the runtime's input, and what has no effect although the request says it.
    fn role(self, request: &Request) -> (rkllm::Role, Vec<&'static str>) {
        let last = request.messages().last().map_or(Role::User, |message| message.role);
        let mut ignored = Vec::new();
        let role = match (self, last) {
            (Self::Runtime { roles: true }, Role::Tool) => rkllm::Role::Tool,
            (Self::Model, _) | (_, Role::User) => rkllm::Role::User,
            _ => {
                ignored.push(ROLE);
                rkllm::Role::User
            }
        };
        let switch = matches!(self, Self::Model | Self::Runtime { roles: true });
        if request.enable_thinking.is_some() && !switch {
            ignored.push("enable_thinking");
        }
        (role, ignored)
    }
}

fn tokenize(text: &TextSide, request: &Request) -> Result<Vec<i32>, Error> {
    let mut tokens = match &request.input {
        Input::Chat { messages, .. } => conversation(text, messages, request)?,
        Input::Text { prompt, .. } => {
            let how = TokenizeOptions { add_special: false, parse_special: true };
            text.model.tokenize(prompt, how).map_err(internal)?
        }
        Input::Tokens(tokens) => return Ok(tokens.clone()),
    };
    // Templates that begin with BOS render it themselves.
    if let Some(bos) = text.bos
        && tokens.first() != Some(&bos)
    {
        tokens.insert(0, bos);
    }
    Ok(tokens)
}

fn conversation(
    text: &TextSide,
    messages: &[Message],
    request: &Request,
) -> Result<Vec<i32>, Error> {
    let Some(template) = &text.template else {
        // A model without a template was not made for conversations: it continues the text.
        let tokens = text.model.tokenize(&flatten(messages), TokenizeOptions::default());
        return tokens.map_err(internal);
    };
    let options = RenderOptions {
        add_generation_prompt: true,
        enable_thinking: Some(request.enable_thinking.unwrap_or(true)),
        ..RenderOptions::default()
    };
    let prompt = template.render(messages, &options).map_err(|error| {
        let code = match error {
            rkllm_chat::Error::PromptTooLarge { .. } => Code::ContextLengthExceeded,
            _ => Code::InvalidRequest,
        };
        Error::new(code, format!("messages: {error}"))
    })?;
    let mut tokens = Vec::new();
    for segment in prompt.segments {
        let how = TokenizeOptions { add_special: false, parse_special: segment.trusted };
        tokens.extend(text.model.tokenize(&segment.text, how).map_err(internal)?);
    }
    Ok(tokens)
}

/// The tokens that the context has left for an answer; at least one.
fn room(loaded: &Loaded, tokens: u32) -> Result<u32, Error> {
    let context = loaded.facts.context;
    match context.checked_sub(tokens) {
        Some(room @ 1..) => Ok(room),
        _ => Err(too_long(&format!("{tokens} tokens"), context)),
    }
}

/// The conversation as plain text, for models and runtimes that take no conversation.
fn flatten(messages: &[Message]) -> String {
    match messages {
        [only] => only.content.clone(),
        [earlier @ .., last] => {
            let mut text = String::new();
            for message in earlier {
                let name = match message.role {
                    Role::System => "System",
                    Role::User => "User",
                    Role::Assistant => "Assistant",
                    Role::Tool => "Tool",
                };
                text.push_str(&format!("{name}: {}\n\n", message.content));
            }
            text + &last.content
        }
        [] => String::new(),
    }
}

fn run_options(loaded: &Loaded, tuning: &Tuning, ignored: &mut Vec<&'static str>) -> RunOptions {
    let mut options = RunOptions {
        seed: tuning.seed.map(seed),
        lora: loaded.lora.clone(),
        ..RunOptions::default()
    };
    if options.seed.is_some() && !loaded.runtime.supports(Capability::Seed) {
        options.seed = None;
        ignored.push("seed");
    }
    let max_new_tokens = tuning.max_new_tokens.and_then(|count| u32::try_from(count).ok());
    if loaded.runtime.supports(Capability::PerRunSampling) {
        let changes = tuning.sampling_fields().next().is_some();
        options.sampling = changes.then(|| changed(loaded.sampling, tuning));
        options.max_new_tokens = max_new_tokens;
    } else {
        ignored.extend(tuning.sampling_fields());
        if max_new_tokens.is_some() {
            ignored.push("max_new_tokens");
        }
    }
    options
}

/// A seed of any 64 bits in the 32 that runtimes take; small ones stay as they are.
fn seed(seed: i64) -> u32 {
    (seed ^ (seed >> 32)) as u32
}

/// Sampling with the changes that a request or a model's settings make.
pub(super) fn changed(default: Sampling, tuning: &Tuning) -> Sampling {
    let float = |value: Option<f64>, default: f32| value.map_or(default, |value| value as f32);
    Sampling {
        temperature: tuning.temperature.map_or(default.temperature, temperature),
        top_p: float(tuning.top_p, default.top_p),
        top_k: count(tuning.top_k).unwrap_or(default.top_k),
        repeat_penalty: float(tuning.repeat_penalty, default.repeat_penalty),
        frequency_penalty: float(tuning.frequency_penalty, default.frequency_penalty),
        presence_penalty: float(tuning.presence_penalty, default.presence_penalty),
        mirostat: default.mirostat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_seeds_stay_and_large_ones_differ() {
        assert_eq!(seed(7), 7);
        assert_ne!(seed(1 << 40), seed(1 << 41));
        assert_eq!(seed(-1), 0);
    }

    #[test]
    fn sampling_is_left_alone_unless_asked() {
        let default = Sampling::default();
        assert_eq!(changed(default, &Tuning::default()), default);
        let tuning = Tuning { temperature: Some(0.0), ..Tuning::default() };
        assert_eq!(changed(default, &tuning), Sampling { temperature: 0.0, ..default });
    }

    #[test]
    fn temperatures_too_small_to_divide_by_are_greedy() {
        let tuning = Tuning { temperature: Some(1e-38), ..Tuning::default() };
        assert_eq!(changed(Sampling::default(), &tuning).temperature, 0.0);
    }

    #[test]
    fn what_no_template_takes_is_ignored_by_name() {
        let ask = |template: Template, role| {
            let messages = vec![Message::new(role, "hi")];
            let enable_thinking = Some(false);
            let input = Input::chat(messages);
            template.role(&Request { input, enable_thinking, ..Request::default() })
        };
        let (new, old) = (Template::Runtime { roles: true }, Template::Runtime { roles: false });
        assert_eq!(ask(Template::Model, Role::Tool), (rkllm::Role::User, vec![]));
        assert_eq!(ask(new, Role::Tool), (rkllm::Role::Tool, vec![]));
        assert_eq!(ask(new, Role::System), (rkllm::Role::User, vec![ROLE]));
        assert_eq!(ask(new, Role::User), (rkllm::Role::User, vec![]));
        for template in [old, Template::Nobodys] {
            let both = vec![ROLE, "enable_thinking"];
            assert_eq!(ask(template, Role::Assistant), (rkllm::Role::User, both));
            let one = vec!["enable_thinking"];
            assert_eq!(ask(template, Role::User), (rkllm::Role::User, one));
        }
    }

    #[test]
    fn one_message_is_its_text_and_more_are_a_transcript() {
        let message = |role, content: &str| Message::new(role, content);
        let one = [message(Role::User, "hi")];
        assert_eq!(flatten(&one), "hi");
        let two = [message(Role::System, "be brief"), message(Role::User, "hi")];
        assert_eq!(flatten(&two), "System: be brief\n\nhi");
    }
}
