//! The catalogue is what it says it is: each bug stands in a file of its own name, tells its story, and names a bug that others have shipped.

use shakedown_sim::choose::Strategy;
use shakedown_zoo::hunt::{Budget, Progress, hunt};
use shakedown_zoo::{Case, catalogue};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

/// The files of the bugs, by name.
fn files() -> Vec<(String, String)> {
    let folders = fs::read_dir(root().join("src/bugs")).expect("the folder of the bugs");
    let folders = folders.map(|entry| entry.expect("a readable folder").path()).filter(|path| path.is_dir());
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path.file_stem().expect("a file with a name").to_string_lossy().into_owned();
            if name != "mod" {
                files.push((name, fs::read_to_string(&path).expect("a readable file")));
            }
        }
    }
    files
}

#[test]
fn every_bug_has_a_name_of_its_own_and_there_are_enough_of_them() {
    let names: BTreeSet<&str> = catalogue().iter().map(|case| case.name).collect();
    assert_eq!(names.len(), catalogue().len(), "two bugs have one name");
    assert!(names.len() >= 45, "only {} bugs", names.len());
}

#[test]
fn every_file_is_a_case_and_tells_whose_bug_it_is() {
    for (name, text) in files() {
        let case = catalogue().iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("{name}.rs is no case of that name"));
        let story: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(
            story.contains(&format!("({})", case.bug)) || story.contains(&format!("({},", case.bug)),
            "{name}: {story}"
        );
        assert!(text.lines().count() <= 150, "{name} is longer than a screen or two");
    }
}

#[test]
fn every_number_is_that_of_a_bug_that_others_have_shipped() {
    let table = fs::read_to_string(root().join("../regress/README.md")).expect("the table of the bugs");
    for case in catalogue() {
        assert!(table.contains(&format!("| {} |", case.bug)), "{}: {} is no bug of the table", case.name, case.bug);
    }
}

/// A surprise that is left out here has to be made good by another: the failures whose smallest run is farthest from how they are found.
#[test]
fn failures_that_ask_for_two_changes_at_once_are_shrunk_to_the_least_that_they_need() {
    let least = [("bazel_kills_the_group_after_its_leader", 1), ("last_line_without_newline_is_dropped", 2)];
    let cases: Vec<&Case> = least
        .iter()
        .map(|(name, _)| catalogue().iter().find(|case| case.name == *name).expect("a bug of that name"))
        .collect();
    let budget = Budget { bases: 2, seeds: 10_000, shrinks: 2 };
    let hunts = hunt(&cases, &[Strategy::Random], budget, 2, &Progress::default());
    for ((name, least), hunt) in least.iter().zip(hunts) {
        assert_eq!(hunt[0].surprises, [*least; 2], "{name}");
    }
}
