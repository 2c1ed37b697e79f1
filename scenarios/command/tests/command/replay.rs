//! A failure that was found is written down, and found again: also after the scenario has been edited elsewhere.

use crate::folder;
use std::fs;
use std::path::{Path, PathBuf};

fn shakedown(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let said = crate::shakedown(folder, args);
    (said.code, said.out, said.err)
}

/// Killed if it takes longer to leave than it is given, and if a start fails in between.
const RACE: &str = r#"schema = 1
[workers.api]
puppet = "on TERM exit 0 after 10ms..900ms; print up; hang"
stop = { grace = "500ms" }
[[stimuli]]
at = "50ms..400ms"
do = "stop"
[[faults]]
on = "api"
kind = "slow-exit"
chance = 0.2
[[expect]]
final = { api = "stopped" }
"#;

/// What somebody adds who has other things in mind: a worker before it, another fault before its own.
fn edited() -> String {
    let worker = "[workers.aaa]\npuppet = \"sleep 1ms..9ms; on TERM exit 0 after 1ms..30ms; hang\"\n";
    let fault = "[[faults]]\non = \"aaa\"\nkind = \"late-notify\"\nchance = 0.9\n";
    RACE.replacen("[workers.api]", &format!("{worker}[workers.api]"), 1).replacen(
        "[[faults]]",
        &format!("{fault}[[faults]]"),
        1,
    )
}

/// The one failure file of a folder.
fn only(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("it was written").map(|entry| entry.expect("readable").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn a_failure_replays_after_an_unrelated_worker_and_an_unrelated_fault_were_added() {
    let folder = folder("replay-edited");
    fs::write(folder.join("race.toml"), RACE).expect("written");
    let (code, block, told) =
        shakedown(&folder, &["sim", "race.toml", "--seeds", "200", "--out", "shakedown-regressions"]);
    assert_eq!(code, Some(1), "{told}");
    let readme = include_str!("../../../../README.md");
    for label in ["  minimised  ", "  surprise 1  ", "  needs  ", "  Tipping point  "] {
        let line = block.lines().find(|line| line.starts_with(label)).expect(label);
        assert!(readme.contains(line), "README shows another line than this: {line}");
    }
    let file = only(&folder.join("shakedown-regressions"));
    let file = file.strip_prefix(&folder).expect("it is below").to_str().expect("a plain name");
    let (code, block, told) = shakedown(&folder, &["replay", file]);
    assert_eq!((code, told.as_str()), (Some(1), ""), "{block}");
    let surprises = |block: &str| -> Vec<String> {
        block.lines().filter(|line| line.starts_with("  surprise")).map(str::to_owned).collect()
    };
    assert_eq!(surprises(&block), ["  surprise 1   api takes 500ms of 10ms..900ms"], "{block}");

    fs::write(folder.join("race.toml"), edited()).expect("written");
    let (code, again, told) = shakedown(&folder, &["replay", file]);
    assert_eq!((code, told.as_str()), (Some(1), ""), "{again}");
    assert_eq!(surprises(&again), surprises(&block), "{again}");
    // What was added has no part in it, and neither has what it prints.
    assert!(again.contains("\n  needs        nothing that aaa does\n"), "{again}");
    assert!(again.contains("of api, 3 of 5 verbs: on TERM { sleep 10ms..900ms }; hang"), "{again}");
    // A sweep plays it first, even one whose seeds are all well.
    let (code, block, _) = shakedown(&folder, &["sim", "race.toml", "--seed", "1", "--format", "json"]);
    assert_eq!(code, Some(1));
    assert!(
        block
            .lines()
            .next()
            .is_some_and(|line| line.contains("\"type\":\"failure\"") && line.contains("shakedown replay")),
        "{block}"
    );
}

#[test]
fn a_failure_that_is_mended_holds_and_one_that_does_not_fit_any_more_is_called_stale() {
    let folder = folder("replay-stale");
    fs::write(folder.join("race.toml"), RACE).expect("written");
    let (code, _, told) = shakedown(&folder, &["sim", "race.toml", "--seeds", "200", "--out", "."]);
    assert_eq!(code, Some(1), "{told}");
    let (_, name) = told.trim().rsplit_once("written: ").expect("it says where");
    fs::write(folder.join("race.toml"), RACE.replace("\"500ms\"", "\"2s\"")).expect("written");
    let (code, told, _) = shakedown(&folder, &["replay", name]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("ok    ") && told.ends_with("holds\n"), "{told}");

    let other = RACE.replace("exit 0 after 10ms..900ms", "exit 0");
    fs::write(folder.join("race.toml"), other).expect("written");
    let (code, _, told) = shakedown(&folder, &["replay", name]);
    assert_eq!(code, Some(5), "{told}");
    assert!(told.contains("1 of 1 surprise no longer come up") && told.contains("find the failure anew"), "{told}");

    fs::write(folder.join("race.toml"), "schema = 1").expect("written");
    assert_eq!(shakedown(&folder, &["replay", name]).0, Some(3));
    fs::write(folder.join(name), "failure = 7").expect("written");
    let (code, _, told) = shakedown(&folder, &["replay", name]);
    assert_eq!(code, Some(3));
    assert!(told.contains("is not a failure file"), "{told}");
}

#[test]
fn an_exploration_prints_a_certificate_or_a_smallest_failure() {
    let folder = folder("replay-explore");
    fs::write(folder.join("race.toml"), RACE.replace("[[expect]]", "[[expect]]\nnever = \"api killed\"\n[[expect]]"))
        .expect("written");
    let (code, told, _) = shakedown(&folder, &["explore", "race.toml", "--delays", "2", "--faults", "1"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with("ok    race\n      all ") && told.contains("with at most 2 delays, 1 fault hold"),
        "{told}"
    );
    assert!(told.contains("held calm: durations (each the shortest)"), "{told}");

    let (code, told, _) = shakedown(&folder, &["explore", "race.toml", "--values", "1", "--out", "found"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("a smallest schedule") && told.contains("1 surprise: 0 of order, 1 of values"), "{told}");
    let again =
        told.lines().last().and_then(|line| line.strip_prefix("shakedown replay ")).expect("a command to paste");
    assert_eq!(shakedown(&folder, &["replay", again]).0, Some(1));
}

/// Stopped as it should be, unless a process of it crashes; and killed with its supervisor, where the file kills that.
const CRASHES: &str = r#"schema = 1
[workers.api]
puppet = "spawn helper { hang }; on TERM { kill helper KILL; wait helper; exit 0 }; print up; hang"
ready = { log = "up" }
[[stimuli]]
at = "50ms"
do = "stop"
[[expect]]
final = { api = "stopped" }
[[expect]]
count = { event = "api started", exactly = 1 }
"#;

const KILLED: &str =
    "[[stimuli]]\nat = \"0ms..20ms\"\ndo = \"crash-host\"\n[[stimuli]]\nat = \"1ms\"\ndo = \"recover\"\n[[stimuli]]";

/// A crash is no part of the scenario, and yet of the failure: whoever plays it again has it too.
#[test]
fn a_failure_of_crashes_replays_is_explained_and_stays_after_unrelated_edits() {
    for (name, text, rule, surprise) in [
        ("process", CRASHES.to_owned(), "expect: final", "crash strikes api"),
        (
            "supervisor",
            CRASHES.replacen("[[stimuli]]", KILLED, 1),
            "expect: count",
            "the supervisor is killed right after the ",
        ),
    ] {
        let folder = folder(&format!("replay-crashes-{name}"));
        fs::write(folder.join("plan.toml"), &text).expect("written");
        let explore = ["explore", "plan.toml", "--crashes", "1", "--faults", "0", "--delays", "1"];
        let (code, told, wrong) = shakedown(&folder, &explore);
        assert_eq!((code, wrong.as_str()), (Some(1), ""), "{told}");
        let again = told.lines().last().and_then(|line| line.strip_prefix("shakedown ")).expect("a command to paste");
        let pasted: Vec<&str> = again.split(' ').collect();
        assert_eq!(shakedown(&folder, &pasted).1, told, "the same failure in the same words");

        let (code, told, wrong) = shakedown(&folder, &[&explore[..], &["--out", "found"]].concat());
        assert_eq!(code, Some(1), "{told}{wrong}");
        assert!(told.contains(rule) && told.contains("1 surprise: 0 of order, 1 of values"), "{told}");
        let in_a_line = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(surprise) && in_a_line.contains("without it the run passes"), "{told}");
        let file = told.lines().last().and_then(|line| line.strip_prefix("shakedown replay ")).expect("a command");
        let from = |told: &str| told.split_once("  reproduced").map(|(_, told)| told.to_owned());
        let (code, replayed, stale) = shakedown(&folder, &["replay", file]);
        assert_eq!((code, stale.as_str()), (Some(1), ""), "{replayed}");
        assert_eq!(from(&replayed), from(&told));

        let other = "[workers.aaa]\npuppet = \"sleep 1ms..9ms; on TERM exit 0; hang\"\n[workers.api]";
        fs::write(folder.join("plan.toml"), text.replacen("[workers.api]", other, 1)).expect("written");
        let (code, edited, stale) = shakedown(&folder, &["replay", file]);
        assert_eq!((code, stale.as_str()), (Some(1), ""), "{edited}");
        assert!(edited.contains(surprise), "{edited}");
    }
}

/// The grace of RACE lies within the range of what it is given: a deadline and a duration that meet only by chance are made to meet.
#[test]
fn a_grace_is_seen_kept_missed_and_tied_or_that_is_said() {
    let folder = folder("replay-graces");
    fs::write(
        folder.join("race.toml"),
        RACE.replace("final = { api = \"stopped\" }", "final = { api = \"stopped|killed\" }"),
    )
    .expect("written");
    let (code, told, _) = shakedown(&folder, &["sim", "race.toml", "--seeds", "100"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("deadlines    1 of 1 was kept, missed and tied"), "{told}");
    let (_, told, _) = shakedown(&folder, &["sim", "race.toml", "--seeds", "1", "--coverage"]);
    assert!(told.contains("0 of 1 was kept") && told.contains("grace of api in race: never "), "{told}");
}

/// Which of two helpers ends first is even where only their ends are asked about, and a failure says with what it was found.
#[test]
fn a_strategy_may_be_asked_to_be_even_about_some_actions_only() {
    let folder = folder("replay-about");
    let two = "schema = 1\n[workers.api]\npuppet = \"spawn a { sleep 5ms; exit 0 }; spawn b { sleep 5ms; exit 0 }; wait all; exit 0\"\n\
               [[expect]]\nsometimes = \"api/a exited before api/b exited\"\n[[expect]]\nalways = \"api/a exited before api/b exited\"\n";
    fs::write(folder.join("two.toml"), two).expect("written");
    let (code, told, wrong) =
        shakedown(&folder, &["sim", "two.toml", "--seeds", "200", "--strategy", "surw", "--about", "exit:api/*"]);
    assert_eq!(code, Some(1), "{told}{wrong}");
    assert!(told.contains("--strategy surw --about 'exit:api/*'"), "{told}");
    let again = told.lines().find_map(|line| line.strip_prefix("shakedown sim two.toml --seed ")).expect("the command");
    let seed = again.split(' ').next().expect("the seed");
    let args = ["sim", "two.toml", "--seed", seed, "--strategy", "surw", "--about", "exit:api/*"];
    assert_eq!(shakedown(&folder, &args).0, Some(1));
    let (code, _, wrong) = shakedown(&folder, &["sim", "two.toml", "--strategy", "surw", "--about", "exits"]);
    assert_eq!(code, Some(2));
    assert!(wrong.contains("`exits` selects nothing"), "{wrong}");
}

/// A signal that walks through a tree takes steps of its own, which an explanation must be able to name.
#[test]
fn a_failure_in_which_a_signal_walks_is_explained() {
    let folder = folder("replay-walk");
    let tree = "schema = 1\n[workers.server]\npuppet = \"spawn a { setsid; hang }; spawn b { on TERM ignore; hang }; print up; hang\"\n\
                stop = { grace = \"50ms\", scope = \"tree\" }\nready = { log = \"up\" }\n[[stimuli]]\nwhen = \"server ready\"\ndo = \"stop\"\n\
                [[expect]]\nfinal = { \"server/b\" = \"signalled(TERM)\" }\n";
    fs::write(folder.join("tree.toml"), tree).expect("written");
    let (code, told, wrong) = shakedown(&folder, &["sim", "tree.toml", "--seeds", "50"]);
    assert_eq!((code, wrong.as_str()), (Some(1), ""), "{told}");
    assert!(told.contains("ended as signalled(KILL), expected signalled(TERM)"), "{told}");
    assert!(told.contains("alone, 2 of 2 identical") && told.contains("  Why  "), "{told}");
}
