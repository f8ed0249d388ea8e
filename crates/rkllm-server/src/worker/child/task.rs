//! Work on its way from the thread that prepares to the thread that runs.

use super::embed::{self, Scoring, Texts};
use super::load::Loaded;
use super::prompt::{self, Ready};
use crate::error::{Code, Error};
use crate::generate::Input;
use crate::worker::protocol::Prepared;
use crate::worker::work::{Output, Work};

/// Work that only has to be run.
#[derive(Debug)]
pub(super) enum Task {
    Answer(Box<Ready>),
    Embed(Texts),
    Rerank(Scoring),
}

/// Longest text that is tokenized by itself, in bytes.
const MAX_TEXT: usize = 4 << 20;
/// Most tokens that are turned into text by themselves.
const MAX_TOKENS: usize = 200_000;

/// What needs no turn of the model.
pub(super) fn at_once(loaded: &Loaded, work: Work) -> Result<Output, Error> {
    let Some(text) = &loaded.text else {
        return Err(Error::new(
            Code::Unsupported,
            "nobody knows this model's tokenizer; put its tokenizer.json beside the model",
        ));
    };
    match work {
        Work::Count(request) => prompt::length(loaded, text, request).map(Output::Count),
        Work::Tokenize { text: written, .. } if written.len() > MAX_TEXT => Err(Error::invalid(
            format!("the text has {} bytes; send at most {MAX_TEXT} at a time", written.len()),
        )),
        Work::Detokenize(tokens) if tokens.len() > MAX_TOKENS => Err(Error::invalid(format!(
            "{} tokens are too many; send at most {MAX_TOKENS} at a time",
            tokens.len()
        ))),
        Work::Tokenize { text: written, special } => {
            text.vocabulary.encode_text(&written, special).map(Output::Tokens)
        }
        Work::Detokenize(tokens) => text.vocabulary.decode(&tokens).map(Output::Text),
        Work::Answer(_) | Work::Embed(_) | Work::Rerank { .. } => {
            unreachable!("this work needs a turn")
        }
    }
}

/// Refuses a prompt of tokens that the model does not have: the runtime would fail on them.
fn known(loaded: &Loaded, input: &Input) -> Result<(), Error> {
    let (Input::Tokens(tokens), Some(text)) = (input, &loaded.text) else { return Ok(()) };
    let Some(token) = text.vocabulary.missing(tokens)? else { return Ok(()) };
    let message = format!(
        "prompt has the token {token}, which this model does not have; send text or tokens of \
         this model"
    );
    Err(Error { param: Some("prompt".to_owned()), ..Error::invalid(message) })
}

/// Checks work against the model.
pub(super) fn prepare(
    loaded: &Loaded,
    work: Work,
    owner: Option<u64>,
) -> Result<(Task, Prepared), Error> {
    match work {
        Work::Answer(request) => {
            known(loaded, &request.input)?;
            let mut ready = prompt::prepare(loaded, request)?;
            ready.owner = owner;
            let prepared = Prepared { tokens: ready.tokens, ignored: ready.ignored.clone() };
            Ok((Task::Answer(Box::new(ready)), prepared))
        }
        Work::Embed(work) => {
            let texts = embed::texts(loaded, work)?;
            Ok((Task::Embed(texts), Prepared::default()))
        }
        Work::Rerank { query, documents } => {
            let scoring = embed::scoring(loaded, &query, &documents)?;
            Ok((Task::Rerank(scoring), Prepared::default()))
        }
        Work::Count(_) | Work::Tokenize { .. } | Work::Detokenize(_) => {
            unreachable!("this work needs no turn")
        }
    }
}
