//! From a request to what the runtime is given.

use rkllm::{Capability, Content, Input as RuntimeInput, RunOptions};
use rkllm_chat::{
    Adaptation, ChatTemplate, Fit, KnownFunction, Message, Output as Pipeline, OutputOptions,
    Prompt, RenderOptions, Role, Segment, ToolFormat, fit,
};
use serde_json::{Value, json};

use super::load::{Loaded, changed, count};
use super::plain::{flatten, plain};
use super::shape::{Check, Shape};
use super::text::TextSide;
use crate::error::{Code, Error};
use crate::generate::{Input, Overflow, Request, Tool, ToolChoice, Tuning};

/// A request in the runtime's words.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) input: RuntimeInput,
    pub(super) options: RunOptions,
    /// What divides the output into text, thoughts and calls.
    pub(super) pipeline: Pipeline,
    /// The stop strings, as they are numbered in what the pipeline says.
    pub(super) stops: Vec<String>,
    /// Tokens that end the answer whether the runtime knows or not.
    pub(super) end_tokens: Vec<i32>,
    /// What the answer is checked against before any of it is delivered.
    pub(super) check: Option<Check>,
    /// The conversation, where the runtime has to remember it because we don't know its tokens.
    pub(super) remembered: Option<Vec<Message>>,
    /// Whether the answer ends with its first call.
    pub(super) one_call: bool,
    /// Whose prompt it is, where clients are told apart.
    pub(super) owner: Option<u64>,
    /// Tokens of the prompt, where we know them.
    pub(super) tokens: Option<u32>,
    /// Tokens the answer may have, where we know it.
    pub(super) limit: Option<u32>,
    /// Tokens that prompt and answer may have together.
    pub(super) context: u32,
    /// What the request says without effect.
    pub(super) ignored: Vec<String>,
    /// What was done to the conversation to fit the model, for the log.
    pub(super) notes: Vec<String>,
}

/// Bytes that a token may stand for where nobody knows the vocabulary. Far more than in any text
/// that means something.
const LONG_PIECE: usize = 256;

/// Prepares a request.
pub(super) fn prepare(loaded: &Loaded, mut request: Request) -> Result<Ready, Error> {
    let most = loaded.facts.context;
    let asked = request.context.filter(|asked| *asked != most);
    // Without tokens nothing can be held to a number of them.
    if asked.is_some_and(|asked| asked < most) && loaded.text.is_some() {
        match within(loaded, request.clone()) {
            // What has no room in the context that was asked for may have it in the model's.
            Err(error)
                if error.code == Code::ContextLengthExceeded
                    && overflow(loaded, &request) == Overflow::DropOldest => {}
            done => return done,
        }
    }
    request.context = None;
    let mut ready = within(loaded, request)?;
    ready.ignored.extend(asked.map(|_| "context".to_owned()));
    Ok(ready)
}

/// Prepares a request within the context that it asks for.
fn within(loaded: &Loaded, mut request: Request) -> Result<Ready, Error> {
    adjust(loaded, &mut request);
    check_template(loaded, &request)?;
    refuse_far_too_long(loaded, &request)?;
    let shape = Shape::of(loaded, &request)?;
    if let Some(instruction) = &shape.instruction {
        instruct(&mut request, instruction);
    }
    let mut ignored = Vec::new();
    let written = match &loaded.text {
        Some(text) => written(loaded, text, &request, &shape)?,
        None => plain(loaded, &request, &mut ignored)?,
    };
    let context = context(loaded, &request);
    let room = written.tokens.map(|tokens| room(loaded, context, tokens)).transpose()?;
    let mut options = run_options(loaded, &request.tuning, &mut ignored);
    options.constraint = shape.constraint;
    // Runtimes need not understand a number that is larger than their context.
    let asked = count(request.tuning.max_new_tokens);
    // Nor does every runtime end an answer by itself that is longer than the context.
    let limit = asked.into_iter().chain(room).fold(context, u32::min);
    if loaded.runtime.supports(Capability::PerRunSampling) {
        options.max_new_tokens = Some(limit);
    }
    let stops = request.tuning.stop.clone();
    let pipeline = pipeline(loaded, &request, &written, shape.tool_format)?;
    let end_tokens = loaded.text.as_ref().map(|text| text.end_tokens.clone()).unwrap_or_default();
    Ok(Ready {
        input: written.input,
        options,
        pipeline,
        stops,
        end_tokens,
        check: shape.check,
        remembered: written.remembered,
        one_call: request.one_call,
        owner: None,
        tokens: written.tokens,
        limit: Some(limit),
        context,
        ignored,
        notes: written.notes,
    })
}

/// Tokens of a request's prompt.
pub(super) fn length(loaded: &Loaded, text: &TextSide, mut request: Request) -> Result<u32, Error> {
    adjust(loaded, &mut request);
    check_template(loaded, &request)?;
    refuse_far_too_long(loaded, &request)?;
    let shape = Shape::of(loaded, &request)?;
    if let Some(instruction) = &shape.instruction {
        instruct(&mut request, instruction);
    }
    let written = written(loaded, text, &request, &shape)?;
    Ok(written.tokens.unwrap_or(0))
}

/// Fills in what the request leaves to the model's settings.
fn adjust(loaded: &Loaded, request: &mut Request) {
    let prompting = &loaded.spec.prompting;
    let asked = std::mem::take(&mut request.tuning);
    // Sampling is compared with the settings later: what was not asked for need not be passed on.
    request.tuning = Tuning {
        max_new_tokens: asked.max_new_tokens.or(loaded.defaults.max_new_tokens),
        seed: asked.seed.or(loaded.defaults.seed),
        stop: match asked.stop.is_empty() {
            true => loaded.defaults.stop.clone(),
            false => asked.stop.clone(),
        },
        ..asked
    };
    request.enable_thinking = request.enable_thinking.or(prompting.enable_thinking);
    if request.tool_choice == ToolChoice::None {
        request.tools.clear();
    }
    if let (Input::Chat { messages, .. }, Some(system)) = (&mut request.input, &prompting.system)
        && messages.first().is_none_or(|first| first.role != Role::System)
    {
        messages.insert(0, Message::new(Role::System, system.clone()));
    }
}

/// Adds an instruction to the system text.
fn instruct(request: &mut Request, instruction: &str) {
    match &mut request.input {
        Input::Chat { messages, .. } => match messages.first_mut() {
            Some(first) if first.role == Role::System => {
                first.content.push_str("\n\n");
                first.content.push_str(instruction);
            }
            _ => messages.insert(0, Message::new(Role::System, instruction)),
        },
        Input::Text { prompt, .. } => *prompt = format!("{instruction}\n\n{prompt}"),
        Input::Tokens(_) => {}
    }
}

/// Refuses texts that cannot fit whatever their tokens are, because tokenizing takes many times the
/// memory of the text.
fn refuse_far_too_long(loaded: &Loaded, request: &Request) -> Result<(), Error> {
    let longest_piece = loaded.text.as_ref().map_or(LONG_PIECE, |text| text.longest_piece);
    let context = context(loaded, request);
    let bytes: usize = match &request.input {
        Input::Chat { messages, .. } => messages.iter().map(size).sum(),
        Input::Text { prompt, suffix } => {
            prompt.len() + suffix.as_ref().map_or(0, |suffix| suffix.len())
        }
        Input::Tokens(_) => 0,
    };
    let documents = request.documents.iter().map(|document| document.to_string().len());
    let bytes = bytes + documents.sum::<usize>();
    // Where old turns may be dropped, the whole may be long; but not without end.
    let times = if overflow(loaded, request) == Overflow::DropOldest { 16 } else { 1 };
    if bytes <= longest_piece.saturating_mul(context as usize).saturating_mul(times) {
        return Ok(());
    }
    Err(too_long(loaded, &format!("{bytes} bytes"), context))
}

/// Tokens that prompt and answer may have together.
fn context(loaded: &Loaded, request: &Request) -> u32 {
    request.context.unwrap_or(loaded.facts.context)
}

/// Bytes of a message's texts.
fn size(message: &Message) -> usize {
    let calls = message.tool_calls.iter().map(|call| call.arguments.to_string().len());
    let reasoning = message.reasoning.as_ref().map_or(0, |reasoning| reasoning.len());
    message.content.len() + reasoning + calls.sum::<usize>()
}

fn overflow(loaded: &Loaded, request: &Request) -> Overflow {
    request.overflow.or(loaded.spec.prompting.overflow).unwrap_or(Overflow::Refuse)
}

fn too_long(loaded: &Loaded, size: &str, context: u32) -> Error {
    let (whose, larger) = match context < loaded.facts.context {
        true => ("The request's", "ask for a larger context"),
        false => ("This model's", "restart the server with a larger --context-length"),
    };
    Error::new(
        Code::ContextLengthExceeded,
        format!(
            "{whose} maximum context length is {context} tokens. However, the prompt has {size}; \
             shorten it or {larger}"
        ),
    )
}

/// The tokens that the context has left for an answer; at least one.
fn room(loaded: &Loaded, context: u32, tokens: u32) -> Result<u32, Error> {
    match context.checked_sub(tokens) {
        Some(room @ 1..) => Ok(room),
        _ => Err(too_long(loaded, &format!("{tokens} tokens"), context)),
    }
}

/// A prompt as the runtime gets it.
pub(super) struct Written {
    input: RuntimeInput,
    tokens: Option<u32>,
    opens_thought: bool,
    /// Whether tools were described in the system text, in the format of Hermes.
    tools_described: bool,
    remembered: Option<Vec<Message>>,
    notes: Vec<String>,
}

impl Written {
    /// A text for the runtime's own template.
    pub(super) fn text(input: RuntimeInput, remembered: Option<Vec<Message>>) -> Self {
        Self { input, tokens: None, remembered, ..Self::tokens(Vec::new()) }
    }

    fn tokens(tokens: Vec<i32>) -> Self {
        Self {
            tokens: Some(u32::try_from(tokens.len()).unwrap_or(u32::MAX)),
            input: RuntimeInput {
                content: Content::Tokens(tokens),
                role: rkllm::Role::User,
                enable_thinking: false,
            },
            opens_thought: false,
            tools_described: false,
            remembered: None,
            notes: Vec::new(),
        }
    }
}

/// A prompt as tokens of ours.
fn written(
    loaded: &Loaded,
    text: &TextSide,
    request: &Request,
    shape: &Shape,
) -> Result<Written, Error> {
    let vocabulary = &text.vocabulary;
    let mut written = match &request.input {
        Input::Tokens(tokens) => return Ok(Written::tokens(tokens.clone())),
        Input::Text { prompt, suffix: None } => {
            Written::tokens(vocabulary.encode_text(prompt, true)?)
        }
        Input::Text { prompt, suffix: Some(suffix) } => {
            let Some([before, after, middle]) = text.gap else {
                return Err(Error {
                    param: Some("suffix".to_owned()),
                    ..Error::new(Code::Unsupported, "this model cannot fill a gap in a text")
                });
            };
            let mut tokens = vec![before];
            tokens.extend(vocabulary.encode_text(prompt, false)?);
            tokens.push(after);
            tokens.extend(vocabulary.encode_text(suffix, false)?);
            tokens.push(middle);
            Written::tokens(tokens)
        }
        Input::Chat { messages, open } => match &text.template {
            Some(_) => conversation(loaded, text, (messages, *open), (request, shape))?,
            // A model without a template was not made for conversations: it continues the text.
            None => Written::tokens(vocabulary.encode_text(&flatten(messages), false)?),
        },
    };
    // Templates that begin with BOS render it themselves.
    if let (Some(bos), Content::Tokens(tokens)) = (text.bos, &mut written.input.content)
        && tokens.first() != Some(&bos)
    {
        tokens.insert(0, bos);
        written.tokens = written.tokens.map(|count| count + 1);
    }
    Ok(written)
}

/// A conversation in the model's template, without its oldest turns if need be and allowed.
fn conversation(
    loaded: &Loaded,
    text: &TextSide,
    conversation: (&[Message], bool),
    request: (&Request, &Shape),
) -> Result<Written, Error> {
    let (messages, open) = conversation;
    let (request, shape) = request;
    let render = |messages: &[Message]| render(text, messages, open, (request, shape));
    let (mut prompt, mut tokens) = render(messages)?;
    let mut notes = Vec::new();
    let context = context(loaded, request) as usize;
    if tokens.len() >= context && overflow(loaded, request) == Overflow::DropOldest {
        // Room for an answer, where the request does not say how much it wants.
        let wanted = count(request.tuning.max_new_tokens).map_or(context / 8, |n| n as usize);
        let budget = context.saturating_sub(wanted.clamp(1, context / 2));
        let fitted = fit(messages, budget, |kept| render(kept).map(|(_, tokens)| tokens.len()))?;
        if let Fit::Fits { messages: kept, dropped, .. } = fitted {
            notes.push(format!("dropped the oldest {dropped} messages"));
            (prompt, tokens) = render(&kept)?;
        }
    }
    if !prompt.adapted.is_empty() {
        notes.push(format!(
            "the template does not show the conversation as it is: {:?}",
            prompt.adapted
        ));
    }
    Ok(Written {
        opens_thought: prompt.opens_thought,
        tools_described: prompt.adapted.contains(&Adaptation::ToolsDescribed),
        notes,
        ..Written::tokens(tokens)
    })
}

fn render(
    text: &TextSide,
    messages: &[Message],
    open: bool,
    request: (&Request, &Shape),
) -> Result<(Prompt, Vec<i32>), Error> {
    let (request, shape) = request;
    let Some(template) = &text.template else {
        return Err(Error::new(Code::InferenceFailed, "the model has no chat template"));
    };
    // What the answer begins with is fixed, so it cannot begin with a thought.
    let thinks = shape.constraint.is_none() && request.enable_thinking.unwrap_or(true);
    let options = RenderOptions {
        add_generation_prompt: !open,
        continue_final_message: open,
        enable_thinking: Some(thinks),
        tools: (!request.tools.is_empty()).then(|| request.tools.iter().map(described).collect()),
        documents: (!request.documents.is_empty()).then(|| request.documents.clone().into()),
        kwargs: request.template_kwargs.clone(),
        ..RenderOptions::default()
    };
    let mut prompt = template.render(messages, &options).map_err(|error| {
        let code = match error {
            rkllm_chat::Error::PromptTooLarge { .. } => Code::ContextLengthExceeded,
            _ => Code::InvalidRequest,
        };
        Error::new(code, format!("messages: {error}"))
    })?;
    if let (true, false, Some(tags)) = (prompt.opens_thought, thinks, &text.reasoning) {
        let closing = format!("\n{}\n\n", tags.close);
        prompt.segments.push(Segment { text: closing, trusted: true });
        prompt.opens_thought = false;
    }
    let tokens = text.vocabulary.encode(&prompt)?;
    Ok((prompt, tokens))
}

/// Refuses what only a chat template could show the model.
fn check_template(loaded: &Loaded, request: &Request) -> Result<(), Error> {
    let text = loaded.text.as_ref();
    let refused = |param: &str, message: &str| {
        Err(Error { param: Some(param.to_owned()), ..Error::new(Code::Unsupported, message) })
    };
    if !request.tools.is_empty() && text.is_some_and(|text| text.template.is_none()) {
        let message = "this model has no chat template, so it cannot be told of tools";
        return refused("tools", message);
    }
    let template = text.and_then(|text| text.template.as_ref());
    if !request.documents.is_empty() && !template.is_some_and(ChatTemplate::supports_documents) {
        let message =
            "this model's chat template has no place for documents; put their text into a message";
        return refused("documents", message);
    }
    Ok(())
}

/// A function as OpenAI's API, and with it every template, describes it.
fn described(tool: &Tool) -> Value {
    let mut function = json!({ "name": tool.name });
    if let Some(description) = &tool.description {
        function["description"] = json!(description);
    }
    if let Some(parameters) = &tool.parameters {
        function["parameters"] = parameters.clone();
    }
    json!({ "type": "function", "function": function })
}

fn run_options(loaded: &Loaded, tuning: &Tuning, ignored: &mut Vec<String>) -> RunOptions {
    let mut options = RunOptions {
        seed: tuning.seed.map(seed),
        lora: loaded.lora.clone(),
        ..RunOptions::default()
    };
    if options.seed.is_some() && !loaded.runtime.supports(Capability::Seed) {
        options.seed = None;
        ignored.push("seed".to_owned());
    }
    if loaded.runtime.supports(Capability::PerRunSampling) {
        let changes = tuning.sampling_fields().next().is_some();
        options.sampling = changes.then(|| changed(loaded.sampling, tuning));
    } else {
        ignored.extend(tuning.sampling_fields().map(str::to_owned));
    }
    options
}

/// A seed of any 64 bits in the 32 that runtimes take; small ones stay as they are.
fn seed(seed: i64) -> u32 {
    (seed ^ (seed >> 32)) as u32
}

fn pipeline(
    loaded: &Loaded,
    request: &Request,
    written: &Written,
    forced: Option<ToolFormat>,
) -> Result<Pipeline, Error> {
    let text = loaded.text.as_ref();
    let is_chat = matches!(request.input, Input::Chat { .. });
    let own = match written.tools_described {
        true => Some(ToolFormat::Hermes),
        false => text.and_then(|text| text.tool_format),
    };
    let tools = (!request.tools.is_empty()).then(|| forced.or(own).unwrap_or(ToolFormat::Hermes));
    // A text that is continued as it stands is given as it stands.
    let said = loaded.spec.prompting.reasoning.as_ref();
    let reasoning = match text {
        Some(text) => text.reasoning.clone(),
        None => said.map(|(open, close)| rkllm_chat::ReasoningTags {
            open: open.clone(),
            close: close.clone(),
        }),
    };
    let null = Value::Null;
    let functions = request.tools.iter().map(|tool| {
        KnownFunction::new(tool.name.clone(), tool.parameters.as_ref().unwrap_or(&null))
    });
    Pipeline::new(OutputOptions {
        stops: request.tuning.stop.clone(),
        reasoning: reasoning.filter(|_| is_chat),
        in_thought: written.opens_thought,
        tools,
        functions: functions.collect(),
    })
    .map_err(|error| Error::invalid(format!("stop: {error}")))
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
    fn an_instruction_joins_the_system_text() {
        let mut request = Request {
            input: Input::chat(vec![Message::new(Role::User, "hi")]),
            ..Request::default()
        };
        instruct(&mut request, "Be brief.");
        instruct(&mut request, "Be kind.");
        let texts: Vec<_> = request.messages().iter().map(|m| m.content.as_str()).collect();
        assert_eq!(texts, ["Be brief.\n\nBe kind.", "hi"]);
    }
}
