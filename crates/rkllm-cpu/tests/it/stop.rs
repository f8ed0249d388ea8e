//! Ending, pausing and refusing runs.

use std::sync::Barrier;
use std::sync::atomic::{AtomicI32, Ordering};

use rkllm_sys::v1_3::{RKLLM_RUN_FINISH, RKLLM_RUN_NORMAL};

use crate::support::{Handle, abort, clear, destroy, is_running, prompt, run_raw, tokens};

fn endless() -> Handle {
    Handle::with(|param| param.ignore_eos_token = true)
}

#[test]
fn an_abort_from_another_thread_ends_the_run() {
    let handle = endless();
    let raw = handle.raw();
    let running = Barrier::new(2);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            running.wait();
            assert_eq!(is_running(raw), 1);
            assert_eq!(abort(raw), 0);
            running.wait();
        });
        let mut first = true;
        handle.run_with(&prompt("Count to a thousand.").most(400), &mut |_| {
            if std::mem::take(&mut first) {
                running.wait();
                running.wait();
            }
            0
        })
    });
    ran.finish();
    assert_eq!(ran.tokens().len(), 1, "nothing follows the abort");
    assert_eq!(is_running(raw), 0);
}

#[test]
fn an_abort_from_the_callback_ends_the_run() {
    let handle = endless();
    let raw = handle.raw();
    let mut count = 0;
    let ran = handle.run_with(&prompt("Count.").most(400), &mut |event| {
        count += 1;
        if event.state == RKLLM_RUN_NORMAL && count == 3 {
            assert_eq!(abort(raw), 0);
        }
        0
    });
    ran.finish();
    assert_eq!(ran.tokens().len(), 3);
}

#[test]
fn an_abort_stops_the_prefill() {
    let handle = Handle::with(|param| param.max_context_len = 4096);
    let raw = handle.raw();
    let long = vec![handle.tokenize(" word")[0]; 4000];
    let started = AtomicI32::new(0);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            // The run goes through thousands of tokens, the abort comes at its beginning.
            while is_running(raw) == 0 {
                std::thread::yield_now();
            }
            started.store(abort(raw) + 1, Ordering::Relaxed);
        });
        handle.run(&tokens(&long))
    });
    assert_eq!(started.load(Ordering::Relaxed), 1, "the abort was accepted");
    let perf = ran.finish();
    assert_eq!(ran.tokens().len(), 0);
    assert!(perf.prefill_tokens < 4000);
    assert_eq!(handle.cached(), perf.prefill_tokens, "what was evaluated stays in the cache");
}

#[test]
fn an_abort_of_nothing_has_no_effect() {
    let handle = Handle::new();
    assert_eq!(abort(handle.raw()), -1);
    let ran = handle.run(&prompt("Hello.").most(3));
    ran.finish();
    assert_eq!(ran.tokens().len(), 3);
}

#[test]
fn the_cache_is_right_after_an_abort() {
    let handle = endless();
    let raw = handle.raw();
    handle.run_with(&prompt("Hello.").most(100), &mut |_| {
        abort(raw);
        0
    });
    let after = handle.run(&prompt("Hello.").most(12)).tokens();
    assert_eq!(after, endless().run(&prompt("Hello.").most(12)).tokens());
}

#[test]
fn a_pause_delivers_no_finish_and_the_next_run_resumes() {
    let whole = endless();
    let expected = whole.run(&prompt("Count from one to ten.").most(10)).tokens();

    let handle = endless();
    let mut count = 0;
    let first = handle.run_with(&prompt("Count from one to ten.").most(10), &mut |_| {
        count += 1;
        c_int_of(count == 4)
    });
    assert_eq!((first.code, first.count(RKLLM_RUN_FINISH)), (0, 0));
    assert_eq!(first.tokens(), expected[..4]);
    let rest = handle.run(&tokens(&[]).most(6));
    assert_eq!(rest.finish().prefill_tokens, 1, "the token that was delivered last");
    assert_eq!(rest.tokens(), expected[4..]);
}

fn c_int_of(pause: bool) -> i32 {
    i32::from(pause)
}

#[test]
fn a_paused_run_takes_text_and_tokens_within_its_turn() {
    let handle = endless();
    let paused = handle.run_with(&prompt("Say a word.").most(10), &mut |_| 1);
    assert_eq!(paused.tokens().len(), 1);
    let injected = handle.tokenize(" The capital of France is");
    let ran = handle.run(&prompt(" The capital of France is").most(3));
    assert_eq!(ran.finish().prefill_tokens as usize, injected.len() + 1);
    assert!(ran.text().contains("Paris"), "{}", ran.text());
}

#[test]
fn ranges_are_cleared_only_while_paused() {
    let handle = endless();
    let raw = handle.raw();
    assert_eq!(clear(raw, false, Some((0, 1))), -1);
    handle.run(&prompt("Hello.").most(4));
    assert_eq!(clear(raw, false, Some((0, 1))), -1);

    let mut count = 0;
    handle.run_with(&prompt("Hello.").most(10), &mut |_| {
        count += 1;
        c_int_of(count == 5)
    });
    let size = handle.cached();
    for (start, end) in [(-1, 2), (3, 3), (5, 2), (0, size + 1)] {
        assert_eq!(clear(raw, false, Some((start, end))), -1, "{start}..{end} of {size}");
    }
    assert_eq!(handle.cached(), size);
    assert_eq!(clear(raw, false, Some((size - 2, size))), 0);
    assert_eq!(handle.cached(), size - 2);
    let resumed = handle.run(&tokens(&handle.tokenize(" well")).most(2));
    assert_eq!(resumed.finish().prefill_tokens, 1, "what was removed is gone");
}

#[test]
fn positions_after_a_cleared_range_move_forward() {
    let handle = endless();
    let mut count = 0;
    handle.run_with(&prompt("Hello.").most(10), &mut |_| {
        count += 1;
        c_int_of(count == 5)
    });
    let size = handle.cached();
    assert_eq!(clear(handle.raw(), false, Some((2, 5))), 0);
    assert_eq!(handle.cached(), size - 3);
    let resumed = handle.run(&tokens(&[]).most(2));
    assert_eq!(resumed.finish().prefill_tokens, 1);
    assert_eq!(handle.cached(), size - 3 + 2);
}

#[test]
fn ranges_need_a_pause_without_history() {
    let handle = endless();
    handle.run_with(&prompt("Hello.").keep().most(10), &mut |_| 1);
    assert_eq!(clear(handle.raw(), false, Some((0, 1))), -1);
}

#[test]
fn a_second_run_is_refused_and_the_first_goes_on() {
    let handle = endless();
    let raw = handle.raw();
    let mut second = None;
    let ran = handle.run_with(&prompt("Count.").most(4), &mut |_| {
        if second.is_none() {
            second = Some(run_raw(raw, &prompt("Hello."), &mut |_| 0));
            assert_eq!(clear(raw, false, None), -1, "nor is its cache cleared");
        }
        0
    });
    let second = second.expect("was tried");
    assert_eq!((second.code, second.events.len()), (-1, 0));
    ran.finish();
    assert_eq!(ran.tokens(), endless().run(&prompt("Count.").most(4)).tokens());
}

#[test]
fn destroy_ends_a_run_of_another_thread() {
    let handle = endless();
    let raw = handle.raw();
    let running = Barrier::new(2);
    let ran = std::thread::scope(|scope| {
        let destroyer = scope.spawn(|| {
            running.wait();
            destroy(raw)
        });
        let mut first = true;
        let ran = run_raw(raw, &prompt("Count.").most(400), &mut |_| {
            if std::mem::take(&mut first) {
                running.wait();
            }
            0
        });
        assert_eq!(destroyer.join().expect("no panic"), 0);
        ran
    });
    ran.finish();
    assert!(ran.tokens().len() < 400);
    assert_eq!(destroy(raw), -1, "destroyed once");
}

#[test]
fn a_run_cannot_destroy_its_own_handle() {
    let handle = endless();
    let raw = handle.raw();
    let ran = handle.run_with(&prompt("Hello.").most(2), &mut |_| {
        assert_eq!(destroy(raw), -1);
        0
    });
    ran.finish();
    assert_eq!(ran.tokens().len(), 2);
}
