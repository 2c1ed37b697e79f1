//! Mistakes, each at its place: line and column are what a person clicks on.

use super::*;

/// The lines, columns and messages of what is wrong.
fn wrong(text: &str) -> Vec<(usize, usize, String)> {
    let errors = read("x.toml", text).expect_err(text);
    errors.iter().map(|e| (e.line, e.column, format!("{}|{}", e.message, e.hint.as_deref().unwrap_or("")))).collect()
}

#[test]
fn what_is_expected_of_a_journal_names_one_record_of_a_session_that_keeps_one() {
    let text = |session: &str, journal: &str| {
        format!("schema = 1\n[session]\n{session}\n[workers.a]\npuppet = \"hang\"\n[[expect]]\njournal = {journal}\n")
    };
    for (session, journal, line, column, part) in [
        ("status = true", "{ holds = \"a failed\" }", 7, 1, "keeps no journal"),
        ("journal = \"block\"", "{ }", 7, 11, "what of the journal?"),
        ("journal = \"block\"", "{ holds = \"a failed\", lacks = \"a ready\" }", 7, 41, "one record an expectation"),
        ("journal = \"block\"", "{ holds = \"b failed\" }", 7, 22, "unknown subject `b`"),
        ("journal = \"block\"", "{ holds = \"a failed\", wth = {} }", 7, 33, "did you mean `with`?"),
    ] {
        let found = wrong(&text(session, journal));
        assert_eq!((found[0].0, found[0].1), (line, column), "{journal}: {found:#?}");
        assert!(found[0].2.contains(part), "{journal}: {found:#?}");
    }
    assert!(
        read("x.toml", &text("journal = \"block\"", "{ lacks = \"* failed\", with = { status = \"x\" } }")).is_ok()
    );
    check(
        &format!("{SMALL}[session]\njournal = \"block\"\n[[faults]]\nkind = \"torn-write\"\nchance = 1\n"),
        7,
        8,
        "nothing crashes here",
    );
}

#[test]
fn a_crash_is_followed_by_a_recovery_and_both_are_the_session_s() {
    const CRASH: &str = "[[stimuli]]\ndo = \"crash-host\"\n";
    const RECOVER: &str = "[[stimuli]]\ndo = \"recover\"\n";
    for (text, line, column, part) in [
        (CRASH.to_string(), 5, 6, "nobody takes over after this crash"),
        (RECOVER.to_string(), 5, 6, "no crash to recover from"),
        (format!("{CRASH}{CRASH}{RECOVER}"), 7, 6, "nobody takes over"),
        (format!("{CRASH}on = \"a\"\n{RECOVER}"), 6, 1, "the supervisor is killed"),
        (format!("{CRASH}{RECOVER}when = \"a started\"\n"), 8, 1, "counts from the crash"),
        (format!("{CRASH}{RECOVER}count = 2\n"), 8, 1, "a stimulus of its own"),
    ] {
        check(&format!("{SMALL}{text}"), line, column, part);
    }
    assert!(read("x.toml", &format!("{SMALL}{CRASH}{RECOVER}")).is_ok());
}

fn check(text: &str, line: usize, column: usize, part: &str) {
    let found = wrong(text);
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    assert_eq!((found[0].0, found[0].1), (line, column), "{text}\n{found:#?}");
    assert!(found[0].2.contains(part), "{text}\n{found:#?}");
}

#[test]
fn mistakes_of_a_document_stand_at_their_place() {
    for (text, line, column, part) in [
        ("[workers.a]\npuppet = \"hang\"", 1, 1, "`schema` is missing"),
        ("schema = 2\n[workers.a]\npuppet = \"hang\"", 1, 10, "this schema is not known|this version reads 1"),
        ("schema = 1", 1, 1, "there is no worker"),
        ("schema = 1\nnmae = \"x\"\n[workers.a]\npuppet = \"hang\"", 2, 1, "did you mean `name`?"),
        ("schema = 1\nname = 3\n[workers.a]\npuppet = \"hang\"", 2, 8, "`name` is a text in quotes, not an integer"),
        ("schema = 1\nreal = false\n[workers.a]\npuppet = \"hang\"", 2, 1, "needs a reason"),
        ("schema = 1\nreal-reason = \"x\"\n[workers.a]\npuppet = \"hang\"", 2, 1, "add `real = false`"),
        ("schema = 1\n[workers.session]\npuppet = \"hang\"", 2, 10, "cannot be called `session`"),
        ("schema = 1\n[workers.\"a b\"]\npuppet = \"hang\"", 2, 10, "`a b` is not a worker's name"),
        ("schema = 1\n[workers]\na = 3", 3, 5, "a worker is a table, not an integer"),
        ("schema = 1\n[workers.a]", 2, 10, "neither `puppet` nor `command`"),
        ("schema = 1\n[workers.a]\npupet = \"hang\"", 3, 1, "did you mean `puppet`?"),
        ("schema = 1\n[workers.a]\nkind = \"task\"\npuppit = \"hang\"", 4, 1, "did you mean `puppet`?"),
        ("schema = 1\n[workers.a]\ncommand = \"ls -l\"", 3, 11, "command = [\"ls\", \"-l\"]"),
        ("schema = 1\n[workers.a]\ncommand = []", 3, 11, "names no program"),
        ("schema = 1\n[workers.a]\npuppet = \"hang\"\nsim = \"hang\"", 4, 7, "`sim` stands for a `command`"),
        ("schema = 1\n[workers.a]\npuppet = \"hang\"\nkind = \"proces\"", 4, 8, "did you mean `process`?"),
        ("schema = 1\n[workers.a]\nkind = \"task\"", 2, 10, "task `a` has no `puppet`"),
        ("schema = 1\n[workers.a]\npuppet = \"hang; slep 1s\"", 3, 17, "did you mean `sleep`?"),
        ("schema = 1\n[workers.a]\npuppet = \"\"\"\nhang\n  sleep 1q\n\"\"\"", 5, 9, "`q` is not a unit"),
        ("schema = 1\n[workers.a]\npuppet = \"print \\\"\\\\q\\\"\"", 3, 19, "is not an escape"),
        ("schema = 1\n[workers.a]\nkind = \"task\"\npuppet = \"hang; setsid\"", 4, 17, "a task cannot play `setsid`"),
        ("schema = 1\n[workers.a]\nkind = \"task\"\npuppet = \"on INT ignore # kill\"", 4, 11, "cannot play `on INT`"),
        ("schema = 1\n[workers.a]\nkind = \"task\"\npuppet = \"print 'kill; x'; hang\"", 4, 24, "unknown verb `x'`"),
    ] {
        check(text, line, column, part);
    }
}

#[test]
fn mistakes_of_a_worker_s_stop_stand_at_their_place() {
    for (stop, column, part) in [
        ("{ grce = \"1s\" }", 10, "did you mean `grace`?"),
        ("{ grace = 5 }", 18, "write a unit, as in \"5ms\""),
        ("{ grace = \"5\" }", 18, "has no unit"),
        ("{ grace = \"1s..2s\" }", 18, "is not a unit"),
        ("{ grace = \"31s\" }", 18, "longer than the session's stop budget of 30s"),
        ("{ signal = \"TRM\" }", 19, "did you mean `TERM`?"),
        ("{ signal-to = \"all\" }", 22, "unknown receiver of signals `all`"),
        ("{ scope = \"goup\" }", 18, "did you mean `group`?"),
        ("\"TERM\"", 8, "`stop` is a table, not a text"),
    ] {
        check(&format!("{SMALL}stop = {stop}\n"), 4, column, part);
    }
    let text = format!("{SMALL}[session]\nstop-budget = \"1s\"\n");
    check(&text, 5, 15, "a grace of 10s (the default), longer than");
}

#[test]
fn mistakes_of_stimuli_stand_at_their_place() {
    for (keys, line, column, part) in [
        ("at = \"1s\"", 4, 1, "this stimulus does nothing"),
        ("do = \"stopp\"", 5, 6, "did you mean `stop`?"),
        ("do = \"stop\"\nat = \"2s..1s\"", 6, 6, "ends before it begins"),
        ("do = \"stop\"\non = \"b\"", 6, 6, "unknown worker `b`"),
        ("do = \"signal\"\nsignal = \"HUP\"", 5, 6, "needs a worker"),
        ("do = \"signal\"\non = \"a\"", 5, 6, "needs `signal`"),
        ("do = \"stop\"\nsignal = \"HUP\"", 6, 1, "`signal` does nothing here"),
        ("do = \"stop\"\nwhen = \"a\"", 6, 9, "`a` does what?"),
        ("do = \"stop\"\nwhen = \"b started\"", 6, 9, "unknown subject `b`"),
        ("do = \"stop\"\nwhen = \"a startd\"", 6, 11, "did you mean `started`?"),
        ("do = \"stop\"\nwhen = \"a/main ready\"", 6, 16, "`a/main` is never `ready`"),
        ("do = \"stop\"\nwhen = \"a started|ready\"", 6, 8, "names one event"),
        ("do = \"stop\"\nwhen = \"a started before a ready\"", 6, 9, "a clause is too much here"),
    ] {
        check(&format!("{SMALL}[[stimuli]]\n{keys}\n"), line, column, part);
    }
    check(&format!("{SMALL}[stimuli]\ndo = \"stop\"\n"), 4, 2, "write `[[stimuli]]`");
}

#[test]
fn mistakes_of_expectations_stand_at_their_place() {
    for (keys, column, part) in [
        ("never = \"b spawn\"", 10, "unknown subject `b`"),
        ("never = \"a spwan\"", 12, "did you mean `spawn`?"),
        ("never = \"session ready\"", 18, "a session is never `ready`"),
        ("never = \"x* ready\"", 10, "fits no worker and no process"),
        ("always = \"a ready\"", 10, "this always holds"),
        ("always = \"a ready wihtin 1s of a spawn\"", 19, "did you mean `within`?"),
        ("always = \"a ready within 1 of a spawn\"", 26, "has no unit"),
        ("always = \"a ready within 1s from a spawn\"", 29, "`of` or `after` is expected"),
        ("order = [\"a ready\"]", 9, "at least two"),
        ("order = [\"a ready\", \"a redy\"]", 24, "did you mean `ready`?"),
        ("final = { a = \"exited(0)\" }", 16, "its leading process is `a/main`"),
        ("final = { \"a/main\" = \"stopped\" }", 23, "is a state of workers"),
        ("final = { a = \"stopped|kiled\" }", 24, "did you mean `killed`?"),
        ("final = { b = \"stopped\" }", 11, "unknown subject `b`"),
        ("final = { session = \"stopped\" }", 11, "the session has no final status"),
        ("count = { exactly = 1 }", 9, "counts no event"),
        ("count = { event = \"a ready\" }", 9, "says not how often"),
        ("count = { event = \"a ready\", exactly = -1 }", 40, "`exactly` is between 0"),
        ("allow = \"no-orphan\"\non = \"a\"", 9, "for a reason"),
        ("allow = \"no-orphans\"\non = \"a\"\nreason = \"x\"", 9, "did you mean `no-orphan`?"),
        ("never = \"a spawn\"\nreason = \"x\"", 1, "belongs to `allow`"),
        ("check = \"mine\"", 9, "no Rust oracle `mine` is registered"),
    ] {
        let line = if keys.contains("\nreason = \"x\"") && keys.starts_with("never") { 6 } else { 5 };
        check(&format!("{SMALL}[[expect]]\n{keys}\n"), line, column, part);
    }
    check(&format!("{SMALL}[[expect]]\n"), 4, 1, "this expects nothing");
}

#[test]
fn mistakes_of_axes_stand_where_they_were_written() {
    for (axis, column, part) in [
        ("\"defaults.stop.grce\" = [\"1s\"]", 1, "did you mean `grace`?"),
        ("\"defaults.stop.grace\" = [\"1s\", \"2\"]", 32, "has no unit"),
        ("\"defaults.stop.grace\" = [\"1s\", \"40s\"]", 32, "longer than the session's stop budget"),
        ("\"workers.b.stop.grace\" = [\"1s\"]", 1, "unknown worker `b`"),
        ("\"wrokers.a.stop.grace\" = [\"1s\"]", 1, "did you mean `workers`?"),
        ("\"stimuli.0.at\" = [\"1s\"]", 1, "there is no `stimuli.0.at`"),
        ("\"limits\" = [\"1s\"]", 1, "is not a dotted key"),
        ("\"limits.time\" = []", 17, "has no values"),
        ("limits.time = [\"1s\"]", 1, "write the whole key in quotes"),
    ] {
        check(&format!("{SMALL}[sweep.axes]\n{axis}\n"), 5, column, part);
    }
    let deep = format!("{SMALL}[sweep.axes]\n\"limits{}\" = [1]\n", ".a".repeat(100_000));
    check(&deep, 5, 1, "is not a dotted key");
    let many = format!("{SMALL}[sweep.axes]\n\"limits.steps\" = [{}]\n", "1,".repeat(CASES_MAX + 1));
    check(&many, 4, 8, "more than 1000 cases");
}

/// Two workers, `a` on line 2 and `b` on line 4; what follows belongs to `b`.
const TWO: &str = "schema = 1\n[workers.a]\npuppet = \"hang\"\n[workers.b]\n";

#[test]
fn mistakes_of_restarts_and_readiness_are_told_at_their_places() {
    for (keys, column, part) in [
        ("restart = { policy = \"allways\" }", 22, "did you mean `always`?"),
        ("restart = \"sometimes\"", 11, "unknown restart policy"),
        ("restart = { initial = \"2s\", max = \"1s\" }", 35, "`max` is shorter than `initial`"),
        ("restart = { factor = 0.5 }", 22, "`factor` is a number between 1 and 1000"),
        ("restart = { jitter = \"ten\" }", 22, "`jitter` is a number between 0 and 10"),
        ("restart = { success = [256] }", 24, "an exit code is between 0 and 255"),
        ("ready = { every = \"1s\" }", 9, "`ready` has no probe"),
        ("ready = { log = \"x\", delay = \"1s\" }", 22, "more than one probe"),
        ("ready = { tcp = \"8080\" }", 17, "`tcp` is an address and a port"),
        ("ready = { http = \"https://localhost/\" }", 18, "`http` is an address of plain HTTP"),
        ("ready = { newline-fd = 2 }", 24, "`newline-fd` is between 3 and 255"),
        ("ready = { delay = \"40s\" }", 9, "it would be stopped before it is ready"),
        ("stop = { pre-stop = { within = \"1s\" } }", 21, "`pre-stop` has no `command`"),
        ("strategy = \"one-for-all\"", 1, "only a supervisor has `strategy`"),
        ("upstream = \"a\"", 1, "only a proxy has `upstream`"),
    ] {
        check(&format!("{TWO}puppet = \"hang\"\n{keys}\n"), 6, column, part);
    }
}

#[test]
fn mistakes_of_relations_are_told_at_their_places() {
    for (keys, line, column, part) in [
        ("puppet = \"hang\"\nafter = { c = \"ready\" }", 6, 11, "unknown worker `c`"),
        ("puppet = \"hang\"\nafter = { a = \"up\" }", 6, 15, "unknown condition `up`"),
        ("puppet = \"hang\"\nafter = { b = \"ready\" }", 6, 1, "`b` waits for itself: b → b"),
        ("puppet = \"hang\"\nafter = { a = \"ready\" }\nstop-after = [\"a\"]", 6, 1, "`b` waits for itself"),
        ("kind = \"proxy\"\npuppet = \"hang\"", 6, 1, "a proxy has no `puppet`"),
        ("kind = \"proxy\"\nrole = \"both\"", 6, 8, "unknown role of a proxy `both`"),
        ("kind = \"proxy\"\nrole = \"reverse\"", 4, 10, "reverse proxy `b` has no `upstream`"),
        ("kind = \"proxy\"\nrole = \"forward\"\nupstream = \"a\"", 7, 1, "a forward proxy has no `upstream`"),
        ("kind = \"proxy\"\nlisten = \"8080\"", 6, 10, "`listen` is an address and a port"),
        ("kind = \"proxy\"\nstop = { proxy-drain = \"2\" }", 6, 24, "`2` has no unit"),
        ("puppet = \"hang\"\n[[stimuli]]\ndo = \"request\"\non = \"a\"", 7, 6, "only a proxy has clients"),
        ("kind = \"supervisor\"", 4, 10, "supervisor `b` has no `children`"),
        ("kind = \"supervisor\"\nchildren = []", 6, 12, "a supervisor without children has nothing to do"),
        ("kind = \"supervisor\"\nchildren = [\"a\", \"a\"]", 6, 18, "this child is named twice"),
        ("kind = \"supervisor\"\nchildren = [\"b\"]", 6, 1, "`b` is below itself"),
        ("kind = \"supervisor\"\nchildren = [\"a\"]\npuppet = \"hang\"", 7, 1, "a supervisor has no `puppet`"),
        ("kind = \"supervisor\"\nchildren = [\"a\"]\nafter = { a = \"ready\" }", 7, 1, "have different parents"),
        ("puppet = \"hang\"\n[workers.c]\nkind = \"proxy\"\nupstream = \"d\"", 8, 12, "unknown worker `d`"),
        (
            "kind = \"supervisor\"\nchildren = [\"a\"]\n[workers.c]\nkind = \"supervisor\"\nchildren = [\"a\"]",
            9,
            1,
            "`a` is a child of `b` already",
        ),
        (
            "puppet = \"hang\"\nstop = { grace = \"25s\" }\nafter = { a = \"ready\" }",
            6,
            1,
            "one after the other, b, a may take 35s to stop",
        ),
    ] {
        check(&format!("{TWO}{keys}\n"), line, column, part);
    }
}

#[test]
fn what_is_not_built_yet_is_no_mistake() {
    for (text, line, what) in [
        ("kind = \"container\"", 4, "kind of worker `container`"),
        ("kind = \"task\"\nenv = { A = \"b\" }", 5, "`env` of a task"),
        ("[[stimuli]]\ndo = \"stop\"\non = \"a/main\"", 6, "a stimulus on a process"),
        ("[[faults]]\nkind = \"crash\"\non = \"session\"\nchance = 1", 6, "a fault of the session itself"),
    ] {
        let errors = read("x.toml", &format!("{SMALL}{text}\n")).expect_err(text);
        assert_eq!(errors.len(), 1, "{text}\n{errors:#?}");
        assert_eq!((errors[0].line, errors[0].kind), (line, DiagnosticKind::NotSupportedYet), "{errors:#?}");
        assert_eq!(errors[0].message, format!("{what} is not supported yet"));
    }
    check(&format!("{SMALL}[sweep]\nseed = 1\n"), 5, 1, "did you mean `seeds`?");
}

const FIVE: &str = r#"schema = 1
name = "five"

[session]
stop-bugdet = "30s"

[workers.server]
puppet = """
print ready
spwan helper { hang }
hang
"""
stop = { grace = "3 s" }

[[stimuli]]
do = "stop"
on = "sever"

[[expect]]
never = "server spawn after sesion stopped"
"#;

#[test]
fn five_mistakes_are_told_at_once() {
    let errors = read("five.toml", FIVE).expect_err("five mistakes");
    let places: Vec<(usize, usize)> = errors.iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(places, [(5, 1), (10, 1), (13, 18), (17, 6), (20, 29)]);
    assert!(errors.iter().all(|error| error.kind == DiagnosticKind::Mistake));
    insta::assert_snapshot!(render_all(&errors, false));
}

#[test]
fn broken_toml_is_told_as_such_and_all_of_it() {
    let found = wrong("schema = \n[workers.a\npuppet = \"hang\"\npuppet = 3\n");
    assert!(
        found.len() >= 2 && found.iter().all(|(_, _, message)| message.starts_with("this is not TOML")),
        "{found:?}"
    );
    assert_eq!(found[0].0, 1);
}
