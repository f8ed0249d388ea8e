//! The iterator and the closure, and every way to leave them early.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rkllm::{Constraint, End, Error, Flow, Input, RunOptions, Sampling, Token};

use super::session;

const QUESTION: &str = "What is the capital of France? Reply in one word.";
const LONG: &str = "Count from one to one hundred in words.";

fn most(max_new_tokens: u32) -> RunOptions {
    RunOptions { max_new_tokens: Some(max_new_tokens), ..RunOptions::default() }
}

fn text(tokens: &[Token]) -> String {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

#[test]
fn an_answer_is_an_iterator_of_tokens() {
    let mut session = session();
    let mut answer = session.generate(QUESTION).unwrap();
    assert_eq!(answer.outcome(), None, "nothing has run yet");
    let tokens: Vec<_> = answer.by_ref().collect::<Result<_, _>>().unwrap();
    assert!(text(&tokens).contains("Paris"), "{tokens:?}");
    let perf = answer.perf().expect("the embedded runtime measures");
    assert_eq!(perf.generate_tokens as usize, tokens.len() - 1);
    assert_eq!(answer.outcome().unwrap().end, End::Finished);
    assert!(answer.next().is_none(), "fused");
}

#[test]
fn nothing_runs_until_the_first_token_is_asked_for() {
    let mut session = session();
    drop(session.generate(QUESTION).unwrap());
    assert_eq!(session.kv_cache_sizes().unwrap()[0], 0);
}

#[test]
fn the_closure_gets_the_same_tokens_as_the_iterator() {
    let mut session = session();
    let pulled: Vec<_> = session.generate(QUESTION).unwrap().collect::<Result<_, _>>().unwrap();
    let mut pushed = Vec::new();
    let outcome = session
        .run(QUESTION, &RunOptions::default(), |token| {
            pushed.push(Token { id: token.id, text: token.text.to_owned() });
            Flow::Continue
        })
        .unwrap();
    assert_eq!(outcome.end, End::Finished);
    assert_eq!(pushed, pulled);
}

#[test]
fn leaving_the_iterator_ends_the_run_and_the_next_one_is_unharmed() {
    let mut session = session();
    let whole: Vec<_> = session.generate(QUESTION).unwrap().collect::<Result<_, _>>().unwrap();
    for taken in 0..3 {
        let first = session.generate_with(LONG, most(500)).unwrap().take(taken).count();
        assert_eq!(first, taken);
        let again: Vec<_> = session.generate(QUESTION).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(again, whole);
    }
}

#[test]
fn a_closure_that_stops_gets_no_further_token() {
    let mut session = session();
    let mut seen = 0;
    let outcome = session
        .run(LONG, &most(500), |_| {
            seen += 1;
            if seen == 3 { Flow::Stop } else { Flow::Continue }
        })
        .unwrap();
    assert_eq!(outcome.end, End::Stopped);
    assert_eq!(seen, 3);
}

#[test]
fn a_panic_of_the_closure_comes_back_and_the_session_goes_on() {
    let mut session = session();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        session.run(LONG, &most(500), |_| panic!("the closure's own")).map(drop)
    }))
    .unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the closure's own"));
    assert!(session.generate(QUESTION).unwrap().all(|token| token.is_ok()));
}

#[test]
fn an_aborter_ends_the_run_from_another_thread() {
    let mut session = session();
    let aborter = session.aborter();
    assert!(!aborter.abort(), "nothing runs");
    let mut seen = 0;
    let outcome = session.run(LONG, &most(500), |_| {
        seen += 1;
        // The run waits here, so it is certainly under way.
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(aborter.abort()));
        });
        Flow::Continue
    });
    assert_eq!(outcome.unwrap().end, End::Stopped);
    assert_eq!(seen, 1, "no token comes after an abort");
    drop(session);
    assert!(!aborter.abort(), "the session is gone");
}

#[test]
fn a_leaked_answer_keeps_others_out_but_is_ended_by_the_session() {
    let mut session = session();
    let mut answer = session.generate_with(LONG, most(500)).unwrap();
    answer.next().unwrap().unwrap();
    std::mem::forget(answer);
    // The leaked run may have ended by itself; while it goes on, others are refused.
    match session.run(QUESTION, &RunOptions::default(), |_| Flow::Stop) {
        Ok(_) | Err(Error::Busy) => {}
        Err(other) => panic!("{other}"),
    }
    drop(session);
}

#[test]
fn what_cannot_be_asked_is_refused_before_the_run() {
    let mut session = session();
    let refused = session.generate_with(QUESTION, most(0)).unwrap_err();
    assert!(matches!(refused, Error::Option { name: "max_new_tokens", .. }), "{refused}");
    let mut answer = session.generate("a\0b").unwrap();
    let refused = answer.next().unwrap().unwrap_err();
    assert!(matches!(refused, Error::Nul { .. }), "{refused}");
    assert!(answer.next().is_none(), "fused after an error");
}

#[test]
fn a_prompt_longer_than_the_context_is_an_error() {
    let mut session = session();
    let mut answer = session.generate("word ".repeat(2000)).unwrap();
    assert!(matches!(answer.next(), Some(Err(Error::Run { .. } | Error::NoAnswer))));
    assert!(answer.next().is_none());
}

#[test]
fn tokens_run_as_they_are() {
    let mut session = session();
    let model = session.model().unwrap();
    let how = rkllm::TokenizeOptions { add_special: false, parse_special: true };
    let chat = format!("<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n");
    let tokens = model.tokenize(&chat, how).unwrap();
    let count = tokens.len();
    let mut answer = session.generate(Input::from(tokens)).unwrap();
    let said: Vec<_> = answer.by_ref().collect::<Result<_, _>>().unwrap();
    assert!(text(&said).contains("Paris"), "{said:?}");
    assert_eq!(answer.perf().unwrap().prefill_tokens as usize, count);
}

#[test]
fn history_goes_on_and_is_forgotten_on_request() {
    let mut session = session();
    let keep = RunOptions { keep_history: true, ..most(8) };
    let say = |session: &mut rkllm::Session, what: &str| {
        let mut answer = session.generate_with(what, keep.clone()).unwrap();
        assert!(answer.by_ref().all(|token| token.is_ok()));
        answer.perf().unwrap().prefill_tokens
    };
    let first = say(&mut session, "My name is Anna. What is your name?");
    let held = session.kv_cache_sizes().unwrap()[0];
    assert!(held > first);
    let second = say(&mut session, "My name is Anna. What is your name?");
    assert!(second < first, "without the system prompt: {second} of {first}");
    assert!(session.kv_cache_sizes().unwrap()[0] > held + second);
    session.clear_history().unwrap();
    assert_eq!(session.kv_cache_sizes().unwrap()[0], 0);
    assert_eq!(say(&mut session, "My name is Anna. What is your name?"), first);
}

#[test]
fn a_constraint_holds_for_one_run() {
    let mut session = session();
    let constraints = [
        Constraint::Gbnf("root ::= \"yes\" | \"no\"".into()),
        Constraint::JsonSchema("{\"enum\": [\"yes\", \"no\"]}".into()),
        Constraint::Regex("yes|no".into()),
        Constraint::Lark("start: \"yes\" | /no/".into()),
    ];
    for constraint in constraints {
        let held = RunOptions { constraint: Some(constraint), ..RunOptions::default() };
        let said: Vec<_> =
            session.generate_with(LONG, held).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(["yes", "no"].contains(&text(&said).trim_matches('"')), "{said:?}");
        let free: Vec<_> = session.generate(LONG).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(free.len() > 3, "{free:?}");
    }
}

#[test]
fn any_json_object_will_do() {
    let mut session = session();
    let held = RunOptions {
        constraint: Some(Constraint::JsonObject),
        seed: Some(3),
        sampling: Some(Sampling { temperature: 1.0, ..Sampling::default() }),
        ..most(400)
    };
    let said: Vec<_> = session
        .generate_with("Describe a cat as a short JSON object.", held)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let said = text(&said);
    assert!(said.starts_with('{') && !said.contains('\n'), "{said}");
}

#[test]
fn a_run_without_its_constraint_does_not_begin() {
    let mut session = session();
    let free: Vec<_> = session.generate(LONG).unwrap().collect::<Result<_, _>>().unwrap();
    session.clear_history().unwrap();
    let broken = Some(Constraint::JsonSchema("{\"type\": \"thing\"}".into()));
    let broken = RunOptions { constraint: broken, seed: Some(1), ..RunOptions::default() };
    let mut answer = session.generate_with(LONG, broken.clone()).unwrap();
    let refused = answer.next().unwrap().unwrap_err();
    assert!(matches!(refused, Error::Constraint { .. }), "{refused}");
    assert!(refused.to_string().contains("JSON schema"), "{refused}");
    drop(answer);
    let model = session.model().unwrap();
    let checked = model.check_constraint(broken.constraint.as_ref().unwrap()).unwrap_err();
    assert_eq!(checked.to_string(), refused.to_string());
    let next: Vec<_> = session.generate(LONG).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(text(&next), text(&free));
}

#[test]
fn constraints_are_checked_while_a_run_is_under_way() {
    let mut session = session();
    let model = session.model().unwrap();
    let mut answer = session.generate(LONG).unwrap();
    answer.next().unwrap().unwrap();
    model.check_constraint(&Constraint::JsonObject).unwrap();
    let nul = model.check_constraint(&Constraint::Regex("a\0".into())).unwrap_err();
    assert!(matches!(nul, Error::Nul { .. }), "{nul}");
    assert!(model.check_constraint(&Constraint::Gbnf("root ::= (".into())).is_err());
    assert!(answer.count() > 3, "the run went on without");
}

#[test]
fn a_refused_run_leaves_its_constraint_to_nobody() {
    let mut session = session();
    let free: Vec<_> = session.generate(LONG).unwrap().collect::<Result<_, _>>().unwrap();
    session.clear_history().unwrap();
    let constraint = Some(Constraint::Regex("yes".into()));
    let held = RunOptions { constraint, seed: Some(1), ..RunOptions::default() };
    let too_long = "word ".repeat(2000);
    assert!(session.generate_with(too_long, held.clone()).unwrap().any(|token| token.is_err()));
    let empty = Input::from(Vec::new());
    assert!(session.generate_with(empty, held).unwrap().any(|token| token.is_err()));
    let next: Vec<_> = session.generate(LONG).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(text(&next), text(&free));
}
