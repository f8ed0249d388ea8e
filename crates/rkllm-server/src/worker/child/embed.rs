//! Vectors of texts, and how well documents answer a query.

use std::num::NonZeroUsize;

use rkllm::{Capability, Content, Input as RuntimeInput, Session};
use rkllm_chat::{Message, Pooling, RenderOptions, Role, normalize, truncate};

use super::engine::{Engine, Ticket};
use super::load::Loaded;
use crate::error::{Code, Error};
use crate::worker::protocol::FromChild;
use crate::worker::work::{Dimensions, Embed, EmbedInput, Output};

/// Texts to be turned into vectors.
#[derive(Debug)]
pub(super) struct Texts {
    inputs: Vec<RuntimeInput>,
    tokens: u32,
    pooling: Pooling,
    dimensions: Option<Dimensions>,
}

/// Prompts whose answer is yes or no.
#[derive(Debug)]
pub(super) struct Scoring {
    inputs: Vec<RuntimeInput>,
    tokens: u32,
    yes: i32,
    no: i32,
}

/// What a model that rates documents is told, as the makers of Qwen3-Reranker do.
const RATE: &str = "Judge whether the Document meets the requirements based on the Query and the \
                    Instruct provided. Note that the answer can only be \"yes\" or \"no\".";
const TASK: &str = "Given a web search query, retrieve relevant passages that answer the query";

pub(super) fn texts(loaded: &Loaded, work: Embed) -> Result<Texts, Error> {
    let facts = loaded.folder.as_ref().and_then(|folder| folder.embedding.as_ref());
    let said = match loaded.spec.prompting.pooling.as_deref() {
        Some("mean") => Some(Pooling::Mean),
        Some("cls") => Some(Pooling::Cls),
        Some("last") => Some(Pooling::LastToken),
        _ => None,
    };
    let pooling = said.or(facts.map(|facts| facts.pooling)).unwrap_or(Pooling::LastToken);
    let mut texts = Texts { inputs: Vec::new(), tokens: 0, pooling, dimensions: work.dimensions };
    for (index, input) in work.inputs.into_iter().enumerate() {
        known(loaded, &input, index)?;
        let (content, count) = content(loaded, input, (index, work.truncate))?;
        texts.tokens = texts.tokens.saturating_add(count);
        texts.inputs.push(input_of(content));
    }
    Ok(texts)
}

fn input_of(content: Content) -> RuntimeInput {
    RuntimeInput { content, role: rkllm::Role::User, enable_thinking: false }
}

/// Refuses tokens that the model does not have: the runtime would fail on them.
fn known(loaded: &Loaded, input: &EmbedInput, index: usize) -> Result<(), Error> {
    let (EmbedInput::Tokens(tokens), Some(text)) = (input, &loaded.text) else { return Ok(()) };
    let Some(token) = text.vocabulary.missing(tokens)? else { return Ok(()) };
    Err(Error {
        param: Some("input".to_owned()),
        ..Error::invalid(format!(
            "input[{index}] has the token {token}, which this model does not have; send text \
             (LangChain: check_embedding_ctx_length=False)"
        ))
    })
}

fn content(
    loaded: &Loaded,
    input: EmbedInput,
    place: (usize, bool),
) -> Result<(Content, u32), Error> {
    let (index, truncate) = place;
    let mut tokens = match (input, &loaded.text) {
        (EmbedInput::Tokens(tokens), _) => tokens,
        (EmbedInput::Text(mut written), Some(text)) => {
            // What cannot fit whatever its tokens are need not be tokenized to be cut or refused.
            let most = text.longest_piece.saturating_mul(loaded.facts.context as usize + 1);
            if written.len() > most {
                written.truncate(written.floor_char_boundary(most));
            }
            text.vocabulary.encode_alone(&written)?
        }
        (EmbedInput::Text(written), None) => return Ok((Content::Prompt(written), 0)),
    };
    let context = loaded.facts.context as usize;
    if tokens.len() > context {
        if !truncate {
            return Err(Error {
                param: Some("input".to_owned()),
                ..Error::new(
                    Code::ContextLengthExceeded,
                    format!(
                        "This model's maximum context length is {context} tokens. However, \
                         input[{index}] has {} tokens; shorten it",
                        tokens.len()
                    ),
                )
            });
        }
        tokens.truncate(context);
    }
    if tokens.is_empty() {
        return Err(Error {
            param: Some("input".to_owned()),
            ..Error::invalid(format!("input[{index}] is empty; send a text"))
        });
    }
    let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    Ok((Content::Tokens(tokens), count))
}

pub(super) fn scoring(
    loaded: &Loaded,
    query: &str,
    documents: &[String],
) -> Result<Scoring, Error> {
    let unsupported = || {
        Error::new(
            Code::Unsupported,
            "this model cannot rate documents: that takes the logits of its answer and a chat \
             template",
        )
    };
    if !loaded.runtime.supports(Capability::Logits) {
        return Err(unsupported());
    }
    let text = loaded.text.as_ref().ok_or_else(unsupported)?;
    let template = text.template.as_ref().ok_or_else(unsupported)?;
    let (yes, no) =
        text.vocabulary.token("yes").zip(text.vocabulary.token("no")).ok_or_else(unsupported)?;
    let mut scoring = Scoring { inputs: Vec::new(), tokens: 0, yes, no };
    for (index, document) in documents.iter().enumerate() {
        let asked = format!("<Instruct>: {TASK}\n<Query>: {query}\n<Document>: {document}");
        let messages = [Message::new(Role::System, RATE), Message::new(Role::User, asked)];
        let options = RenderOptions { enable_thinking: Some(false), ..RenderOptions::default() };
        let prompt = template
            .render(&messages, &options)
            .map_err(|error| Error::invalid(format!("documents[{index}]: {error}")))?;
        let tokens = text.vocabulary.encode(&prompt)?;
        let (content, count) = content(loaded, EmbedInput::Tokens(tokens), (index, false))?;
        scoring.tokens = scoring.tokens.saturating_add(count);
        scoring.inputs.push(input_of(content));
    }
    Ok(scoring)
}

impl Engine<'_> {
    pub(super) fn embed(&mut self, ticket: Ticket<'_>, texts: Texts) {
        let mut vectors = Vec::with_capacity(texts.inputs.len());
        for input in texts.inputs {
            match self.vector(ticket, input, (texts.pooling, texts.dimensions)) {
                Ok(vector) => vectors.push(vector),
                Err(error) => return self.refuse(ticket, error),
            }
        }
        let output = Output::Vectors { vectors, tokens: texts.tokens };
        self.outbox.send(&FromChild::Output { id: ticket.id, output });
    }

    fn vector(
        &mut self,
        ticket: Ticket<'_>,
        input: RuntimeInput,
        how: (Pooling, Option<Dimensions>),
    ) -> Result<Vec<f32>, Error> {
        let (pooling, dimensions) = how;
        let size = |count| usize::try_from(count).unwrap_or(usize::MAX);
        let states = self.numbers(ticket, |session| session.hidden_states(input))?;
        let width = NonZeroUsize::new(states.width).ok_or_else(|| failed("no hidden states"))?;
        let mut vector = pooling.pool(&states.data, width).map_err(failed)?;
        if let Some(dimensions) = dimensions {
            let dimensions = match dimensions {
                Dimensions::Exactly(count) => size(count),
                Dimensions::AtMost(count) => size(count).min(vector.len()),
            };
            truncate(&mut vector, dimensions).map_err(|error| Error {
                param: Some("dimensions".to_owned()),
                ..Error::invalid(error.to_string())
            })?;
        }
        normalize(&mut vector);
        Ok(vector)
    }

    pub(super) fn rerank(&mut self, ticket: Ticket<'_>, scoring: Scoring) {
        let mut scores = Vec::with_capacity(scoring.inputs.len());
        for input in scoring.inputs {
            let logits = self.numbers(ticket, |session| session.logits(input));
            let logit = |logits: &rkllm::Tensor, token: i32| {
                let last = logits.last()?;
                last.get(usize::try_from(token).ok()?).copied()
            };
            let scored = logits.and_then(|logits| {
                let pair = logit(&logits, scoring.yes).zip(logit(&logits, scoring.no));
                let (yes, no) = pair.ok_or_else(|| failed("the logits lack tokens"))?;
                Ok(1.0 / (1.0 + (no - yes).exp()))
            });
            match scored {
                Ok(score) => scores.push(score),
                Err(error) => return self.refuse(ticket, error),
            }
        }
        let output = Output::Scores { scores, tokens: scoring.tokens };
        self.outbox.send(&FromChild::Output { id: ticket.id, output });
    }

    /// Has the model compute numbers for a prompt, from an empty cache: with what is in it, they
    /// would differ (observed: rknn-llm issue 278).
    fn numbers(
        &mut self,
        ticket: Ticket<'_>,
        compute: impl FnOnce(&mut Session) -> Result<rkllm::Tensor, rkllm::Error>,
    ) -> Result<rkllm::Tensor, Error> {
        if ticket.gone() {
            return Err(failed("the request was cancelled"));
        }
        self.forget();
        compute(&mut self.session).map_err(failed)
    }

    fn refuse(&self, ticket: Ticket<'_>, error: Error) {
        self.outbox.send(&FromChild::Refused { id: ticket.id, error });
    }
}

fn failed(what: impl ToString) -> Error {
    Error::new(Code::InferenceFailed, what.to_string())
}
