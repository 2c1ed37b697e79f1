//! The catalogue is what it says it is: each bug stands in a file of its own name, tells its story, and names a bug that others have shipped.

use shakedown_zoo::catalogue;
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
