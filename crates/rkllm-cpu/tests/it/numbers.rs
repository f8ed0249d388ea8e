//! Hidden states, logits, and embeddings as input.

use rkllm_sys::v1_3::{
    RKLLM_INFER_GET_LAST_HIDDEN_LAYER, RKLLM_INFER_GET_LOGITS, RKLLM_RUN_FINISH, RKLLM_RUN_NORMAL,
    RKLLMInferMode,
};

use crate::support::{Ask, Handle, In, Ran, ask, prompt, tokens};

const VOCABULARY: usize = 49_152;
const WIDTH: usize = 576;

fn numbers_of(handle: &Handle, ask: Ask, mode: RKLLMInferMode) -> Ran {
    let ran = handle.run(&Ask { mode, ..ask });
    let states: Vec<_> = ran.events.iter().map(|event| event.state).collect();
    assert_eq!(states, [RKLLM_RUN_NORMAL, RKLLM_RUN_FINISH]);
    assert_eq!((ran.finish().generate_tokens, ran.text().as_str()), (0, ""));
    ran
}

fn likeliest(row: &[f32]) -> i32 {
    let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter().position(|&number| number == greatest).expect("finite") as i32
}

#[test]
fn logits_are_those_that_tokens_are_picked_by() {
    let handle = Handle::new();
    let input = handle.tokenize("The capital of France is Paris. The capital of Italy is");
    let (rows, width) = {
        let ran = numbers_of(&handle, tokens(&input), RKLLM_INFER_GET_LOGITS);
        assert_eq!(ran.finish().prefill_tokens as usize, input.len());
        ran.events[0].numbers.clone()
    };
    assert_eq!((width, rows.len()), (VOCABULARY, VOCABULARY * input.len()));
    let next = handle.run(&tokens(&input).most(1)).tokens();
    assert_eq!(likeliest(&rows[rows.len() - width..]), next[0]);

    handle.clear();
    let shorter = handle.run(&tokens(&input[..4]).most(1)).tokens();
    assert_eq!(likeliest(&rows[3 * width..4 * width]), shorter[0], "each position has its own");
}

#[test]
fn hidden_states_of_a_prefix_are_those_of_the_whole() {
    let handle = Handle::new();
    let text = "A rather long sentence about nothing in particular. ".repeat(12);
    let input = handle.tokenize(&text);
    assert!(input.len() > 100);
    let hidden = |input: &[i32]| {
        let ran = numbers_of(&handle, tokens(input), RKLLM_INFER_GET_LAST_HIDDEN_LAYER);
        let (rows, width) = ran.events[0].numbers.clone();
        assert_eq!((width, rows.len()), (WIDTH, WIDTH * input.len()), "all of them, cached or not");
        rows
    };
    let (whole, part) = (hidden(&input), hidden(&input[..5]));
    let distance = |a: &[f32], b: &[f32]| -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(distance(&whole, &part) < 0.5, "{}", distance(&whole, &part));
    assert!(distance(&whole[WIDTH..], &part) > 1.0, "positions differ");
    assert!(handle.run(&tokens(&input).most(3)).tokens().len() == 3, "tokens come as before");
}

#[test]
fn numbers_are_of_the_input_and_not_of_the_history() {
    let handle = Handle::new();
    handle.run(&prompt("Hello.").keep().most(3));
    let input = handle.tokenize(" and so on");
    let ran = numbers_of(&handle, tokens(&input).keep(), RKLLM_INFER_GET_LAST_HIDDEN_LAYER);
    assert_eq!(ran.events[0].numbers.0.len(), WIDTH * input.len());
}

#[test]
fn numbers_can_be_paused() {
    let handle = Handle::new();
    let ask = Ask { mode: RKLLM_INFER_GET_LOGITS, ..prompt("Hello.") };
    let ran = handle.run_with(&ask, &mut |_| 1);
    assert_eq!((ran.code, ran.events.len()), (0, 1));
    handle.run(&tokens(&[]).most(2)).finish();
}

/// The embeddings of tokens, read from where the model begins: hidden states cannot serve.
fn rows(handle: &Handle, count: usize) -> Vec<f32> {
    let input = handle.tokenize("one two three four five six seven eight nine ten");
    let ran = numbers_of(handle, tokens(&input), RKLLM_INFER_GET_LAST_HIDDEN_LAYER);
    ran.events[0].numbers.0[..count * WIDTH].iter().map(|number| number / 20.0).collect()
}

#[test]
fn embeddings_are_evaluated_once() {
    let handle = Handle::new();
    let rows = rows(&handle, 6);
    let input = |count: usize| ask(In::Rows(rows[..count * WIDTH].to_vec(), count)).most(4);
    handle.clear();
    let first = handle.run(&input(4));
    assert_eq!(first.finish().prefill_tokens, 4);
    let more = handle.run(&input(6));
    assert_eq!(more.finish().prefill_tokens, 2, "the first four are in the cache");
    handle.clear();
    assert_eq!(handle.run(&input(6)).tokens(), more.tokens());
    handle.run(&input(4).keep()).finish();
    handle.run(&prompt("Go on.")).finish();
}

#[test]
fn images_stand_where_their_tags_are() {
    let handle = Handle::new();
    let rows = rows(&handle, 4);
    let images = |text: &str, count: usize| {
        let rows = rows[..count * 2 * WIDTH].to_vec();
        ask(In::Images(text.to_owned(), rows, [2, count])).most(2)
    };
    let evaluated = |ask: &Ask| {
        handle.clear();
        handle.run(ask).finish().prefill_tokens as usize
    };
    let templated = evaluated(&images("What is <image>, then?", 1));
    assert!(templated > 30, "the template brings a system prompt");
    assert_eq!(handle.set_template([c"", c"", c""]), 0);
    let length =
        |texts: &[&str]| -> usize { texts.iter().map(|text| handle.tokenize(text).len()).sum() };
    assert_eq!(
        evaluated(&images("What is <image>, then?", 1)),
        length(&["What is [", "], then?"]) + 2
    );
    assert_eq!(
        evaluated(&images("Is <image> or <image> it?", 2)),
        length(&["Is [", "] or [", "] it?"]) + 4
    );

    for refused in [
        images("No picture.", 1),
        images("<image> and <image>", 1),
        images("<image>", 2),
        images("<video>", 1),
        ask(In::Images("<image>".to_owned(), vec![], [2, 1])),
        ask(In::Images("<image>".to_owned(), rows.clone(), [0, 1])),
        ask(In::Images("<image>".to_owned(), vec![f32::NAN; WIDTH], [1, 1])),
        ask(In::Rows(vec![f32::INFINITY; WIDTH], 1)),
    ] {
        let ran = handle.run(&refused);
        assert_eq!((ran.code, ran.events.len()), (-1, 0), "{:?}", refused.max_new_tokens);
    }
}
