//! Tokenizer and embedding of models that were converted without.

use std::ffi::{c_char, c_int, c_void};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Turns text into token ids; `None` is a failure, which ends the run.
pub type Tokenize = Box<dyn FnMut(&str) -> Option<Vec<i32>> + Send>;

/// Fills one row per token id into the slice, row after row; `false` is a failure, which ends the
/// run.
pub type Embed = Box<dyn FnMut(&[i32], &mut [f32]) -> bool + Send>;

/// Tokenizer and embedding for models that were converted without them
/// (`export_tokenizer=False`, `export_embedding=False` of the vendor's toolkit).
///
/// Each is called on the thread of a run, one call at a time. Texts of such a model's tokens are
/// empty: the runtime has nothing to decode them with.
#[derive(Default)]
pub struct Callbacks {
    /// The tokenizer.
    pub tokenize: Option<Tokenize>,
    /// The embedding.
    pub embed: Option<Embed>,
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks")
            .field("tokenize", &self.tokenize.is_some())
            .field("embed", &self.embed.is_some())
            .finish()
    }
}

impl Callbacks {
    pub(crate) fn is_empty(&self) -> bool {
        self.tokenize.is_none() && self.embed.is_none()
    }
}

/// `LLMTokenizerCallback`: returns the number of ids, or a negative number.
pub(crate) unsafe extern "C" fn on_tokenize(
    userdata: *mut c_void,
    text: *const c_char,
    text_len: i32,
    tokens: *mut i32,
    n_tokens_max: i32,
) -> c_int {
    let (Ok(length), Ok(room)) = (usize::try_from(text_len), usize::try_from(n_tokens_max)) else {
        return -1;
    };
    if text.is_null() || tokens.is_null() {
        return -1;
    }
    // SAFETY: `init` passed the session's `Callbacks`, which outlive the handle; calls come one at
    // a time.
    let Some(callbacks) = (unsafe { userdata.cast::<Callbacks>().as_mut() }) else { return -1 };
    // SAFETY: the runtime lends `text_len` bytes of text for the time of the call.
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    let (Ok(text), Some(tokenize)) = (std::str::from_utf8(text), &mut callbacks.tokenize) else {
        return -1;
    };
    let Ok(Some(ids)) = catch_unwind(AssertUnwindSafe(|| tokenize(text))) else { return -1 };
    if ids.len() > room {
        return -1;
    }
    // SAFETY: the runtime lends room for `n_tokens_max` ids, which were counted.
    unsafe { tokens.copy_from_nonoverlapping(ids.as_ptr(), ids.len()) };
    // No more than `n_tokens_max`, so it fits.
    ids.len() as c_int
}

/// `LLMGetEmbedCallback`: returns 0, or -1 on failure. `embed_len` counts bytes.
pub(crate) unsafe extern "C" fn on_embed(
    userdata: *mut c_void,
    tokens: *mut i32,
    num_tokens: u64,
    embed: *mut c_void,
    embed_len: u64,
) -> c_int {
    let (Ok(count), Ok(bytes)) = (usize::try_from(num_tokens), usize::try_from(embed_len)) else {
        return -1;
    };
    if tokens.is_null() || embed.is_null() {
        return -1;
    }
    // SAFETY: as in `on_tokenize`.
    let Some(callbacks) = (unsafe { userdata.cast::<Callbacks>().as_mut() }) else { return -1 };
    let Some(fill) = &mut callbacks.embed else { return -1 };
    // SAFETY: the runtime lends `num_tokens` ids for the time of the call.
    let ids = unsafe { std::slice::from_raw_parts(tokens, count) };
    // A buffer of our own: nothing is promised of the alignment of the runtime's.
    let mut rows = vec![0.0_f32; bytes / size_of::<f32>()];
    if !catch_unwind(AssertUnwindSafe(|| fill(ids, &mut rows))).unwrap_or(false) {
        return -1;
    }
    // SAFETY: the runtime lends `embed_len` bytes, and `rows` has no more.
    unsafe {
        embed
            .cast::<u8>()
            .copy_from_nonoverlapping(rows.as_ptr().cast(), rows.len() * size_of::<f32>());
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenize(callbacks: &mut Callbacks, text: &str, room: i32) -> (c_int, [i32; 4]) {
        let mut tokens = [0; 4];
        let userdata: *mut c_void = std::ptr::from_mut(callbacks).cast();
        let length = i32::try_from(text.len()).unwrap();
        // SAFETY: all pointers are valid for the lengths given.
        let status = unsafe {
            on_tokenize(userdata, text.as_ptr().cast(), length, tokens.as_mut_ptr(), room)
        };
        (status, tokens)
    }

    #[test]
    fn ids_are_bounded_and_faults_are_contained() {
        let bytes: Tokenize = Box::new(|text| Some(text.bytes().map(i32::from).collect()));
        let mut callbacks = Callbacks { tokenize: Some(bytes), embed: None };
        assert_eq!(tokenize(&mut callbacks, "ab", 4), (2, [97, 98, 0, 0]));
        assert_eq!(tokenize(&mut callbacks, "abcde", 4).0, -1);
        assert_eq!(tokenize(&mut callbacks, "ab", -1).0, -1);
        callbacks.tokenize = Some(Box::new(|_| panic!("the closure's own")));
        assert_eq!(tokenize(&mut callbacks, "ab", 4).0, -1);
        callbacks.tokenize = None;
        assert_eq!(tokenize(&mut callbacks, "ab", 4).0, -1);
    }

    #[test]
    fn rows_fill_the_bytes_there_are() {
        let fill: Embed = Box::new(|ids, rows| {
            rows.fill(ids[0] as f32);
            true
        });
        let mut callbacks = Callbacks { tokenize: None, embed: Some(fill) };
        let (mut ids, mut rows) = ([7], [0.0_f32; 3]);
        let userdata: *mut c_void = std::ptr::from_mut(&mut callbacks).cast();
        // SAFETY: all pointers are valid for the lengths given; two numbers are eight bytes.
        let status =
            unsafe { on_embed(userdata, ids.as_mut_ptr(), 1, rows.as_mut_ptr().cast(), 8) };
        assert_eq!((status, rows), (0, [7.0, 7.0, 0.0]));
    }
}
