//! The vocabulary of a model as llguidance wants it.

use llguidance::toktrie::{TokRxInfo, TokTrie};

use crate::llama::{Model, Token};

/// A tree of the bytes of all tokens; `None` for a model without a token that ends an answer.
pub(super) fn tree(model: &Model) -> Option<TokTrie> {
    let ends = ids(&model.end_tokens());
    let mut info = TokRxInfo::new(model.vocab_size().unsigned_abs(), *ends.first()?);
    info.tok_bos = u32::try_from(model.bos()).ok();
    let words: Vec<_> = (0..model.vocab_size()).map(|token| word(model, token)).collect();
    Some(TokTrie::from(&info, &words).with_eos_tokens(&ends))
}

fn ids(tokens: &[Token]) -> Vec<u32> {
    tokens.iter().filter_map(|&token| u32::try_from(token).ok()).collect()
}

/// The bytes of a token. Those of special tokens begin with a mark that no text has: a grammar
/// reaches them by name only. Tokens without bytes are never allowed.
fn word(model: &Model, token: Token) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !model.is_end(token) {
        model.append_piece(token, false, &mut bytes);
    }
    if !bytes.is_empty() {
        // A byte that is no UTF-8, which the mark must not be taken for.
        return if bytes[0] == TokTrie::SPECIAL_TOKEN_MARKER { Vec::new() } else { bytes };
    }
    let mut special = vec![TokTrie::SPECIAL_TOKEN_MARKER];
    model.append_piece(token, true, &mut special);
    if special.len() > 1 { special } else { Vec::new() }
}
