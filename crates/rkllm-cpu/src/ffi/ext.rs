//! The `rkllm_ext_` functions.

use std::ffi::{c_char, c_int};

use rkllm_sys::ext::{
    LLMHandle, RKLLM_EXT_ADD_SPECIAL, RKLLM_EXT_PARSE_SPECIAL, RKLLMExtModelInfo,
};

use super::{OK, guard, handles, read};
use crate::constraint::Notation;
use crate::error::Error;
use crate::llama::Model;
use crate::log;

pub(crate) unsafe extern "C" fn tokenize(
    handle: LLMHandle,
    text: *const c_char,
    text_len: usize,
    flags: u32,
    tokens: *mut i32,
    capacity: usize,
) -> i64 {
    guard("rkllm_ext_tokenize", || {
        let engine = handles::find(handle)?;
        // SAFETY: the caller passes null or `text_len` bytes.
        let bytes = unsafe { read::slice(text.cast::<u8>(), text_len, "text")? };
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8 { what: "text" })?;
        if flags & !(RKLLM_EXT_ADD_SPECIAL | RKLLM_EXT_PARSE_SPECIAL) != 0 {
            return Err(Error::UnknownValue { name: "flags", value: i64::from(flags) });
        }
        let has = |flag| flags & flag != 0;
        let found =
            engine.model().tokenize(text, has(RKLLM_EXT_ADD_SPECIAL), has(RKLLM_EXT_PARSE_SPECIAL));
        let found = found.ok_or(Error::TooLong { what: "text" })?;
        // SAFETY: the caller passes null or room for `capacity` ids.
        unsafe { read::copy_out(&found, (tokens, capacity), "tokens") }
    })
}

pub(crate) unsafe extern "C" fn detokenize(
    handle: LLMHandle,
    tokens: *const i32,
    n_tokens: usize,
    special: bool,
    text: *mut c_char,
    capacity: usize,
) -> i64 {
    guard("rkllm_ext_detokenize", || {
        let engine = handles::find(handle)?;
        // SAFETY: the caller passes null or `n_tokens` ids.
        let ids = unsafe { read::slice(tokens, n_tokens, "tokens")? };
        engine.model().check_tokens(ids)?;
        let mut bytes = Vec::new();
        for &id in ids {
            engine.model().append_piece(id, special, &mut bytes);
        }
        // SAFETY: the caller passes null or room for `capacity` bytes.
        unsafe { read::copy_out(&bytes, (text.cast::<u8>(), capacity), "text") }
    })
}

pub(crate) unsafe extern "C" fn metadata(
    handle: LLMHandle,
    key: *const c_char,
    value: *mut c_char,
    capacity: usize,
) -> i64 {
    guard("rkllm_ext_metadata", || {
        let engine = handles::find(handle)?;
        // SAFETY: the caller passes null or a NUL-terminated string.
        let key = unsafe { read::c_str(key, "key")? };
        // An absent key is an answer, not a fault: no line is logged.
        let Some(found) = engine.model().metadata(key) else {
            return Ok(-1);
        };
        // SAFETY: the caller passes null or room for `capacity` bytes.
        unsafe { read::copy_out(&found, (value.cast::<u8>(), capacity), "value") }
    })
}

pub(crate) unsafe extern "C" fn model_info(
    handle: LLMHandle,
    info: *mut RKLLMExtModelInfo,
) -> c_int {
    guard("rkllm_ext_model_info", || {
        let engine = handles::find(handle)?;
        if info.is_null() {
            return Err(Error::Null("info"));
        }
        // SAFETY: not null, and the caller has set `size`, the first field.
        let size = unsafe { (*info).size };
        let found = describe(engine.model(), engine.context(), size);
        let room = usize::try_from(size).unwrap_or(usize::MAX);
        if room < size_of::<u32>() {
            return Err(Error::UnknownValue { name: "size", value: i64::from(size) });
        }
        // SAFETY: the caller's struct has `room` bytes; ours has its own size. Bytes of padding
        // may be copied, but are never read as values.
        unsafe {
            std::ptr::copy_nonoverlapping(
                (&raw const found).cast::<u8>(),
                info.cast::<u8>(),
                room.min(size_of::<RKLLMExtModelInfo>()),
            );
        }
        Ok(OK)
    })
}

fn describe(model: &Model, context: i32, size: u32) -> RKLLMExtModelInfo {
    RKLLMExtModelInfo {
        size,
        vocab_size: model.vocab_size(),
        embd_size: model.embedding_size(),
        context_train: model.context_train(),
        context,
        bos_token: model.bos(),
        eos_token: model.eos(),
        add_bos: model.adds_bos(),
        add_eos: model.adds_eos(),
    }
}

pub(crate) unsafe extern "C" fn end_tokens(
    handle: LLMHandle,
    tokens: *mut i32,
    capacity: usize,
) -> i64 {
    guard("rkllm_ext_end_tokens", || {
        let found = handles::find(handle)?.model().end_tokens();
        // SAFETY: the caller passes null or room for `capacity` ids.
        unsafe { read::copy_out(&found, (tokens, capacity), "tokens") }
    })
}

pub(crate) unsafe extern "C" fn special_tokens(
    handle: LLMHandle,
    tokens: *mut i32,
    capacity: usize,
) -> i64 {
    guard("rkllm_ext_special_tokens", || {
        let found = handles::find(handle)?.model().control_tokens();
        // SAFETY: the caller passes null or room for `capacity` ids.
        unsafe { read::copy_out(&found, (tokens, capacity), "tokens") }
    })
}

pub(crate) unsafe extern "C" fn set_constraint(
    handle: LLMHandle,
    notation: u32,
    text: *const c_char,
) -> c_int {
    guard("rkllm_ext_set_constraint", || {
        let engine = handles::find(handle)?;
        let notation = Notation::of(notation)?;
        // SAFETY: null, or NUL-terminated, as the header asks.
        let text = (!text.is_null()).then(|| unsafe { read::text(text, "text") }).transpose()?;
        let constraint = text.map(|text| engine.constraint(notation, text)).transpose()?;
        engine.set_constraint(constraint);
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn check_constraint(
    handle: LLMHandle,
    notation: u32,
    text: *const c_char,
) -> c_int {
    guard("rkllm_ext_check_constraint", || {
        let engine = handles::find(handle)?;
        let notation = Notation::of(notation)?;
        // SAFETY: null or NUL-terminated, as the header asks.
        engine.constraint(notation, unsafe { read::text(text, "text")? })?;
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn set_seed(handle: LLMHandle, seed: u32) -> c_int {
    guard("rkllm_ext_set_seed", || {
        handles::find(handle)?.set_seed(seed);
        Ok(OK)
    })
}

pub(crate) unsafe extern "C" fn last_error(text: *mut c_char, capacity: usize) -> i64 {
    guard("rkllm_ext_last_error", || {
        let error = log::last_error();
        // SAFETY: the caller passes null or room for `capacity` bytes.
        unsafe { read::copy_out(error.as_bytes(), (text.cast(), capacity), "text") }
    })
}
