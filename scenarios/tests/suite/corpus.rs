//! The corpus: every scenario of this folder is loaded, held to its house rules, and played. The full sweeps are the command's.

use shakedown::format::{Scenario, find, load, render_all};
use shakedown::sweep::{Job, Progress, Seeds, sweep};
use shakedown_sim::choose::Strategy;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SUBJECTS: &[&str] = &[
    "action",
    "conformance",
    "exit",
    "fault",
    "order",
    "output",
    "proxy",
    "ready",
    "regress",
    "restart",
    "spawn",
    "stdin",
    "stop",
    "supervisor",
    "task",
    "tree",
];

/// What generated conformance has found and shrunk (`just conform`): played like the others, and held against Linux by `compare`. Such
/// a file expects nothing of its own, and the machine has written it.
const GENERATED: &str = "conformance";

/// Every scenario that a person has written.
pub fn corpus() -> Vec<Arc<Scenario>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(GENERATED);
    let mut all = everything();
    all.retain(|scenario| !Path::new(&*scenario.file).starts_with(&folder));
    all
}

/// Every scenario, found as the command finds it: from the folder above.
fn everything() -> Vec<Arc<Scenario>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let (files, wrong) = find(std::slice::from_ref(&folder));
    assert!(wrong.is_empty(), "{}", render_all(&wrong, false));
    for file in &files {
        let subject = file.strip_prefix(&folder).ok().and_then(Path::parent).and_then(Path::to_str);
        let known = subject.is_some_and(|subject| SUBJECTS.contains(&subject) || subject == GENERATED);
        assert!(known, "{} is in no folder of the corpus: {}", file.display(), SUBJECTS.join(", "));
    }
    let read =
        |file: &PathBuf| load(file).map(Arc::new).unwrap_or_else(|wrong| panic!("{}", render_all(&wrong, false)));
    files.iter().map(read).collect()
}

#[test]
fn every_scenario_says_what_it_is_about_and_is_swept_far_enough() {
    let corpus = corpus();
    assert!(corpus.len() >= 15, "{} scenarios", corpus.len());
    for scenario in &corpus {
        assert!(scenario.about.len() >= 40, "{} is about what? {:?}", scenario.file, scenario.about);
        assert!(scenario.seeds >= 7000, "{} plays {} seeds", scenario.file, scenario.seeds);
        for case in scenario.cases() {
            assert_eq!(case.without_sim(), None, "{}", scenario.file);
            assert!(!case.expectations.list.is_empty(), "{} expects nothing", scenario.file);
        }
    }
    let mut names: Vec<&str> = corpus.iter().map(|scenario| &*scenario.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), corpus.len(), "two scenarios share a name");
    let unreal: Vec<&str> = corpus.iter().filter(|scenario| !scenario.real).map(|scenario| &*scenario.name).collect();
    assert!(unreal.len() <= 2, "not played for real: {unreal:?}");
}

/// For real, a number of that range is anybody's: a connection that some other program makes may have it just then
/// (ip(7), `ip_local_port_range`: 32768 to 60999).
#[test]
fn no_port_of_the_corpus_is_one_that_linux_gives_to_connections() {
    for scenario in corpus() {
        let text = std::fs::read_to_string(&*scenario.file).unwrap();
        for before in ["listen ", "127.0.0.1:"] {
            let ports = text.split(before).skip(1).filter_map(|rest| {
                let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
                digits.parse::<u16>().ok()
            });
            for port in ports {
                assert!(!(32768..=60999).contains(&port), "{}: {port}", scenario.file);
            }
        }
    }
}

#[test]
fn every_case_holds_over_fifty_seeds_of_each_strategy() {
    for strategy in Strategy::ALL {
        let jobs = Job::all(&everything(), Seeds::First(50), strategy);
        let result = sweep(&jobs, 2, false, &Progress::default());
        for (job, case) in jobs.iter().zip(&result.cases) {
            let name = format!("{} {}, {strategy}", job.scenario.name, job.case.label);
            assert_eq!((case.runs, case.failed, case.failures.as_slice()), (50, 0, [].as_slice()), "{name}");
            assert!(case.unsteady.is_empty(), "{name}: {:?}", case.unsteady);
            // An allowance that strategies of order alone do not need is needed by the default one.
            assert!(case.unused.is_empty() || strategy != Strategy::Random, "{name}: {:?}", case.unused);
        }
    }
}

/// The races of the corpus: each order of the two events is a `sometimes`, and is seen by chance alone.
#[test]
fn both_orders_of_every_race_are_seen() {
    let mut corpus = corpus();
    corpus.retain(|scenario| RACES.contains(&&*scenario.name));
    assert_eq!(corpus.len(), RACES.len(), "every race is in the corpus");
    let jobs = Job::all(&corpus, Seeds::First(1000), Strategy::default());
    let result = sweep(&jobs, 2, false, &Progress::default());
    for (job, case) in jobs.iter().zip(&result.cases) {
        assert!(case.hits.len() >= 2, "{} names both orders", job.scenario.name);
        for (sentence, hits) in job.case.expectations.sometimes().zip(&case.hits) {
            assert!(*hits > 0, "{}: {sentence} was not seen in 1000 runs", job.scenario.name);
        }
        // Of a stop, a step and an answer that meet there are six orders.
        assert!(case.distinct >= 6, "{}: only {} distinct traces", job.scenario.name, case.distinct);
    }
}

const RACES: &[&str] =
    &["term-before-the-handler", "exit-races-stop", "double-stop-kills", "double-stop-joins", "stop-during-start"];
