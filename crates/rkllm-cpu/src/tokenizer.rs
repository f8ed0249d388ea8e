//! From text to tokens: by the model's vocabulary, or by the caller.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use rkllm_chat::Segment;

use crate::error::Error;
use crate::llama::{Model, Token};

/// Turns text into tokens of a model.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    model: Arc<Model>,
    callback: Option<TokenizerCallback>,
}

/// The tokenizer of the caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenizerCallback {
    pub(crate) function:
        unsafe extern "C" fn(*mut c_void, *const c_char, i32, *mut i32, i32) -> c_int,
    pub(crate) userdata: *mut c_void,
}

// SAFETY: the runtime hands `userdata` on without reading it; the caller knows that runs call
// back from their thread.
unsafe impl Send for TokenizerCallback {}
// SAFETY: as above; the value does not change.
unsafe impl Sync for TokenizerCallback {}

impl Tokenizer {
    pub(crate) fn new(model: &Arc<Model>, callback: Option<TokenizerCallback>) -> Self {
        Self { model: Arc::clone(model), callback }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The tokens of a text, in which special tokens are parsed.
    pub(crate) fn plain(&self, text: &str) -> Result<Vec<Token>, Error> {
        self.tokens(&[Segment { text: text.to_owned(), trusted: true }])
    }

    /// The tokens of segments, in which special tokens are parsed as far as they are trusted.
    ///
    /// A caller's tokenizer cannot be told of trust, and gets the text as a whole.
    pub(crate) fn tokens(&self, segments: &[Segment]) -> Result<Vec<Token>, Error> {
        if let Some(callback) = self.callback {
            let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
            return if text.is_empty() { Ok(vec![]) } else { self.ask(callback, &text) };
        }
        let mut tokens = Vec::new();
        for Segment { text, trusted } in segments.iter().filter(|part| !part.text.is_empty()) {
            let part = self.model.tokenize(text, false, *trusted);
            tokens.extend(part.ok_or(Error::TooLong { what: "the prompt" })?);
        }
        Ok(tokens)
    }

    fn ask(&self, callback: TokenizerCallback, text: &str) -> Result<Vec<Token>, Error> {
        let too_long = || Error::TooLong { what: "the prompt" };
        // No tokenizer makes more tokens than bytes, but for a few that it adds.
        let room = text.len().saturating_add(16);
        let length = i32::try_from(text.len()).map_err(|_| too_long())?;
        let most = i32::try_from(room).map_err(|_| too_long())?;
        let mut tokens = vec![0; room];
        // SAFETY: text and room have the lengths passed, and the function has the type that the
        // ABI asks for.
        let count = unsafe {
            let text = text.as_ptr().cast::<c_char>();
            (callback.function)(callback.userdata, text, length, tokens.as_mut_ptr(), most)
        };
        let refused = || Error::Callback { name: "tokenizer_callback", code: count };
        tokens.truncate(usize::try_from(count).map_err(|_| refused())?);
        if count > most {
            return Err(refused());
        }
        self.model.check_tokens(&tokens)?;
        Ok(tokens)
    }
}
