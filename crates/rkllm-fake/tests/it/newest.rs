//! What only later generations have.

use std::ffi::{CString, c_int, c_void};

use rkllm_fake::{EMBEDDING_WIDTH, Script, VOCABULARY_SIZE};
use rkllm_sys::v1_3 as sys;

use crate::driver::INIT;
use crate::driver::v1_3::{Session, parameters, prompt};
use crate::faults::{ABORT, abort_here};
use crate::recorder::Recorder;

/// The perf figures of the last run, by way of the log.
fn prefill_tokens(script: &Script) -> usize {
    let log = script.log();
    let line = log.iter().rfind(|line| line.starts_with("run start")).unwrap();
    let (_, rest) = line.split_once("prefill_tokens=").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

fn kv_size(session: &Session) -> c_int {
    let mut size = -1;
    // SAFETY: the session has one entry per batch.
    assert_eq!(unsafe { (session.api.get_kv_cache_size)(session.handle, &mut size) }, 0);
    size
}

#[test]
fn what_is_in_the_cache_is_not_evaluated_again() {
    let script = Script::new();
    script.set("TOKENS", 2);
    let session = Session::open(script.model()).unwrap();
    for (text, evaluated, cached) in [("a b c", 3, 5), ("a b d e", 2, 6), ("x", 1, 3)] {
        session.run(text, &mut Recorder::default());
        assert_eq!((prefill_tokens(&script), kv_size(&session)), (evaluated, cached));
    }
    let (text, mut keep) = (CString::new("a b").unwrap(), parameters());
    keep.keep_history = 1;
    session.run_with(&mut [prompt(&text)], &mut keep, &mut Recorder::default());
    assert_eq!((prefill_tokens(&script), kv_size(&session)), (2, 7));
    assert_eq!(session.destroy(), 0);
}

#[test]
fn a_prompt_beyond_the_context_brings_no_callback() {
    let script = Script::new();
    let session = Session::open_with(script.model(), |param| param.max_context_len = 2).unwrap();
    let mut recorder = Recorder::default();
    assert_eq!(session.run("one two three", &mut recorder), -1);
    assert!(recorder.events.is_empty());
    assert_eq!(session.run("one two", &mut recorder), 0);
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn limits_are_those_of_init_or_of_the_run() {
    let script = Script::new();
    let session = Session::open_with(script.model(), |param| param.max_new_tokens = 3).unwrap();
    let text = CString::default();
    for (limit, expected) in [(0, 3), (2, 2), (5, 5)] {
        let (mut parameters, mut recorder) = (parameters(), Recorder::default());
        parameters.max_new_tokens = limit;
        session.run_with(&mut [prompt(&text)], &mut parameters, &mut recorder);
        assert_eq!(recorder.texts().len(), expected);
    }
    assert_eq!(session.destroy(), 0);
}

#[test]
fn a_paused_run_goes_on() {
    let script = Script::new();
    script.set("TOKENS", 4);
    let session = Session::open(script.model()).unwrap();
    let mut first = Recorder { pause_at: Some(2), ..Recorder::default() };
    assert_eq!(session.run("a b", &mut first), 0);
    assert_eq!(first.states(), [0, 0]);
    // SAFETY: one range for the one entry of the batch.
    let status = unsafe { (session.api.clear_kv_cache)(session.handle, 0, &mut 1, &mut 3) };
    assert_eq!((status, kv_size(&session)), (0, 2));
    let mut second = Recorder::default();
    assert_eq!(session.run("", &mut second), 0);
    assert_eq!(
        (first.texts(), second.texts()),
        (vec![" t0".to_owned(), " t1".to_owned()], vec![" t2".to_owned(), " t3".to_owned()])
    );
    // SAFETY: as above; refused because nothing is paused.
    let status = unsafe { (session.api.clear_kv_cache)(session.handle, 0, &mut 1, &mut 3) };
    assert_eq!(status, -1);
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
}

/// Texts and ids of the results of each callback of a batch of three.
type Batches = Vec<Vec<(bool, i32)>>;

unsafe extern "C" fn collect_batch(
    result: *mut sys::RKLLMResult,
    userdata: *mut c_void,
    _state: sys::LLMCallState,
) -> c_int {
    // SAFETY: the library passes one result per input, and the vector given to init.
    unsafe {
        let results = std::slice::from_raw_parts(result, 3);
        let batch = results.iter().map(|result| (result.text.is_null(), result.token_id));
        (*userdata.cast::<Batches>()).push(batch.collect());
    }
    0
}

/// A handle whose callback gets `userdata`.
fn open_raw<T>(
    session: &Session,
    script: &Script,
    change: impl FnOnce(&mut sys::RKLLMParam, &mut sys::RKLLMCallback),
    userdata: &mut T,
) -> sys::LLMHandle {
    let model = CString::new(script.model().to_str().unwrap()).unwrap();
    let mut handle = std::ptr::null_mut();
    let _alone = INIT.lock();
    // SAFETY: all pointers are valid during the calls; the userdata outlives the handle.
    let status = unsafe {
        let mut param = (session.api.create_default_param)();
        param.model_path = model.as_ptr();
        let mut callback: sys::RKLLMCallback = std::mem::zeroed();
        callback.result_userdata = std::ptr::from_mut(userdata).cast();
        change(&mut param, &mut callback);
        (session.api.init)(&mut handle, &mut param, &mut callback)
    };
    assert_eq!(status, 0);
    handle
}

#[test]
fn a_batch_runs_in_lock_step() {
    let script = Script::new();
    script.set("BATCH_TOKENS", "2,1,3");
    let session = Session::open(script.model()).unwrap();
    let mut batches = Batches::new();
    let handle = open_raw(
        &session,
        &script,
        |param, callback| {
            param.extend_param.n_batch = 3;
            callback.result_callback = Some(collect_batch);
        },
        &mut batches,
    );
    let text = CString::new("a b").unwrap();
    let mut sizes = [0; 3];
    // SAFETY: three inputs, three sizes, as many as the batch has entries.
    unsafe {
        let inputs = [prompt(&text); 3].as_mut_ptr();
        let null = std::ptr::null_mut();
        assert_eq!((session.api.run)(handle, inputs, &mut parameters(), null), 0);
        assert_eq!((session.api.get_kv_cache_size)(handle, sizes.as_mut_ptr()), 0);
        assert_eq!((session.api.destroy)(handle), 0);
    }
    assert_eq!(sizes, [4, 3, 5]);
    let ended = (true, -1);
    let expected = [
        [(false, 1000), (false, 1000), (false, 1000)],
        [(false, 1001), ended, (false, 1001)],
        [ended, ended, (false, 1002)],
        [(false, 0); 3],
    ];
    assert_eq!(batches, expected);
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
}

/// Rows, width and numbers of the tensors delivered, and the states.
#[derive(Default)]
struct Tensors {
    shapes: Vec<(c_int, c_int)>,
    numbers: Vec<f32>,
    states: Vec<u32>,
}

unsafe extern "C" fn collect_tensor(
    result: *mut sys::RKLLMResult,
    userdata: *mut c_void,
    state: sys::LLMCallState,
) -> c_int {
    // SAFETY: the library passes a result whose arrays are as long as it says, and the value given
    // to init.
    unsafe {
        let (result, tensors) = (&*result, &mut *userdata.cast::<Tensors>());
        tensors.states.push(state);
        let hidden = &result.last_hidden_layer;
        let logits = &result.logits;
        for (start, width, rows) in [
            (hidden.hidden_states, hidden.embd_size, hidden.num_tokens),
            (logits.logits, logits.vocab_size, logits.num_tokens),
        ] {
            if !start.is_null() {
                tensors.shapes.push((rows, width));
                let length = usize::try_from(rows * width).unwrap();
                tensors.numbers.extend(std::slice::from_raw_parts(start, length));
            }
        }
    }
    0
}

#[test]
fn hidden_layers_and_logits_depend_on_the_prompt_alone() {
    let script = Script::new();
    let session = Session::open(script.model()).unwrap();
    let text = CString::new("one two").unwrap();
    for (mode, width) in [(1, EMBEDDING_WIDTH), (2, VOCABULARY_SIZE)] {
        let mut tensors = Tensors::default();
        let handle = open_raw(
            &session,
            &script,
            |_, callback| callback.result_callback = Some(collect_tensor),
            &mut tensors,
        );
        let mut parameters = parameters();
        parameters.mode = mode;
        for _ in 0..2 {
            let null = std::ptr::null_mut();
            // SAFETY: all pointers are valid during the call.
            let status =
                unsafe { (session.api.run)(handle, &mut prompt(&text), &mut parameters, null) };
            assert_eq!(status, 0);
        }
        // SAFETY: the handle lives.
        assert_eq!(unsafe { (session.api.destroy)(handle) }, 0);
        assert_eq!(tensors.shapes, [(2, c_int::try_from(width).unwrap()); 2]);
        assert_eq!(tensors.states, [0, 0]);
        let (first, second) = tensors.numbers.split_at(2 * width);
        assert_eq!(first, second);
        assert!(first.iter().all(|number| (-1.0..=1.0).contains(number)));
        assert_ne!(first[..width], first[width..]);
    }
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn prompt_caches_are_saved_and_loaded() {
    let script = Script::new();
    script.set("TOKENS", 1);
    let path = CString::new(script.dir().join("cache").to_str().unwrap()).unwrap();
    let session = Session::open(script.model()).unwrap();
    let text = CString::new("a b c").unwrap();
    let mut cache =
        sys::RKLLMPromptCacheParam { save_prompt_cache: 1, prompt_cache_path: path.as_ptr() };
    let mut saving = parameters();
    saving.prompt_cache_params = &mut cache;
    session.run_with(&mut [prompt(&text)], &mut saving, &mut Recorder::default());
    session.run("other", &mut Recorder::default());
    // SAFETY: the path is valid during the calls.
    unsafe {
        assert_eq!((session.api.load_prompt_cache)(session.handle, path.as_ptr()), 0);
        session.run("a b d", &mut Recorder::default());
        assert_eq!(prefill_tokens(&script), 1);
        std::fs::write(script.dir().join("cache"), "something else").unwrap();
        assert_eq!((session.api.load_prompt_cache)(session.handle, path.as_ptr()), -1);
    }
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn a_chat_template_surrounds_the_prompt() {
    let script = Script::new();
    script.set("TEXT", "%p").set("TOKENS", 1);
    let session = Session::open(script.model()).unwrap();
    let handle = session.handle;
    // SAFETY: the texts are C strings.
    unsafe {
        let (set, tools) = (session.api.set_chat_template, session.api.set_function_tools);
        assert_eq!(tools(handle, c"".as_ptr(), c"[]".as_ptr(), c"".as_ptr()), 0);
        assert_eq!(set(handle, c"S ".as_ptr(), c"<u>".as_ptr(), c"</u>".as_ptr()), 0);
        assert_eq!(tools(handle, c"".as_ptr(), c"[]".as_ptr(), c"".as_ptr()), -1);
    }
    let mut recorder = Recorder::default();
    session.run("hi", &mut recorder);
    assert_eq!(recorder.texts(), ["S <u>hi</u>"]);
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse(), [""; 0]);
}

unsafe extern "C" fn two_tokens(
    _userdata: *mut c_void,
    _text: *const std::ffi::c_char,
    length: i32,
    tokens: *mut i32,
    room: i32,
) -> c_int {
    assert!(room >= 2);
    // SAFETY: there is room for two.
    unsafe {
        tokens.write(length);
        tokens.add(1).write(9);
    }
    2
}

unsafe extern "C" fn too_long(
    _userdata: *mut c_void,
    _tokens: *mut i32,
    _count: u64,
    embed: *mut c_void,
    length: u64,
) -> c_int {
    // SAFETY: the library has a guard word behind the buffer.
    unsafe { embed.cast::<u8>().add(length as usize).write(1) };
    0
}

#[test]
fn tokenizer_and_embedding_callbacks_are_used_and_watched() {
    let script = Script::new();
    let session = Session::open(script.model()).unwrap();
    let mut tensors = Tensors::default();
    let handle = open_raw(
        &session,
        &script,
        |_, callback| {
            callback.result_callback = Some(collect_tensor);
            callback.tokenizer_callback = Some(two_tokens);
            callback.embed_callback = Some(too_long);
        },
        &mut tensors,
    );
    let (text, null) = (CString::new("abc").unwrap(), std::ptr::null_mut());
    // SAFETY: all pointers are valid during the calls.
    unsafe {
        let status = (session.api.run)(handle, &mut prompt(&text), &mut parameters(), null);
        assert_eq!(status, -1);
        assert_eq!((session.api.destroy)(handle), 0);
    }
    assert_eq!(session.destroy(), 0);
    let log = script.log();
    assert!(log.iter().any(|line| line.starts_with("tokenizer_callback result=2")));
    assert!(log.iter().any(|line| line.starts_with("embed_callback tokens=2 result=0")));
    assert_eq!(script.misuse().len(), 1);
    assert!(script.misuse()[0].contains("a callback wrote beyond its buffer"));
}

#[test]
fn an_asynchronous_run_calls_back_on_a_thread_of_its_own() {
    let script = Script::new();
    script.set("TOKENS", 3).set("PREFILL_MS", 1);
    let session = Session::open(script.model()).unwrap();
    let text = CString::new("a").unwrap();
    let (mut input, mut parameters) = (prompt(&text), parameters());
    let mut recorder = Recorder::default();
    let userdata = std::ptr::from_mut(&mut recorder).cast();
    for _ in 0..2 {
        // SAFETY: all pointers are valid until the run has ended, which `is_running` says; destroy
        // joins the thread before the recorder is looked at.
        unsafe {
            let run = session.api.run_async;
            assert_eq!(run(session.handle, &mut input, &mut parameters, userdata), 0);
            while (session.api.is_running)(session.handle) == 1 {
                std::thread::yield_now();
            }
        }
    }
    assert_eq!(session.destroy(), 0);
    assert_eq!(recorder.states(), [0, 0, 0, 2].repeat(2));
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn adapters_are_chosen_by_the_name_they_were_loaded_under() {
    let script = Script::new();
    let session = Session::open(script.model()).unwrap();
    let path = CString::new(script.model().to_str().unwrap()).unwrap();
    let mut adapter = sys::RKLLMLoraAdapter {
        lora_adapter_path: path.as_ptr(),
        lora_adapter_name: c"pirate".as_ptr(),
        scale: 0.5,
    };
    // SAFETY: the adapter's texts are C strings.
    let load = |adapter: &mut _| unsafe { (session.api.load_lora)(session.handle, adapter) };
    assert_eq!((load(&mut adapter), load(&mut adapter)), (0, -1));
    let text = CString::default();
    for (name, status) in [(c"pirate", 0), (c"parrot", -1)] {
        let mut lora = sys::RKLLMLoraParam { lora_adapter_name: name.as_ptr() };
        let mut parameters = parameters();
        parameters.lora_params = &mut lora;
        let mut recorder = Recorder::default();
        let found = session.run_with(&mut [prompt(&text)], &mut parameters, &mut recorder);
        assert_eq!((found, recorder.events.is_empty()), (status, status != 0));
    }
    assert_eq!(session.destroy(), 0);
    assert!(script.log()[1].starts_with("load_lora name=pirate scale=0.5"));
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn cross_attention_needs_a_model_with_it() {
    let script = Script::new();
    let mut floats = [0.0f32; 2];
    let mut positions = [0, 1];
    let mut encoder = sys::RKLLMCrossAttnParam {
        encoder_k_cache: floats.as_mut_ptr(),
        encoder_v_cache: floats.as_mut_ptr(),
        encoder_mask: floats.as_mut_ptr(),
        encoder_pos: positions.as_mut_ptr(),
        num_tokens: 2,
    };
    for (with, status) in [(1, 0), (0, -1)] {
        let session =
            Session::open_with(script.model(), |param| param.extend_param.use_cross_attn = with)
                .unwrap();
        // SAFETY: the arrays have two entries.
        let set = unsafe { (session.api.set_cross_attn_params)(session.handle, &mut encoder) };
        assert_eq!(set, status);
        assert_eq!(session.destroy(), 0);
    }
    assert_eq!(script.misuse().len(), 1);
    assert!(script.misuse()[0].contains("loaded without use_cross_attn"));
}

#[test]
fn a_cache_is_not_loaded_over_the_rest_of_an_aborted_run() {
    let script = Script::new();
    script.set("TOKENS", "forever");
    let session = Session::open(script.model()).unwrap();
    ABORT.set(Some((session.api.abort, session.handle)));
    let mut recorder = Recorder { hook: Some(|_| abort_here()), ..Recorder::default() };
    assert_eq!(session.run("", &mut recorder), 0);
    let path = CString::new(script.model().to_str().unwrap()).unwrap();
    let null = std::ptr::null_mut();
    // SAFETY: the path is a C string.
    unsafe {
        let load = || (session.api.load_prompt_cache)(session.handle, path.as_ptr());
        assert_eq!(load(), -1);
        assert_eq!(script.misuse().len(), 1);
        assert_eq!((session.api.clear_kv_cache)(session.handle, 0, null, null), 0);
        assert_eq!(load(), -1);
    }
    assert_eq!(session.destroy(), 0);
    assert_eq!(script.misuse().len(), 1);
}
