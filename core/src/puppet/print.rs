//! Scripts as text again, in one canonical form: reports show them, shrunk scenarios are written with them. What is printed
//! reads back as the same script.

use super::{Fd, Handler, Out, ReadUntil, Verb, Written};
use core::fmt::{self, Write as _};

/// A script as text, one verb a line, blocks indented by two. `parse` reads it back as the same verbs, provided each
/// `Print` ends in its newline, as those that were parsed do.
///
/// ```
/// use shakedown_core::puppet::{Script, parse};
/// let block = parse("print ready;   sleep   1s").unwrap();
/// assert_eq!(Script(&block).to_string(), "print ready\nsleep 1s\n");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Script<'a>(pub &'a [Verb]);

impl fmt::Display for Script<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lines(f, self.0, 0)
    }
}

impl fmt::Display for Verb {
    /// As in a script, without a newline at its end; blocks take several lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        verb(f, self, 0)
    }
}

fn lines(f: &mut fmt::Formatter<'_>, verbs: &[Verb], indent: usize) -> fmt::Result {
    for each in verbs {
        write!(f, "{:indent$}", "")?;
        verb(f, each, indent)?;
        f.write_char('\n')?;
    }
    Ok(())
}

fn block(f: &mut fmt::Formatter<'_>, verbs: &[Verb], indent: usize) -> fmt::Result {
    if verbs.is_empty() {
        return f.write_str("{ }");
    }
    f.write_str("{\n")?;
    lines(f, verbs, indent + 2)?;
    write!(f, "{:indent$}}}", "")
}

fn verb(f: &mut fmt::Formatter<'_>, verb: &Verb, indent: usize) -> fmt::Result {
    match verb {
        Verb::Print { to: Out::Stdout, bytes } => text(f, "print", bytes),
        Verb::Print { to: Out::Stderr, bytes } => text(f, "eprint", bytes),
        Verb::Write { to: Out::Stdout, bytes } => write!(f, "write {bytes}"),
        Verb::Write { to: Out::Stderr, bytes } => write!(f, "write {bytes} stderr"),
        Verb::Flood => f.write_str("flood"),
        Verb::Read(ReadUntil::Line) => f.write_str("read line"),
        Verb::Read(ReadUntil::Eof) => f.write_str("read eof"),
        Verb::Sleep(range) => write!(f, "sleep {}", Written(*range)),
        Verb::Busy(range) => write!(f, "busy {}", Written(*range)),
        Verb::Hang => f.write_str("hang"),
        Verb::Repeat { times, body } => {
            write!(f, "repeat {times} ")?;
            block(f, body, indent)
        }
        Verb::On { signal, then } => {
            write!(f, "on {signal} ")?;
            handler(f, then, indent)
        }
        Verb::Block(signal) => write!(f, "block {signal}"),
        Verb::Unblock(signal) => write!(f, "unblock {signal}"),
        Verb::Spawn { name, body } => {
            write!(f, "spawn {name} ")?;
            block(f, body, indent)
        }
        Verb::Daemonize { name, body } => {
            write!(f, "daemonize {name} ")?;
            block(f, body, indent)
        }
        Verb::Wait(name) => write!(f, "wait {name}"),
        Verb::WaitAll => f.write_str("wait all"),
        Verb::Kill { name, signal } => write!(f, "kill {name} {signal}"),
        Verb::Setsid => f.write_str("setsid"),
        Verb::Setpgid => f.write_str("setpgid"),
        Verb::Close(Fd::Stdin) => f.write_str("close stdin"),
        Verb::Close(Fd::Stdout) => f.write_str("close stdout"),
        Verb::Close(Fd::Stderr) => f.write_str("close stderr"),
        Verb::Subreaper => f.write_str("subreaper"),
        Verb::Pdeathsig(signal) => write!(f, "pdeathsig {signal}"),
        Verb::Exec(body) => {
            f.write_str("exec ")?;
            block(f, body, indent)
        }
        Verb::Thread(body) => {
            f.write_str("thread ")?;
            block(f, body, indent)
        }
        Verb::LeaderExit => f.write_str("leader-exit"),
        Verb::NotifyReady => f.write_str("notify ready"),
        Verb::Touch(file) => write!(f, "touch {file}"),
        Verb::Lock(file) => write!(f, "lock {file}"),
        Verb::Listen(port) => write!(f, "listen {port}"),
        Verb::Exit(code) => write!(f, "exit {code}"),
        Verb::Die(signal) => write!(f, "die {signal}"),
        Verb::Freeze => f.write_str("freeze"),
    }
}

fn handler(f: &mut fmt::Formatter<'_>, then: &Handler, indent: usize) -> fmt::Result {
    match then {
        Handler::Ignore => f.write_str("ignore"),
        Handler::Default => f.write_str("default"),
        Handler::Run(body) => match &body[..] {
            [Verb::Exit(code)] => write!(f, "exit {code}"),
            [Verb::Sleep(wait), Verb::Exit(code)] => write!(f, "exit {code} after {}", Written(*wait)),
            [Verb::Print { to: Out::Stdout, bytes }] => text(f, "print", bytes),
            other => block(f, other, indent),
        },
    }
}

/// Plain words stand bare; everything else is quoted.
fn text(f: &mut fmt::Formatter<'_>, word: &str, bytes: &[u8]) -> fmt::Result {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    f.write_str(word)?;
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b" -_./:=,+!?'()".contains(b);
    let bare = core::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.is_empty() && bytes.iter().all(plain) && !text.starts_with(' ') && !text.ends_with(' '));
    if let Some(bare) = bare {
        return write!(f, " {bare}");
    }
    f.write_str(" \"")?;
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                other if other.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(other))?,
                other => f.write_char(other)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_char('"')
}
