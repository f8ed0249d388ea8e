//! What a loaded model can be held to, and what it refuses.

use rkllm::{Capability, Runtime};
use rkllm_api::{Limits, Template, Tokenizer};
use rkllm_chat::ChatTemplate;

use super::text::TextSide;
use super::vocabulary::Vocabulary;

/// What can be asked of a model with these texts on this runtime.
pub(super) fn limits(runtime: &Runtime, text: Option<&TextSide>) -> Limits {
    let tokenizer = match text.map(|text| &text.vocabulary) {
        Some(Vocabulary::Runtime(_)) => Tokenizer::Runtime,
        Some(Vocabulary::File(_)) => Tokenizer::Files,
        None => Tokenizer::Unknown,
    };
    let constraints = runtime.supports(Capability::Constraint);
    let template = text.and_then(|text| text.template.as_ref());
    let refused = [
        ("tools", text.is_none_or(|text| text.template.is_none())),
        ("suffix", text.is_none_or(|text| text.gap.is_none())),
        ("tokens", text.is_none()),
        ("documents", !template.is_some_and(ChatTemplate::supports_documents)),
        ("grammar", !constraints),
        ("logprobs", true),
    ];
    let rates = text.is_some_and(|text| {
        let knows = |word| text.vocabulary.token(word).is_some();
        text.template.is_some() && knows("yes") && knows("no")
    });
    Limits {
        tokenizer,
        template: text.map_or(Template::Runtime, |text| text.origin),
        constraints,
        sampling: runtime.supports(Capability::PerRunSampling),
        seed: runtime.supports(Capability::Seed),
        embeddings: true,
        rerank: rates && runtime.supports(Capability::Logits),
        logprobs: false,
        refused: refused.iter().filter(|(_, is)| *is).map(|(what, _)| (*what).into()).collect(),
    }
}
