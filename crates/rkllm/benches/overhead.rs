//! What the wrapper adds to each token: `cargo bench -p rkllm --no-default-features`.
//!
//! A scripted runtime delivers tokens as fast as it can, to a bare C callback, to the closure of
//! `Session::run` and to the iterator of `Session::generate`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rkllm::{AbiGeneration, Flow, Options, RunOptions, Runtime};
use rkllm_sys::v1_3::{
    Api, LLMCallState, RKLLM_INFER_GENERATE, RKLLM_INPUT_PROMPT, RKLLM_RUN_NORMAL, RKLLMCallback,
    RKLLMInferParam, RKLLMInput, RKLLMResult,
};

const TOKENS: u32 = 1_000_000;
const ROUNDS: usize = 5;

/// Counts allocations, to tell how many a token costs.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let script = rkllm_fake::Script::new();
    script.set("TOKENS", TOKENS).set("TEXT", " token");
    let library = rkllm_fake::library(AbiGeneration::V1_3);
    let options = Options { max_context: Some(4096), ..Options::default() };
    let runtime = Runtime::open(&library).expect("the scripted runtime opens");
    let mut session = runtime.load(script.model(), &options).expect("it loads anything");

    let bare = bare(&library, &script);
    report("bare C callback", bare, bare);
    let closure = best(|| {
        let mut bytes = 0;
        let ran = session.run("Hi", &RunOptions::default(), |token| {
            bytes += token.text.len();
            Flow::Continue
        });
        ran.expect("the script ends well");
        black_box(bytes);
    });
    report("Session::run", closure, bare);
    let iterator = best(|| {
        let tokens = session.generate("Hi").expect("plain text");
        assert_eq!(
            tokens.filter(|token| token.as_ref().is_ok_and(|token| !token.text.is_empty())).count(),
            TOKENS as usize
        );
    });
    report("Session::generate", iterator, bare);
}

/// Time and allocations of one run.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    allocations: u64,
}

/// The fastest of several rounds: what is slower was disturbed.
fn best(mut run: impl FnMut()) -> Cost {
    let rounds = (0..ROUNDS).map(|_| {
        let (before, started) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
        run();
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        Cost { time: started.elapsed(), allocations }
    });
    rounds.min_by_key(|cost| cost.time).expect("at least one round")
}

fn report(what: &str, cost: Cost, bare: Cost) {
    let per_token = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(TOKENS);
    println!(
        "{what:20} {:8.1} ns/token, {:8.1} ns added, {:.3} allocations/token",
        per_token(cost.time),
        per_token(cost.time.saturating_sub(bare.time)),
        cost.allocations as f64 / f64::from(TOKENS)
    );
}

unsafe extern "C" fn count(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    if state == RKLLM_RUN_NORMAL {
        // SAFETY: the runtime lends a result with a text, and `bare` passed a counter.
        unsafe {
            let text = std::ffi::CStr::from_ptr((*result).text);
            *userdata.cast::<usize>() += text.to_bytes().len();
        }
    }
    0
}

/// The same runs without the wrapper.
fn bare(library: &std::path::Path, script: &rkllm_fake::Script) -> Cost {
    let model = std::ffi::CString::new(script.model().to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: a library of generation 1.3, called as its header says; every pointer lives long
    // enough, and the structs are plain C data for which all zeroes are valid.
    unsafe {
        let library = libloading::Library::new(library).expect("it opens");
        let api = Api::load(&library).expect("it is complete");
        let mut param = (api.create_default_param)();
        param.model_path = model.as_ptr();
        param.max_context_len = 4096;
        param.extend_param.n_batch = 1;
        let mut callback: RKLLMCallback = std::mem::zeroed();
        callback.result_callback = Some(count);
        let mut handle = null_mut();
        assert_eq!((api.init)(&mut handle, &mut param, &mut callback), 0);
        let mut input: RKLLMInput = std::mem::zeroed();
        input.role = c"user".as_ptr();
        input.input_type = RKLLM_INPUT_PROMPT;
        input.value.prompt_input = c"Hi".as_ptr();
        let mut infer: RKLLMInferParam = std::mem::zeroed();
        infer.mode = RKLLM_INFER_GENERATE;
        let mut bytes = 0_usize;
        let cost = best(|| {
            let counter: *mut usize = &mut bytes;
            assert_eq!((api.run)(handle, &mut input, &mut infer, counter.cast()), 0);
        });
        black_box(bytes);
        (api.destroy)(handle);
        cost
    }
}
