//! `shakedown init`: what a project needs to begin: a scenario, a test that plays it, and a workflow for CI. Nothing that is there is
//! ever written over.

use crate::exit::Exit;
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The arguments of `init`.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// The project's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// Also write the schema beside the scenarios, for editors
    #[arg(long)]
    schema: bool,
}

const SCENARIO: &str = include_str!("init/server.toml.txt");
const TEST: &str = include_str!("init/lifecycle.rs");
const WORKFLOW: &str = include_str!("init/shakedown.yml");

pub(crate) fn run(args: &InitArgs) -> Exit {
    let mut files: Vec<(&str, String)> = vec![("scenarios/server.toml", SCENARIO.to_owned())];
    if args.folder.join("Cargo.toml").is_file() {
        files.push(("tests/lifecycle.rs", TEST.to_owned()));
    }
    files.push((".github/workflows/shakedown.yml", WORKFLOW.to_owned()));
    if args.schema {
        files.push(("scenarios/shakedown.schema.json", shakedown::format::schema()));
    }
    for (name, text) in &files {
        match write_new(&args.folder.join(name), text) {
            Ok(true) => say!("written  {name}"),
            Ok(false) => say!("is there {name}"),
            Err(error) => {
                eprintln!("error: {} cannot be written: {error}", args.folder.join(name).display());
                return Exit::Usage;
            }
        }
    }
    say!("\nshakedown sim     plays the scenario: it is red, and the report says why");
    if files.iter().any(|(name, _)| *name == "tests/lifecycle.rs") {
        say!("cargo test        plays the test; it needs shakedown among the dev-dependencies");
    }
    Exit::Held
}

/// Whether it was written: what is there stays as it is, whoever made it.
fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
