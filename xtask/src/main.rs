//! Development tasks of the rkllm workspace, run as `cargo xtask <task>`.
#![forbid(unsafe_code)]

mod bindings;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod manifests;
mod model;
mod workspace;

use std::process::ExitCode;

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
    /// Fetch the model that tests use into models/ and print its path.
    Model,
}

fn main() -> ExitCode {
    let done = match Args::parse().task {
        Task::Bindgen => bindings::write_all(),
        Task::Model => model::fetch(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
