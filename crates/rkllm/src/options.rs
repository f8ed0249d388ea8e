//! What a model is loaded with, and what may differ from run to run.

use std::path::PathBuf;

#[cfg(doc)]
use crate::Capability;
use crate::input::MediaTags;
use crate::{Constraint, Error};

/// How the next token is chosen.
///
/// Plain data: change what you need and keep the rest.
///
/// ```
/// let greedy = rkllm::Sampling { top_k: 1, ..rkllm::Sampling::default() };
/// assert_eq!(greedy.top_p, 0.9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Only the `top_k` most likely tokens are candidates; 1 is greedy, 0 is no limit.
    pub top_k: u32,
    /// Only the most likely tokens whose probabilities add up to this are candidates, 0 to 1.
    pub top_p: f32,
    /// Divides the logits before sampling, 0 to 100; 0 is greedy.
    pub temperature: f32,
    /// Divides the logits of tokens seen lately, above 0 to 10; 1 is off.
    pub repeat_penalty: f32,
    /// Subtracted from a token's logit for each time it was seen lately, -2 to 2; 0 is off.
    pub frequency_penalty: f32,
    /// Subtracted once from the logit of a token seen lately, -2 to 2; 0 is off.
    pub presence_penalty: f32,
    /// Keeps the surprise of the text near a target in place of `top_k` and `top_p`.
    pub mirostat: Option<Mirostat>,
}

/// Mirostat sampling (Basu et al., 2020), as in llama.cpp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirostat {
    /// Which of the two algorithms.
    pub version: MirostatVersion,
    /// Target surprise in bits, above 0.
    pub tau: f32,
    /// Learning rate, above 0 to 1.
    pub eta: f32,
}

/// The two published Mirostat algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirostatVersion {
    /// Estimates the distribution's exponent from the most likely tokens.
    V1,
    /// Cuts tokens that surprise too much; simpler and usually preferred.
    V2,
}

impl Default for Sampling {
    /// The vendor's documented defaults (RKLLM SDK manual), written out because the real library's
    /// `rkllm_createDefaultParam` disagrees with its manual in some versions.
    fn default() -> Self {
        Self {
            top_k: 40,
            top_p: 0.9,
            temperature: 0.8,
            repeat_penalty: 1.1,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            mirostat: None,
        }
    }
}

impl Sampling {
    /// Refuses values that no runtime gives a meaning to.
    ///
    /// # Errors
    /// [`Error::Option`] naming the first field out of range; NaN is out of every range.
    pub fn check(&self) -> Result<(), Error> {
        in_range("top_p", self.top_p, 0.0, 1.0)?;
        in_range("temperature", self.temperature, 0.0, 100.0)?;
        in_range("repeat_penalty", self.repeat_penalty, f32::MIN_POSITIVE, 10.0)?;
        in_range("frequency_penalty", self.frequency_penalty, -2.0, 2.0)?;
        in_range("presence_penalty", self.presence_penalty, -2.0, 2.0)?;
        if i32::try_from(self.top_k).is_err() {
            return Err(Error::option("top_k", self.top_k, "at most 2147483647"));
        }
        if let Some(mirostat) = self.mirostat {
            in_range("mirostat tau", mirostat.tau, f32::MIN_POSITIVE, 100.0)?;
            in_range("mirostat eta", mirostat.eta, f32::MIN_POSITIVE, 1.0)?;
        }
        Ok(())
    }
}

fn in_range(name: &'static str, value: f32, low: f32, high: f32) -> Result<(), Error> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let allowed = if low == f32::MIN_POSITIVE {
        format!("above 0 to {high}")
    } else {
        format!("{low} to {high}")
    };
    Err(Error::option(name, value, allowed))
}

/// Context window of a model whose own limit nobody knows: the converter's default limit.
pub const DEFAULT_CONTEXT: u32 = 4096;

/// What a model is loaded with.
///
/// ```
/// let options = rkllm::Options { max_context: Some(2048), ..rkllm::Options::default() };
/// assert!(options.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Context window in tokens: prompt, history and answer together. `None` takes the model's own
    /// limit, at most [`DEFAULT_CONTEXT`], where the runtime knows it, else that number.
    pub max_context: Option<u32>,
    /// Tokens an answer may have; `None` is no limit but the context.
    pub max_new_tokens: Option<u32>,
    /// How tokens are chosen unless a run says otherwise.
    pub sampling: Sampling,
    /// Leaves special tokens out of the text.
    pub skip_special_tokens: bool,
    /// Goes on after the token that ends an answer. Needs [`Capability::IgnoreEos`].
    pub ignore_eos: bool,
    /// Tokens at the beginning that stay when a full context is shifted. Needs
    /// [`Capability::Placement`].
    pub n_keep: Option<u32>,
    /// Answers that are generated in lock-step by [`Session::run_batch`](crate::Session::run_batch),
    /// 1 to 100; more than 1 needs [`Capability::Batch`] and a model converted for it.
    pub batch: u8,
    /// Whether the model was converted with cross attention. Needs [`Capability::CrossAttention`].
    pub cross_attention: bool,
    /// The first IOMMU domain of the NPU (4 GiB each) that the model may use; 1 where the vision
    /// encoder has domain 0 (vendor's word, rknn-llm issues 195, 262).
    pub base_domain: i32,
    /// Reads word embeddings from the file in place of memory: less memory, slightly slower
    /// prefill. `None` leaves it to the runtime. Needs [`Capability::Placement`].
    pub embed_flash: Option<bool>,
    /// The marks around pictures.
    pub image_tags: Option<MediaTags>,
    /// CPUs that the runtime may use beside the NPU, bit 0 for CPU 0; `None` leaves it to the
    /// runtime. The embedded runtime takes the number of bits as its number of threads.
    /// Needs [`Capability::Placement`].
    pub cpu_mask: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_context: None,
            max_new_tokens: None,
            sampling: Sampling::default(),
            skip_special_tokens: true,
            ignore_eos: false,
            n_keep: None,
            batch: 1,
            cross_attention: false,
            base_domain: 0,
            embed_flash: None,
            image_tags: None,
            cpu_mask: None,
        }
    }
}

impl Options {
    /// Refuses values that no runtime gives a meaning to.
    ///
    /// # Errors
    /// [`Error::Option`] naming the first field out of range.
    pub fn check(&self) -> Result<(), Error> {
        self.sampling.check()?;
        check_count("max_context", self.max_context)?;
        check_count("max_new_tokens", self.max_new_tokens)?;
        if self.n_keep.is_some_and(|count| i32::try_from(count).is_err()) {
            return Err(Error::option("n_keep", "larger", "at most 2147483647"));
        }
        if !(1..=100).contains(&self.batch) {
            return Err(Error::option("batch", self.batch, "1 to 100"));
        }
        match self.cpu_mask {
            Some(0) => Err(Error::option("cpu_mask", 0, "at least one bit")),
            _ => Ok(()),
        }
    }
}

/// Counts cross the border as a C `int32_t`, where 0 and less mean "not set".
fn check_count(name: &'static str, value: Option<u32>) -> Result<(), Error> {
    match value {
        Some(count) if count == 0 || i32::try_from(count).is_err() => {
            Err(Error::option(name, count, "1 to 2147483647"))
        }
        _ => Ok(()),
    }
}

/// A LoRA adapter to be loaded beside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// The adapter's file: a converted `.rkllm`, a GGUF adapter for the embedded runtime.
    pub path: PathBuf,
    /// The name by which runs choose it.
    pub name: String,
    /// How strongly it applies; 1 is as trained.
    pub scale: f32,
}

/// What may differ from run to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunOptions {
    /// Keeps the conversation: the next run with history goes on where this one ended. Needs
    /// [`Capability::History`].
    pub keep_history: bool,
    /// Tokens this answer may have; `None` is what [`Options::max_new_tokens`] says.
    /// Needs [`Capability::PerRunSampling`].
    pub max_new_tokens: Option<u32>,
    /// Sampling of this run; `None` is what [`Options::sampling`] says.
    /// Needs [`Capability::PerRunSampling`].
    pub sampling: Option<Sampling>,
    /// The LoRA adapter of this run, by the name it was loaded under; `None` is none.
    pub lora: Option<String>,
    /// Writes the prompt's KV cache to this file after the run.
    pub save_prompt_cache: Option<PathBuf>,
    /// What the answer must look like. Needs [`Capability::Constraint`].
    pub constraint: Option<Constraint>,
    /// Runs with `rkllm_run_async` and waits for the end, in place of `rkllm_run`. Known not to work
    /// on 1.1 and to hang on 1.2.1 (rknn-llm issues 208, 320).
    pub asynchronous: bool,
    /// Makes sampling repeatable: same model, prompt, options and seed, same answer.
    /// Needs [`Capability::Seed`].
    pub seed: Option<u32>,
}

impl RunOptions {
    /// Refuses values that no runtime gives a meaning to.
    ///
    /// # Errors
    /// [`Error::Option`] naming the first field out of range.
    pub fn check(&self) -> Result<(), Error> {
        check_count("max_new_tokens", self.max_new_tokens)?;
        self.sampling.as_ref().map_or(Ok(()), Sampling::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sampling: Sampling) -> String {
        sampling.check().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_accepted() {
        Options::default().check().unwrap();
        RunOptions::default().check().unwrap();
    }

    #[test]
    fn nan_negative_and_huge_values_are_named() {
        let base = Sampling::default();
        assert!(refused(Sampling { top_p: f32::NAN, ..base }).contains("top_p"));
        assert!(refused(Sampling { temperature: -1.0, ..base }).contains("temperature"));
        assert!(refused(Sampling { repeat_penalty: 0.0, ..base }).contains("above 0 to 10"));
        assert!(refused(Sampling { frequency_penalty: f32::INFINITY, ..base }).contains("inf"));
        assert!(refused(Sampling { top_k: u32::MAX, ..base }).contains("top_k"));
    }

    #[test]
    fn zero_counts_are_refused() {
        let options = Options { max_context: Some(0), ..Options::default() };
        assert!(options.check().unwrap_err().to_string().contains("max_context"));
        let options = Options { cpu_mask: Some(0), ..Options::default() };
        assert!(options.check().unwrap_err().to_string().contains("cpu_mask"));
    }
}
