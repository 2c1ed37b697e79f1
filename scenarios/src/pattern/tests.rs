//! Claims about patterns: what a sentence says, over histories of a few lines. The tables are the meaning of the contract.

use super::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::puppet;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{
    ExitStatus, Fact, FactRecord, Outcome, OutputTally, ProcessEvent, ProcessWhat, Reason, Requester, Stream,
    Subject as FactSubject, Target, WorkerState,
};
use std::sync::Arc;

const WORKERS: [&str; 3] = ["server", "db", "a"];

/// `server` is a process with a helper and a daemon, `db` a process, `a` a task.
fn names() -> Arc<Names> {
    let server = puppet::parse("on TERM { spawn helper { hang } }; daemonize d { hang }").unwrap();
    let db = puppet::parse("hang").unwrap();
    let plan = vec![("server".into(), Some(Some(server))), ("db".into(), Some(Some(db))), ("a".into(), None)];
    Arc::new(Names::new(plan))
}

fn ms(n: u64) -> Instant {
    Instant::from_nanos(n * 1_000_000)
}

fn ended(state: WorkerState, at: Instant) -> Fact {
    Fact::Ended(Arc::new(Outcome {
        state,
        status: ExitStatus::Exited(0),
        reason: Reason::Natural,
        requested_by: None,
        survivors: Vec::new(),
        holders: Vec::new(),
        output: OutputTally::default(),
        incarnation: 1,
        spawned_at: Instant::ZERO,
        ended_at: at,
        start_error: None,
        unmet: None,
        circuit_breaker: false,
    }))
}

fn fact(word: &str, at: Instant) -> Fact {
    match word {
        "spawn" => Fact::Spawn,
        "started" => Fact::Started { pid: Some(7) },
        "ready" => Fact::Ready,
        "stop-requested" => Fact::StopRequested { by: Requester::User, deadline: Instant::NEVER },
        "signalled" => Fact::Signalled { signal: Signal::TERM, target: Target::Scope, by: Requester::User },
        "exited" => Fact::Exited { status: ExitStatus::Exited(0) },
        "output" => Fact::Output { stream: Stream::Stdout, line: b"x"[..].into(), complete: true },
        "finished" => ended(WorkerState::Finished, at),
        "stopped" => ended(WorkerState::Stopped, at),
        "killed" => ended(WorkerState::Killed, at),
        "failed" => ended(WorkerState::Failed, at),
        other => panic!("no fact `{other}` in these tests"),
    }
}

/// A history from lines such as `5 server started` and `6 server/helper#12 exited 0`.
fn history(lines: &str) -> History {
    let mut history = History::new(names());
    for line in lines.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let at = ms(words[0].parse().unwrap());
        if words[1].contains('/') {
            let (name, pid) = words[1].split_once('#').unwrap_or((words[1], "9"));
            let what = match (words[2], words.get(3)) {
                ("started", None) => ProcessWhat::Started,
                ("exited", Some(code)) => ProcessWhat::Exited(ExitStatus::Exited(code.parse().unwrap())),
                ("died", Some(name)) => {
                    let signal = Signal::parse(name).unwrap();
                    ProcessWhat::Exited(ExitStatus::Signalled { signal, core: false })
                }
                ("signalled", Some(name)) => ProcessWhat::Signalled(Signal::parse(name).unwrap()),
                other => panic!("{other:?}"),
            };
            history.process(&ProcessEvent { at, name: name.into(), pid: pid.parse().unwrap(), what });
            continue;
        }
        let worker = WORKERS.iter().position(|name| *name == words[1]);
        let subject = worker.map_or(FactSubject::Session, |n| FactSubject::Worker(WorkerId(n as u32)));
        let fact = match (subject, words[2]) {
            (FactSubject::Session, "stopped") => Fact::SessionStopped,
            (FactSubject::Session | FactSubject::Worker(_), word) => fact(word, at),
        };
        history.fact(&FactRecord { seq: 0, at, subject, incarnation: 1, unit: None, fact });
    }
    history
}

fn rule(text: &str) -> Rule {
    let sentence = parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    compile(text, &sentence, &names()).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn judged(expectation: Expectation, lines: &str) -> Vec<Failure> {
    Expectations { list: vec![("it".into(), expectation)] }.judge(&history(lines))
}

/// Rows of sentence, history, and the moment of the breach, if there is one.
fn check(make: fn(Rule) -> Expectation, rows: &[(&str, &str, Option<u64>)]) {
    for (text, lines, breach) in rows {
        let failures = judged(make(rule(text)), lines);
        assert_eq!(failures.first().map(|failure| failure.at), breach.map(ms), "{text}\n{lines}\n{failures:?}");
    }
}

#[test]
fn always_holds_whenever() {
    let within = "session stopped within 30ms of session stop-requested";
    check(
        Expectation::Always,
        &[
            // Anchored at Y: no Y owes nothing, each Y owes an X.
            (within, "", None),
            (within, "1 session stopped", None),
            (within, "5 session stop-requested; 35 session stopped", None),
            (within, "5 session stop-requested; 36 session stopped", Some(35)),
            (within, "5 session stop-requested; 20 db exited", Some(20)),
            (within, "5 session stop-requested; 9 session stopped; 10 session stop-requested; 90 db exited", Some(40)),
            // What came before, even in the same instant, does not follow.
            (within, "5 session stopped; 5 session stop-requested", Some(5)),
            (within, "5 session stop-requested; 5 session stopped", None),
            ("a exited within 5ms after a signalled", "1 a signalled; 6 a exited", None),
            // Every B has an A before it.
            ("a ready before session stopped", "1 session stopped", Some(1)),
            ("a ready before session stopped", "1 a ready; 2 session stopped", None),
            ("a ready before session stopped", "2 session stopped; 3 a ready", Some(2)),
            ("a ready before session stopped", "1 a ready", None),
            // Every X has a Y before it.
            ("a spawn after db ready", "1 a spawn; 2 db ready", Some(1)),
            ("a spawn after db ready", "1 db ready; 2 a spawn; 3 a spawn", None),
            ("a spawn after db ready", "1 db ready", None),
            // Excuses count from the moment at which they happen.
            ("a spawn after db ready unless db failed", "1 db failed; 2 a spawn", None),
            ("a spawn after db ready unless db failed", "1 a spawn; 2 db failed", Some(1)),
            ("a exited within 5ms of a signalled unless db failed", "1 a signalled; 6 db failed; 9 a exited", None),
            ("a exited within 5ms of a signalled unless db failed", "1 a signalled; 7 db failed; 9 a exited", Some(6)),
            // Several clauses hold each by its own rule; the first breach is told.
            ("a exited within 5ms of a signalled after a spawn", "1 a signalled; 2 a exited", Some(2)),
            ("a exited within 5ms of a signalled after a spawn", "0 a spawn; 1 a signalled; 2 a exited", None),
        ],
    );
}

#[test]
fn never_means_no_such_occurrence() {
    let after = "server spawn after session stop-requested";
    check(
        Expectation::Never,
        &[
            ("db failed", "", None),
            ("db failed", "4 db failed", Some(4)),
            (after, "1 server spawn; 2 session stop-requested", None),
            (after, "2 session stop-requested; 3 server spawn; 4 server spawn", Some(3)),
            ("a exited before db exited", "1 a exited", None),
            ("a exited before db exited", "1 a exited; 2 db exited", Some(1)),
            ("a ready within 5ms of a spawn", "1 a spawn; 7 a ready", None),
            ("a ready within 5ms of a spawn", "1 a spawn; 6 a ready", Some(6)),
            ("a spawn after session stopped unless db failed", "1 session stopped; 2 db failed; 3 a spawn", None),
            ("a spawn after session stopped unless db failed", "1 session stopped; 2 a spawn; 3 db failed", Some(2)),
            // Alternatives and globs, on both sides.
            ("a|db failed|killed", "4 server failed; 5 db killed", Some(5)),
            ("* failed", "4 server failed", Some(4)),
            ("* stopped", "4 session stopped", None),
            ("server/* started", "4 server/helper started", Some(4)),
            ("*/main started", "4 server/helper started; 5 db/main started", Some(5)),
            ("* started", "4 server/helper started", None),
            ("?b output", "4 db output", Some(4)),
        ],
    );
}

#[test]
fn counts_count_occurrences() {
    for (text, least, most, lines, holds) in [
        ("a started", 1, 1, "1 a started", true),
        ("a started", 1, 1, "1 a started; 2 a started", false),
        ("a started", 1, 1, "", false),
        ("a|db started", 2, 9, "1 a started; 2 db started", true),
        ("a output after db ready", 0, 1, "1 a output; 2 db ready; 3 a output", true),
        ("a output after db ready", 0, 1, "1 db ready; 2 a output; 3 a output", false),
        ("server/helper signalled", 1, 1, "1 server/helper signalled TERM", true),
    ] {
        let failures = judged(Expectation::Count { rule: rule(text), least, most }, lines);
        assert_eq!(failures.is_empty(), holds, "{text}: {lines}: {failures:?}");
    }
}

#[test]
fn an_order_is_of_first_occurrences_and_strict() {
    for (texts, lines, holds) in [
        (vec!["a stopped", "db stopped|killed"], "1 a stopped; 2 db killed", true),
        (vec!["a stopped", "db stopped|killed"], "1 db killed; 2 a stopped", false),
        (vec!["a stopped", "db stopped"], "1 a stopped", false),
        (vec!["a stopped", "db stopped"], "1 a stopped; 1 db stopped", true),
        (vec!["a output", "db output"], "1 db output; 2 a output; 3 db output", false),
        (vec!["a output", "a|db output"], "1 a output; 2 db output", false),
    ] {
        let matchers = texts.iter().map(|text| matcher(text, &parse_phrase(text).unwrap(), &names()).unwrap());
        let failures = judged(Expectation::Order(matchers.collect()), lines);
        assert_eq!(failures.is_empty(), holds, "{texts:?}: {lines}: {failures:?}");
    }
}

#[test]
fn final_asks_how_everybody_ended() {
    for (subject, statuses, lines, found) in [
        ("server", "stopped|killed", "1 server spawn; 2 server stopped", None),
        ("server", "stopped", "1 server spawn; 2 server killed", Some("killed")),
        ("server", "stopped", "1 server spawn; 2 server started", Some("running")),
        ("server", "absent", "", None),
        ("server", "pending", "", None),
        ("server", "absent", "1 server spawn; 1 server failed", Some("failed")),
        ("*", "finished", "1 a finished; 1 db finished; 1 server failed", Some("failed")),
        ("a|db", "finished", "1 a finished; 1 db finished; 1 server failed", None),
        ("server/helper", "absent", "", None),
        ("server/helper", "exited(0)", "", Some("absent")),
        ("server/helper", "exited(0)|signalled(KILL)", "1 server/helper started; 2 server/helper died KILL", None),
        (
            "server/helper",
            "signalled(KILL)",
            "1 server/helper started; 2 server/helper died TERM",
            Some("signalled(TERM)"),
        ),
        ("server/helper", "exited(0)|absent", "1 server/helper started", Some("still running")),
        (
            "server/helper",
            "exited(0)",
            "1 server/helper#1 started; 2 server/helper#2 started; 3 server/helper#2 exited 0; 4 server/helper#1 exited 1",
            Some("exited(1)"),
        ),
        ("server/d", "exited(3)", "1 server/d started; 2 server/d exited 3", None),
        ("server/main", "exited(0)", "1 server/main started; 2 server/main exited 0", None),
        ("*/main", "absent|exited(0)", "1 db/main started; 2 db/main exited 4", Some("exited(4)")),
    ] {
        let last = Final::parse(subject, statuses, &names()).unwrap();
        let failures = judged(Expectation::Final(last), lines);
        assert_eq!(failures.is_empty(), found.is_none(), "{subject} {statuses}: {lines}: {failures:?}");
        if let Some(found) = found {
            assert!(failures[0].message.contains(&format!("ended as {found},")), "{failures:?}");
        }
    }
}

#[test]
fn sometimes_leaves_a_bit_for_each_that_was_seen() {
    let sentences = ["a ready", "server ready before session stop-requested", "db failed"];
    let list = sentences.iter().map(|text| ((*text).into(), Expectation::Sometimes(rule(text)))).collect();
    let expectations = Expectations { list };
    for (lines, bits) in [
        ("", 0),
        ("1 a ready", 1),
        ("1 server ready; 2 session stop-requested; 3 db failed", 6),
        ("1 server ready; 2 db failed", 4),
    ] {
        let history = history(lines);
        assert_eq!(expectations.hits(&history), bits, "{lines}");
        assert!(expectations.judge(&history).is_empty());
    }
}

#[test]
fn a_failure_says_who_when_and_what() {
    let failures = judged(Expectation::Never(rule("server/* started")), "4 server/helper started");
    let failure = &failures[0];
    assert_eq!((&*failure.subject, failure.at, failure.index), ("server/helper", ms(4), 0));
    assert_eq!(failure.message, "server/helper started, which must never be");
    let within = rule("session stopped within 1ms of session stop-requested");
    let failures = judged(Expectation::Always(within), "5 session stop-requested; 9 db ready");
    assert_eq!(failures[0].message, "`session stopped` did not follow session stop-requested at 0.005 s");
    assert_eq!(&*failures[0].subject, "session");
}

#[test]
fn sentences_that_cannot_be_judged_say_why() {
    for (text, at, part) in [
        ("", 0..0, "a subject and an event are expected"),
        ("server", 0..6, "`server` does what?"),
        ("server exits", 7..12, "unknown event `exits`"),
        ("server exited|exitd", 14..19, "did you mean `exited`?"),
        ("server exited||ready", 7..20, "an alternative is empty"),
        ("server | db exited", 7..8, "an alternative is empty"),
        ("sever exited", 0..5, "did you mean `server`?"),
        ("a/main exited", 0..6, "unknown subject `a/main`"),
        ("server/helper ready", 14..19, "a process is never `ready`"),
        ("session exited", 8..14, "a session is never `exited`"),
        ("server exited after", 14..19, "a subject and an event are expected"),
        ("server exited within", 14..20, "`within` needs a duration"),
        ("server exited within 5s", 14..20, "needs an event to count from"),
        ("server exited within 5x of db ready", 21..23, "`x` is not a unit"),
        ("server exited before db ready before db failed", 30..36, "a second `before`"),
        ("server exited afterwards", 14..24, "is expected here, not `afterwards`"),
        ("server|session/x exited", 7..16, "unknown subject `session/x`"),
    ] {
        let errors = parse(text).and_then(|sentence| compile(text, &sentence, &names())).unwrap_err();
        let last = errors.last().unwrap();
        let error = errors.iter().find(|error| error.to_string().contains(part)).unwrap_or(last);
        assert!(error.to_string().contains(part), "{text}: {errors:?}");
        assert_eq!(error.at, at, "{text}: {errors:?}");
        assert_eq!(error.not_supported_yet, text.contains("request-cut"));
    }
}

#[test]
fn globs_do_not_cross_a_slash() {
    for (pattern, name, fits) in [
        ("*", "server", true),
        ("*", "server/main", false),
        ("*/*", "server/main", true),
        ("s*r", "server", true),
        ("s*x*r", "server", false),
        ("*er*er*er", "server", false),
        ("?erver", "server", true),
        ("server?main", "server/main", false),
        ("server/*", "server/", true),
        ("", "", true),
        ("**", "", true),
        ("a*b*c", "aXbYbZc", true),
        ("*/main", "a/b/main", false),
    ] {
        assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
    }
}

#[test]
fn a_history_merges_facts_and_processes_and_can_be_used_again() {
    let facts = [(1, Fact::Spawn), (5, Fact::Exited { status: ExitStatus::Exited(0) })].map(|(at, fact)| FactRecord {
        seq: 0,
        at: ms(at),
        subject: FactSubject::Worker(WorkerId(1)),
        incarnation: 1,
        unit: None,
        fact,
    });
    let event = |at, what| ProcessEvent { at: ms(at), name: "db/main".into(), pid: 3, what };
    let events = [
        event(2, ProcessWhat::Started),
        event(3, ProcessWhat::Installed(Signal::TERM)),
        event(5, ProcessWhat::Exited(ExitStatus::Exited(0))),
    ];
    let mut history = History::of(names(), &facts, &events);
    let words: Vec<String> =
        history.entries().iter().map(|entry| format!("{} {}", history.name(entry), entry.event.word())).collect();
    assert_eq!(words, ["db spawn", "db/main started", "db/main exited", "db exited"]);
    history.finish(ms(9));
    assert_eq!((history.end(), history.state(WorkerId(1))), (ms(9), Some(WorkerState::Draining)));
    history.settle(WorkerId(1), WorkerState::Failed);
    assert_eq!(history.state(WorkerId(1)), Some(WorkerState::Failed));
    history.clear();
    assert!(history.entries().is_empty() && history.processes().is_empty() && !history.was_spawned(WorkerId(1)));
    assert_eq!((history.end(), history.state(WorkerId(1))), (Instant::ZERO, Some(WorkerState::Pending)));
}

#[test]
fn sentences_survive_any_text() {
    let pieces = ["server", "exited", "within", "5ms", "of", "|", "*", " ", "before", "ä", "unless", "?/", "after", ""];
    let mut bits = 1u64;
    for _ in 0..5_000 {
        let mut text = String::new();
        for _ in 0..8 {
            bits = shakedown_core::site::mix(bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
            text.push_str(pieces[(bits % pieces.len() as u64) as usize]);
            text.push_str(if bits & (1 << 40) == 0 { " " } else { "" });
        }
        match parse(&text).and_then(|sentence| compile(&text, &sentence, &names())) {
            Ok(_) => {}
            Err(errors) => {
                assert!(errors.iter().all(|error| text.get(error.at.clone()).is_some()), "{text:?} {errors:?}")
            }
        }
    }
}
