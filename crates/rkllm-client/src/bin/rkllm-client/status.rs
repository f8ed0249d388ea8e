//! `rkllm-client status`: what the server is, is doing and has done.

use std::process::ExitCode;

use rkllm_client::api::ServerStatus;

use crate::screen::Screen;
use crate::server::Server;
use crate::table::{megabytes, table};

pub(crate) async fn run(server: &Server) -> anyhow::Result<ExitCode> {
    let status = server.client()?.status().await?;
    Screen::new().line(&table(&rows(&status)))?;
    Ok(if status.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rows(status: &ServerStatus) -> [[String; 2]; 7] {
    let state = match &status.reason {
        None => "ready".to_owned(),
        Some(reason) => format!("not ready: {reason}"),
    };
    let totals = status.totals;
    [
        (
            "server",
            format!("rkllm-server {}, up {}", status.version, uptime(status.uptime_seconds)),
        ),
        ("state", state),
        ("models", format!("{}, {} of them in memory", status.models, status.loaded)),
        ("memory", megabytes(status.memory_bytes)),
        ("requests", format!("{} running, {} waiting", status.running, status.waiting)),
        ("answers", format!("{}, and {} not completed", totals.answers, totals.failures)),
        (
            "tokens",
            format!(
                "{} of prompts ({} of them cached), {} of answers",
                totals.prompt_tokens, totals.cached_tokens, totals.completion_tokens
            ),
        ),
    ]
    .map(|(name, text)| [name.to_owned(), text])
}

/// The two largest units of a time.
fn uptime(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkllm_client::api::Totals;

    #[test]
    fn a_line_for_each_fact() {
        let status = ServerStatus {
            version: "0.1.0".into(),
            uptime_seconds: 93_784.0,
            ready: false,
            reason: Some("the model is being loaded".into()),
            models: 3,
            loaded: 1,
            memory_bytes: 150_000_000,
            running: 1,
            waiting: 2,
            totals: Totals {
                answers: 7,
                failures: 1,
                prompt_tokens: 100,
                cached_tokens: 40,
                completion_tokens: 70,
            },
        };
        insta::assert_snapshot!(table(&rows(&status)), @r"
        server    rkllm-server 0.1.0, up 1 d 2 h
        state     not ready: the model is being loaded
        models    3, 1 of them in memory
        memory    150 MB
        requests  1 running, 2 waiting
        answers   7, and 1 not completed
        tokens    100 of prompts (40 of them cached), 70 of answers
        ");
        assert_eq!(rows(&ServerStatus { reason: None, ready: true, ..status })[1][1], "ready");
    }

    #[test]
    fn times_have_two_units() {
        let times = [0.5, 59.9, 61.0, 3600.0, 86_400.0].map(uptime);
        assert_eq!(times, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 0 h"]);
    }
}
