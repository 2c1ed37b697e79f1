//! The command itself, as a shell sees it: what it prints where, which files it leaves, and its exit code.
mod authoring;
mod book;
mod ci;
mod compare;
mod files;
mod pictures;
mod replay;
mod reports;
mod shards;
mod sweeps;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of the test's own, new at each run.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("command-{name}"));
    let _absent = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the target folder is ours to write");
    path
}

/// A folder of the test's own with this file in it.
fn folder_with(name: &str, file: &str, text: &str) -> PathBuf {
    let folder = folder(name);
    std::fs::write(folder.join(file), text).expect("written");
    folder
}

/// How a command went: its exit code, what it printed, and what it complained of.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// The command in this folder, before it is run.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    // What the caller's environment says is not this test's business.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHAKEDOWN_")) {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).env("SHAKEDOWN_STATE", folder.join("state"));
    command
}

fn shakedown(folder: &Path, args: &[&str]) -> Said {
    said(&mut command(folder, args))
}

fn said(command: &mut Command) -> Said {
    let out = command.output().expect("the command runs");
    let text = |bytes| String::from_utf8(bytes).expect("the command speaks UTF-8");
    Said { code: out.status.code(), out: text(out.stdout), err: text(out.stderr) }
}

/// What may take longer to leave than it is given, in two of its three cases.
const SLOW: &str = r#"schema = 1
[workers.api]
puppet = "spawn helper { on TERM exit 0; hang }; on TERM exit 0 after 10ms..900ms; print up; hang"
ready = { log = "up" }
[[stimuli]]
at = "50ms..400ms"
do = "stop"
[[expect]]
final = { api = "stopped" }
[[expect]]
sometimes = "api ready"
[sweep.axes]
"defaults.stop.grace" = ["200ms", "500ms", "2s"]
"#;

/// Without the line of a summary that tells of time.
fn timeless(text: &str) -> String {
    text.lines().filter(|line| !line.contains("virtual time in")).map(|line| format!("{line}\n")).collect()
}

/// The command that a report gives to paste.
fn to_paste(report: &str) -> String {
    let line = report.lines().rfind(|line| line.starts_with("shakedown "));
    line.expect("a command to paste").to_owned()
}
