//! A loaded model: weights, vocabulary and metadata.

use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use super::Token;
use crate::error::Error;

/// A model in memory. It does not change once loaded.
#[derive(Debug)]
pub(crate) struct Model(NonNull<sys::llama_model>);

// SAFETY: llama.cpp never changes a loaded model but while a context is made from it, which
// needs `&mut` here; all reads are free of interior mutation.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Model {
    /// Maps the GGUF file at `path` into memory; `None` if llama.cpp refuses it (its log says why).
    pub(crate) fn load(path: &CStr) -> Option<Self> {
        super::start();
        // SAFETY: `path` is NUL-terminated, and the parameters hold no pointer of ours.
        let model = unsafe {
            let mut params = sys::llama_model_default_params();
            params.n_gpu_layers = 0;
            params.load_mode = sys::LLAMA_LOAD_MODE_MMAP;
            sys::llama_model_load_from_file(path.as_ptr(), params)
        };
        NonNull::new(model).map(Self)
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        self.0.as_ptr()
    }

    pub(super) fn vocab(&self) -> *const sys::llama_vocab {
        // SAFETY: the model is valid; its vocabulary lives as long as it does.
        unsafe { sys::llama_model_get_vocab(self.as_ptr()) }
    }

    /// Context that the model was trained with, in tokens.
    pub(crate) fn context_train(&self) -> i32 {
        // SAFETY: the model is valid.
        unsafe { sys::llama_model_n_ctx_train(self.as_ptr()) }
    }

    /// Width of an embedding.
    pub(crate) fn embedding_size(&self) -> i32 {
        // SAFETY: the model is valid.
        unsafe { sys::llama_model_n_embd(self.as_ptr()) }
    }

    /// Numbers in a row of embeddings that the model takes as input.
    pub(crate) fn input_size(&self) -> usize {
        // SAFETY: the model is valid.
        usize::try_from(unsafe { sys::llama_model_n_embd_inp(self.as_ptr()) }).unwrap_or(0)
    }

    /// Whether positions have one dimension, which holds for all but some models with vision.
    pub(crate) fn has_plain_positions(&self) -> bool {
        // SAFETY: the model is valid.
        let kind = unsafe { sys::llama_model_rope_type(self.as_ptr()) };
        ![sys::LLAMA_ROPE_TYPE_MROPE, sys::LLAMA_ROPE_TYPE_IMROPE, sys::LLAMA_ROPE_TYPE_VISION]
            .contains(&kind)
    }

    /// Whether the model continues text: it has a tokenizer and a decoder, and nothing else.
    pub(crate) fn continues_text(&self) -> bool {
        // SAFETY: the model is valid.
        unsafe {
            sys::llama_vocab_type(self.vocab()) != sys::LLAMA_VOCAB_TYPE_NONE
                && sys::llama_model_has_decoder(self.as_ptr())
                && !sys::llama_model_has_encoder(self.as_ptr())
                && !sys::llama_model_is_diffusion(self.as_ptr())
        }
    }

    /// Whether the cache folds all tokens into one state, wholly or in some layers.
    pub(crate) fn is_recurrent(&self) -> bool {
        // SAFETY: the model is valid.
        unsafe {
            sys::llama_model_is_recurrent(self.as_ptr())
                || sys::llama_model_is_hybrid(self.as_ptr())
        }
    }

    /// The name of the quantization, such as `Q4_1`.
    pub(crate) fn data_type(&self) -> String {
        // SAFETY: the model is valid; the name is a static string or null.
        let name = unsafe {
            let name = sys::llama_ftype_name(sys::llama_model_ftype(self.as_ptr()));
            if name.is_null() {
                return "unknown".to_owned();
            }
            CStr::from_ptr(name)
        };
        name.to_string_lossy().into_owned()
    }

    /// The Jinja template that turns a chat into a prompt, if the model carries one.
    pub(crate) fn chat_template(&self) -> Option<String> {
        // SAFETY: the model is valid; the text, if any, lives as long as the model.
        let text = unsafe {
            let text = sys::llama_model_chat_template(self.as_ptr(), std::ptr::null());
            if text.is_null() {
                return None;
            }
            CStr::from_ptr(text)
        };
        Some(text.to_string_lossy().into_owned())
    }

    /// The value of a metadata key of the model file, as text.
    pub(crate) fn metadata(&self, key: &CStr) -> Option<Vec<u8>> {
        // llama.cpp returns the full length but writes only what fits, NUL included.
        let read = |buffer: &mut [u8]| {
            // SAFETY: the model and the key are valid; the buffer has the length passed.
            let length = unsafe {
                sys::llama_model_meta_val_str(
                    self.as_ptr(),
                    key.as_ptr(),
                    buffer.as_mut_ptr().cast::<c_char>(),
                    buffer.len(),
                )
            };
            usize::try_from(length).ok()
        };
        let mut buffer = vec![0; 256];
        let length = read(&mut buffer)?;
        if length >= buffer.len() {
            buffer.resize(length + 1, 0);
            read(&mut buffer)?;
        }
        buffer.truncate(length);
        Some(buffer)
    }

    /// Number of tokens in the vocabulary.
    pub(crate) fn vocab_size(&self) -> i32 {
        // SAFETY: the vocabulary is valid.
        unsafe { sys::llama_vocab_n_tokens(self.vocab()) }
    }

    /// Whether `token` is an id of the vocabulary.
    pub(crate) fn knows(&self, token: Token) -> bool {
        (0..self.vocab_size()).contains(&token)
    }

    /// Refuses ids that are not of the vocabulary.
    pub(crate) fn check_tokens(&self, tokens: &[Token]) -> Result<(), Error> {
        match tokens.iter().position(|&token| !self.knows(token)) {
            None => Ok(()),
            Some(position) => {
                Err(Error::Token { id: tokens[position], position, size: self.vocab_size() })
            }
        }
    }

    /// The token that begins a text, or -1.
    pub(crate) fn bos(&self) -> Token {
        // SAFETY: the vocabulary is valid.
        unsafe { sys::llama_vocab_bos(self.vocab()) }
    }

    /// The token that ends a text, or -1.
    pub(crate) fn eos(&self) -> Token {
        // SAFETY: the vocabulary is valid.
        unsafe { sys::llama_vocab_eos(self.vocab()) }
    }

    /// Whether the model wants its begin token before a text.
    pub(crate) fn adds_bos(&self) -> bool {
        // SAFETY: the vocabulary is valid.
        unsafe { sys::llama_vocab_get_add_bos(self.vocab()) }
    }

    /// Whether the model wants its end token after a text.
    pub(crate) fn adds_eos(&self) -> bool {
        // SAFETY: the vocabulary is valid.
        unsafe { sys::llama_vocab_get_add_eos(self.vocab()) }
    }

    /// Whether `token` ends an answer. It must be an id of the vocabulary.
    pub(crate) fn is_end(&self, token: Token) -> bool {
        // SAFETY: the vocabulary is valid, and unknown ids are merely "no".
        unsafe { sys::llama_vocab_is_eog(self.vocab(), token) }
    }

    /// Every token that ends an answer.
    pub(crate) fn end_tokens(&self) -> Vec<Token> {
        (0..self.vocab_size()).filter(|&token| self.is_end(token)).collect()
    }

    /// All control tokens: those that a chat template may write and a message may not.
    pub(crate) fn control_tokens(&self) -> Vec<Token> {
        // SAFETY: the vocabulary is valid.
        let is_control =
            |&token: &Token| unsafe { sys::llama_vocab_is_control(self.vocab(), token) };
        (0..self.vocab_size()).filter(is_control).collect()
    }

    /// The texts of all control tokens.
    pub(crate) fn control_texts(&self) -> Vec<String> {
        self.control_tokens().into_iter().filter_map(|token| self.special_text(token)).collect()
    }

    /// The text of a token as a template writes it; `None` for the absent token -1.
    pub(crate) fn special_text(&self, token: Token) -> Option<String> {
        let mut bytes = Vec::new();
        if self.knows(token) {
            self.append_piece(token, true, &mut bytes);
        }
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }

    /// Splits text into tokens.
    ///
    /// `add_special` adds the tokens at begin and end that the model asks for, `parse_special`
    /// turns special tokens written as text into those tokens. `None` if the text is too long
    /// for llama.cpp (2 GiB).
    pub(crate) fn tokenize(
        &self,
        text: &str,
        add_special: bool,
        parse_special: bool,
    ) -> Option<Vec<Token>> {
        let length = i32::try_from(text.len()).ok()?;
        let split = |tokens: &mut [Token]| {
            // SAFETY: the vocabulary is valid; text and buffer have the lengths passed.
            unsafe {
                sys::llama_tokenize(
                    self.vocab(),
                    text.as_ptr().cast::<c_char>(),
                    length,
                    tokens.as_mut_ptr(),
                    i32::try_from(tokens.len()).unwrap_or(i32::MAX),
                    add_special,
                    parse_special,
                )
            }
        };
        // A negative count is minus the number of tokens that a larger buffer would hold.
        let mut tokens = vec![0; text.len() / 3 + 8];
        let mut count = split(&mut tokens);
        if count < 0 {
            tokens.resize(usize::try_from(count.checked_neg()?).ok()?, 0);
            count = split(&mut tokens);
        }
        tokens.truncate(usize::try_from(count).ok()?);
        Some(tokens)
    }

    /// Appends the bytes of `token`, which must be an id of the vocabulary, to `bytes`.
    ///
    /// `special` writes special tokens as text, else they have no bytes.
    pub(crate) fn append_piece(&self, token: Token, special: bool, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        let write = |buffer: &mut [u8]| {
            // SAFETY: the vocabulary is valid, the buffer has the length passed.
            unsafe {
                sys::llama_token_to_piece(
                    self.vocab(),
                    token,
                    buffer.as_mut_ptr().cast::<c_char>(),
                    i32::try_from(buffer.len()).unwrap_or(i32::MAX),
                    0,
                    special,
                )
            }
        };
        // Few pieces are longer; a negative length is minus the room that this one needs.
        bytes.resize(start + 64, 0);
        let mut length = write(&mut bytes[start..]);
        if length < 0 {
            bytes.resize(start + length.unsigned_abs() as usize, 0);
            length = write(&mut bytes[start..]);
        }
        bytes.truncate(start + usize::try_from(length).unwrap_or(0));
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: made by `llama_model_load_from_file`; every `Context` keeps its model alive.
        unsafe { sys::llama_model_free(self.0.as_ptr()) };
    }
}
