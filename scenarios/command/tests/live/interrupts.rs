//! Sweeps that somebody interrupts: what was found until then is told, and the exit code says that it is not all.

use crate::stage::{Said, Stage};
use crate::tests;
use shakedown::core::signal::Signal;
use std::time::Duration;

tests! {
    an_interrupted_sweep_keeps_what_was_found,
    an_interrupted_exploration_says_how_far_it_came,
    an_interrupted_real_run_ends_its_session_and_tells_those_before,
    a_second_interrupt_ends_the_program_at_once,
}

/// It fails in one seed of two, and there is no end of seeds.
const FAILS: &str = "schema = 1\nname = \"coin\"\n[workers.a]\npuppet = \"sleep 0ms..1ms; exit 0\"\n\
    [[expect]]\nalways = \"a exited within 500us of session started\"\n";

fn summary(said: &Said) -> serde_json::Value {
    let line = said.out.lines().last().unwrap_or_else(|| panic!("nothing was said: {said:?}"));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn an_interrupted_sweep_keeps_what_was_found() {
    let stage = Stage::new("sweep");
    let file = stage.file("coin.toml", FAILS);
    let junit = stage.path("report.xml");
    let report = format!("junit={}", junit.display());
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let args = ["sim", &file, "--seeds", "1000000000", "--format", "json", "--report", &report];
        let sweep = stage.begin(&args);
        sweep.is_at_work(signal, Duration::from_millis(300));
        sweep.signal(signal);
        let said = sweep.ends();
        assert_eq!(said.code, Some(code), "{said:?}");
        assert!(said.err.contains("interrupted: what follows is what was played until then"), "{said:?}");
        assert!(said.out.contains("\"type\":\"failure\""), "{said:?}");
        let summary = summary(&said);
        let count = |key: &str| summary[key].as_u64().expect("a number");
        assert!(count("runs") > 0 && count("failed") > 0 && count("runs") < 1_000_000_000, "{summary}");
        assert_eq!(summary["exit"], code);
        let text = std::fs::read_to_string(&junit).expect("the report is written");
        assert!(text.contains("<failure"), "{text}");
        std::fs::remove_file(&junit).expect("it is there");
    }
}

fn an_interrupted_exploration_says_how_far_it_came() {
    let stage = Stage::new("explore");
    let text = "schema = 1\nname = \"wide\"\n[workers.a]\npuppet = \"repeat 60 { print x }; exit 0\"\n\
        [workers.b]\npuppet = \"repeat 60 { print x }; exit 0\"\n[workers.c]\npuppet = \"repeat 60 { print x }; exit 0\"\n";
    let file = stage.file("wide.toml", text);
    let exploration = stage.begin(&["explore", &file, "--delays", "9", "--runs", "1000000000"]);
    exploration.is_at_work(Signal::INT, Duration::from_millis(300));
    exploration.signal(Signal::INT);
    let said = exploration.ends();
    assert_eq!(said.code, Some(130), "{said:?}");
    assert!(said.out.contains("?     wide") && said.out.contains("not all was tried"), "{said:?}");
}

fn an_interrupted_real_run_ends_its_session_and_tells_those_before() {
    let stage = Stage::new("real");
    stage.file("a-brief.toml", "schema = 1\n[workers.a]\npuppet = \"exit 0\"\n");
    stage.file("b-long.toml", "schema = 1\n[workers.a]\npuppet = \"on TERM exit 0; touch there; hang\"\n");
    for args in [&["real"][..], &["compare", "--runs", "1"]] {
        let mut command = stage.command(&[args, &["a-brief.toml", "b-long.toml"]].concat());
        // It plays in a namespace of its own, or it would take us for somebody that its run has left behind. What is signalled is the
        // program that waits outside of it, as a terminal or a job engine does: it passes on.
        command.env_remove("SHAKEDOWN_NAMESPACE");
        let mut run = stage.begin_command(command);
        run.hears("a-brief");
        run.signal(Signal::INT);
        let said = run.ends();
        assert_eq!(said.code, Some(130), "{args:?}: {said:?}");
        assert!(said.err.contains("interrupted: "), "{args:?}: {said:?}");
        assert!(said.out.contains("a-brief") && !said.out.contains("b-long"), "{args:?}: {said:?}");
    }
}

fn a_second_interrupt_ends_the_program_at_once() {
    let stage = Stage::new("again");
    // Its session ends by force only, and takes its time: the second interrupt does not wait for it.
    let file = stage.file("coin.toml", FAILS);
    let sweep = stage.begin(&["sim", &file, "--seeds", "1000000000"]);
    sweep.is_at_work(Signal::INT, Duration::from_millis(100));
    sweep.signal(Signal::INT);
    // Whether the first has ended it by then or not: it is over, and says that it is not all.
    let again = sweep.try_signal(Signal::TERM);
    let said = sweep.ends();
    assert!(matches!(said.code, Some(130 | 143)), "{again:?}: {said:?}");
}
