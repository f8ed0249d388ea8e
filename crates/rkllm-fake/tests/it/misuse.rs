//! Callers that break the rules.

use std::ffi::{CString, c_void};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rkllm_fake::Script;
use rkllm_sys::v1_3 as sys;

use crate::driver::INIT;
use crate::driver::v1_3::{Session, parameters, prompt};
use crate::recorder::Recorder;

const DEADLINE: Duration = Duration::from_secs(60);

/// Whether each misuse in the log contains the text in its place.
#[track_caller]
fn assert_misuse(script: &Script, expected: &[&str]) {
    let found = script.misuse();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(line, text)| line.contains(text));
    assert!(same, "{found:#?}\nis not\n{expected:#?}");
}

#[test]
fn nothing_is_called_after_destroy() {
    let script = Script::new();
    let session = Session::open(script.model()).unwrap();
    assert_eq!(session.destroy(), 0);
    assert_eq!(session.destroy(), -1);
    assert_eq!(session.run("", &mut Recorder::default()), -1);
    // SAFETY: the library knows dead handles.
    unsafe {
        assert_eq!((session.api.abort)(session.handle), -1);
        assert_eq!((session.api.release_prompt_cache)(session.handle), -1);
    }
    let calls = ["destroy", "run", "abort", "release_prompt_cache"];
    assert_misuse(
        &script,
        &calls
            .map(|call| format!("{call}: the handle was destroyed"))
            .each_ref()
            .map(String::as_str),
    );
}

/// A session that another thread may use: that is what is tested.
#[derive(Clone, Copy)]
struct Shared<'a>(&'a Session);

// SAFETY: the library locks what it changes.
unsafe impl Send for Shared<'_> {}

impl<'a> Shared<'a> {
    fn session(self) -> &'a Session {
        self.0
    }
}

#[test]
fn a_handle_has_one_run_at_a_time() {
    let script = Script::new();
    script.set("TOKENS", "forever").set("TOKEN_US", 1000);
    let session = Session::open(script.model()).unwrap();
    let shared = Shared(&session);
    thread::scope(|scope| {
        let first = scope.spawn(move || shared.session().run("", &mut Recorder::default()));
        script.wait_for_log("run start", DEADLINE);
        let api = &session.api;
        assert_eq!(session.run("", &mut Recorder::default()), -1);
        // SAFETY: the handle lives, the pointers are valid or null.
        unsafe {
            let (null, mut size) = (std::ptr::null_mut(), 0);
            assert_eq!((api.clear_kv_cache)(session.handle, 0, null, null), -1);
            assert_eq!((api.get_kv_cache_size)(session.handle, &mut size), -1);
            assert_eq!((api.is_running)(session.handle), 1);
            assert_eq!((api.destroy)(session.handle), -1);
            assert_eq!((api.abort)(session.handle), 0);
        }
        assert_eq!(first.join().unwrap(), 0);
    });
    // SAFETY: the handle lives.
    assert_eq!(unsafe { (session.api.is_running)(session.handle) }, 0);
    assert_eq!(session.destroy(), 0);
    assert_misuse(
        &script,
        &[
            "run: another run is active",
            "clear_kv_cache: a run is active",
            "get_kv_cache_size: a run is active",
            "destroy: a run or another call is active",
        ],
    );
}

#[test]
fn inits_come_one_after_the_other() {
    let (first, second) = (Script::new(), Script::new());
    // Until its process ends, so that the other init comes in time.
    first.set("HANG_IN", "init");
    let status = crate::faults::child("faults::child_of_two_inits", |command| {
        command.env("FIRST", first.model()).env("SECOND", second.model());
    });
    assert!(status.success());
    assert_misuse(&first, &[]);
    assert_misuse(&second, &["init: another init is active in this process"]);
}

#[test]
fn parameters_of_init_are_checked() {
    let script = Script::new();
    let status = Session::open_with(script.model(), |param| {
        param.top_p = f32::NAN;
        param.mirostat = 3;
        param.extend_param.n_batch = 0;
        param.extend_param.enabled_cpus_mask = 1;
        param.extend_param.reserved[7] = 1;
    });
    assert_eq!(status.unwrap_err(), -1);
    assert_misuse(
        &script,
        &[
            "top_p is nan",
            "mirostat is 3, not from 0 to 2",
            "enabled_cpus_mask",
            "n_batch is 0, not from 1 to 100",
            "reserved is not zero",
        ],
    );
}

#[test]
fn the_structs_of_another_generation_are_noticed() {
    let script = Script::new();
    let old = crate::driver::v1_2_1::Session::open(script.model()).unwrap();
    let new = Session::open(script.model()).unwrap();
    // SAFETY: the older struct is longer, so that all that is read exists.
    let status = unsafe {
        let mut param = (old.api.create_default_param)();
        let model = CString::new(script.model().to_str().unwrap()).unwrap();
        param.model_path = model.as_ptr();
        let _alone = INIT.lock();
        let mut handle = std::ptr::null_mut();
        let mut callback: sys::RKLLMCallback = std::mem::zeroed();
        (new.api.init)(&mut handle, (&raw mut param).cast(), &mut callback)
    };
    assert_eq!(status, -1);
    assert!(!script.misuse().is_empty());
    assert_eq!((old.destroy(), new.destroy()), (0, 0));
}

#[test]
fn inputs_are_checked() {
    let script = Script::new();
    let session = Session::open(script.model()).unwrap();
    let (text, role) = (CString::new("see <image>").unwrap(), CString::new("system").unwrap());
    let unreadable = std::ptr::without_provenance_mut::<c_void>(8);
    let mut inputs = [prompt(&text); 6];
    inputs[0].value.prompt_input = std::ptr::null();
    inputs[1].value.prompt_input = unreadable.cast();
    inputs[2].role = role.as_ptr();
    inputs[3].input_type = 9;
    let mut ids = [5, -1];
    inputs[4].input_type = sys::RKLLM_INPUT_TOKEN;
    inputs[4].value.token_input = sys::RKLLMTokenInput { input_ids: ids.as_mut_ptr(), n_tokens: 2 };
    // SAFETY: zeroes are a valid input without images.
    inputs[5].value.multimodal_input = unsafe { std::mem::zeroed() };
    inputs[5].value.multimodal_input.prompt = text.as_ptr().cast_mut();
    inputs[5].input_type = sys::RKLLM_INPUT_MULTIMODAL;
    for mut input in inputs {
        let input = std::slice::from_mut(&mut input);
        assert_eq!(session.run_with(input, &mut parameters(), &mut Recorder::default()), -1);
    }
    let mut bad = parameters();
    (bad.mode, bad.keep_history) = (3, 2);
    assert_eq!(session.run_with(&mut [prompt(&text)], &mut bad, &mut Recorder::default()), -1);
    assert_eq!(session.destroy(), 0);
    assert_misuse(
        &script,
        &[
            "prompt_input is null",
            "prompt_input is not a readable text",
            "role is neither user nor tool",
            "input_type is 9, not from 0 to 3",
            "a token id is negative",
            "the prompt does not have 0 of the tag <image>",
            "multimodal input without images",
            "mode is 3, not from 0 to 2",
            "keep_history is 2, not from 0 to 1",
        ],
    );
}

/// Ids that a callback changes while the run reads them.
static IDS: Mutex<[i32; 2]> = Mutex::new([4, 5]);

#[test]
fn an_input_stays_what_it_was() {
    let script = Script::new();
    let session = Session::open(script.model()).unwrap();
    let input_ids = IDS.lock().unwrap().as_mut_ptr();
    let mut input = prompt(&CString::default());
    input.input_type = sys::RKLLM_INPUT_TOKEN;
    input.value.token_input = sys::RKLLMTokenInput { input_ids, n_tokens: 2 };
    let mut recorder = Recorder {
        hook: Some(|count| IDS.lock().unwrap()[0] = i32::try_from(count).unwrap()),
        ..Recorder::default()
    };
    assert_eq!(session.run_with(&mut [input], &mut parameters(), &mut recorder), 0);
    assert_eq!(session.destroy(), 0);
    assert_misuse(&script, &["input or parameters changed during the run"]);
}

#[test]
fn mistakes_in_the_script_are_misuse_too() {
    let script = Script::new();
    script.set("TOKEN", 5);
    let session = Session::open(script.model()).unwrap();
    script.unset("TOKEN").set("CRASH_IN", "decoding");
    assert_eq!(session.run("", &mut Recorder::default()), -1);
    assert_eq!(session.destroy(), 0);
    assert_misuse(&script, &["script: unknown key TOKEN", "script: bad value of CRASH_IN"]);
}
