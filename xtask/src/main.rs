//! Development tasks of the rkllm workspace, run as `cargo xtask <task>`.
#![forbid(unsafe_code)]

mod bindings;
mod workspace;

use clap::{Parser, Subcommand};

/// Development tasks of the rkllm workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Regenerate the Rust bindings in crates/rkllm-sys from the C headers in vendor/.
    Bindgen,
}

fn main() -> anyhow::Result<()> {
    match Args::parse().task {
        Task::Bindgen => bindings::write_all(),
    }
}
