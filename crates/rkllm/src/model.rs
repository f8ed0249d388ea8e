//! What a loaded model is and how it splits text.

use std::sync::Arc;

use crate::abi::Abi;
use crate::shared::Shared;
use crate::{Constraint, Error};

/// A loaded model's tokenizer and facts, for any thread, also while a run is under way.
#[derive(Clone, Debug)]
pub struct Model {
    shared: Arc<Shared>,
}

/// Facts of a loaded model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Tokens in the vocabulary.
    pub vocab_size: u32,
    /// Width of the hidden states.
    pub embedding_size: u32,
    /// Context length in tokens that the model was trained for.
    pub trained_context: u32,
    /// Context length in tokens that it is loaded with.
    pub context: u32,
    /// The token that begins a text.
    pub bos: Option<i32>,
    /// The token that ends a text.
    pub eos: Option<i32>,
    /// Whether the model wants `bos` before every text.
    pub add_bos: bool,
}

/// How text becomes tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenizeOptions {
    /// Adds BOS or EOS where the model asks for it.
    pub add_special: bool,
    /// Takes special tokens written as text for what they mean. Never for text that users write.
    pub parse_special: bool,
}

impl Model {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn tokenize(&self, text: &str, options: TokenizeOptions) -> Result<Vec<i32>, Error> {
        let api = self.shared.abi.ext()?;
        let mut flags = 0;
        if options.add_special {
            flags |= rkllm_sys::ext::RKLLM_EXT_ADD_SPECIAL;
        }
        if options.parse_special {
            flags |= rkllm_sys::ext::RKLLM_EXT_PARSE_SPECIAL;
        }
        // A token has at least one byte but for BOS and EOS.
        fill(&self.shared.abi, "rkllm_ext_tokenize", text.len() + 2, |tokens, capacity| {
            // SAFETY: the handle is alive as long as `shared`; text and tokens are as long as said.
            unsafe {
                (api.tokenize)(
                    self.shared.handle.as_ptr(),
                    text.as_ptr().cast(),
                    text.len(),
                    flags,
                    tokens,
                    capacity,
                )
            }
        })
    }

    /// The text of tokens. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses, for example an id outside the vocabulary.
    pub fn detokenize(&self, tokens: &[i32], special: bool) -> Result<String, Error> {
        let api = self.shared.abi.ext()?;
        let guess = tokens.len() * 8;
        let bytes =
            fill(&self.shared.abi, "rkllm_ext_detokenize", guess, |text: *mut u8, capacity| {
                // SAFETY: the handle is alive as long as `shared`; text and tokens are as long as said.
                unsafe {
                    (api.detokenize)(
                        self.shared.handle.as_ptr(),
                        tokens.as_ptr(),
                        tokens.len(),
                        special,
                        text.cast(),
                        capacity,
                    )
                }
            })?;
        Ok(into_text(bytes))
    }

    /// A value of the model file's metadata, for example `tokenizer.chat_template`; `None` when the
    /// file has no such key.
    ///
    /// # Errors
    /// [`Error::Nul`] for a key with U+0000.
    pub fn metadata(&self, key: &str) -> Result<Option<String>, Error> {
        let api = self.shared.abi.ext()?;
        let key = std::ffi::CString::new(key).map_err(|_| Error::Nul { what: "the key" })?;
        let value =
            fill(&self.shared.abi, "rkllm_ext_metadata", 256, |value: *mut u8, capacity| {
                // SAFETY: the handle is alive as long as `shared`; the key lives until the call
                // returns and the value is as long as said.
                unsafe {
                    (api.metadata)(
                        self.shared.handle.as_ptr(),
                        key.as_ptr(),
                        value.cast(),
                        capacity,
                    )
                }
            });
        match value {
            Ok(bytes) => Ok(Some(into_text(bytes))),
            Err(Error::Call { status: -1, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tells whether a run could be held to a constraint, without a run: for programs that want to
    /// refuse it before they have the session. Reading one takes some milliseconds; the first after
    /// the load some tens more.
    ///
    /// # Errors
    /// [`Error::Constraint`] with the reason, [`Error::Nul`] for a text with U+0000.
    pub fn check_constraint(&self, constraint: &Constraint) -> Result<(), Error> {
        // SAFETY: the handle is alive as long as `shared`, and the function may be called at any
        // time.
        unsafe { self.shared.abi.check_constraint(self.shared.handle, constraint) }
    }

    /// The model's facts.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn info(&self) -> Result<ModelInfo, Error> {
        self.shared.model_info()
    }

    /// The model's control tokens and their texts: what a chat template may say and a message may not.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn special_tokens(&self) -> Result<Vec<(i32, String)>, Error> {
        let api = self.shared.abi.ext()?;
        let tokens = fill(&self.shared.abi, "rkllm_ext_special_tokens", 64, |tokens, capacity| {
            // SAFETY: the handle is alive as long as `shared`; tokens are as long as said.
            unsafe { (api.special_tokens)(self.shared.handle.as_ptr(), tokens, capacity) }
        })?;
        tokens.iter().map(|&token| Ok((token, self.detokenize(&[token], true)?))).collect()
    }

    /// Every token that ends an answer.
    ///
    /// # Errors
    /// [`Error::Call`] when the runtime refuses.
    pub fn end_tokens(&self) -> Result<Vec<i32>, Error> {
        let api = self.shared.abi.ext()?;
        fill(&self.shared.abi, "rkllm_ext_end_tokens", 16, |tokens, capacity| {
            // SAFETY: the handle is alive as long as `shared`; tokens are as long as said.
            unsafe { (api.end_tokens)(self.shared.handle.as_ptr(), tokens, capacity) }
        })
    }
}

impl Shared {
    /// The model's facts, where the runtime tells them.
    pub(crate) fn model_info(&self) -> Result<ModelInfo, Error> {
        let api = self.abi.ext()?;
        let mut info = rkllm_sys::ext::RKLLMExtModelInfo {
            size: size_of::<rkllm_sys::ext::RKLLMExtModelInfo>() as u32,
            vocab_size: 0,
            embd_size: 0,
            context_train: 0,
            context: 0,
            bos_token: -1,
            eos_token: -1,
            add_bos: false,
            add_eos: false,
        };
        // SAFETY: the handle is alive as long as this value, and `info` says its size.
        let status = unsafe { (api.model_info)(self.handle.as_ptr(), &mut info) };
        self.abi.called("rkllm_ext_model_info", status)?;
        let count = |value: i32| u32::try_from(value).unwrap_or(0);
        let token = |value: i32| (value >= 0).then_some(value);
        Ok(ModelInfo {
            vocab_size: count(info.vocab_size),
            embedding_size: count(info.embd_size),
            trained_context: count(info.context_train),
            context: count(info.context),
            bos: token(info.bos_token),
            eos: token(info.eos_token),
            add_bos: info.add_bos,
        })
    }
}

/// Calls a function that writes at most `capacity` items and returns how many there are: once with
/// a guess and, if that was too small, once more with the number it said.
fn fill<T: Clone + Default>(
    abi: &Abi,
    function: &'static str,
    guess: usize,
    call: impl Fn(*mut T, usize) -> i64,
) -> Result<Vec<T>, Error> {
    let mut items = vec![T::default(); guess];
    loop {
        let status = call(items.as_mut_ptr(), items.len());
        let count = usize::try_from(status).map_err(|_| abi.failed(function, status))?;
        if count <= items.len() {
            items.truncate(count);
            return Ok(items);
        }
        items.resize(count, T::default());
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
