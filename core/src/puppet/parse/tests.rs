//! Claims about the parser: what it reads, what it refuses and where, and that text and verbs say the same. Rows of a table
//! each, since a language is a list of cases.

use super::*;
use crate::puppet::Script;
use crate::time::{Duration, DurationRange};
use alloc::string::ToString;
use alloc::vec;

fn ms(n: u64) -> DurationRange {
    DurationRange::fixed(Duration::from_millis(n))
}

fn print(text: &str) -> Verb {
    Verb::Print { to: Out::Stdout, bytes: format!("{text}\n").into_bytes().into() }
}

fn on(signal: crate::signal::Signal, then: Handler) -> Verb {
    Verb::On { signal, then }
}

#[test]
fn verbs_read_as_what_they_say() {
    use crate::signal::Signal;
    let run = |verbs: &[Verb]| Handler::Run(verbs.into());
    let range = DurationRange { min: ms(10).min, max: ms(50).min, grid: ms(1).min };
    for (text, expected) in [
        ("", vec![]),
        (" ; \n # nothing\n\r\n", vec![]),
        ("print tick", vec![print("tick")]),
        ("print  a  b # comment", vec![print("a  b")]),
        ("print a#b", vec![print("a#b")]),
        ("print \"a; b\"; hang", vec![print("a; b"), Verb::Hang]),
        ("print \"\"", vec![print("")]),
        ("print \"}\\n\\x41\\\"\"", vec![print("}\nA\"")]),
        ("print größer – 你好", vec![print("größer – 你好")]),
        ("eprint x", vec![Verb::Print { to: Out::Stderr, bytes: b"x\n"[..].into() }]),
        ("write 1_000", vec![Verb::Write { to: Out::Stdout, bytes: 1000 }]),
        ("write 10 stderr", vec![Verb::Write { to: Out::Stderr, bytes: 10 }]),
        ("read line; read eof", vec![Verb::Read(ReadUntil::Line), Verb::Read(ReadUntil::Eof)]),
        ("sleep 10ms..50ms", vec![Verb::Sleep(range)]),
        ("on TERM ignore", vec![on(Signal::TERM, Handler::Ignore)]),
        ("on sigint default", vec![on(Signal::INT, Handler::Default)]),
        ("on INT exit 0 after 10ms", vec![on(Signal::INT, run(&[Verb::Sleep(ms(10)), Verb::Exit(0)]))]),
        ("on HUP print re load", vec![on(Signal::HUP, run(&[print("re load")]))]),
        ("on USR1 { print a; exit 3 }", vec![on(Signal::USR1, run(&[print("a"), Verb::Exit(3)]))]),
        ("wait all; wait a", vec![Verb::WaitAll, Verb::Wait("a".into())]),
        ("kill a KILL", vec![Verb::Kill { name: "a".into(), signal: Signal::KILL }]),
        ("setsid; setpgid; flood", vec![Verb::Setsid, Verb::Setpgid, Verb::Flood]),
        ("close stdin; close stderr", vec![Verb::Close(Fd::Stdin), Verb::Close(Fd::Stderr)]),
        ("die SEGV", vec![Verb::Die(Signal::SEGV)]),
        ("daemonize { hang }", vec![Verb::Daemonize { name: "daemon".into(), body: [Verb::Hang].into() }]),
        ("daemonize x{hang}", vec![Verb::Daemonize { name: "x".into(), body: [Verb::Hang].into() }]),
        ("block TERM; unblock usr1", vec![Verb::Block(Signal::TERM), Verb::Unblock(Signal::USR1)]),
        ("busy 10ms..50ms; freeze", vec![Verb::Busy(range), Verb::Freeze]),
        ("subreaper; pdeathsig KILL", vec![Verb::Subreaper, Verb::Pdeathsig(Signal::KILL)]),
        ("exec { hang }", vec![Verb::Exec([Verb::Hang].into())]),
        ("thread { hang }; leader-exit", vec![Verb::Thread([Verb::Hang].into()), Verb::LeaderExit]),
        ("touch up.flag; lock db.lock", vec![Verb::Touch("up.flag".into()), Verb::Lock("db.lock".into())]),
        ("notify ready; listen 8080", vec![Verb::NotifyReady, Verb::Listen(8080)]),
        ("spawn a { }", vec![Verb::Spawn { name: "a".into(), body: [].into() }]),
        ("repeat 3 {print tick\n\n}", vec![Verb::Repeat { times: 3, body: [print("tick")].into() }]),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(&expected[..]), "{text}");
    }
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (text, line, column, message) in [
        ("spwan a { hang }", 1, 1, "unknown verb `spwan` (did you mean `spawn`?)"),
        ("hang\n  sleep 10", 2, 9, "`10` has no unit (write `10ms` or `10s`)"),
        ("sleep 1s..zs", 1, 11, "`zs` is not a duration"),
        ("eprint ä; sleep", 1, 11, "`sleep` says too little"),
        ("print", 1, 1, "`print` needs a text"),
        ("print say \"a; b\"", 1, 11, "a quote inside text"),
        ("print say\"a; b\"", 1, 7, "a quote inside text"),
        ("print a { prnt; b }", 1, 9, "text with braces is quoted"),
        ("print {", 1, 7, "text with braces is quoted"),
        ("print \"a", 1, 7, "this quote is never closed"),
        ("print \"\\q\"", 1, 8, "`\\q` is not an escape"),
        ("print \"\\xég\"", 1, 8, "`\\x` is not an escape"),
        ("print \"a\" b", 1, 11, "`b` is too much for `print`"),
        ("hang now", 1, 6, "`now` is too much for `hang`"),
        ("spawn a { } spawn b { }", 1, 13, "`spawn` is too much for `spawn`"),
        ("spawn a", 1, 1, "`spawn` needs a block"),
        ("spawn a\n{ hang }", 1, 1, "`spawn` needs a block"),
        ("spawn { }", 1, 7, "a word is expected here, not `{`"),
        ("spawn main { }", 1, 7, "`main` cannot be a name"),
        ("spawn a/b { }", 1, 7, "`a/b` is not a name"),
        ("repeat 3 { hang", 1, 10, "this `{` is never closed"),
        ("hang }", 1, 6, "this `}` closes nothing"),
        ("repeat 1000001 { }", 1, 8, "`1000001` is too much for `repeat` (at most 1000000)"),
        ("write 99999999999999999999", 1, 7, "is too much for `write`"),
        ("write -1", 1, 7, "`-1` is not a number"),
        ("write 1 stdotu", 1, 9, "unknown output `stdotu` (did you mean `stdout`?)"),
        ("exit 256", 1, 6, "`256` is too much for `exit` (at most 255)"),
        ("exit", 1, 1, "`exit` says too little"),
        ("on KILL ignore", 1, 4, "KILL cannot have a handler"),
        ("on STOP { }", 1, 4, "STOP cannot have a handler"),
        ("on TRM ignore", 1, 4, "unknown signal `TRM` (did you mean `TERM`?)"),
        ("on 15 ignore", 1, 4, "`15` is not a signal's name (write `TERM`)"),
        ("on TERM ingore", 1, 9, "unknown disposition `ingore` (did you mean `ignore`?)"),
        ("on TERM sleep 1s", 1, 9, "`sleep` is not a disposition (put it in braces"),
        ("block KILL", 1, 7, "KILL cannot be blocked"),
        ("notify redy", 1, 8, "unknown notification `redy` (did you mean `ready`?)"),
        ("touch a/b", 1, 7, "`a/b` is not a file's name"),
        ("lock ..", 1, 6, "`..` is not a file's name"),
        ("listen 80", 1, 8, "port 80 is not for everybody (from 1024 to 65535)"),
        ("listen 65536", 1, 8, "`65536` is too much for `listen`"),
        ("exec", 1, 1, "`exec` needs a block"),
        ("die CHLD", 1, 5, "CHLD does not end a process"),
        ("close stdinn", 1, 7, "unknown descriptor `stdinn` (did you mean `stdin`?)"),
        ("\"hang\"", 1, 1, "a verb is expected here"),
    ] {
        let errors = parse(text).expect_err(text);
        let first = &errors[0];
        assert_eq!((first.line, first.column), (line, column), "{text}: {first}");
        assert!(first.to_string().contains(message), "{text}: {first}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "slep 1s\nspawn a {\n  on KILL ignore; prnt x\n}\nrepeat x { hagn }\nexit 0\nexit 900";
    let errors = parse(text).expect_err("six mistakes");
    let places: Vec<(usize, usize)> = errors.iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(places, [(1, 1), (3, 6), (3, 19), (5, 8), (5, 12), (7, 6)], "{errors:?}");
}

#[test]
fn nesting_and_the_number_of_errors_are_bounded() {
    let nested = |n: usize| format!("{}hang{}", "repeat 2 { ".repeat(n), " }".repeat(n));
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    let errors = parse(&nested(DEPTH_MAX + 1)).expect_err("too deep");
    assert!(errors.len() == 1 && errors[0].message.contains("nest"), "{errors:?}");
    assert_eq!(parse(&nested(100_000)).expect_err("far too deep").len(), 1);
    assert_eq!(parse(&"x;".repeat(1000)).expect_err("nonsense").len(), ERRORS_MAX);
    assert!(parse(&"{".repeat(100_000)).is_err());
}

const SAMPLES: &[&str] = &[
    "on TERM ignore\nprint ready\nspawn helper {\n  on TERM exit 0 after 10ms..50ms\n  hang\n}\nhang\n",
    "sleep 200ms..2s; print accepting; on INT exit 0 after 100ms..900ms; hang",
    "repeat 3 { print tick; sleep 1s }; exit 0",
    "print \"\"; print \" x\"; print \"a\\x00b\\xff\\\"\\\\\"; eprint \"ä; }\"; print #c",
    "on USR1 { }; on USR2 { eprint x }; on HUP { print a; print b }; on CHLD default; on 34 ignore",
    "daemonize { setsid; spawn x { close stdout; wait all } }; daemonize d { flood }; wait x; kill x CONT",
    "block TERM; unblock TERM; busy 1ms..3ms; subreaper; pdeathsig KILL; thread { leader-exit }; exec { freeze }",
    "notify ready; touch up.flag; lock db.lock; listen 8080",
    "write 0; write 65 stderr; read eof; read line; setpgid; die ABRT; close stdin; close stderr",
    "repeat 2 { repeat 0 { spawn a { on INT { spawn b { hang } } } } }; sleep 1.5s..3s; sleep 0.5m..2h; sleep 3ns",
];

#[test]
fn what_is_printed_reads_back_as_the_same() {
    for sample in SAMPLES {
        // `print #c` has no text: its comment is cut, the rest is what counts.
        let sample = sample.replace("; print #c", "");
        let block = parse(&sample).unwrap_or_else(|errors| panic!("{sample}: {errors:?}"));
        let text = Script(&block).to_string();
        assert_eq!(parse(&text).as_deref(), Ok(&block[..]), "{text}");
        assert_eq!(Script(&parse(&text).unwrap()).to_string(), text);
    }
}

#[test]
fn no_text_panics() {
    let mut bits = 1u64;
    let mut next = |bound: usize| {
        bits = crate::site::mix(bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
        (bits % bound.max(1) as u64) as usize
    };
    let pieces =
        ["{", "}", "\"", "\\", ";", "\n", "#", "..", "on", "TERM", "spawn", "ä", "\\x", "9", "ms", " ", "\u{0}"];
    for _ in 0..20_000 {
        let sample = SAMPLES[next(SAMPLES.len())];
        let mut text: Vec<char> = sample.chars().collect();
        for _ in 0..=next(4) {
            let at = next(text.len());
            let end = (at + next(6)).min(text.len());
            text.splice(at..end, pieces[next(pieces.len())].chars());
        }
        let text: String = text.into_iter().collect();
        match parse(&text) {
            Ok(block) => assert_eq!(parse(&Script(&block).to_string()).as_deref(), Ok(&block[..]), "{text}"),
            Err(errors) => assert!(errors.iter().all(|error| text.get(error.offset.clone()).is_some()), "{text}"),
        }
    }
}
