//! What holds for all generations alike.

use rkllm_fake::{Script, library};
use rkllm_sys::{Generation, inspect};

use crate::driver::{v1_1, v1_2_0, v1_2_1, v1_3};
use crate::recorder::{Event, Recorder};

/// Opens a session on the script with each generation in turn, runs and destroys it.
fn each(script: &Script, prompt: &str, check: impl Fn(i32, &Recorder)) {
    macro_rules! run {
        ($($module:ident)*) => {$(
            let session = $module::Session::open(script.model()).unwrap();
            let mut recorder = Recorder::default();
            let status = session.run(prompt, &mut recorder);
            check(status, &recorder);
            assert_eq!(session.destroy(), 0);
        )*};
    }
    run!(v1_1 v1_2_0 v1_2_1 v1_3);
    assert_eq!(script.misuse(), [""; 0]);
}

#[test]
fn a_library_says_its_version() {
    for (generation, version) in [
        (Generation::V1_1, "1.1.4"),
        (Generation::V1_2_0, "1.2.0"),
        (Generation::V1_2_1, "1.2.3"),
        (Generation::V1_3, "1.3.0"),
    ] {
        let found = inspect(&library(generation)).unwrap();
        assert_eq!(found.version, version.parse().unwrap());
        assert_eq!(Generation::of(&found.version), Ok(generation));
        assert_eq!((found.target.as_str(), found.build.as_str()), ("Linux", "fake"));
    }
}

#[test]
fn a_run_delivers_the_tokens_of_the_script() {
    let script = Script::new();
    script.set("TOKENS", 3).set("TEXT", " %d:%p");
    each(&script, "two words", |status, recorder| {
        assert_eq!(status, 0);
        assert_eq!(recorder.texts(), [" 0:two words", " 1:two words", " 2:two words"]);
        assert_eq!(recorder.states(), [0, 0, 0, 2]);
        assert_eq!(recorder.events[1].id, Some(rkllm_fake::FIRST_TOKEN_ID + 1));
    });
    let log = script.log();
    let starts = ["init ", "run start ", "run end tokens=3 status=0 outcome=done", "destroy"];
    for (index, line) in log.iter().enumerate() {
        assert!(line.starts_with(starts[index % 4]), "{line}");
    }
    assert_eq!(log.len(), 16);
}

#[test]
fn a_script_may_change_between_runs() {
    let script = Script::new();
    let session = v1_3::Session::open(script.model()).unwrap();
    for tokens in [2, 0, 4] {
        script.set("TOKENS", tokens);
        let mut recorder = Recorder::default();
        assert_eq!(session.run("", &mut recorder), 0);
        assert_eq!(recorder.texts().len(), tokens);
    }
    assert_eq!(session.destroy(), 0);
}

#[test]
fn a_literal_reply_is_split_and_repeated() {
    let script = Script::new();
    script.set("REPLY", "aé\n");
    each(&script, "", |_, recorder| assert_eq!(recorder.texts(), ["a", "é", "\n"]));
    script.set("REPLY", "one| two").set("REPLY_SEPARATOR", "|").set("TOKENS", 3);
    each(&script, "", |_, recorder| assert_eq!(recorder.texts(), ["one", " two", "one"]));
}

#[test]
fn the_first_rule_that_a_prompt_meets_gives_the_reply() {
    let script = Script::new();
    script.set("REPLY", "?").set("WHEN_1", "no reply").set("WHEN_2", "sun").set("REPLY_2", "day");
    script.set("WHEN_8", "su").set("REPLY_8", "s").set("REPLY_7", "no condition");
    for (prompt, texts) in
        [("the sun", &["d", "a", "y"][..]), ("a sum with no reply", &["s"]), ("the moon", &["?"])]
    {
        each(&script, prompt, |_, recorder| assert_eq!(recorder.texts(), texts));
    }
}

#[test]
fn characters_are_split_in_each_way() {
    let script = Script::new();
    script.set("REPLY", "a€");
    for (mode, states, texts) in [
        ("waiting", [0, 1, 1, 0], [Some(&b"a"[..]), None, None, Some("€".as_bytes())]),
        (
            "waiting-bytes",
            [0, 1, 1, 0],
            [Some(b"a"), Some(b"\xe2"), Some(b"\xe2\x82"), Some("€".as_bytes())],
        ),
        ("raw", [0; 4], [Some(b"a"), Some(b"\xe2"), Some(b"\x82"), Some(b"\xac")]),
    ] {
        script.set("SPLIT_UTF8", mode);
        each(&script, "", |_, recorder| {
            assert_eq!(recorder.states()[..4], states);
            let found: Vec<_> = recorder.events[..4].iter().map(|e| e.text.as_deref()).collect();
            assert_eq!(found, texts);
            assert_eq!(recorder.states()[4..], [2]);
        });
    }
}

#[test]
fn the_end_token_comes_as_text_and_may_not_end() {
    let script = Script::new();
    script.set("REPLY", "ab").set("EOS_AS_TEXT", "<end>").set("EOS_ID", 7);
    each(&script, "", |_, recorder| {
        assert_eq!(recorder.texts(), ["a", "b", "<end>"]);
        assert_eq!(recorder.events[2].id, Some(7));
    });
    script.set("EOS_AFTER", 1);
    each(&script, "", |_, recorder| assert_eq!(recorder.texts(), ["a", "<end>", "b"]));
}

/// A script's keys, then status and states of its run.
type End = (&'static [(&'static str, &'static str)], i32, &'static [u32]);

#[test]
fn runs_end_in_odd_ways() {
    let ends: &[End] = &[
        (&[("NO_FINISH", "1")], 0, &[0, 0]),
        (&[("EMPTY", "1")], 0, &[]),
        (&[("RUN_STATUS", "-5")], -5, &[0, 0, 2]),
        (&[("ERROR_AFTER", "1")], -1, &[0, 3]),
        (&[("UNKNOWN_STATE_AFTER", "1")], 0, &[0, 99, 0, 2]),
        (&[("STDOUT", "1"), ("STDERR", "2"), ("LEAK_MB", "1")], 0, &[0, 0, 2]),
    ];
    for (keys, status, states) in ends {
        let script = Script::new();
        script.set("TOKENS", 2);
        for (key, value) in *keys {
            script.set(key, value);
        }
        each(&script, "", |found, recorder| {
            assert_eq!((found, &recorder.states()[..]), (*status, *states), "{keys:?}");
        });
    }
}

#[test]
fn texts_and_results_may_be_null() {
    let script = Script::new();
    script.set("TOKENS", 2).set("NULL_TEXT_AFTER", 1).set("FINISH_TEXT", "null");
    each(&script, "", |_, recorder| {
        assert_eq!(recorder.events[1], Event { state: 0, text: None, id: Some(1001) });
        assert_eq!(recorder.events[2], Event { state: 2, text: None, id: Some(0) });
    });
    script.set("FINISH_TEXT", "no-result");
    each(&script, "", |_, recorder| {
        assert_eq!(recorder.events[2], Event { state: 2, text: None, id: None });
    });
}

#[test]
fn init_fails_as_told() {
    let script = Script::new();
    script.set("INIT_STATUS", -3);
    assert_eq!(v1_1::Session::open(script.model()).unwrap_err(), -3);
    assert_eq!(v1_3::Session::open(script.model()).unwrap_err(), -3);
    script.unset("INIT_STATUS").set("INIT_NULL_HANDLE", 1);
    assert!(v1_2_1::Session::open(script.model()).unwrap().handle.is_null());
    assert_eq!(v1_3::Session::open(&script.dir().join("none")).unwrap_err(), -1);
    assert_eq!(script.misuse(), [""; 0]);
}
