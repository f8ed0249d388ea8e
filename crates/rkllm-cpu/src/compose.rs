//! From inputs to what the model is to continue.

use crate::conversation::Conversation;
use crate::error::Error;
use crate::generation::Lane;
use crate::item::{Item, common_prefix};
use crate::llama::Model;
use crate::options::Limits;
use crate::prompt::{self, Prompting, Turn};
use crate::report;
use crate::request::{Input, Request, Said};
use crate::tokenizer::Tokenizer;

/// What inputs are turned into items by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Composer<'s> {
    pub(crate) prompting: &'s Prompting,
    pub(crate) tokenizer: &'s Tokenizer,
    pub(crate) limits: Limits,
    /// Whether the model can move positions forward.
    pub(crate) can_shift: bool,
}

impl Composer<'_> {
    /// A conversation with an input added, shortened where the context asks for it.
    pub(crate) fn lane(
        &self,
        conversation: &Conversation,
        input: &Input,
        request: &Request,
    ) -> Result<Lane, Error> {
        let new = self.items(conversation, input)?;
        if new.is_empty() && (!conversation.is_paused() || request.numbers.is_some()) {
            return Err(Error::EmptyInput);
        }
        let history = conversation.items();
        let end = conversation.end_before(&new);
        let input = history.len() + usize::from(end.is_some());
        let items = [history, end.as_slice(), &new].concat();
        let keep = (request.keep_history && self.can_shift).then(|| self.keep(&items));
        let discarded = self.discard(&items, history.len())?;
        let mut lane = Lane::new(items, input, keep);
        lane.discard(discarded);
        if lane.items.is_empty() { Err(Error::EmptyInput) } else { Ok(lane) }
    }

    /// The range of history that must go so that the rest fits; empty if all does.
    fn discard(&self, items: &[Item], history: usize) -> Result<(usize, usize), Error> {
        let context = self.limits.positions;
        let Some(excess) = items.len().checked_sub(context).filter(|&excess| excess > 0) else {
            return Ok((0, 0));
        };
        if history == 0 {
            return Err(Error::PromptTooLong { prompt: items.len(), context });
        }
        let keep = self.keep(&items[..history]);
        let most = if self.can_shift { history - keep } else { 0 };
        if excess > most {
            let input = items.len() - history;
            return Err(Error::HistoryTooLong { history, input, discard: most, context });
        }
        // Half of it at once, lest every turn shifts.
        let end = keep + excess.max(most.div_ceil(2));
        report::shift((history, items.len() - history), (keep, end), context);
        Ok((keep, end))
    }

    /// How many positions at the beginning are not to be discarded.
    fn keep(&self, items: &[Item]) -> usize {
        let Ok(keep) = usize::try_from(self.limits.n_keep) else {
            // Where no system prompt can be told from the rest, there is none to keep.
            return self.system().map_or(0, |system| common_prefix(&system, items));
        };
        keep.min(items.len())
    }

    /// What stands before the first user's text.
    pub(crate) fn system(&self) -> Result<Vec<Item>, Error> {
        let text = self.prompting.system_text()?;
        let mut items = Item::of_tokens(&self.tokenizer.plain(&text)?);
        prompt::begin(self.model(), &mut items);
        Ok(items)
    }

    fn model(&self) -> &Model {
        self.tokenizer.model()
    }

    /// The items of an input, as it comes in the conversation.
    fn items(&self, conversation: &Conversation, input: &Input) -> Result<Vec<Item>, Error> {
        let said_items = |said: &Said| -> Result<Vec<Item>, Error> {
            let segments = self.prompting.segments(turn(conversation), said)?;
            Ok(Item::of_tokens(&self.tokenizer.tokens(&segments)?))
        };
        let mut items = match input {
            Input::Tokens(tokens) => {
                self.model().check_tokens(tokens)?;
                return Ok(Item::of_tokens(tokens));
            }
            Input::Rows(_) | Input::Multimodal(..) if !self.model().has_plain_positions() => {
                return Err(Error::ManyPositions);
            }
            Input::Rows(rows) => return Ok(rows.clone()),
            // What was paused goes on within its turn.
            Input::Prompt(said) if conversation.is_paused() => {
                return Ok(Item::of_tokens(&self.tokenizer.plain(&said.text)?));
            }
            Input::Prompt(said) => said_items(said)?,
            Input::Multimodal(said, media) => {
                let segments = self.prompting.segments(turn(conversation), said)?;
                media.items(&segments, self.tokenizer)?
            }
        };
        if turn(conversation) == Turn::First {
            prompt::begin(self.model(), &mut items);
        }
        Ok(items)
    }
}

fn turn(conversation: &Conversation) -> Turn {
    if conversation.is_empty() { Turn::First } else { Turn::Next }
}
