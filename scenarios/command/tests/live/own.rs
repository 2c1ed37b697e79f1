//! The command as a part of a user's program, which brings an oracle of its own. What that asks the real machine is found out: exit 6,
//! with the first step that is judged in two ways, in the text, on stdout as JSON, and in the report.

use crate::tests;
use shakedown::core::oracle::Names;
use shakedown::core::vocab::ProcessWhat;
use shakedown::oracle::{Oracle, Oracles};
use shakedown::sim::Moment;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

tests! {
    an_oracle_that_is_of_two_minds_is_not_deterministic,
    a_recorded_failure_that_comes_and_goes_is_not_deterministic,
}

/// Where it is set, this program plays the user's part, with an oracle of this mood.
const MOOD: &str = "MOOD_OF_THE_USERS_ORACLE";

/// The user's `main`, where it is to be played.
pub fn users_main() -> Option<ExitCode> {
    let is_moody = std::env::var_os(MOOD)? == "moody";
    Some(shakedown_cli::main(Oracles::new().with("mood", move || Mood { objects: !is_moody || is_even() })))
}

/// Objects to whoever exits, now and then or always.
struct Mood {
    objects: bool,
}

impl Oracle for Mood {
    fn see(&mut self, moment: &Moment, _: &dyn Names) -> Result<(), String> {
        match moment {
            Moment::Process(event) if self.objects && matches!(event.what, ProcessWhat::Exited(_)) => {
                Err(format!("{} has left", event.name))
            }
            Moment::Process(_) | Moment::Fact(_) => Ok(()),
        }
    }
}

/// What no seed decides.
fn is_even() -> bool {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    RUNS.fetch_add(1, Relaxed).is_multiple_of(2)
}

const OWN: &str = "schema = 1\n[workers.api]\npuppet = \"sleep 3ms..9ms; exit 0\"\n[[expect]]\ncheck = \"mood\"\n";

fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("own-{name}"));
    let _absent = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the target folder is ours to write");
    std::fs::write(path.join("own.toml"), OWN).expect("written");
    path
}

/// Its exit code, and what it says in the text and beside it, each in one line.
fn played(folder: &Path, mood: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(std::env::current_exe().expect("we run"));
    command.current_dir(folder).args(arguments).env(MOOD, mood).env("SHAKEDOWN_STATE", folder.join("state"));
    let output = command.output().expect("it runs");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("it speaks UTF-8"));
    (output.status.code(), out, err)
}

#[track_caller]
fn check_told(told: &str, words: &[&str]) {
    let in_a_line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    words.iter().for_each(|word| assert!(in_a_line.contains(word), "{word}: {told}"));
}

/// Where it parts, and what that speaks for.
const PARTED: [&str; 3] = [
    " breaks check = \"mood\" (api/main has left) in ",
    " is nothing to object to in ",
    "all steps are the same, and what judges them is not: an oracle of the program's own asks a real clock",
];

fn an_oracle_that_is_of_two_minds_is_not_deterministic() {
    let folder = folder("sim");
    let (code, out, err) = played(&folder, "moody", &["sim", "own.toml", "-j1", "--seeds", "4"]);
    assert_eq!(code, Some(6), "{out}{err}");
    check_told(&err, &["not deterministic: own case 1 seed 0 took two ways: step 4, `api/main` at 0.00"]);
    check_told(&err, &PARTED);
    check_told(&out, &["reproduced NOT: ", "parted step 4, `api/main` at "]);
    let sim = ["sim", "own.toml", "-j1", "--seeds", "4", "--format", "json", "--report", "json=report.json"];
    let (code, out, _) = played(&folder, "moody", &sim);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap_or_else(|| panic!("{kind}: {out}"));
    assert_eq!((code, &of("summary")["exit"]), (Some(6), &6.into()));
    check_told(of("not-deterministic")["message"].as_str().expect("a sentence"), &PARTED[2..]);
    check_told(of("failure")["parted"].as_str().expect("a sentence"), &PARTED[2..]);
    let report = std::fs::read_to_string(folder.join("report.json")).expect("it was written");
    let report = shakedown::report::SweepReport::parse(&report).expect("a report");
    check_told(&report.unsteady[0], &PARTED[2..]);
}

fn a_recorded_failure_that_comes_and_goes_is_not_deterministic() {
    let folder = folder("replay");
    let (code, _, err) = played(&folder, "firm", &["sim", "own.toml", "-j1", "--out", "."]);
    assert_eq!(code, Some(1), "{err}");
    let file = err.trim().strip_prefix("written: ").expect("where it is kept").to_owned();
    assert_eq!(played(&folder, "firm", &["replay", &file]).0, Some(1));
    // To the first run it objects, as it did.
    let (code, out, err) = played(&folder, "moody", &["replay", &file]);
    assert_eq!(code, Some(6), "{out}{err}");
    check_told(&out, &PARTED);
}
