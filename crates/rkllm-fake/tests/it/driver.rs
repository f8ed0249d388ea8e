//! A session per generation, as plain as it gets.

use std::sync::Mutex;

/// Inits of one process come one after the other.
pub(crate) static INIT: Mutex<()> = Mutex::new(());

/// A module with a session for the bindings of the same name. `$returns` is the type that its
/// callback returns, `$answer` makes it from a number, `$callback` makes what init takes of it, `$by` how.
macro_rules! driver {
    ($module:ident, $generation:ident, $returns:ty, $answer:expr, $callback:expr, [$($by:tt)*]) => {
        pub(crate) mod $module {
            use std::ffi::{CString, c_void};
            use std::os::unix::ffi::OsStrExt;
            use std::path::Path;

            use libloading::Library;
            use rkllm_fake::library;
            use rkllm_sys::{Generation, $module as sys};

            use crate::recorder::Recorder;

            #[derive(Debug)]
            pub(crate) struct Session {
                pub(crate) api: sys::Api,
                pub(crate) handle: sys::LLMHandle,
                _library: Library,
            }

            unsafe extern "C" fn callback(
                result: *mut sys::RKLLMResult,
                userdata: *mut c_void,
                state: sys::LLMCallState,
            ) -> $returns {
                // SAFETY: the library passes null or a result on, and the recorder given to run.
                let answer = unsafe {
                    let result = result.as_ref().map(|result| (result.text, result.token_id));
                    (*userdata.cast::<Recorder>()).record(state, result)
                };
                $answer(answer)
            }

            type Callback = unsafe extern "C" fn(
                *mut sys::RKLLMResult,
                *mut c_void,
                sys::LLMCallState,
            ) -> $returns;

            pub(crate) fn prompt(text: &CString) -> sys::RKLLMInput {
                // SAFETY: zeroes are a valid input: a null role and a null prompt.
                let mut input: sys::RKLLMInput = unsafe { std::mem::zeroed() };
                input.value.prompt_input = text.as_ptr();
                input
            }

            pub(crate) fn parameters() -> sys::RKLLMInferParam {
                // SAFETY: zeroes are valid parameters: generate, everything else off.
                unsafe { std::mem::zeroed() }
            }

            impl Session {
                pub(crate) fn open(model: &Path) -> Result<Self, i32> {
                    Self::open_with(model, |_| {})
                }

                pub(crate) fn open_with(
                    model: &Path,
                    change: impl FnOnce(&mut sys::RKLLMParam),
                ) -> Result<Self, i32> {
                    let _alone = crate::driver::INIT.lock();
                    Self::open_at_once(model, change)
                }

                /// Does not wait for other inits to end.
                pub(crate) fn open_at_once(
                    model: &Path,
                    change: impl FnOnce(&mut sys::RKLLMParam),
                ) -> Result<Self, i32> {
                    // SAFETY: the library is of the generation of the table; its initialisers do
                    // nothing, its destructor frees memory.
                    let (library, api) = unsafe {
                        let library = Library::new(library(Generation::$generation)).unwrap();
                        let api = sys::Api::load(&library).unwrap();
                        (library, api)
                    };
                    let model = CString::new(model.as_os_str().as_bytes()).unwrap();
                    let mut handle = std::ptr::dangling_mut();
                    #[allow(unused_mut, reason = "needed where it is passed by reference")]
                    let mut callbacks = $callback(callback as Callback);
                    // SAFETY: all pointers are valid during the calls.
                    let status = unsafe {
                        let mut param = (api.create_default_param)();
                        param.model_path = model.as_ptr();
                        change(&mut param);
                        (api.init)(&mut handle, &mut param, $($by)* callbacks)
                    };
                    match status {
                        0 => Ok(Self { api, handle, _library: library }),
                        status => Err(status),
                    }
                }

                pub(crate) fn run(&self, text: &str, recorder: &mut Recorder) -> i32 {
                    let text = CString::new(text).unwrap();
                    self.run_with(&mut [prompt(&text)], &mut parameters(), recorder)
                }

                pub(crate) fn run_with(
                    &self,
                    inputs: &mut [sys::RKLLMInput],
                    parameters: &mut sys::RKLLMInferParam,
                    recorder: &mut Recorder,
                ) -> i32 {
                    let userdata = std::ptr::from_mut(recorder).cast();
                    // SAFETY: all pointers are valid during the call.
                    unsafe {
                        (self.api.run)(self.handle, inputs.as_mut_ptr(), parameters, userdata)
                    }
                }

                pub(crate) fn destroy(&self) -> i32 {
                    // SAFETY: the library knows dead handles from living ones.
                    unsafe { (self.api.destroy)(self.handle) }
                }
            }
        }
    };
}

driver!(v1_1, V1_1, (), |_| (), Some, []);
driver!(v1_2_0, V1_2_0, (), |_| (), Some, []);
driver!(v1_2_1, V1_2_1, i32, |answer| answer, Some, []);
driver!(
    v1_3,
    V1_3,
    i32,
    |answer| answer,
    |function| sys::RKLLMCallback {
        result_callback: Some(function),
        result_userdata: std::ptr::null_mut(),
        tokenizer_callback: None,
        tokenizer_userdata: std::ptr::null_mut(),
        embed_callback: None,
        embed_userdata: std::ptr::null_mut(),
    },
    [&mut]
);
