//! What runs are asked, as C structs.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use rkllm_sys::v1_3::{
    RKLLM_INFER_GENERATE, RKLLM_INPUT_EMBED, RKLLM_INPUT_MULTIMODAL, RKLLM_INPUT_PROMPT,
    RKLLM_INPUT_TOKEN, RKLLMEmbedInput, RKLLMInferMode, RKLLMInferParam, RKLLMInput,
    RKLLMInputValue, RKLLMLoraParam, RKLLMMultiModalInput, RKLLMMultiModalInputImage,
    RKLLMMultiModalInputVideo, RKLLMPromptCacheParam, RKLLMSamplingParam, RKLLMTokenInput,
};

/// What one run is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) input: In,
    pub(crate) keep_history: bool,
    pub(crate) max_new_tokens: i32,
    pub(crate) sampling: Option<RKLLMSamplingParam>,
    pub(crate) role: Option<&'static str>,
    pub(crate) mode: RKLLMInferMode,
    pub(crate) lora: Option<&'static str>,
    pub(crate) save: Option<String>,
}

/// Input of a run.
#[derive(Debug, Clone)]
pub(crate) enum In {
    Prompt(String),
    Tokens(Vec<i32>),
    /// Rows, and how many.
    Rows(Vec<f32>, usize),
    /// A text, the rows of its images, tokens per image, and images.
    Images(String, Vec<f32>, [usize; 2]),
}

pub(crate) fn prompt(text: &str) -> Ask {
    ask(In::Prompt(text.to_owned()))
}

pub(crate) fn tokens(ids: &[i32]) -> Ask {
    ask(In::Tokens(ids.to_vec()))
}

pub(crate) fn ask(input: In) -> Ask {
    Ask {
        input,
        keep_history: false,
        max_new_tokens: 0,
        sampling: None,
        role: Some("user"),
        mode: RKLLM_INFER_GENERATE,
        lora: None,
        save: None,
    }
}

impl Ask {
    pub(crate) fn most(self, max_new_tokens: i32) -> Self {
        Self { max_new_tokens, ..self }
    }

    pub(crate) fn keep(self) -> Self {
        Self { keep_history: true, ..self }
    }

    pub(crate) fn sampled(self, sampling: RKLLMSamplingParam) -> Self {
        Self { sampling: Some(sampling), ..self }
    }

    /// Makes the C structs and lends them to `use_them`.
    pub(crate) fn lend<T>(
        &self,
        use_them: impl FnOnce(*mut RKLLMInput, *mut RKLLMInferParam) -> T,
    ) -> T {
        self.lend_all(&[], use_them)
    }

    /// The same for a batch: `others` bring their inputs only.
    pub(crate) fn lend_all<T>(
        &self,
        others: &[Ask],
        use_them: impl FnOnce(*mut RKLLMInput, *mut RKLLMInferParam) -> T,
    ) -> T {
        let mut lent: Vec<Lent> = std::iter::once(self).chain(others).map(Lent::new).collect();
        let mut inputs: Vec<RKLLMInput> = lent.iter_mut().map(Lent::input).collect();
        let mut sampling = self.sampling;
        let c_text = |text: &str| CString::new(text).expect("no NUL");
        let (lora, save) = (self.lora.map(c_text), self.save.as_deref().map(c_text));
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |t| t.as_ptr());
        let mut lora_param = RKLLMLoraParam { lora_adapter_name: pointer(&lora) };
        let mut cache_param =
            RKLLMPromptCacheParam { save_prompt_cache: 1, prompt_cache_path: pointer(&save) };
        let mut params = RKLLMInferParam {
            mode: self.mode,
            lora_params: if lora.is_some() { &raw mut lora_param } else { ptr::null_mut() },
            prompt_cache_params: if save.is_some() {
                &raw mut cache_param
            } else {
                ptr::null_mut()
            },
            sampling_params: sampling.as_mut().map_or(ptr::null_mut(), |sampling| sampling),
            keep_history: c_int::from(self.keep_history),
            max_new_tokens: self.max_new_tokens,
        };
        use_them(inputs.as_mut_ptr(), &raw mut params)
    }
}

/// What the structs of an input point to.
struct Lent {
    role: Option<CString>,
    text: CString,
    input: In,
}

impl Lent {
    fn new(ask: &Ask) -> Self {
        let text = match &ask.input {
            In::Prompt(text) | In::Images(text, ..) => text.as_str(),
            In::Tokens(_) | In::Rows(..) => "",
        };
        Self {
            role: ask.role.map(|role| CString::new(role).expect("no NUL")),
            text: CString::new(text).expect("no NUL"),
            input: ask.input.clone(),
        }
    }

    fn input(&mut self) -> RKLLMInput {
        let text = self.text.as_ptr();
        let (input_type, value) = match &mut self.input {
            In::Prompt(_) => (RKLLM_INPUT_PROMPT, RKLLMInputValue { prompt_input: text }),
            In::Tokens(ids) => {
                let token_input =
                    RKLLMTokenInput { input_ids: ids.as_mut_ptr(), n_tokens: ids.len() };
                (RKLLM_INPUT_TOKEN, RKLLMInputValue { token_input })
            }
            In::Rows(rows, count) => {
                let embed_input = RKLLMEmbedInput { embed: rows.as_mut_ptr(), n_tokens: *count };
                (RKLLM_INPUT_EMBED, RKLLMInputValue { embed_input })
            }
            In::Images(_, rows, counts) => {
                let multimodal_input = images(text, rows, *counts);
                (RKLLM_INPUT_MULTIMODAL, RKLLMInputValue { multimodal_input })
            }
        };
        let role = self.role.as_ref().map_or(ptr::null(), |role| role.as_ptr());
        RKLLMInput { role, enable_thinking: false, input_type, value }
    }
}

fn images(
    text: *const c_char,
    rows: &mut [f32],
    [per_image, count]: [usize; 2],
) -> RKLLMMultiModalInput {
    RKLLMMultiModalInput {
        prompt: text.cast_mut(),
        image: RKLLMMultiModalInputImage {
            image_embed: if rows.is_empty() { ptr::null_mut() } else { rows.as_mut_ptr() },
            n_image_tokens: per_image,
            n_image: count,
            image_start: c"[".as_ptr(),
            image_end: c"]".as_ptr(),
            image_content: ptr::null(),
            image_width: 0,
            image_height: 0,
        },
        video: RKLLMMultiModalInputVideo {
            video_embed: ptr::null_mut(),
            n_frame_tokens: 0,
            n_frame_per_video: 0,
            n_video: 0,
            video_start: ptr::null(),
            video_end: ptr::null(),
            video_content: ptr::null(),
            frame_width: 0,
            frame_height: 0,
        },
    }
}
