//! Generation 1.3: our options as its structs, its callbacks as our reports.

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null, null_mut};
use std::time::Duration;

use rkllm_sys::v1_3::*;

use super::{bytes, c_text};
use crate::input::{Content, Role};
use crate::options::MirostatVersion;
use crate::run::{Report, RunState, State};
use crate::{Error, Input, Options, PerfStats, RunOptions, Sampling};

/// `places` says whether the runtime places its threads by the CPU mask.
pub(super) fn init(
    api: &Api,
    model: &CStr,
    options: &Options,
    places: bool,
) -> (c_int, *mut c_void) {
    // SAFETY: takes nothing and returns a plain value.
    let mut param = unsafe { (api.create_default_param)() };
    let sampling = sampling(&options.sampling);
    param.model_path = model.as_ptr();
    param.max_context_len = options.max_context.map_or(0, to_c);
    param.max_new_tokens = options.max_new_tokens.map_or(-1, to_c);
    param.top_k = sampling.top_k;
    param.top_p = sampling.top_p;
    param.temperature = sampling.temperature;
    param.repeat_penalty = sampling.repeat_penalty;
    param.frequency_penalty = sampling.frequency_penalty;
    param.presence_penalty = sampling.presence_penalty;
    param.mirostat = sampling.mirostat;
    param.mirostat_tau = sampling.mirostat_tau;
    param.mirostat_eta = sampling.mirostat_eta;
    param.skip_special_token = options.skip_special_tokens;
    param.ignore_eos_token = false;
    param.is_async = false;
    // One answer at a time; the default of some versions is 0, which later ones refuse.
    param.extend_param.n_batch = 1;
    if let Some(mask) = options.cpu_mask {
        // At most 32 bits, so it fits.
        param.extend_param.enabled_cpus_num = mask.count_ones() as i8;
        param.extend_param.enabled_cpus_mask = if places { mask } else { 0 };
    }
    let mut callback = RKLLMCallback {
        result_callback: Some(on_result),
        result_userdata: null_mut(),
        tokenizer_callback: None,
        tokenizer_userdata: null_mut(),
        embed_callback: None,
        embed_userdata: null_mut(),
    };
    let mut handle = null_mut();
    // SAFETY: all three pointers are valid for the call, `param` points to texts that are as well,
    // and whoever calls serialises inits.
    let status = unsafe { (api.init)(&mut handle, &mut param, &mut callback) };
    (status, handle)
}

/// # Safety
/// As `Abi::run`.
pub(super) unsafe fn run(
    api: &Api,
    handle: NonNull<c_void>,
    (input, options): (&Input, &RunOptions),
    state: &mut RunState<'_>,
) -> Result<c_int, Error> {
    let role = match input.role {
        Role::User => c"user",
        Role::Tool => c"tool",
    };
    let prompt = match &input.content {
        Content::Prompt(prompt) => Some(c_text("the prompt", prompt)?),
        Content::Tokens(_) => None,
    };
    // SAFETY: the struct is plain C data with pointers, for which all zeroes are valid.
    let mut c_input: RKLLMInput = unsafe { MaybeUninit::zeroed().assume_init() };
    c_input.role = role.as_ptr();
    c_input.enable_thinking = input.enable_thinking;
    match (&input.content, &prompt) {
        (Content::Tokens(tokens), _) => {
            c_input.input_type = RKLLM_INPUT_TOKEN;
            c_input.value.token_input = RKLLMTokenInput {
                // The runtime reads the ids only; the C struct lacks the `const`.
                input_ids: tokens.as_ptr().cast_mut(),
                n_tokens: tokens.len(),
            };
        }
        (Content::Prompt(_), prompt) => {
            c_input.input_type = RKLLM_INPUT_PROMPT;
            c_input.value.prompt_input = prompt.as_ref().map_or(null(), |prompt| prompt.as_ptr());
        }
    }
    let mut sampling = options.sampling.as_ref().map(sampling);
    let lora = options.lora.as_deref().map(|name| c_text("the LoRA adapter's name", name));
    let lora = lora.transpose()?;
    let mut lora = lora.as_ref().map(|name| RKLLMLoraParam { lora_adapter_name: name.as_ptr() });
    let mut infer = RKLLMInferParam {
        mode: RKLLM_INFER_GENERATE,
        lora_params: lora.as_mut().map_or(null_mut(), |lora| lora),
        prompt_cache_params: null_mut(),
        sampling_params: sampling.as_mut().map_or(null_mut(), |sampling| sampling),
        keep_history: c_int::from(options.keep_history),
        max_new_tokens: options.max_new_tokens.map_or(0, to_c),
    };
    let userdata: *mut c_void = std::ptr::from_mut(state).cast();
    // SAFETY: the caller's promise for the handle; every pointer in the structs lives until the
    // call returns, and the runtime keeps none of them after `rkllm_run` (synchronous by contract).
    Ok(unsafe { (api.run)(handle.as_ptr(), &mut c_input, &mut infer, userdata) })
}

/// Whatever fits was checked by `Options::check`.
fn to_c(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn sampling(sampling: &Sampling) -> RKLLMSamplingParam {
    let (mirostat, tau, eta) = match sampling.mirostat {
        None => (0, 5.0, 0.1),
        Some(mirostat) => {
            let version = match mirostat.version {
                MirostatVersion::V1 => 1,
                MirostatVersion::V2 => 2,
            };
            (version, mirostat.tau, mirostat.eta)
        }
    };
    RKLLMSamplingParam {
        top_k: to_c(sampling.top_k),
        top_p: sampling.top_p,
        temperature: sampling.temperature,
        repeat_penalty: sampling.repeat_penalty,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        mirostat,
        mirostat_tau: tau,
        mirostat_eta: eta,
    }
}

/// The callback of every run; `userdata` is the run's state. Returns 0: go on.
unsafe extern "C" fn on_result(
    result: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    // SAFETY: `run` passed a `RunState` that lives until `rkllm_run` returns, and the runtime calls
    // back one call at a time.
    let Some(run) = (unsafe { userdata.cast::<RunState<'_>>().as_mut() }) else {
        return 0;
    };
    // SAFETY: the pointer is null or valid until we return; FINISH and ERROR may come without one.
    let result = unsafe { result.as_ref() };
    let state = match state {
        RKLLM_RUN_NORMAL => State::Normal,
        RKLLM_RUN_WAITING => State::Waiting,
        RKLLM_RUN_FINISH => State::Finish,
        _ => State::Error,
    };
    // SAFETY: a text that is not null is NUL-terminated and valid until we return.
    let text = result.map_or(&[][..], |result| unsafe { bytes(result.text) });
    run.report(Report {
        text,
        token_id: result.map_or(-1, |result| result.token_id),
        perf: result.filter(|_| matches!(state, State::Finish)).map(|result| perf(&result.perf)),
        state,
    });
    0
}

fn perf(perf: &RKLLMPerfStat) -> PerfStats {
    PerfStats {
        prefill_time: millis(perf.prefill_time_ms),
        prefill_tokens: u32::try_from(perf.prefill_tokens).unwrap_or(0),
        generate_time: millis(perf.generate_time_ms),
        generate_tokens: u32::try_from(perf.generate_tokens).unwrap_or(0),
        memory_mb: perf.memory_usage_mb,
    }
}

/// Runtimes have reported NaN and infinity for empty phases.
fn millis(ms: f32) -> Duration {
    Duration::try_from_secs_f32(ms / 1000.0).unwrap_or_default()
}
