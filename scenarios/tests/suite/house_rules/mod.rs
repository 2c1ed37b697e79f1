//! The house rules that a machine can hold: where machines, hidden clocks, hidden order and unsafe code may stand, and how long a file is.
//! They are checked on the text without comments and strings, so naming a forbidden thing in prose is free.
mod code;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn every_source_file_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["core", "sim", "real", "scenarios", "fuzz"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    assert!(files.len() > 20, "only {} source files: is the root right?", files.len());
    let mut complaints = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let path = file.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
        for complaint in complaints_about(&path, &text) {
            let _ = writeln!(complaints, "{complaint}");
        }
    }
    assert!(complaints.is_empty(), "house rules:\n{complaints}");
}

#[test]
fn an_allowance_names_an_existing_file_and_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for allowance in ALLOWED {
        assert!(root.join(allowance.path).is_file(), "{} is gone: take its allowance out", allowance.path);
        assert!(allowance.reason.len() > 20, "{}: say why in a sentence", allowance.path);
    }
}

#[test]
fn a_planted_breach_is_found() {
    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let found: Vec<String> = complaints_about(path, text);
        let short: Vec<&str> = found.iter().map(|line| line.split(": ").next().expect("a place")).collect();
        assert_eq!(short, expected, "{path}: {found:?}");
    }
    check("sim/src/a.rs", "struct M;\nimpl Machine for M {}", &["sim/src/a.rs:2"]);
    check(
        "scenarios/src/a.rs",
        "impl<T: Copy> shakedown_core::machine::Machine for M<T> {}",
        &["scenarios/src/a.rs:1"],
    );
    check("core/src/a.rs", "impl Machine for M {}", &[]);
    check("sim/tests/a.rs", "impl Machine for M {}", &[]);
    check("scenarios/zoo/src/a.rs", "impl Machine for M {}", &[]);
    check("core/src/a.rs", "use std::collections::HashMap;", &["core/src/a.rs:1"]);
    check("core/src/a.rs", "// a HashMap\nlet s = \"HashSet\"; /* SystemTime */", &[]);
    check("core/src/a.rs", "let s = r#\"a \" SystemTime\"#; let c = '\"'; let t = SystemTime;", &["core/src/a.rs:1"]);
    check("sim/src/a.rs", "let now = std::time::Instant::now();", &["sim/src/a.rs:1"]);
    check("sim/src/a.rs", "std::thread::spawn(run);", &["sim/src/a.rs:1"]);
    check("sim/tests/a.rs", "let seen = HashSet::new();", &[]);
    check("real/src/a.rs", "let now = Instant::now();", &[]);
    check("sim/src/a.rs", "#![forbid(unsafe_code)]\nunsafe { go() }", &["sim/src/a.rs:2"]);
    check("real/src/a.rs", "unsafe { go() }", &[]);
    check(
        "real/src/a.rs",
        "std::fs::write(path, text);\nlet flags = OFlag::O_RDWR;",
        &["real/src/a.rs:1", "real/src/a.rs:2"],
    );
    check("real/src/files.rs", "let flags = OFlag::O_RDWR | OFlag::O_CREAT;", &[]);
    let long = "fn f() {}\n".repeat(LINES_MAX + 1);
    check("real/src/a.rs", &long, &["real/src/a.rs:1"]);
    check("real/src/a.rs", &format!("//! A table.\n// over 400 lines because it is one table\n{long}"), &[]);
    check("real/src/a.rs", &format!("// over 400 lines because\n{long}"), &["real/src/a.rs:1"]);
}

/// A file that may break one rule.
struct Allowance {
    path: &'static str,
    words: &'static str,
    reason: &'static str,
}

const ALLOWED: &[Allowance] = &[
    Allowance {
        path: "real/src/puppet/files.rs",
        words: "O_WRONLY",
        reason: "a puppet is the program under test, not the library: its `touch` and `lock` are what real programs do",
    },
    Allowance {
        path: "real/src/puppet/files.rs",
        words: "O_CREAT",
        reason: "a puppet is the program under test, not the library: its `touch` and `lock` are what real programs do",
    },
    Allowance {
        path: "real/src/namespace/init.rs",
        words: "fs::write",
        reason: "uid_map and its like are no files but a system call of another shape (user_namespaces(7))",
    },
];

/// What must not be written, where, and what to do instead.
struct Rule {
    words: &'static str,
    applies: fn(&str) -> bool,
    instead: &'static str,
}

const RULES: &[Rule] = &[
    Rule { words: "HashMap", applies: is_pure, instead: "its order is a hidden choice: BTreeMap, Vec or an index" },
    Rule { words: "HashSet", applies: is_pure, instead: "its order is a hidden choice: BTreeSet, Vec or an index" },
    Rule { words: "Instant::now", applies: is_pure, instead: "time is an argument" },
    Rule { words: "SystemTime", applies: is_pure, instead: "time is an argument" },
    Rule { words: "thread::spawn", applies: is_pure, instead: "a simulation is one thread" },
    Rule { words: "unsafe", applies: |path| !path.starts_with("real/"), instead: "unsafe code stands in real only" },
    Rule { words: "O_WRONLY", applies: is_library, instead: WRITES },
    Rule { words: "O_RDWR", applies: is_library, instead: WRITES },
    Rule { words: "O_CREAT", applies: is_library, instead: WRITES },
    Rule { words: "OpenOptions", applies: is_library, instead: WRITES },
    Rule { words: "File::create", applies: is_library, instead: WRITES },
    Rule { words: "fs::write", applies: is_library, instead: WRITES },
    Rule {
        words: "Machine for",
        // Users bring machines of their own, and so do tests and the zoo, broken ones above all.
        applies: |path| !path.starts_with("core/") && !path.contains("/tests/") && !path.starts_with("scenarios/zoo/"),
        instead: "lifecycle decisions stand in core",
    },
];

/// What a user's program is built with, but for the module that opens files for writing.
fn is_library(path: &str) -> bool {
    (is_pure(path) || path.starts_with("real/src/")) && path != "real/src/files.rs"
}

const WRITES: &str = "real/src/files.rs alone opens files for writing";

fn is_pure(path: &str) -> bool {
    path.starts_with("core/") || path.starts_with("sim/src/")
}

fn complaints_about(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let allowed = |words| ALLOWED.iter().any(|allowance| allowance.path == path && allowance.words == words);
    for (at, line) in code::without_comments_and_strings(text).lines().enumerate() {
        for rule in RULES.iter().filter(|rule| (rule.applies)(path) && !allowed(rule.words)) {
            if code::has_words(line, rule.words) {
                complaints.push(format!("{path}:{}: `{}`: {}", at + 1, rule.words, rule.instead));
            }
        }
    }
    let lines = text.lines().count();
    let reason = text.lines().take(REASON_WITHIN).find_map(|line| line.strip_prefix("// over 400 lines because "));
    if lines > LINES_MAX && reason.is_none() {
        complaints
            .push(format!("{path}:1: {lines} lines: split it, or write `// over 400 lines because …` at its top"));
    }
    complaints
}

/// All `.rs` files, without build output and the peers, who are no part of Shakedown.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && !path.ends_with("benches/peers") {
                collect(&path, files);
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

/// Lines a file may have.
const LINES_MAX: usize = 400;
/// Lines from the top among which the reason for more must stand.
const REASON_WITHIN: usize = 10;
