//! The `lifeline` binary: parses the command line, prints one clear line on failure.

use std::process::ExitCode;

use clap::Parser;
use lifeline::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lifeline: {}", lifeline::cli::one_line(&error));
            ExitCode::FAILURE
        }
    }
}
