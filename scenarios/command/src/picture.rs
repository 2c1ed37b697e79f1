//! `shakedown show`, `open` and `export`: one failure, in whatever form it is wanted.

use crate::exit::Exit;
use crate::formats::{html, mermaid, perfetto};
use crate::output::write_file;
use crate::replay::report_of;
use clap::{Args, ValueEnum};
use shakedown::report::{FailureReport, SweepReport, failure_block, latest};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which failure.
#[derive(Args, Debug)]
struct Which {
    /// A failure file, a JSON report, or `latest`: what the last sweep found
    #[arg(default_value = "latest", value_name = "RUN")]
    run: String,
    /// Which failure of several, counted from 1
    #[arg(short, long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    nth: u16,
}

/// The arguments of `show`.
#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    which: Which,
    /// All failures of the run, not only one
    #[arg(long)]
    all: bool,
}

/// The arguments of `open`.
#[derive(Args, Debug)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    which: Which,
    /// Only write the page, and say where
    #[arg(long, env = "SHAKEDOWN_NO_BROWSER")]
    no_browser: bool,
}

/// The arguments of `export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    which: Which,
    /// In which form
    #[arg(long, value_name = "FORM")]
    to: Form,
    /// Into this file instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A form of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Form {
    /// Trace events, for ui.perfetto.dev and chrome://tracing
    Perfetto,
    /// A sequence diagram, for Markdown
    Mermaid,
    /// All that is known of it
    Json,
    /// One page that needs nothing else
    Html,
    /// As a report prints it
    Text,
}

pub(crate) fn show(args: &ShowArgs) -> Exit {
    let failures = match failures(&args.which.run) {
        Ok(failures) => failures,
        Err(exit) => return exit,
    };
    if args.all {
        let blocks: Vec<String> = failures.iter().map(failure_block).collect();
        emit!("{}", blocks.join("\n"));
        return Exit::Held;
    }
    match nth(&failures, args.which.nth) {
        Ok(failure) => {
            emit!("{}", failure_block(failure));
            if failures.len() > 1 {
                eprintln!("failure {} of {}: --nth and --all show the others", args.which.nth, failures.len());
            }
            Exit::Held
        }
        Err(exit) => exit,
    }
}

pub(crate) fn export(args: &ExportArgs) -> Exit {
    let failures = match failures(&args.which.run) {
        Ok(failures) => failures,
        Err(exit) => return exit,
    };
    let failure = match nth(&failures, args.which.nth) {
        Ok(failure) => failure,
        Err(exit) => return exit,
    };
    let text = match args.to {
        Form::Perfetto => perfetto::json(failure),
        Form::Mermaid => mermaid::text(failure),
        Form::Json => json(failure),
        Form::Html => html::page(failure),
        Form::Text => failure_block(failure),
    };
    match &args.output {
        None => emit!("{text}"),
        Some(file) => {
            if let Err(error) = write_file(file, &text) {
                eprintln!("error: {} cannot be written: {error}", file.display());
                return Exit::Usage;
            }
        }
    }
    Exit::Held
}

pub(crate) fn open(args: &OpenArgs) -> Exit {
    let failures = match failures(&args.which.run) {
        Ok(failures) => failures,
        Err(exit) => return exit,
    };
    let failure = match nth(&failures, args.which.nth) {
        Ok(failure) => failure,
        Err(exit) => return exit,
    };
    let page = latest::folder().join("page.html");
    if let Err(error) = write_file(&page, &html::page(failure)) {
        eprintln!("error: {} cannot be written: {error}", page.display());
        return Exit::Usage;
    }
    say!("{}", page.display());
    if !args.no_browser && !browse(&page) {
        eprintln!("no browser could be started: open the page by hand");
    }
    Exit::Held
}

/// Hands the page to the desktop; `BROWSER` names another program.
fn browse(page: &Path) -> bool {
    let named = std::env::var("BROWSER").ok().filter(|name| !name.is_empty());
    let program = named.unwrap_or_else(|| if cfg!(target_os = "macos") { "open".into() } else { "xdg-open".into() });
    Command::new(program).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}

fn json(failure: &FailureReport) -> String {
    serde_json::to_string_pretty(failure).expect("numbers and strings always serialise") + "\n"
}

/// The failures of a run: of the last sweep, of a report, or of a failure file, which is played again for it.
fn failures(run: &str) -> Result<Vec<FailureReport>, Exit> {
    let told = match run {
        "latest" => latest::read().map(|report| report.failures),
        file => match Path::new(file).extension().and_then(|extension| extension.to_str()) {
            Some("json") => of_json(Path::new(file)),
            Some(_) | None => return report_of(Path::new(file)).map(|report| vec![report]),
        },
    };
    told.map_err(|wrong| {
        eprintln!("error: {wrong}");
        if run == "latest" { Exit::NothingRan } else { Exit::BadFile }
    })
}

/// A whole sweep, or one failure as `export --to json` writes it.
fn of_json(file: &Path) -> Result<Vec<FailureReport>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    if let Ok(failure) = serde_json::from_str::<FailureReport>(&text) {
        return Ok(vec![failure]);
    }
    SweepReport::parse(&text).map(|report| report.failures).map_err(|wrong| format!("{}: {wrong}", file.display()))
}

fn nth(failures: &[FailureReport], nth: u16) -> Result<&FailureReport, Exit> {
    failures.get(usize::from(nth) - 1).ok_or_else(|| {
        eprintln!("error: there is no failure {nth}: {} in this run", failures.len());
        Exit::NothingRan
    })
}
