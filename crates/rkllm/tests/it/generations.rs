//! The conformance suite on scripted runtimes of every generation, and what only a script can do.

use std::time::Duration;

use rkllm::{
    AbiGeneration as Generation, Callbacks, Capability, CrossAttention, End, Error, Flow, Images,
    Input, Lora, MediaTags, Multimodal, Options, RunOptions, Runtime, Session, Videos,
};
use rkllm_fake::{EMBEDDING_WIDTH, Script};

use crate::conformance::{self, Case};

fn runtime(generation: Generation) -> Runtime {
    Runtime::open(rkllm_fake::library(generation)).unwrap()
}

fn load(script: &Script, generation: Generation) -> Session {
    runtime(generation).load(script.model(), &Options::default()).unwrap()
}

fn conforms(generation: Generation) {
    let script = Script::new();
    conformance::all(&Case { runtime: runtime(generation), model: script.model().to_owned() });
    assert_eq!(script.misuse(), Vec::<String>::new());
}

#[test]
fn generation_1_1_conforms() {
    conforms(Generation::V1_1);
}

#[test]
fn generation_1_2_0_conforms() {
    conforms(Generation::V1_2_0);
}

#[test]
fn generation_1_2_1_conforms() {
    conforms(Generation::V1_2_1);
}

#[test]
fn generation_1_3_conforms() {
    conforms(Generation::V1_3);
}

#[test]
fn versions_and_capabilities_grow() {
    let mut before = Vec::new();
    for (generation, version) in
        Generation::ALL.into_iter().zip(["1.1.4", "1.2.0", "1.2.3", "1.3.0"])
    {
        let runtime = runtime(generation);
        assert_eq!(runtime.version().to_string(), version);
        let now: Vec<_> = runtime.capabilities().collect();
        assert!(before.iter().all(|capability| now.contains(capability)));
        assert!(!runtime.supports(Capability::Tokenizer));
        before = now;
    }
    assert_eq!(before.len(), Capability::ALL.len() - 3, "all but the embedded runtime's three");
}

/// Every generation with a script of its own.
fn each(mut check: impl FnMut(&Script, Session)) {
    for generation in Generation::ALL {
        let script = Script::new();
        let session = load(&script, generation);
        check(&script, session);
        assert_eq!(script.misuse(), Vec::<String>::new(), "{generation}");
    }
}

fn text(session: &mut Session) -> Result<String, Error> {
    session.generate("Hi")?.map(|token| token.map(|token| token.text)).collect()
}

#[test]
fn characters_in_pieces_arrive_whole() {
    for mode in ["waiting", "waiting-bytes", "raw"] {
        each(|script, mut session| {
            script.set("REPLY", "a🙂é").set("SPLIT_UTF8", mode);
            let said = text(&mut session).unwrap();
            if mode == "waiting-bytes" {
                // Bytes come twice; the vendor documents neither, and no peer has seen it.
                return;
            }
            assert_eq!(said, "a🙂é", "{mode}");
        });
    }
}

#[test]
fn odd_ends_are_ends() {
    each(|script, mut session| {
        for finish in ["empty", "null", "no-result"] {
            script.set("REPLY", "ok").set("FINISH_TEXT", finish);
            assert_eq!(text(&mut session).unwrap(), "ok", "{finish}");
        }
        script.set("NO_FINISH", 1);
        assert_eq!(text(&mut session).unwrap(), "ok");
        script.unset("NO_FINISH").set("EMPTY", 1);
        assert!(matches!(text(&mut session), Err(Error::NoAnswer)));
        script.unset("EMPTY").set("ERROR_AFTER", 1);
        assert!(matches!(text(&mut session), Err(Error::Run { .. })));
        script.unset("ERROR_AFTER").set("UNKNOWN_STATE_AFTER", 1);
        assert!(matches!(text(&mut session), Err(Error::Run { .. })));
        script.unset("UNKNOWN_STATE_AFTER").set("RUN_STATUS", -1);
        assert!(matches!(text(&mut session), Err(Error::Run { status: -1, .. })));
        script.unset("RUN_STATUS").set("NULL_TEXT_AFTER", 1);
        assert_eq!(text(&mut session).unwrap(), "o", "the second text is a null pointer");
        script.unset("NULL_TEXT_AFTER");
        assert_eq!(text(&mut session).unwrap(), "ok");
    });
}

#[test]
fn aborted_runs_are_stopped_however_the_runtime_ends_them() {
    for end in ["finish", "error", "none"] {
        each(|script, mut session| {
            script.set("TOKENS", "forever").set("ABORT_END", end);
            let outcome = session.run("Hi", &RunOptions::default(), |_| Flow::Stop).unwrap();
            assert_eq!(outcome.end, End::Stopped);
            let mut generation = session.generate("Hi").unwrap();
            assert!(generation.next().unwrap().is_ok());
            drop(generation);
            script.set("TOKENS", 2);
            assert_eq!(session.generate("Hi").unwrap().count(), 2);
        });
    }
}

#[test]
fn an_init_that_fails_or_gives_no_handle_is_an_error() {
    for generation in Generation::ALL {
        for (key, value) in [("INIT_STATUS", -1), ("INIT_NULL_HANDLE", 1)] {
            let script = Script::new();
            script.set(key, value);
            let refused = runtime(generation).load(script.model(), &Options::default());
            assert!(matches!(refused, Err(Error::Init { .. })), "{generation} {key}");
        }
    }
}

#[test]
fn a_second_run_is_refused_and_the_session_ends_a_leaked_one() {
    each(|script, mut session| {
        script.set("TOKENS", "forever").set("TOKEN_US", 100);
        let mut generation = session.generate("Hi").unwrap();
        generation.next().unwrap().unwrap();
        std::mem::forget(generation);
        let refused = session.run("Hi", &RunOptions::default(), |_| Flow::Stop);
        assert!(matches!(refused, Err(Error::Busy)));
        assert!(session.is_running());
        drop(session);
        script.wait_for_log("outcome=aborted", Duration::from_secs(60));
    });
}

#[test]
fn a_prompt_cache_after_an_abort_is_loaded_into_an_empty_cache() {
    each(|script, mut session| {
        let file = script.dir().join("cache.bin");
        let save = RunOptions { save_prompt_cache: Some(file.clone()), ..RunOptions::default() };
        assert!(session.generate_with("Hi", save).unwrap().all(|token| token.is_ok()));
        script.set("TOKENS", "forever");
        session.run("Hi", &RunOptions::default(), |_| Flow::Stop).unwrap();
        // Where there is no way to empty the cache, loading is refused instead of a crash.
        match session.load_prompt_cache(&file) {
            Ok(()) => session.release_prompt_cache().unwrap(),
            Err(error) => assert!(matches!(error, Error::Unsupported { .. }), "{error}"),
        }
    });
}

#[test]
fn adapters_tools_and_states_reach_the_runtime() {
    each(|script, mut session| {
        let adapter = script.dir().join("adapter.rkllm");
        std::fs::write(&adapter, "adapter").unwrap();
        session.load_lora(&Lora { path: adapter, name: "tone".into(), scale: 0.5 }).unwrap();
        let with = RunOptions { lora: Some("tone".into()), ..RunOptions::default() };
        assert!(session.generate_with("Hi", with).unwrap().all(|token| token.is_ok()));
        let without = RunOptions { lora: Some("other".into()), ..RunOptions::default() };
        assert!(session.generate_with("Hi", without).unwrap().any(|token| token.is_err()));
        match session.set_function_tools("Be brief.", "[]", "tool_response") {
            Ok(()) | Err(Error::Unsupported { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    });
}

#[test]
fn a_batch_is_answered_in_lock_step() {
    for generation in [Generation::V1_2_1, Generation::V1_3] {
        let script = Script::new();
        script.set("BATCH_TOKENS", "3,1,5").set("TEXT", "%b");
        let options = Options { batch: 3, ..Options::default() };
        let mut session = runtime(generation).load(script.model(), &options).unwrap();
        let inputs = || ["a", "b", "c"].map(Input::from).to_vec();
        let mut said = [const { String::new() }; 3];
        for item in session.generate_batch(inputs(), RunOptions::default()).unwrap() {
            let item = item.unwrap();
            said[item.entry].push_str(&item.token.text);
        }
        assert_eq!(said, ["000", "1", "22222"]);
        assert_eq!(session.kv_cache_sizes().unwrap().len(), 3);
        let one = session.generate("alone").unwrap_err();
        assert!(matches!(one, Error::Batch { given: 1, batch: 3 }), "{one}");
        assert_eq!(script.misuse(), Vec::<String>::new());
    }
    let three = Options { batch: 3, ..Options::default() };
    let script = Script::new();
    let refused = runtime(Generation::V1_2_0).load(script.model(), &three).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
}

#[test]
fn closures_stand_in_for_tokenizer_and_embedding() {
    let script = Script::new();
    let (send, called) = std::sync::mpsc::channel();
    let callbacks = Callbacks {
        tokenize: Some(Box::new(move |text| {
            send.send(text.to_owned()).unwrap();
            Some(vec![3, 4])
        })),
        embed: Some(Box::new(|_, rows| {
            rows.fill(0.5);
            true
        })),
    };
    let runtime = runtime(Generation::V1_3);
    let mut session = runtime.load_with(script.model(), &Options::default(), callbacks).unwrap();
    assert!(session.generate("Hello").unwrap().all(|token| token.is_ok()));
    assert!(called.recv().unwrap().contains("Hello"));
    drop(session);
    assert_eq!(script.misuse(), Vec::<String>::new());
    let callbacks = Callbacks { tokenize: Some(Box::new(|_| None)), embed: None };
    let older = self::runtime(Generation::V1_2_1);
    let refused = older.load_with(script.model(), &Options::default(), callbacks).unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
}

#[test]
fn ten_thousand_rounds_of_aborts_drops_and_panics() {
    let script = Script::new();
    script.set("TOKENS", 4);
    let mut session = load(&script, Generation::V1_3);
    let aborter = session.aborter();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                aborter.abort();
                std::thread::yield_now();
            }
        });
        for round in 0..10_000 {
            match round % 3 {
                0 => drop(session.generate("Hi").unwrap().next()),
                1 => {
                    let outcome = session.run("Hi", &RunOptions::default(), |_| Flow::Continue);
                    outcome.unwrap();
                }
                _ => {
                    let run = std::panic::AssertUnwindSafe(|| {
                        session.run("Hi", &RunOptions::default(), |_| {
                            std::panic::resume_unwind(Box::new("quiet"))
                        })
                    });
                    drop(std::panic::catch_unwind(run));
                }
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(session.generate("Hi").unwrap().count(), 4, "still whole");
    drop(session);
    assert_eq!(script.misuse(), Vec::<String>::new());
}

/// One picture, or several, of four rows each.
fn pictures(count: usize, tags: Option<MediaTags>) -> Images {
    let data = vec![0.5; count * 4 * EMBEDDING_WIDTH];
    Images { data, tokens: 4, count, size: (448, 448), tags }
}

fn tags() -> MediaTags {
    MediaTags { start: "<img>".into(), end: "</img>".into(), content: "<IMG_CONTEXT>".into() }
}

/// Runs multimodal input; `Err` is the capability that is missing.
fn see(session: &mut Session, media: Multimodal) -> Result<(), Capability> {
    match session.generate(media) {
        Ok(mut generation) => {
            assert!(generation.all(|token| token.is_ok()));
            Ok(())
        }
        Err(Error::Unsupported { capability, .. }) => Err(capability),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn pictures_and_videos_go_where_each_generation_has_them() {
    for generation in Generation::ALL {
        let script = Script::new();
        let runtime = runtime(generation);
        let options = Options { image_tags: Some(tags()), ..Options::default() };
        let mut session = runtime.load(script.model(), &options).unwrap();
        let one = |images, videos| Multimodal {
            prompt: if videos { "<video>What is this?" } else { "<image>What is this?" }.into(),
            images,
            videos: videos.then(|| Videos {
                data: vec![0.5; 2 * 3 * EMBEDDING_WIDTH],
                tokens: 3,
                frames: 2,
                count: 1,
                size: (448, 448),
                tags: tags(),
            }),
        };
        let unknown = session.generate(one(Some(pictures(1, None)), false)).unwrap_err();
        assert!(matches!(unknown, Error::UnknownWidth), "{unknown}");
        // SAFETY: the scripted runtime's width.
        unsafe { session.assume_embedding_width(EMBEDDING_WIDTH) };
        see(&mut session, one(Some(pictures(1, None)), false)).unwrap();
        let expect = |seen: Result<(), Capability>, capability| {
            let expected = if runtime.supports(capability) { Ok(()) } else { Err(capability) };
            assert_eq!(seen, expected, "{generation}");
        };
        let two = Multimodal {
            prompt: "<image><image>Which is larger?".into(),
            ..one(Some(pictures(2, None)), false)
        };
        expect(see(&mut session, two), Capability::ManyImages);
        let tagged = one(Some(pictures(1, Some(tags()))), false);
        expect(see(&mut session, tagged), Capability::TagsPerRun);
        expect(see(&mut session, one(None, true)), Capability::Video);
        drop(session);
        assert_eq!(script.misuse(), Vec::<String>::new(), "{generation}");
    }
}

#[test]
fn an_encoders_states_stay_where_the_runtime_reads_them() {
    for generation in Generation::ALL {
        let script = Script::new();
        let runtime = runtime(generation);
        let supported = runtime.supports(Capability::CrossAttention);
        let options = Options { cross_attention: supported, ..Options::default() };
        let mut session = runtime.load(script.model(), &options).unwrap();
        let states = CrossAttention {
            keys: vec![0.5; 64],
            values: vec![0.5; 64],
            mask: vec![1.0; 4],
            positions: vec![0, 1, 2, 3],
            tokens: 4,
        };
        // SAFETY: the scripted runtime reads no more than `tokens` of each.
        match unsafe { session.set_cross_attention(states) } {
            Ok(()) => assert!(supported),
            Err(Error::Unsupported { .. }) => assert!(!supported),
            Err(other) => panic!("{other}"),
        }
        assert!(session.generate("Hi").unwrap().all(|token| token.is_ok()));
        drop(session);
        assert_eq!(script.misuse(), Vec::<String>::new(), "{generation}");
    }
}

#[test]
fn positions_can_be_taken_out_of_a_paused_run() {
    for generation in [Generation::V1_2_1, Generation::V1_3] {
        let script = Script::new();
        let mut session = load(&script, generation);
        let range = std::slice::from_ref(&(0..1));
        assert!(matches!(session.clear_range(range), Err(Error::Call { .. })), "nothing is paused");
        let outcome = session.run("one two three", &RunOptions::default(), |_| Flow::Pause);
        assert_eq!(outcome.unwrap().end, End::Paused);
        let before = session.kv_cache_sizes().unwrap()[0];
        session.clear_range(range).unwrap();
        assert_eq!(session.kv_cache_sizes().unwrap()[0], before - 1);
        assert!(matches!(session.clear_range(&[]), Err(Error::Batch { given: 0, batch: 1 })));
    }
    let mut older = load(&Script::new(), Generation::V1_2_0);
    assert!(matches!(
        older.clear_range(std::slice::from_ref(&(0..1))),
        Err(Error::Unsupported { .. })
    ));
}
