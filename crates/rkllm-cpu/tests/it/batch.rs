//! Several inputs in one run.

use std::ffi::{c_int, c_void};
use std::slice;

use rkllm_cpu::api;
use rkllm_sys::v1_3::{
    LLMCallState, RKLLM_INFER_GET_LOGITS, RKLLM_RUN_FINISH, RKLLM_RUN_NORMAL, RKLLMCallback,
    RKLLMResult,
};

use crate::support::{Ask, Handle, init_with, model_path, no_callbacks, param, prompt, tokens};

const INPUTS: usize = 3;

/// One call of the callback: the state, and of each input its token and its text or numbers.
#[derive(Debug)]
struct Step {
    state: LLMCallState,
    tokens: Vec<i32>,
    texts: Vec<String>,
    rows: Vec<c_int>,
    generated: c_int,
}

#[derive(Debug, Default)]
struct Steps {
    steps: Vec<Step>,
    pause_after: Option<usize>,
}

unsafe extern "C" fn record(
    results: *mut RKLLMResult,
    userdata: *mut c_void,
    state: LLMCallState,
) -> c_int {
    // SAFETY: every run of these tests passes live `Steps`, and gets a result for each input.
    let (steps, results) =
        unsafe { (&mut *userdata.cast::<Steps>(), slice::from_raw_parts(results, INPUTS)) };
    let text = |result: &RKLLMResult| {
        // SAFETY: texts are never null.
        let text = unsafe { std::ffi::CStr::from_ptr(result.text) };
        text.to_str().expect("UTF-8").to_owned()
    };
    steps.steps.push(Step {
        state,
        tokens: results.iter().map(|result| result.token_id).collect(),
        texts: results.iter().map(text).collect(),
        rows: results.iter().map(|result| result.logits.num_tokens).collect(),
        generated: results[0].perf.generate_tokens,
    });
    c_int::from(steps.pause_after == Some(steps.steps.len()))
}

fn handle() -> Handle {
    let mut param = param();
    param.extend_param.n_batch = INPUTS as u8;
    let callback = RKLLMCallback { result_callback: Some(record), ..no_callbacks() };
    init_with(&model_path().to_string_lossy(), param, callback).expect("the model loads")
}

fn run(handle: &Handle, asks: [Ask; INPUTS], pause_after: Option<usize>) -> (c_int, Vec<Step>) {
    let mut steps = Steps { pause_after, ..Steps::default() };
    let userdata = (&raw mut steps).cast();
    let code = asks[0].lend_all(&asks[1..], |inputs, params| {
        // SAFETY: as many inputs as the handle takes, and all live until the run has ended.
        unsafe { (api().run)(handle.raw().0, inputs, params, userdata) }
    });
    (code, steps.steps)
}

fn texts(steps: &[Step]) -> Vec<String> {
    (0..INPUTS).map(|input| steps.iter().map(|step| step.texts[input].as_str()).collect()).collect()
}

fn sizes(handle: &Handle) -> [c_int; INPUTS] {
    let mut sizes = [-1; INPUTS];
    // SAFETY: room for one entry of each input.
    assert_eq!(unsafe { (api().get_kv_cache_size)(handle.raw().0, sizes.as_mut_ptr()) }, 0);
    sizes
}

const QUESTIONS: [&str; INPUTS] =
    ["What is the capital of France? Reply in one word.", "Say yes.", "Count from one to ten."];

#[test]
fn each_input_gets_its_own_answer_in_lock_step() {
    let batch = handle();
    let (code, steps) = run(&batch, QUESTIONS.map(|text| prompt(text).most(30)), None);
    assert_eq!((code, steps.last().map(|step| step.state)), (0, Some(RKLLM_RUN_FINISH)));
    assert!(steps[..steps.len() - 1].iter().all(|step| step.state == RKLLM_RUN_NORMAL));
    let single = Handle::new();
    let answers = QUESTIONS.map(|text| {
        single.clear();
        single.run(&prompt(text).most(30))
    });
    let mut generated = 0;
    for (input, answer) in answers.iter().enumerate() {
        let delivered: Vec<i32> =
            steps.iter().map(|step| step.tokens[input]).take_while(|&token| token >= 0).collect();
        // Sums in another order differ in the last bits, which may decide between like tokens.
        assert_eq!(delivered[0], answer.tokens()[0], "{:?}", texts(&steps));
        assert!(steps[delivered.len()..].iter().all(|step| step.tokens[input] < 0));
        generated += delivered.len() as i32 - 1;
    }
    assert!(texts(&steps)[0].contains("Paris"), "{:?}", texts(&steps));
    assert_eq!(steps.last().expect("FINISH").generated, generated);
    let lengths = answers.map(|answer| answer.tokens().len());
    assert!(lengths.iter().any(|&length| length != lengths[0]), "one ends before another");
}

#[test]
fn conversations_are_kept_apart() {
    let batch = handle();
    let names = ["My name is Ferdinand.", "My name is Isolde.", "My name is Otto."];
    run(&batch, names.map(|text| prompt(text).keep().most(6)), None);
    let before = sizes(&batch);
    let (code, steps) = run(&batch, ["What?"; INPUTS].map(|text| prompt(text).most(6)), None);
    assert_eq!((code, steps[0].state), (0, RKLLM_RUN_NORMAL));
    assert!(sizes(&batch).iter().zip(before).all(|(after, before)| *after > before));
    let single = Handle::new();
    let expected = names.map(|text| {
        single.clear();
        single.run(&prompt(text).keep().most(6));
        single.run(&prompt("What?").most(6)).tokens()[0]
    });
    assert_eq!(steps[0].tokens, expected);
}

#[test]
fn ranges_are_cleared_for_each_input() {
    let batch = handle();
    let word = batch.tokenize(" word")[0];
    let inputs = [8, 9, 10].map(|count| tokens(&vec![word; count]).most(5));
    let (code, steps) = run(&batch, inputs, Some(2));
    assert_eq!((code, steps.len()), (0, 2), "no FINISH after a pause");
    assert_eq!(sizes(&batch), [9, 10, 11]);
    let clear = |mut start: [c_int; INPUTS], mut end: [c_int; INPUTS]| {
        let (start, end) = (start.as_mut_ptr(), end.as_mut_ptr());
        // SAFETY: one entry for each input.
        unsafe { (api().clear_kv_cache)(batch.raw().0, 0, start, end) }
    };
    assert_eq!(clear([0, 0, 0], [1, 2, 12]), -1, "beyond the third");
    assert_eq!(sizes(&batch), [9, 10, 11], "all or nothing");
    assert_eq!(clear([0, 2, 3], [3, 4, 3]), 0);
    assert_eq!(sizes(&batch), [6, 8, 11]);
    let (code, _) = run(&batch, [1, 1, 1].map(|count| tokens(&vec![word; count]).most(1)), None);
    assert_eq!(code, 0);
    assert_eq!(sizes(&batch), [8, 10, 13], "and on it goes");
}

#[test]
fn numbers_come_for_each_input() {
    let batch = handle();
    let word = batch.tokenize(" word")[0];
    let ask = |count: usize| Ask { mode: RKLLM_INFER_GET_LOGITS, ..tokens(&vec![word; count]) };
    let (code, steps) = run(&batch, [1, 2, 3].map(ask), None);
    assert_eq!(code, 0);
    assert_eq!(steps[0].rows, [1, 2, 3]);
    assert_eq!((steps.len(), steps[1].state), (2, RKLLM_RUN_FINISH));
}

#[test]
fn one_wrong_input_refuses_the_run() {
    let batch = handle();
    let (code, steps) = run(&batch, [tokens(&[1]), tokens(&[-1]), tokens(&[1])], None);
    assert_eq!((code, steps.len()), (-1, 0));
    let save = Some("unused.bin".to_owned());
    let (code, steps) =
        run(&batch, QUESTIONS.map(|q| Ask { save: save.clone(), ..prompt(q) }), None);
    assert_eq!((code, steps.len()), (-1, 0));
}
