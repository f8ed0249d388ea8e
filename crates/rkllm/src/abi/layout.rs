//! What the generations' modules have in common in all but the types: the same field names in
//! structs of their own. Each macro is expanded in the module of a generation, after a
//! `use rkllm_sys::vX::*`.

/// The parameters of init that every generation has. Leaves the rest to the caller.
macro_rules! common_param {
    ($api:expr, $raw:expr) => {{
        // SAFETY: takes nothing and returns a plain value.
        let mut param = unsafe { ($api.create_default_param)() };
        let (options, sampling) = ($raw.options, &$raw.options.sampling);
        param.model_path = $raw.model.as_ptr();
        param.max_context_len = options.max_context.map_or(0, $crate::abi::raw::to_c);
        param.max_new_tokens = options.max_new_tokens.map_or(-1, $crate::abi::raw::to_c);
        $crate::abi::layout::set_sampling!(param, sampling);
        param.skip_special_token = options.skip_special_tokens;
        param.is_async = false;
        param.extend_param.base_domain_id = options.base_domain;
        param
    }};
}

/// The sampling parameters, of init or of a run.
macro_rules! set_sampling {
    ($target:expr, $sampling:expr) => {{
        let sampling = $sampling;
        $target.top_k = $crate::abi::raw::to_c(sampling.top_k);
        $target.top_p = sampling.top_p;
        $target.temperature = sampling.temperature;
        $target.repeat_penalty = sampling.repeat_penalty;
        $target.frequency_penalty = sampling.frequency_penalty;
        $target.presence_penalty = sampling.presence_penalty;
        $target.mirostat = 0;
        $target.mirostat_tau = 5.0;
        $target.mirostat_eta = 0.1;
        if let Some(mirostat) = sampling.mirostat {
            $target.mirostat = match mirostat.version {
                $crate::MirostatVersion::V1 => 1,
                $crate::MirostatVersion::V2 => 2,
            };
            $target.mirostat_tau = mirostat.tau;
            $target.mirostat_eta = mirostat.eta;
        }
    }};
}

/// The marks around pictures, which init takes up to 1.2.3.
macro_rules! set_image_tags {
    ($param:expr, $raw:expr) => {{
        $param.img_start = $raw.tags.start.as_ptr();
        $param.img_end = $raw.tags.end.as_ptr();
        $param.img_content = $raw.tags.content.as_ptr();
    }};
}

/// What 1.2.0 and later let the caller choose of CPUs, memory and context.
macro_rules! set_placement {
    ($param:expr, $raw:expr, $places:expr) => {{
        let options = $raw.options;
        if let Some(count) = options.n_keep {
            $param.n_keep = $crate::abi::raw::to_c(count);
        }
        if let Some(flash) = options.embed_flash {
            $param.extend_param.embed_flash = i8::from(flash);
        }
        if let Some(mask) = options.cpu_mask {
            // At most 32 bits, so it fits.
            $param.extend_param.enabled_cpus_num = mask.count_ones() as i8;
            // The embedded runtime leaves the place of its threads to the system.
            $param.extend_param.enabled_cpus_mask = if $places { mask } else { 0 };
        }
    }};
}

/// Defines `input`: a raw input as this generation's `RKLLMInput`. `$media` lays out a multimodal
/// input, `$more` sets what else there is.
macro_rules! define_input {
    ($media:expr, $more:expr) => {
        fn input(raw: &$crate::abi::raw::RawInput<'_>) -> RKLLMInput {
            use $crate::abi::raw::RawContent;
            // SAFETY: the struct is plain C data with pointers, for which all zeroes are valid.
            let mut input: RKLLMInput = unsafe { std::mem::zeroed() };
            $more(&mut input, raw);
            // The runtime reads through these pointers only; the C structs lack the `const`.
            match &raw.content {
                RawContent::Prompt(prompt) => {
                    input.input_type = RKLLM_INPUT_PROMPT;
                    input.value.prompt_input = prompt.as_ptr();
                }
                RawContent::Tokens(tokens) => {
                    input.input_type = RKLLM_INPUT_TOKEN;
                    input.value.token_input = RKLLMTokenInput {
                        input_ids: tokens.as_ptr().cast_mut(),
                        n_tokens: tokens.len(),
                    };
                }
                RawContent::Embedding(data, rows) => {
                    input.input_type = RKLLM_INPUT_EMBED;
                    input.value.embed_input =
                        RKLLMEmbedInput { embed: data.as_ptr().cast_mut(), n_tokens: *rows };
                }
                RawContent::Multimodal(media) => {
                    input.input_type = RKLLM_INPUT_MULTIMODAL;
                    input.value.multimodal_input = $media(media);
                }
            }
            input
        }
    };
}

/// Defines `run`: calls `rkllm_run`, or `rkllm_run_async` and waits. The fields after the mode are
/// those that this generation has beyond 1.1.
macro_rules! define_run {
    (|$run:ident| { $($field:ident: $value:expr),* $(,)? }) => {
        $crate::abi::layout::define_run!(|$run| let _none = (); { $($field: $value),* });
    };
    (|$run:ident| let $sampling:ident = $init:expr; { $($field:ident: $value:expr),* $(,)? }) => {
        /// # Safety
        /// As `Abi::run`.
        pub(super) unsafe fn run(
            api: &Api,
            handle: std::ptr::NonNull<std::ffi::c_void>,
            $run: &$crate::abi::raw::RawRun<'_>,
            call: $crate::abi::Call<'_>,
        ) -> std::ffi::c_int {
            let mut inputs: Vec<RKLLMInput> = $run.inputs.iter().map(input).collect();
            let mut lora =
                $run.lora.as_ref().map(|name| RKLLMLoraParam { lora_adapter_name: name.as_ptr() });
            let mut cache = $run.cache.as_ref().map(|path| RKLLMPromptCacheParam {
                save_prompt_cache: 1,
                prompt_cache_path: path.as_ptr(),
            });
            #[allow(unused_mut)] // generations before 1.3 have no sampling per run
            let mut $sampling = $init;
            let mut infer = RKLLMInferParam {
                mode: mode($run.mode),
                lora_params: lora.as_mut().map_or(std::ptr::null_mut(), |lora| lora),
                prompt_cache_params: cache.as_mut().map_or(std::ptr::null_mut(), |cache| cache),
                $($field: $value),*
            };
            let (handle, inputs) = (handle.as_ptr(), inputs.as_mut_ptr());
            // SAFETY: the caller's promise for the handle; every pointer in the structs lives until
            // the run is over: `rkllm_run` returns only then, and an asynchronous run is waited for.
            unsafe {
                if let Some(wait) = call.wait {
                    let status = (api.run_async)(handle, inputs, &mut infer, call.userdata);
                    if status == 0 {
                        wait(&|| (api.is_running)(handle) != 0);
                    }
                    status
                } else {
                    (api.run)(handle, inputs, &mut infer, call.userdata)
                }
            }
        }
    };
}

/// Defines `deliver`, which hands a callback to the run's state. `$hidden_state` is the state in
/// which hidden states come, `$logits` and `$perf` read what this generation has of them.
macro_rules! define_deliver {
    ($hidden_state:expr, $logits:expr, $perf:expr) => {
        /// # Safety
        /// The arguments are those of a result callback whose userdata is a `RunState` in use.
        unsafe fn deliver(
            result: *mut RKLLMResult,
            userdata: *mut std::ffi::c_void,
            state: LLMCallState,
        ) -> $crate::run::Reply {
            use $crate::run::{Mode, Reply, Report, RunState, State};
            // SAFETY: `run` passed a `RunState` that lives until the run is over, and the runtime
            // calls back one call at a time.
            let Some(run) = (unsafe { userdata.cast::<RunState<'_>>().as_mut() }) else {
                return Reply::Continue;
            };
            let state = match state {
                RKLLM_RUN_NORMAL => State::Normal,
                RKLLM_RUN_WAITING => State::Waiting,
                RKLLM_RUN_FINISH => State::Finish,
                state if Some(state) == $hidden_state => State::Normal,
                _ => State::Error,
            };
            let tokens = matches!(state, State::Normal | State::Waiting);
            // Only tokens come as an array of the batch's length.
            let entries = if tokens { run.batch() } else { 1 };
            let mut reply = Reply::Continue;
            for entry in 0..entries {
                // SAFETY: the pointer is null or to as many results as the batch has entries, valid
                // until we return; FINISH and ERROR may come without one.
                let result = unsafe { result.as_ref().map(|_| &*result.add(entry)) };
                let text = result.map_or(std::ptr::null(), |result| result.text);
                // SAFETY: a text that is not null is NUL-terminated and valid until we return.
                let text = unsafe { $crate::abi::bytes(text) };
                // SAFETY: in these modes the runtime says how many numbers it lends until we return.
                let tensor = result.filter(|_| tokens).and_then(|result| unsafe {
                    match run.mode() {
                        Mode::Generate => None,
                        Mode::HiddenStates => {
                            let hidden = &result.last_hidden_layer;
                            $crate::abi::numbers(
                                hidden.hidden_states,
                                hidden.embd_size,
                                hidden.num_tokens,
                            )
                        }
                        Mode::Logits => $logits(result),
                    }
                });
                let said = run.report(&Report {
                    entry,
                    state,
                    text,
                    token_id: result.map_or(-1, |result| result.token_id),
                    tensor,
                    perf: result.filter(|_| state == State::Finish).and_then($perf),
                });
                if said != Reply::Continue {
                    reply = said;
                }
            }
            reply
        }
    };
}

/// Reads the measurements of generations that have them.
macro_rules! read_perf {
    () => {
        |result: &RKLLMResult| {
            let perf = &result.perf;
            Some($crate::PerfStats {
                prefill_time: $crate::abi::millis(perf.prefill_time_ms),
                prefill_tokens: u32::try_from(perf.prefill_tokens).unwrap_or(0),
                generate_time: $crate::abi::millis(perf.generate_time_ms),
                generate_tokens: u32::try_from(perf.generate_tokens).unwrap_or(0),
                memory_mb: perf.memory_usage_mb,
            })
        }
    };
}

/// Reads the logits of generations that have them.
macro_rules! read_logits {
    () => {
        |result: &RKLLMResult| {
            let logits = &result.logits;
            $crate::abi::numbers(logits.logits, logits.vocab_size, logits.num_tokens)
        }
    };
}

pub(super) use {
    common_param, define_deliver, define_input, define_run, read_logits, read_perf, set_image_tags,
    set_placement, set_sampling,
};
