//! A handle of the embedded runtime, driven through its C functions.

use std::ffi::{CStr, CString, c_int, c_void};
use std::path::PathBuf;
use std::ptr;

use rkllm_cpu::{api, ext_api};
use rkllm_sys::v1_3::{
    LLMCallState, LLMHandle, RKLLM_RUN_ERROR, RKLLM_RUN_FINISH, RKLLM_RUN_NORMAL,
    RKLLM_RUN_WAITING, RKLLMCallback, RKLLMParam, RKLLMPerfStat, RKLLMResult, RKLLMSamplingParam,
};

mod ask;

pub(crate) use ask::{Ask, In, ask, prompt, tokens};

/// The test model; fails with what to do if it is not there.
pub(crate) fn model_path() -> PathBuf {
    let path = std::env::var_os("RKLLM_TEST_MODEL").map_or_else(
        || {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
            PathBuf::from(root).join("models/SmolLM2-135M-Instruct.Q4_1.gguf")
        },
        PathBuf::from,
    );
    assert!(path.is_file(), "{}: no test model; run `cargo xtask model`", path.display());
    path
}

/// One call of the result callback.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) state: LLMCallState,
    pub(crate) text: String,
    pub(crate) token: i32,
    pub(crate) perf: RKLLMPerfStat,
    /// Rows of hidden states or logits, and their width.
    pub(crate) numbers: (Vec<f32>, usize),
}

/// What a run delivered, and what it returned.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: c_int,
    pub(crate) events: Vec<Event>,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        self.events.iter().map(|event| event.text.as_str()).collect()
    }

    /// Ids of the delivered tokens.
    pub(crate) fn tokens(&self) -> Vec<i32> {
        let delivered = [RKLLM_RUN_NORMAL, RKLLM_RUN_WAITING];
        self.events.iter().filter(|e| delivered.contains(&e.state)).map(|e| e.token).collect()
    }

    /// The figures of FINISH, which must be the last event and the only one of its kind.
    pub(crate) fn finish(&self) -> RKLLMPerfStat {
        let last = self.events.last().expect("a run delivers something");
        assert_eq!(last.state, RKLLM_RUN_FINISH);
        assert_eq!(self.count(RKLLM_RUN_FINISH), 1);
        assert_eq!(self.count(RKLLM_RUN_ERROR), 0);
        assert_eq!(self.code, 0);
        last.perf
    }

    pub(crate) fn count(&self, state: LLMCallState) -> usize {
        self.events.iter().filter(|event| event.state == state).count()
    }
}

/// Answers each call of the callback.
type Answer<'a> = &'a mut dyn FnMut(&Event) -> c_int;

struct Recorder<'a> {
    events: Vec<Event>,
    answer: Answer<'a>,
}

unsafe extern "C" fn record(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    // SAFETY: every run of these tests passes a live `Recorder` and waits for its end.
    let recorder = unsafe { &mut *userdata.cast::<Recorder<'_>>() };
    // SAFETY: the runtime passes a result with a NUL-terminated text in every state.
    let event = unsafe {
        let text = CStr::from_ptr((*result).text).to_str().expect("only whole characters");
        let (hidden, logits) = ((*result).last_hidden_layer, (*result).logits);
        let numbers = match (hidden.hidden_states.is_null(), logits.logits.is_null()) {
            (false, _) => copy(hidden.hidden_states, [hidden.num_tokens, hidden.embd_size]),
            (_, false) => copy(logits.logits, [logits.num_tokens, logits.vocab_size]),
            _ => (vec![], 0),
        };
        let (token, perf) = ((*result).token_id, (*result).perf);
        Event { state, text: text.to_owned(), token, perf, numbers }
    };
    let code = (recorder.answer)(&event);
    recorder.events.push(event);
    code
}

/// # Safety
///
/// The pointer must have as many numbers as the sizes say.
unsafe fn copy(numbers: *const f32, [rows, width]: [c_int; 2]) -> (Vec<f32>, usize) {
    let (rows, width) = (rows as usize, width as usize);
    // SAFETY: the caller's promise.
    (unsafe { std::slice::from_raw_parts(numbers, rows * width) }.to_vec(), width)
}

/// Parameters that make runs cheap and repeatable.
pub(crate) fn param() -> RKLLMParam {
    // SAFETY: the function has no preconditions.
    let mut param = unsafe { (api().create_default_param)() };
    param.max_context_len = 512;
    param.max_new_tokens = 8;
    param.top_k = 1;
    // Several tests need the model to repeat what it was given.
    param.repeat_penalty = 1.0;
    param.extend_param.enabled_cpus_num = 1;
    param
}

/// Calls `rkllm_init` for a path.
pub(crate) fn init(path: &str, param: RKLLMParam) -> Result<Handle, LLMHandle> {
    init_with(path, param, no_callbacks())
}

/// Callbacks to start from: [`init_with`] adds one for results.
pub(crate) fn no_callbacks() -> RKLLMCallback {
    RKLLMCallback {
        result_callback: None,
        result_userdata: ptr::null_mut(),
        tokenizer_callback: None,
        tokenizer_userdata: ptr::null_mut(),
        embed_callback: None,
        embed_userdata: ptr::null_mut(),
    }
}

/// Calls `rkllm_init` with callbacks.
pub(crate) fn init_with(
    path: &str,
    mut param: RKLLMParam,
    mut callback: RKLLMCallback,
) -> Result<Handle, LLMHandle> {
    callback.result_callback = callback.result_callback.or(Some(record));
    let path = CString::new(path).expect("no NUL");
    param.model_path = path.as_ptr();
    let untouched = ptr::without_provenance_mut(0x5a5a);
    let mut raw: LLMHandle = untouched;
    // SAFETY: all pointers are valid during the call.
    let code = unsafe { (api().init)(&raw mut raw, &raw mut param, &raw mut callback) };
    match code {
        0 => Ok(Handle { raw }),
        -1 => {
            assert_eq!(raw, untouched, "a failure leaves the handle as it was");
            Err(raw)
        }
        other => panic!("rkllm_init returned {other}"),
    }
}

/// The test model with another chat template, and the folder that it lives in.
pub(crate) fn model_with_template(template: &str) -> (tempfile::TempDir, Handle) {
    changed_model(|model| {
        let key = b"tokenizer.chat_template";
        let at = model.windows(key.len()).position(|window| window == key).expect("it has one");
        // After the key come the type of the value, its length and its text.
        let (length_at, text_at) = (at + key.len() + 4, at + key.len() + 12);
        let length = u64::from_le_bytes(model[length_at..text_at].try_into().expect("8 bytes"));
        let length = usize::try_from(length).expect("a short text");
        // A comment fills what is left, since nothing in the file may move.
        let filler = length.checked_sub(template.len() + 4).expect("a template that is no longer");
        let text = format!("{template}{{#{}#}}", " ".repeat(filler));
        model[text_at..text_at + length].copy_from_slice(text.as_bytes());
    })
}

/// The test model with changes, and the folder that it lives in.
pub(crate) fn changed_model(change: impl FnOnce(&mut [u8])) -> (tempfile::TempDir, Handle) {
    let mut model = std::fs::read(model_path()).expect("the test model");
    change(&mut model);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, model).expect("room for a copy of the model");
    let handle = init(&path.to_string_lossy(), param()).expect("the model loads");
    (folder, handle)
}

/// A loaded test model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw(pub(crate) LLMHandle);

// SAFETY: handles are numbers, and their functions may be called from any thread.
unsafe impl Send for Raw {}
// SAFETY: as above.
unsafe impl Sync for Raw {}

/// Owns a handle.
#[derive(Debug)]
pub(crate) struct Handle {
    raw: LLMHandle,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: any handle is accepted.
        unsafe { (api().destroy)(self.raw) };
    }
}

impl Handle {
    /// The test model with [`param`].
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// The test model with changed parameters.
    pub(crate) fn with(change: impl FnOnce(&mut RKLLMParam)) -> Self {
        let mut param = param();
        change(&mut param);
        init(&model_path().to_string_lossy(), param).expect("the test model loads")
    }

    pub(crate) fn raw(&self) -> Raw {
        Raw(self.raw)
    }

    pub(crate) fn run(&self, ask: &Ask) -> Ran {
        self.run_with(ask, &mut |_| 0)
    }

    /// Runs with an answer to each call of the callback.
    pub(crate) fn run_with(&self, ask: &Ask, answer: Answer<'_>) -> Ran {
        run_raw(self.raw(), ask, answer)
    }

    pub(crate) fn clear(&self) {
        assert_eq!(clear(self.raw(), false, None), 0);
    }

    pub(crate) fn cached(&self) -> i32 {
        let mut size = -1;
        // SAFETY: room for the one entry of a batch of 1.
        assert_eq!(unsafe { (api().get_kv_cache_size)(self.raw, &raw mut size) }, 0);
        size
    }

    pub(crate) fn seed(&self, seed: u32) {
        // SAFETY: any handle is accepted.
        assert_eq!(unsafe { (ext_api().set_seed)(self.raw, seed) }, 0);
    }

    /// Tokens of a text, with special tokens parsed.
    pub(crate) fn tokenize(&self, text: &str) -> Vec<i32> {
        let mut tokens = vec![0; text.len() + 8];
        // SAFETY: text and buffer have the lengths passed.
        let count = unsafe {
            let (text, length) = (text.as_ptr().cast(), text.len());
            (ext_api().tokenize)(self.raw, text, length, 2, tokens.as_mut_ptr(), tokens.len())
        };
        tokens.truncate(usize::try_from(count).expect("tokenized"));
        tokens
    }

    pub(crate) fn set_template(&self, [system, prefix, postfix]: [&CStr; 3]) -> c_int {
        let (system, prefix, postfix) = (system.as_ptr(), prefix.as_ptr(), postfix.as_ptr());
        // SAFETY: NUL-terminated strings that outlive the call.
        unsafe { (api().set_chat_template)(self.raw, system, prefix, postfix) }
    }
}

/// Runs on a handle that another thread may use too.
pub(crate) fn run_raw(handle: Raw, ask: &Ask, answer: Answer<'_>) -> Ran {
    let mut recorder = Recorder { events: Vec::new(), answer };
    let userdata = (&raw mut recorder).cast();
    let code = ask.lend(|input, params| {
        // SAFETY: the structs live until the run has ended, as does the recorder.
        unsafe { (api().run)(handle.0, input, params, userdata) }
    });
    Ran { code, events: recorder.events }
}

/// Starts `rkllm_run_async`, frees everything passed to it, and waits for the end in `wait`.
pub(crate) fn run_async(handle: &Handle, ask: &Ask, wait: impl FnOnce()) -> Ran {
    let mut ignore = |_: &Event| 0;
    let mut recorder = Recorder { events: Vec::new(), answer: &mut ignore };
    let userdata = (&raw mut recorder).cast();
    let code = ask.lend(|input, params| {
        // SAFETY: the structs live during the call; the recorder lives until `wait` has seen
        // the end of the run.
        unsafe { (api().run_async)(handle.raw, input, params, userdata) }
    });
    wait();
    Ran { code, events: recorder.events }
}

pub(crate) fn abort(handle: Raw) -> c_int {
    // SAFETY: any handle is accepted.
    unsafe { (api().abort)(handle.0) }
}

pub(crate) fn is_running(handle: Raw) -> c_int {
    // SAFETY: any handle is accepted.
    unsafe { (api().is_running)(handle.0) }
}

pub(crate) fn destroy(handle: Raw) -> c_int {
    // SAFETY: any handle is accepted.
    unsafe { (api().destroy)(handle.0) }
}

pub(crate) fn clear(handle: Raw, keep_system: bool, range: Option<(c_int, c_int)>) -> c_int {
    let (mut start, mut end) = range.unwrap_or_default();
    let pointer = |value: &mut c_int| range.map_or(ptr::null_mut(), |_| ptr::from_mut(value));
    let (start, end) = (pointer(&mut start), pointer(&mut end));
    // SAFETY: null, or one entry for a batch of 1.
    unsafe { (api().clear_kv_cache)(handle.0, c_int::from(keep_system), start, end) }
}

/// Sampling by chance.
pub(crate) fn sampling() -> RKLLMSamplingParam {
    RKLLMSamplingParam {
        top_k: 40,
        top_p: 0.95,
        temperature: 1.0,
        repeat_penalty: 1.0,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        mirostat: 0,
        mirostat_tau: 5.0,
        mirostat_eta: 0.1,
    }
}
