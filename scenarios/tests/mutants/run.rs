//! Applies the mutants to a copy of the tree, and runs the kernel's own tests and a fixed set of generated programs against each.

use super::copy::{cargo, copy_tree};
use super::list::Mutant;
use std::fs;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Instant;

/// Programs that are played against Linux for each mutant; the run ends at the first disagreement.
const PROGRAMS: &[&str] = &["400", "--seed", "1", "--max-fail", "1", "--no-shrink"];
const CONFORM: &[&str] = &["test", "-q", "-p", "shakedown", "--test", "conform"];
/// What it says of a program on which the two do not agree.
const DISAGREES: &str = "DISAGREEMENT program";
/// At least so many mutants must be noticed by conformance alone.
const BY_CONFORMANCE_MIN: usize = 15;

/// Who has noticed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Noticed,
    Missed,
    /// It did not even compile, which proves nothing.
    Broken,
    /// Nobody asked.
    Unasked,
}

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Asked {
    tests: bool,
    conform: bool,
}

/// Runs them all, or those whose rule or description contains one of the words; `--tests` and `--conform` ask only one of the two.
pub fn all(root: &Path, mutants: &[Mutant], args: &[String]) -> ExitCode {
    let (flags, words): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with("--"));
    let is = |flag: &str| flags.iter().any(|given| *given == flag);
    let asked = Asked { tests: !is("--conform"), conform: !is("--tests") };
    let chosen = |mutant: &&Mutant| {
        words.is_empty() || words.iter().any(|word| mutant.rule == **word || mutant.breaks.contains(word.as_str()))
    };
    let mutants: Vec<&Mutant> = mutants.iter().filter(chosen).collect();
    let copy = match copy_tree(root) {
        Ok(copy) => copy,
        Err(error) => {
            eprintln!("error: the tree cannot be copied: {error}");
            return ExitCode::FAILURE;
        }
    };
    if asked.conform && ask(&copy, CONFORM, PROGRAMS, DISAGREES) == Verdict::Noticed {
        eprintln!(
            "error: the tree disagrees with Linux unbroken: what conformance says of its mutants would prove nothing"
        );
        return ExitCode::FAILURE;
    }
    let (mut missed, mut by_conformance) = (0, 0);
    println!("{:<5} {:<9} {:<9} {:>6}  breaks", "rule", "tests", "conform", "s");
    for mutant in &mutants {
        let began = Instant::now();
        let (tests, conform) = one(root, &copy, mutant, asked);
        let seconds = began.elapsed().as_secs();
        println!("{:<5} {:<9} {:<9} {seconds:>6}  {}", mutant.rule, word(tests), word(conform), mutant.breaks);
        missed += usize::from(tests != Verdict::Noticed && conform != Verdict::Noticed);
        by_conformance += usize::from(conform == Verdict::Noticed);
    }
    let all = mutants.len();
    println!("\n{all} mutants, {} noticed, {by_conformance} by conformance alone, {missed} missed", all - missed);
    let enough = !words.is_empty() || !asked.conform || by_conformance >= BY_CONFORMANCE_MIN;
    if missed == 0 && enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Noticed => "red",
        Verdict::Missed => "green",
        Verdict::Broken => "no build",
        Verdict::Unasked => "-",
    }
}

/// What notices one mutant. The file is put back whatever happens.
fn one(root: &Path, copy: &Path, mutant: &Mutant, asked: Asked) -> (Verdict, Verdict) {
    let Ok(broken) = mutant.apply(root) else { return (Verdict::Broken, Verdict::Broken) };
    let file = copy.join(&mutant.file);
    let written = fs::write(&file, broken);
    let verdicts = match written {
        Ok(()) => {
            let tests = &["test", "-q", "-p", "shakedown-core", "-p", "shakedown-sim", "--lib"];
            (
                if asked.tests { ask(copy, tests, &[], "test result: FAILED") } else { Verdict::Unasked },
                if asked.conform { ask(copy, CONFORM, PROGRAMS, DISAGREES) } else { Verdict::Unasked },
            )
        }
        Err(_) => (Verdict::Broken, Verdict::Broken),
    };
    let restored = fs::copy(root.join(&mutant.file), &file);
    assert!(restored.is_ok(), "{} cannot be put back: {restored:?}", file.display());
    verdicts
}

/// Builds, and then runs, so that a mutant that does not compile is not taken for one that is noticed. It is noticed where `says` is
/// printed: a run may fail for other reasons, as too many programs that a busy machine leaves undecided.
fn ask(copy: &Path, words: &[&str], args: &[&str], says: &str) -> Verdict {
    let run = |more: &[&str]| cargo(copy).args(words).args(more).stderr(Stdio::null()).output();
    if !run(&["--no-run"]).is_ok_and(|built| built.status.success()) {
        return Verdict::Broken;
    }
    let more: Vec<&str> = std::iter::once("--").chain(args.iter().copied()).collect();
    match run(if args.is_empty() { &[] } else { &more }) {
        Ok(ran) if String::from_utf8_lossy(&ran.stdout).contains(says) => Verdict::Noticed,
        Ok(_) | Err(_) => Verdict::Missed,
    }
}
