//! `rkllm-client models`, `load` and `unload`.

use std::process::ExitCode;

use rkllm_client::api::{KeepAlive, LoadRequest, Model, ModelState};

use crate::screen::Screen;
use crate::server::Server;
use crate::table::{megabytes, table};

#[derive(clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    server: Server,
    /// Name or alias of the model.
    model: String,
    /// How long it stays in memory after its last request: 5m, 1h30m, seconds, 0, or -1 for ever.
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    keep_alive: Option<String>,
}

#[derive(clap::Args)]
pub(crate) struct UnloadArgs {
    #[command(flatten)]
    server: Server,
    /// Name or alias of the model.
    model: String,
}

pub(crate) async fn list(server: &Server) -> anyhow::Result<ExitCode> {
    let models = server.client()?.models().await?.models;
    let head = ["NAME", "FORMAT", "SIZE", "CONTEXT", "STATE", ""].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(models.iter().map(row)).collect();
    Screen::new().line(&table(&rows))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn load(args: LoadArgs) -> anyhow::Result<ExitCode> {
    let request = LoadRequest { keep_alive: args.keep_alive.map(KeepAlive::Text) };
    let loaded = args.server.client()?.load(&args.model, &request).await?;
    let (name, seconds) = (&loaded.model.name, loaded.load_ms / 1000.0);
    Screen::new().line(&format!("{name} is in memory; that took {seconds:.1} s"))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn unload(args: UnloadArgs) -> anyhow::Result<ExitCode> {
    let model = args.server.client()?.unload(&args.model).await?;
    Screen::new().line(&format!("{} is {}", model.name, model.state.as_str()))?;
    Ok(ExitCode::SUCCESS)
}

fn row(model: &Model) -> [String; 6] {
    [
        model.name.clone(),
        model.format.clone(),
        megabytes(model.size_bytes),
        model.context.to_string(),
        model.state.as_str().to_owned(),
        details(model),
    ]
}

/// What else there is to know of it.
fn details(model: &Model) -> String {
    let mut details = Vec::new();
    match &model.state {
        ModelState::Ready { memory_bytes, runtime, .. } => {
            details.push(format!("{} of memory", megabytes(*memory_bytes)));
            details.push(runtime.clone());
        }
        ModelState::Failed { reason } => details.push(reason.clone()),
        _ => {}
    }
    let queue = model.queue;
    if queue.running + queue.waiting > 0 {
        details.push(format!("{} running, {} waiting", queue.running, queue.waiting));
    }
    details.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkllm_client::api::{Abilities, Queue};

    #[test]
    fn a_row_says_what_matters() {
        let state = ModelState::Ready {
            expires: None,
            memory_bytes: 150_000_000,
            runtime: "librkllmrt 1.2.3".into(),
        };
        let ready = Model {
            name: "org/qwen3".into(),
            aliases: Vec::new(),
            format: "rkllm".into(),
            size_bytes: 98_000_000,
            digest: String::new(),
            context: 4096,
            abilities: Abilities::default(),
            limits: None,
            state,
            queue: Queue { running: 1, waiting: 2 },
        };
        let failed = Model {
            state: ModelState::Failed { reason: "it is empty".into() },
            queue: Queue::default(),
            ..ready.clone()
        };
        insta::assert_snapshot!(table(&[row(&ready), row(&failed)]), @r"
        org/qwen3  rkllm  98 MB  4096  ready   150 MB of memory; librkllmrt 1.2.3; 1 running, 2 waiting
        org/qwen3  rkllm  98 MB  4096  failed  it is empty
        ");
    }
}
