//! The book is true: its scenarios hold, its pages are reached, its links lead somewhere. Its Rust is compiled and run as documentation tests.

use shakedown::format::{Scenario, load, render_all};
use shakedown::sweep::{Job, Progress, Seeds, sweep};
use shakedown_sim::choose::Strategy;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn pages() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src");
    let mut pages = Vec::new();
    for folder in [folder.clone(), folder.join("howto")] {
        for entry in fs::read_dir(&folder).expect("the book is there").map(Result::unwrap) {
            if entry.path().extension().is_some_and(|end| end == "md") {
                pages.push((entry.path(), fs::read_to_string(entry.path()).expect("it is text")));
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 10, "{} pages", pages.len());
    pages
}

/// The fenced blocks of a page that are marked so.
fn blocks<'a>(page: &'a str, mark: &str) -> Vec<&'a str> {
    let opening = format!("```{mark}\n");
    page.split(&opening).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn every_scenario_of_the_book_holds() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    fs::create_dir_all(&folder).expect("the folder can be made");
    let mut played = 0;
    for (path, page) in pages() {
        for block in blocks(&page, "toml").into_iter().filter(|block| block.starts_with("schema = 1")) {
            let file = folder.join(format!("{played}.toml"));
            fs::write(&file, block).expect("the file can be written");
            let scenario: Arc<Scenario> = load(&file)
                .map(Arc::new)
                .unwrap_or_else(|wrong| panic!("{}: {}", path.display(), render_all(&wrong, false)));
            let jobs = Job::all(std::slice::from_ref(&scenario), Seeds::First(300), Strategy::default());
            for case in sweep(&jobs, 1, false, &Progress::default()).cases {
                assert_eq!(case.failures, [], "{}: {}", path.display(), scenario.about);
            }
            played += 1;
        }
    }
    assert!(played >= 3, "{played} scenarios");
}

/// What the page on grandchildren claims of the second file.
#[test]
fn a_group_does_not_hold_the_daemon_of_the_book() {
    let (_, page) = pages().into_iter().find(|(path, _)| path.ends_with("grandchildren.md")).expect("it is there");
    let block = blocks(&page, "toml")[1].replace("scope = \"tree\"", "scope = \"group\"");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("daemon.toml");
    fs::write(&file, block).expect("the file can be written");
    let scenario = load(&file).map(Arc::new).expect("it is a scenario");
    let result = sweep(&Job::all(&[scenario], Seeds::First(300), Strategy::default()), 1, false, &Progress::default());
    let first = result.cases[0].failures.first().expect("it is red");
    assert_eq!(&*first.finding.subject, "dev/watcher");
    assert!(first.finding.rule.starts_with("final: dev/watcher"), "{:?}", first.finding);
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let pages = pages();
    let summary = &pages.iter().find(|(path, _)| path.ends_with("SUMMARY.md")).expect("it has one").1;
    for (path, page) in &pages {
        let folder = path.parent().expect("it is in a folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src");
        let name = path.strip_prefix(&root).expect("it is below").to_str().expect("it is text");
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is in no chapter");
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if let Some(inside) = target.strip_prefix(REPOSITORY) {
                let inside = inside.split_once('/').map_or("", |(_, rest)| rest);
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(inside.trim_start_matches("main/"));
                assert!(file.exists(), "{name}: {target}");
            } else if !target.starts_with("https://") && target.ends_with(".md") {
                assert!(folder.join(target).exists(), "{name}: {target}");
            }
        }
    }
}

/// Links into the repository go on with `blob/main/…` or `tree/main/…`.
const REPOSITORY: &str = "https://github.com/shakedown-rs/shakedown/";
