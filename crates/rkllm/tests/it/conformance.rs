//! What every runtime does behind the safe API, whatever its generation and whoever made it.
//!
//! Each function is one requirement; the tests beside it run them all on one runtime after the
//! other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rkllm::{
    Capability, End, Error, Flow, Input, Options, RunOptions, Runtime, Sampling, Session, Token,
};

/// A runtime and a model for it.
pub(crate) struct Case {
    pub(crate) runtime: Runtime,
    pub(crate) model: PathBuf,
}

const QUESTION: &str = "What is the capital of France? Reply in one word.";

impl Case {
    fn options(&self) -> Options {
        Options {
            sampling: Sampling { top_k: 1, ..Sampling::default() },
            max_context: Some(512),
            max_new_tokens: Some(12),
            // One thread where threads compute: several tests run at a time.
            cpu_mask: self.can(Capability::Tokenizer).then_some(1),
            ..Options::default()
        }
    }

    fn session(&self) -> Session {
        self.runtime.load(&self.model, &self.options()).unwrap()
    }

    fn can(&self, capability: Capability) -> bool {
        self.runtime.supports(capability)
    }
}

fn answer(session: &mut Session, input: impl Into<Input>) -> Vec<Token> {
    session.generate(input).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Runs every requirement.
pub(crate) fn all(case: &Case) {
    answers_are_complete_and_repeatable(case);
    leaving_early_harms_nobody(case);
    panics_come_back(case);
    limits_are_exact(case);
    history(case);
    templates(case);
    numbers(case);
    asynchronous_runs_are_the_same(case);
    pauses_go_on(case);
    what_cannot_be_asked_is_refused(case);
}

fn answers_are_complete_and_repeatable(case: &Case) {
    let mut session = case.session();
    assert!(!session.is_running());
    let mut generation = session.generate(QUESTION).unwrap();
    let tokens: Vec<_> = generation.by_ref().collect::<Result<_, _>>().unwrap();
    assert!(!tokens.is_empty());
    assert_eq!(generation.outcome().unwrap().end, End::Finished);
    assert_eq!(generation.perf().is_some(), case.can(Capability::Perf));
    if let Some(perf) = generation.perf() {
        assert_eq!(perf.generate_tokens as usize, tokens.len() - 1);
        assert!(perf.prefill_tokens > 0);
    }
    drop(generation);
    assert_eq!(answer(&mut session, QUESTION), tokens);
    let mut pushed = Vec::new();
    session
        .run(QUESTION, &RunOptions::default(), |token| {
            pushed.push(Token { id: token.id, text: token.text.to_owned() });
            Flow::Continue
        })
        .unwrap();
    assert_eq!(pushed, tokens);
    assert!(!session.is_running());
}

fn leaving_early_harms_nobody(case: &Case) {
    let mut session = case.session();
    let whole = answer(&mut session, QUESTION);
    for taken in 0..whole.len().min(3) {
        assert_eq!(session.generate(QUESTION).unwrap().take(taken).count(), taken);
        let mut seen = 0;
        let outcome = session.run(QUESTION, &RunOptions::default(), |_| {
            seen += 1;
            if seen > taken { Flow::Stop } else { Flow::Continue }
        });
        assert_eq!((outcome.unwrap().end, seen), (End::Stopped, taken + 1));
        if case.can(Capability::History) {
            session.clear_history().unwrap();
        }
        assert_eq!(answer(&mut session, QUESTION), whole);
    }
    let aborter = session.aborter();
    drop(session);
    assert!(!aborter.abort(), "the session is gone");
}

fn panics_come_back(case: &Case) {
    let mut session = case.session();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        session.run(QUESTION, &RunOptions::default(), |_| panic!("the closure's own")).map(drop)
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"the closure's own"));
    assert!(!answer(&mut session, QUESTION).is_empty());
}

fn limits_are_exact(case: &Case) {
    let three = Options { max_new_tokens: Some(3), ..case.options() };
    let mut session = case.runtime.load(&case.model, &three).unwrap();
    assert_eq!(answer(&mut session, "Count to a hundred.").len(), 3);
    let two = RunOptions { max_new_tokens: Some(2), ..RunOptions::default() };
    match session.generate_with("Count to a hundred.", two) {
        Ok(generation) => assert_eq!(generation.count(), 2),
        Err(Error::Unsupported { capability, .. }) => {
            assert_eq!(capability, Capability::PerRunSampling);
            assert!(!case.can(capability));
        }
        Err(other) => panic!("{other}"),
    }
}

fn history(case: &Case) {
    let mut session = case.session();
    let keep = RunOptions { keep_history: true, ..RunOptions::default() };
    if !case.can(Capability::History) {
        let refused = session.generate_with(QUESTION, keep).unwrap_err();
        assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
        assert!(matches!(session.clear_history(), Err(Error::Unsupported { .. })));
        return;
    }
    let turn = |session: &mut Session| {
        assert!(session.generate_with(QUESTION, keep.clone()).unwrap().all(|token| token.is_ok()));
    };
    turn(&mut session);
    if case.can(Capability::KvCacheSize) {
        let first = session.kv_cache_sizes().unwrap();
        assert_eq!(first.len(), 1);
        turn(&mut session);
        assert!(session.kv_cache_sizes().unwrap()[0] > first[0], "the second turn is appended");
        session.clear_history().unwrap();
        assert_eq!(session.kv_cache_sizes().unwrap(), [0]);
    } else {
        session.clear_history().unwrap();
        assert!(matches!(session.kv_cache_sizes(), Err(Error::Unsupported { .. })));
    }
    turn(&mut session);
}

fn templates(case: &Case) {
    let mut session = case.session();
    match session.set_chat_template("", "Q: ", "\nA:") {
        Ok(()) => assert!(!answer(&mut session, QUESTION).is_empty()),
        Err(Error::Unsupported { .. }) => assert!(!case.can(Capability::ChatTemplate)),
        Err(other) => panic!("{other}"),
    }
}

fn numbers(case: &Case) {
    let mut session = case.session();
    let tokens = Input::from(vec![5, 6, 7]);
    let states = session.hidden_states(tokens.clone()).unwrap();
    assert_eq!(states.rows(), 3);
    assert!(states.width > 1);
    assert_eq!(session.hidden_states(tokens.clone()).unwrap(), states, "repeatable");
    match session.logits(tokens) {
        Ok(logits) => assert!(logits.rows() >= 1 && logits.width > 1),
        Err(Error::Unsupported { .. }) => assert!(!case.can(Capability::Logits)),
        Err(other) => panic!("{other}"),
    }
    // The width is known by now, so vectors are taken as input, and wrong ones refused.
    let one_row = rkllm::Embedding { data: vec![0.01; states.width], tokens: 1 };
    assert!(!answer(&mut session, one_row).is_empty());
    let half = rkllm::Embedding { data: vec![0.01; states.width - 1], tokens: 1 };
    assert!(matches!(session.generate(half), Err(Error::Option { .. })));
}

fn asynchronous_runs_are_the_same(case: &Case) {
    let mut session = case.session();
    let whole = answer(&mut session, QUESTION);
    let options = RunOptions { asynchronous: true, ..RunOptions::default() };
    let tokens: Result<Vec<_>, _> = session.generate_with(QUESTION, options).unwrap().collect();
    assert_eq!(tokens.unwrap(), whole);
}

fn pauses_go_on(case: &Case) {
    let mut session = case.session();
    let mut seen = 0;
    let outcome = session.run(QUESTION, &RunOptions::default(), |_| {
        seen += 1;
        if seen == 2 { Flow::Pause } else { Flow::Continue }
    });
    let end = outcome.unwrap().end;
    assert_eq!(seen, 2);
    if case.can(Capability::Pause) {
        assert_eq!(end, End::Paused);
        assert!(!answer(&mut session, Input::from(vec![5])).is_empty(), "it goes on");
        session.clear_history().unwrap();
    } else {
        assert_eq!(end, End::Stopped);
    }
    assert!(!answer(&mut session, QUESTION).is_empty());
}

fn what_cannot_be_asked_is_refused(case: &Case) {
    let mut session = case.session();
    let mut generation = session.generate("a\0b").unwrap();
    assert!(matches!(generation.next(), Some(Err(Error::Nul { .. }))));
    assert!(generation.next().is_none(), "fused after an error");
    drop(generation);
    assert!(matches!(
        session.generate_batch(Vec::new(), RunOptions::default()),
        Err(Error::Batch { given: 0, batch: 1 })
    ));
    let hot = Options {
        sampling: Sampling { temperature: f32::NAN, ..Sampling::default() },
        ..case.options()
    };
    assert!(matches!(case.runtime.load(&case.model, &hot), Err(Error::Option { .. })));
    let missing = case.runtime.load("/nonexistent.rkllm", &case.options());
    assert!(matches!(missing, Err(Error::Init { .. })));
    for (options, capability) in [
        (Options { cpu_mask: Some(1), ..case.options() }, Capability::Placement),
        (Options { ignore_eos: true, ..case.options() }, Capability::IgnoreEos),
    ] {
        match case.runtime.load(&case.model, &options) {
            Ok(_) => assert!(case.can(capability)),
            Err(Error::Unsupported { capability: named, .. }) => {
                assert_eq!(named, capability);
                assert!(!case.can(capability));
            }
            Err(other) => panic!("{other}"),
        }
    }
}
