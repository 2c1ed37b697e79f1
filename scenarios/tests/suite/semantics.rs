//! Holds `sim/SEMANTICS.md`: each rule of Linux that the simulated kernel follows, and the tests that prove it, collected from the
//! comments that name the rule (`/// SEMANTICS C12: …`). A rule that no test names must say why it is out.
//!
//! `SHAKEDOWN_BLESS=1 cargo test -p shakedown --test suite semantics` writes the file anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A rule: its id, its subject, and why no test proves it, where none can.
struct Rule {
    id: &'static str,
    subject: &'static str,
    out: Option<&'static str>,
}

const fn rule(id: &'static str, subject: &'static str) -> Rule {
    Rule { id, subject, out: None }
}

const fn out(id: &'static str, subject: &'static str, why: &'static str) -> Rule {
    Rule { id, subject, out: Some(why) }
}

const RULES: &[Rule] = &[
    rule("C1", "fork(2): what a child copies and starts without"),
    rule("C2", "fork(2): EAGAIN, ENOMEM"),
    rule("C3", "vfork(2), posix_spawn(3): exec failure is the caller's"),
    rule("C4", "execve(2): what stays and what does not"),
    rule("C5", "_exit(2): the order of an end"),
    rule("C5b", "descriptors are closed before anybody can wait"),
    rule("C6", "wait(2): what a status says"),
    rule("C7", "waitid(2): WNOHANG, WNOWAIT"),
    rule("C8", "wait(2): ECHILD, SIGCHLD ignored"),
    rule("C9", "zombies answer kill(2), and hold their numbers"),
    rule("C10", "a leader that ended before its threads"),
    rule("C11", "pid reuse"),
    rule("C12", "process groups: setpgid(2), kill(2) with a negative pid"),
    rule("C13", "sessions: setsid(2)"),
    rule("C14", "controlling terminals: termios(3), tty_ioctl(4)"),
    rule("C15", "orphaned process groups"),
    rule("C16", "dispositions and what is thrown away: signal(7)"),
    rule("C17", "standard signals coalesce, real-time signals queue; who acts, and in which order"),
    rule("C18", "KILL and STOP; uninterruptible sleep"),
    rule("C19", "stop and continue"),
    rule("C20", "EINTR and SA_RESTART"),
    rule("C21", "kill(2): ESRCH, EPERM, and what minus one reaches"),
    rule("C22", "pid 1 of a namespace"),
    rule("C23", "reparenting: threads, subreapers, init"),
    rule("C24", "PDEATHSIG hangs on the forking thread"),
    rule("C25", "pipe(7): capacity, pages, atomicity, EOF, EPIPE"),
    out("C26", "fifo(7)", "nothing in a script or in the library opens a named pipe; pipes are C25"),
    rule("C27", "pty(7): what is left after the last close"),
    rule("C28", "pidfds: identity, and group signals after the leader is reaped"),
    rule("C29", "cgroups(7): kill, freeze, populated, rmdir, pids.max"),
    rule("C30", "an OOM kill is a KILL"),
    rule("C31", "exit codes of shells and tools"),
    rule("C32", "getrlimit(2): NPROC, NOFILE, CORE, CPU, SIGPENDING"),
    rule("C33", "descriptor inheritance: sockets and locks that a child holds"),
    rule("C34", "clocks: MONOTONIC, BOOTTIME, REALTIME"),
    rule("C35", "identity on disk: boot id, pid, start time"),
    rule("C36", "SIGCHLD stands for one or many"),
    rule("C37", "exec in a thread that is not the first"),
    out("C38", "stdio buffering", "a property of programs, not of the kernel: a puppet's `print` is one write(2)"),
];

/// Where tests stand that prove rules.
const FOLDERS: &[&str] = &["sim/src", "sim/tests", "real/src", "real/tests", "scenarios/tests", "scenarios/src"];
const FILE: &str = "sim/SEMANTICS.md";

#[test]
fn every_rule_has_its_tests_or_says_why_it_is_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let proofs = proofs(&root);
    let unknown: Vec<&String> = proofs.keys().filter(|id| !RULES.iter().any(|rule| rule.id == **id)).collect();
    assert!(unknown.is_empty(), "tests name rules that there are not: {unknown:?}");
    for rule in RULES {
        let is_proven = proofs.contains_key(rule.id);
        assert!(is_proven != rule.out.is_some(), "{}: proven: {is_proven}, out: {:?}", rule.id, rule.out);
    }
    let expected = document(&proofs);
    let path = root.join(FILE);
    if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    }
    let found = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    assert!(
        found == expected,
        "{FILE} is out of date: SHAKEDOWN_BLESS=1 cargo test -p shakedown --test suite semantics"
    );
}

#[test]
fn a_comment_names_its_rules_and_the_test_below() {
    let text = "
    /// SEMANTICS C8, C36: of many.
    #[test]
    fn one_notice_is_enough() {}

    /// SEMANTICS C5b, and more about it.
    /// Another line.
    #[test]
    fn b() {}

    /// SEMANTICS C9 is not about a test.
    fn helper() {}
    ";
    let found = proofs_in(text);
    let expected = [("C8", "one_notice_is_enough"), ("C36", "one_notice_is_enough"), ("C5b", "b")];
    assert_eq!(found, expected.map(|(id, test)| (id.to_owned(), test.to_owned())));
}

/// Tests by rule: file and name, in the order of the files.
fn proofs(root: &Path) -> BTreeMap<String, Vec<(String, String)>> {
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| collect(&root.join(folder), &mut files));
    // This file's own sample is no proof.
    files.retain(|file| !file.ends_with("scenarios/tests/suite/semantics.rs"));
    files.sort();
    let mut proofs: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let path = file.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        for (id, test) in proofs_in(&text) {
            proofs.entry(id).or_default().push((path.clone(), test));
        }
    }
    proofs
}

/// The rules that a file's comments name, each with the test that the comment stands before.
fn proofs_in(text: &str) -> Vec<(String, String)> {
    let (mut named, mut is_test, mut found) = (Vec::new(), false, Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("/// SEMANTICS ") {
            let words = rest.split([' ', ',', ':', '.']).filter(|word| !word.is_empty());
            named.extend(words.take_while(|word| is_id(word)).map(str::to_owned));
        } else if line == "#[test]" {
            is_test = true;
        } else if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
            let ids = std::mem::take(&mut named);
            if std::mem::take(&mut is_test) {
                found.extend(ids.into_iter().map(|id| (id, name.to_owned())));
            }
        }
    }
    found
}

/// `C12`, `C5b`.
fn is_id(word: &str) -> bool {
    let number = word.strip_prefix('C').map(|rest| rest.trim_end_matches('b'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn document(proofs: &BTreeMap<String, Vec<(String, String)>>) -> String {
    let mut text = String::from(HEAD);
    for Rule { id, subject, out } in RULES {
        let _ = write!(text, "| {id} | {subject} | ");
        if let Some(why) = out {
            let _ = write!(text, "*out:* {why}");
        }
        for (at, (file, test)) in proofs.get(*id).into_iter().flatten().enumerate() {
            let stem = file.trim_start_matches("sim/src/kernel/");
            let _ = write!(text, "{}`{test}` ({stem})", if at == 0 { "" } else { "<br>" });
        }
        text.push_str(" |\n");
    }
    text
}

const HEAD: &str = "# What the simulated kernel promises, and what proves it\n\n\
    Each row is a rule of Linux by its man page; the tests name the rule in their comment (`/// SEMANTICS C12`). Files without a folder\n\
    stand in `sim/src/kernel/`. Where a test says *probed*, the real kernel was asked for the row; beyond that `just conform N` plays\n\
    generated programs against Linux, and `shakedown compare` any scenario. This table is written by `scenarios/tests/suite/semantics.rs`.\n\n\
    | rule | about | proven by |\n|---|---|---|\n";

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
