//! The long runs of `make soak`.

use rkllm_client::Error;

use super::killed::Killing;
use super::loads::full_house;
use super::process::children;
use super::{DEADLINE, ask, client, models, prompt, reply, script, to};
use crate::server::Server;

/// Memory that may come and go.
const PLAY: u64 = 8 << 20;

#[tokio::test]
async fn five_hundred_kills_lose_no_answer_and_leave_nothing_behind() {
    let mut killing = Killing::start();
    let descriptors = killing.descriptors(usize::MAX);
    killing.rounds(50).await;
    killing.clean().await;
    let memory = killing.memory();
    killing.rounds(450).await;
    killing.clean().await;
    let after = killing.descriptors(descriptors);
    assert!(after <= descriptors, "{descriptors} descriptors before, {after} after");
    let after = killing.memory();
    assert!(after < memory + PLAY, "{memory} bytes before, {after} after");
}

#[tokio::test]
async fn a_thousand_cycles_leave_nothing_behind() {
    models::cycles(1000).await;
}

#[tokio::test]
async fn a_model_that_has_rested_is_tried_again() {
    let script = script();
    let server = Server::scripted(&script, &[]);
    script.set("CRASH_IN", "prefill");
    for _ in 0..3 {
        assert!(ask(&server, &prompt("hi")).await.is_err());
    }
    script.unset("CRASH_IN");
    let refused = client(&server).generate(&prompt("hi")).await;
    let Err(Error::Api { status: 503, retry_after: Some(rest), .. }) = refused else {
        panic!("a model that failed rests: {refused:?}");
    };
    tokio::time::sleep(rest).await;
    assert_eq!(ask(&server, &prompt("hi")).await, Ok(reply("hi", 5)));
}

#[tokio::test]
async fn a_model_that_comes_back_after_its_rest_makes_room_first() {
    let (_folder, server, scripts) = full_house().await;
    let refused = client(&server).generate(&to("a", "hi")).await;
    let Err(Error::Api { status: 503, retry_after: Some(rest), .. }) = refused else {
        panic!("a model that failed rests: {refused:?}");
    };
    tokio::time::sleep(rest).await;
    assert_eq!(ask(&server, &to("a", "hi")).await, Ok(reply("hi", 5)));
    scripts[2].wait_for_log("destroy", DEADLINE);
    assert_eq!(children(&server).len(), 2);
}
