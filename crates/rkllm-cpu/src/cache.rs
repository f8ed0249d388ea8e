//! The KV cache together with what is in it.

use crate::embedder::Embedder;
use crate::item::{Item, common_prefix};
use crate::llama::{BATCH, Batch, Context, DecodeError, Model, Token};
use crate::lora::Choice;

/// Positions whose logits are computed at once, when all of them are wanted: a row is large.
const LOGITS_BATCH: usize = 64;

/// A context whose cache content is known, so that the next prompt evaluates only what is new.
///
/// It holds one sequence for each input that a run takes.
#[derive(Debug)]
pub(crate) struct Cache {
    context: Context,
    sequences: Vec<Vec<Item>>,
    /// The adapter by which the content was computed.
    adapter: Option<Choice>,
    /// Looks up the embeddings of tokens, if the model is not to do it.
    embedder: Option<Embedder>,
}

/// What an evaluation gives beside the cache content.
#[derive(Debug)]
pub(crate) enum Outputs<'o> {
    /// The logits of the last position, which stay in the context.
    Last,
    /// Adds the hidden state of each position.
    Hidden(&'o mut Vec<f32>),
    /// Adds the logits of each position.
    Logits(&'o mut Vec<f32>),
}

impl Cache {
    pub(crate) fn new(context: Context, sequences: usize, embedder: Option<Embedder>) -> Self {
        Self { context, sequences: vec![Vec::new(); sequences], adapter: None, embedder }
    }

    pub(crate) fn model(&self) -> &Model {
        self.context.model()
    }

    pub(crate) fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// What a sequence has in the cache.
    pub(crate) fn items(&self, sequence: usize) -> &[Item] {
        &self.sequences[sequence]
    }

    /// Positions of a sequence in the cache.
    pub(crate) fn len(&self, sequence: usize) -> usize {
        self.items(sequence).len()
    }

    /// The adapter by which the content was computed.
    pub(crate) fn adapter(&self) -> Option<&Choice> {
        self.adapter.as_ref()
    }

    /// Computes with this adapter from now on; what another one computed is forgotten.
    pub(crate) fn use_adapter(&mut self, adapter: Option<Choice>) {
        if self.adapter != adapter {
            self.context.set_adapter(adapter.as_ref().map(|choice| (choice.adapter, choice.scale)));
            self.adapter = adapter;
            self.clear();
        }
    }

    /// Whether positions can move forward when earlier ones are removed.
    pub(crate) fn can_shift(&self) -> bool {
        self.context.can_shift()
    }

    /// Does to a sequence what was done to `history`: the positions `start..end` go. What does not
    /// match is left, and found out when the sequence is continued.
    pub(crate) fn follow(
        &mut self,
        sequence: usize,
        history: &[Item],
        (start, end): (usize, usize),
    ) {
        if start < end && self.items(sequence).get(..end) == history.get(..end) {
            self.remove(sequence, (start, end));
        }
    }

    /// Keeps the longest prefix that a sequence shares with `items`.
    pub(crate) fn keep_prefix(&mut self, sequence: usize, items: &[Item]) {
        self.truncate(sequence, common_prefix(&self.sequences[sequence], items));
    }

    /// Forgets all positions from `length` on, or everything if the model cannot forget a part.
    fn truncate(&mut self, sequence: usize, length: usize) {
        let size = self.len(sequence);
        if length >= size {
            return;
        }
        if length > 0 && self.context.remove(sequence, (length, size)) {
            self.sequences[sequence].truncate(length);
        } else {
            self.clear_one(sequence);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        (0..self.sequences.len()).for_each(|sequence| self.clear_one(sequence));
    }

    fn clear_one(&mut self, sequence: usize) {
        self.context.clear(sequence);
        self.sequences[sequence].clear();
    }

    /// Forgets the positions `start..end`; later ones move forward. `false` if the model cannot.
    pub(crate) fn remove(&mut self, sequence: usize, (start, end): (usize, usize)) -> bool {
        let removed = self.context.remove(sequence, (start, end));
        if removed {
            self.sequences[sequence].drain(start..end);
        }
        removed
    }

    /// Replaces a sequence by a state that [`Context::state`] gave for `items`.
    pub(crate) fn restore(&mut self, sequence: usize, (items, state): (&[Item], &[u8])) -> bool {
        self.sequences[sequence].clear();
        let restored = self.context.set_state(sequence, state)
            && self.context.positions(sequence) == items.len();
        if restored {
            self.sequences[sequence].extend_from_slice(items);
        } else {
            self.clear_one(sequence);
        }
        restored
    }

    /// Evaluates items at the positions after those of a sequence.
    pub(crate) fn evaluate(
        &mut self,
        sequence: usize,
        items: &[Item],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let most = if matches!(outputs, Outputs::Logits(_)) { LOGITS_BATCH } else { BATCH };
        self.context.set_hidden(matches!(outputs, Outputs::Hidden(_)));
        for alike in items.chunk_by(|a, b| a.token().is_some() == b.token().is_some()) {
            for part in alike.chunks(most) {
                self.evaluate_part(sequence, part, outputs)?;
            }
        }
        Ok(())
    }

    fn evaluate_part(
        &mut self,
        sequence: usize,
        items: &[Item],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), DecodeError> {
        let mut batch = Batch::default();
        let all = !matches!(outputs, Outputs::Last);
        let mut tokens = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let output = all || place + 1 == items.len();
            match item {
                Item::Token(token) => tokens.push((sequence, *token, output)),
                Item::Row(row) => batch.push_row(sequence, row, output),
            }
        }
        self.push_tokens(&mut batch, &tokens)?;
        let result = self.context.decode(&mut batch);
        self.sequences[sequence].extend_from_slice(items);
        if result.is_err() {
            self.recover();
            return result;
        }
        outputs.collect(&mut self.context, items.len())
    }

    /// Evaluates one token of each of some sequences, at once.
    pub(crate) fn step(&mut self, tokens: &[(usize, Token)]) -> Result<(), DecodeError> {
        let mut batch = Batch::default();
        let places: Vec<_> =
            tokens.iter().map(|&(sequence, token)| (sequence, token, true)).collect();
        self.push_tokens(&mut batch, &places)?;
        for &(sequence, token) in tokens {
            self.sequences[sequence].push(Item::Token(token));
        }
        let result = self.context.decode(&mut batch);
        if result.is_err() {
            self.recover();
        }
        result
    }

    /// Adds tokens, each with its sequence and whether it gives output, as the rows that the caller
    /// looks up for them if it does.
    fn push_tokens(
        &self,
        batch: &mut Batch,
        tokens: &[(usize, Token, bool)],
    ) -> Result<(), DecodeError> {
        let Some(embedder) = self.embedder else {
            for &(sequence, token, output) in tokens {
                batch.push_token(sequence, token, output);
            }
            return Ok(());
        };
        let width = self.model().input_size();
        let ids: Vec<Token> = tokens.iter().map(|&(_, token, _)| token).collect();
        let rows = embedder.rows(&ids, width).map_err(DecodeError::Embedder)?;
        for (&(sequence, _, output), row) in tokens.iter().zip(rows.chunks_exact(width)) {
            batch.push_row(sequence, row, output);
        }
        Ok(())
    }

    /// Brings items and positions together again after an evaluation that did not finish.
    fn recover(&mut self) {
        // A state that folds all tokens into one cannot tell which of them it holds.
        if self.model().is_recurrent() {
            self.clear();
            return;
        }
        for (sequence, items) in self.sequences.iter_mut().enumerate() {
            items.truncate(self.context.positions(sequence));
        }
    }
}

impl Outputs<'_> {
    fn collect(&mut self, context: &mut Context, count: usize) -> Result<(), DecodeError> {
        for position in (0..).take(count) {
            match self {
                Self::Last => return Ok(()),
                Self::Hidden(all) => {
                    all.extend_from_slice(context.hidden(position).ok_or(DecodeError::NoOutput)?);
                }
                Self::Logits(all) => {
                    all.extend_from_slice(context.logits(position).ok_or(DecodeError::NoOutput)?);
                }
            }
        }
        Ok(())
    }
}
