//! Shards, budgets and settings: which runs are played, and that all shards together come to what one machine comes to.

use crate::{SLOW, command, folder, folder_with, said, shakedown, timeless, to_paste};
use std::fs;

/// Figures of distinct traces aside: traces of two shards may be the same, and so their sum is only a bound.
fn without_distinct(text: &str) -> String {
    let words = |line: &str| {
        let kept: Vec<&str> = line.split_whitespace().collect();
        kept.join(" ")
    };
    let lines = timeless(text);
    let told = lines.lines().map(|line| match line.split_once(" distinct") {
        Some((before, after)) => {
            format!("{} {}", words(before.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ')), words(after))
        }
        None => line.to_owned(),
    });
    told.filter(|line| !line.contains("traces")).map(|line| line + "\n").collect()
}

#[test]
fn the_shards_together_come_to_what_one_machine_comes_to() {
    let folder = folder_with("shards", "slow.toml", SLOW);
    let whole = shakedown(&folder, &["sim", "slow.toml", "--seeds", "400", "-j1"]);
    assert_eq!(whole.code, Some(1), "{whole:?}");
    let file = |n: u32| format!("shard-{n}.json");
    for n in 1..=3 {
        let (shard, report) = (format!("{n}/3"), format!("json={}", file(n)));
        let part = shakedown(&folder, &["sim", "slow.toml", "--seeds", "400", "--shard", &shard, "--report", &report]);
        assert_eq!(part.code, Some(1), "{part:?}");
    }
    let merged = shakedown(&folder, &["merge", &file(3), &file(1), &file(2)]);
    assert_eq!((merged.code, merged.err.as_str()), (Some(1), ""));
    assert_eq!(without_distinct(&merged.out), without_distinct(&whole.out));
    assert!(merged.out.contains("1200 runs of 3 shards, at most "), "{}", merged.out);

    for (files, says) in [
        (vec![file(1), file(3)], "error: shard 2/3 is missing"),
        (vec![file(1), file(2), file(3), file(3)], "error: shard 3/3 is there twice"),
    ] {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let merged = shakedown(&folder, &[&["merge"], files.as_slice()].concat());
        assert_eq!((merged.code, merged.err.trim()), (Some(1), says));
    }
    fs::write(folder.join("other.json"), "{}").expect("written");
    assert_eq!(shakedown(&folder, &["merge", "other.json"]).code, Some(3));
}

#[test]
fn a_shard_is_taken_from_the_job_engine_where_it_is_asked_for() {
    let folder = folder_with("engine", "slow.toml", SLOW);
    let played = |shard: &str, engine: &[(&str, &str)]| {
        let mut command = command(&folder, &["sim", "slow.toml", "--seeds", "100", "--case", "3"]);
        command.env("SHAKEDOWN_SHARD", shard).envs(engine.iter().copied());
        said(&mut command)
    };
    let kubernetes = played("auto/4", &[("JOB_COMPLETION_INDEX", "3")]);
    assert!(kubernetes.code == Some(0) && kubernetes.out.contains("25 runs"), "{kubernetes:?}");
    let nobody = played("5/4", &[]);
    assert!(nobody.code == Some(2) && nobody.err.contains("no share"), "{nobody:?}");
}

#[test]
fn a_sweep_ends_once_enough_has_failed_whoever_plays_it() {
    let folder = folder_with("enough", "slow.toml", SLOW);
    let ended = |jobs: &str| shakedown(&folder, &["sim", "slow.toml", "--seeds", "2000", "--max-fail", "1", jobs]);
    let (alone, two) = (ended("-j1"), ended("-j2"));
    assert_eq!((alone.code, timeless(&alone.out)), (Some(1), timeless(&two.out)));
    assert!(alone.err.contains("enough runs have failed") && alone.out.contains("256 runs"), "{alone:?}");
}

#[test]
fn a_sweep_ends_with_its_time_and_says_so() {
    let folder = folder_with("budget", "slow.toml", SLOW);
    let args =
        ["sim", "slow.toml", "--case", "3", "--seeds", "100000000", "--time-budget", "100ms", "--progress", "none"];
    let ended = shakedown(&folder, &args);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.err.contains("the time budget is spent"), "{ended:?}");
    assert_eq!(shakedown(&folder, &["sim", "slow.toml", "--time-budget", "soon"]).code, Some(2));
}

#[test]
fn a_setting_wins_over_the_file_and_stands_in_the_command_to_paste() {
    let folder = folder_with("set", "slow.toml", SLOW);
    let well = shakedown(&folder, &["sim", "slow.toml", "--set", "defaults.stop.grace=2s"]);
    assert_eq!(well.code, Some(0), "{well:?}");
    let red = shakedown(&folder, &["sim", "slow.toml", "--set", "defaults.stop.grace=100ms", "--seeds", "50"]);
    let again = to_paste(&red.out);
    assert!(red.code == Some(1) && again.contains(" --set defaults.stop.grace=100ms --seed "), "{red:?}");
    let words: Vec<&str> = again.split(' ').skip(1).collect();
    assert_eq!(shakedown(&folder, &words).code, Some(1));
    let wrong = shakedown(&folder, &["sim", "slow.toml", "--set", "defaults.stop.grce=1s"]);
    assert!(wrong.code == Some(3) && wrong.err.contains("did you mean `grace`?"), "{wrong:?}");
}

#[test]
fn what_failed_is_played_again_alone_until_it_holds() {
    let folder = folder("rerun");
    fs::write(folder.join("slow.toml"), SLOW).expect("written");
    assert_eq!(shakedown(&folder, &["sim", "slow.toml", "--seeds", "200"]).code, Some(1));
    let again = shakedown(&folder, &["sim", "slow.toml", "--rerun"]);
    assert!(again.code == Some(1) && again.out.contains("\n2 runs, "), "{again:?}");
    fs::write(folder.join("slow.toml"), SLOW.replace("10ms..900ms", "10ms..90ms")).expect("written");
    assert_eq!(shakedown(&folder, &["sim", "slow.toml", "--rerun"]).code, Some(0));
    let all = shakedown(&folder, &["sim", "slow.toml", "--rerun"]);
    assert!(all.code == Some(0) && all.err.contains("all is played") && all.out.contains("300 runs"), "{all:?}");
}

#[test]
fn seeds_that_were_never_played_are_others_each_time() {
    let folder = folder_with("random", "slow.toml", SLOW);
    let seed = || {
        let red = shakedown(&folder, &["sim", "slow.toml", "--case", "1", "--seeds", "random:100"]);
        to_paste(&red.out)
    };
    assert_ne!(seed(), seed());
}
