//! The parser of the puppet language: text in, verbs or all of its mistakes out. It never panics and its recursion is bounded,
//! because scripts come from files that anybody may have written.

use super::lex::{Lexeme, Token, tokens};
use super::{Block, Fd, Handler, Out, ReadUntil, Verb};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Blocks nest at most this deep.
pub const DEPTH_MAX: usize = 16;
/// `repeat` repeats at most this often.
pub const REPEAT_MAX: u32 = 1_000_000;
/// `write` writes at most this many bytes.
pub const WRITE_MAX: u64 = 64 << 20;
/// Names of processes have at most this many letters.
pub const NAME_MAX: usize = 64;
/// Of one script at most this many errors are told.
pub const ERRORS_MAX: usize = 100;

/// Something in a script that cannot be played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// The bytes of the script that are at fault.
    pub offset: Range<usize>,
    /// The line of its beginning, from 1.
    pub line: usize,
    /// The column of its beginning in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for ParseError {}

/// Reads a script.
///
/// # Errors
/// All mistakes of the script at once, in the order of their places, at most [`ERRORS_MAX`].
///
/// ```
/// let script = shakedown_core::puppet::parse("on TERM exit 0 after 10ms..50ms; print ready; hang").unwrap();
/// assert_eq!(script.len(), 3);
/// ```
pub fn parse(text: &str) -> Result<Block, Vec<ParseError>> {
    let mut problems = Vec::new();
    let tokens = tokens(text, &mut problems);
    let mut parser = Parser { text, tokens, at: 0, depth: 0, problems };
    let verbs = parser.block(None);
    let mut problems = parser.problems;
    if problems.is_empty() {
        return Ok(verbs.into());
    }
    problems.sort_by_key(|problem| (problem.at.start, problem.at.end));
    problems.truncate(ERRORS_MAX);
    Err(problems.into_iter().map(|problem| problem.placed(text)).collect())
}

/// An error before its line and column are known.
#[derive(Debug)]
pub(super) struct Problem {
    pub at: Range<usize>,
    pub message: String,
    pub hint: Option<String>,
}

impl Problem {
    fn placed(self, text: &str) -> ParseError {
        let before = text.get(..self.at.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |n| n + 1);
        ParseError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            offset: self.at,
            message: self.message,
            hint: self.hint,
        }
    }
}

/// A problem was noted; the statement is given up.
pub(super) struct Noted;

pub(super) struct Parser<'a> {
    pub text: &'a str,
    pub tokens: Vec<Token>,
    pub at: usize,
    depth: usize,
    pub problems: Vec<Problem>,
}

impl<'a> Parser<'a> {
    /// Verbs up to the brace that closes the block opened at `open`, or to the end of the text.
    fn block(&mut self, open: Option<Range<usize>>) -> Vec<Verb> {
        let mut verbs = Vec::new();
        loop {
            match (self.peek(), &open) {
                (Lexeme::Stop, _) => self.at += 1,
                (Lexeme::Close, Some(_)) => {
                    self.at += 1;
                    return verbs;
                }
                (Lexeme::Close, None) => {
                    let at = self.place();
                    self.mistake(at, "this `}` closes nothing".into(), "text with `}` is quoted: `print \"}\"`");
                    self.at += 1;
                }
                (Lexeme::End, Some(open)) => {
                    self.mistake(open.clone(), "this `{` is never closed".into(), "");
                    return verbs;
                }
                (Lexeme::End, None) => return verbs,
                (Lexeme::Word | Lexeme::Quoted(_) | Lexeme::Open, _) => match self.statement() {
                    Ok(verb) => verbs.push(verb),
                    Err(Noted) => self.recover(),
                },
            }
        }
    }

    fn statement(&mut self) -> Result<Verb, Noted> {
        let at = self.place();
        let Lexeme::Word = self.peek() else {
            return self.note(at, "a verb is expected here".into(), "as in `print ready`, `sleep 1s`, `hang`");
        };
        let word = &self.text[at.clone()];
        self.at += 1;
        let verb = self.verb(word, &at)?;
        match self.peek() {
            Lexeme::Stop | Lexeme::End | Lexeme::Close => Ok(verb),
            Lexeme::Word | Lexeme::Quoted(_) | Lexeme::Open => {
                let (here, extra) = (self.place(), &self.text[self.place()]);
                self.note(here, format!("`{extra}` is too much for `{word}`"), "one verb a line, or `;` between them")
            }
        }
    }

    fn verb(&mut self, word: &'a str, at: &Range<usize>) -> Result<Verb, Noted> {
        Ok(match word {
            "print" => Verb::Print { to: Out::Stdout, bytes: self.print_text(at)? },
            "eprint" => Verb::Print { to: Out::Stderr, bytes: self.print_text(at)? },
            "write" => {
                let bytes = self.number(at, "write", "write 4096 stdout", WRITE_MAX)?;
                Verb::Write { bytes, to: self.out()? }
            }
            "flood" => Verb::Flood,
            "read" => match self.word(at, "read line` or `read eof")? {
                ("line", _) => Verb::Read(ReadUntil::Line),
                ("eof", _) => Verb::Read(ReadUntil::Eof),
                (other, here) => return self.unknown("input to wait for", other, here, &["line", "eof"]),
            },
            "sleep" => Verb::Sleep(self.duration(at, "sleep 10ms")?),
            "hang" => Verb::Hang,
            "repeat" => {
                let times = self.number(at, "repeat", "repeat 3 { … }", u64::from(REPEAT_MAX))? as u32;
                Verb::Repeat { times, body: self.body(at)? }
            }
            "on" => self.on(at)?,
            "spawn" => Verb::Spawn { name: self.name(at, "spawn helper { … }")?, body: self.body(at)? },
            "daemonize" => {
                let unnamed = matches!(self.peek(), Lexeme::Open);
                let name = if unnamed { "daemon".into() } else { self.name(at, "daemonize NAME { … }")? };
                Verb::Daemonize { name, body: self.body(at)? }
            }
            "wait" => match self.next_is_word("all") {
                true => Verb::WaitAll,
                false => Verb::Wait(self.name(at, "wait helper` or `wait all")?),
            },
            "kill" => {
                let name = self.name(at, "kill helper TERM")?;
                Verb::Kill { name, signal: self.signal(at, "kill helper TERM")?.0 }
            }
            "setsid" => Verb::Setsid,
            "setpgid" => Verb::Setpgid,
            "close" => match self.word(at, "close stdout")? {
                ("stdin", _) => Verb::Close(Fd::Stdin),
                ("stdout", _) => Verb::Close(Fd::Stdout),
                ("stderr", _) => Verb::Close(Fd::Stderr),
                (other, here) => return self.unknown("descriptor", other, here, &["stdin", "stdout", "stderr"]),
            },
            "exit" => Verb::Exit(self.number(at, "exit", "exit 0", 255)? as u8),
            "die" => Verb::Die(self.deadly(at)?),
            "freeze" => Verb::Freeze,
            "busy" => Verb::Busy(self.duration(at, "busy 10ms")?),
            "block" => Verb::Block(self.maskable(at, "block TERM")?),
            "unblock" => Verb::Unblock(self.maskable(at, "unblock TERM")?),
            "subreaper" => Verb::Subreaper,
            "pdeathsig" => Verb::Pdeathsig(self.signal(at, "pdeathsig KILL")?.0),
            "exec" => Verb::Exec(self.body(at)?),
            "thread" => Verb::Thread(self.body(at)?),
            "leader-exit" => Verb::LeaderExit,
            "notify" => match self.word(at, "notify ready")? {
                ("ready", _) => Verb::NotifyReady,
                (other, here) => return self.unknown("notification", other, here, &["ready"]),
            },
            "touch" => Verb::Touch(self.file(at, "touch ready.flag")?),
            "lock" => Verb::Lock(self.file(at, "lock data.lock")?),
            "listen" => Verb::Listen(self.port(at)?),
            other => return self.unknown("verb", other, at.clone(), VERBS),
        })
    }

    /// `on SIG …`
    fn on(&mut self, at: &Range<usize>) -> Result<Verb, Noted> {
        let (signal, here) = self.signal(at, "on TERM ignore")?;
        if !signal.can_be_caught() {
            return self.note(here, format!("{signal} cannot have a handler"), UNCATCHABLE);
        }
        if let Lexeme::Open = self.peek() {
            return Ok(Verb::On { signal, then: Handler::Run(self.body(at)?) });
        }
        let then = match self.word(at, "on TERM ignore`, `on TERM exit 0` or `on TERM { … }")? {
            ("ignore", _) => Handler::Ignore,
            ("default", _) => Handler::Default,
            ("print", here) => Handler::Run([Verb::Print { to: Out::Stdout, bytes: self.print_text(&here)? }].into()),
            ("exit", here) => {
                let exit = Verb::Exit(self.number(&here, "exit", "on TERM exit 0", 255)? as u8);
                if self.next_is_word("after") {
                    let wait = self.duration(&here, "on TERM exit 0 after 10ms")?;
                    Handler::Run([Verb::Sleep(wait), exit].into())
                } else {
                    Handler::Run([exit].into())
                }
            }
            (other, here) if VERBS.contains(&other) => {
                let hint = format!("put it in braces: `on {signal} {{ {other} … }}`");
                return self.note(here, format!("`{other}` is not a disposition"), &hint);
            }
            (other, here) => {
                return self.unknown("disposition", other, here, &["ignore", "default", "exit", "print"]);
            }
        };
        Ok(Verb::On { signal, then })
    }

    /// A block in braces.
    fn body(&mut self, at: &Range<usize>) -> Result<Block, Noted> {
        let Lexeme::Open = self.peek() else {
            let verb = &self.text[at.clone()];
            let here = self.place_or(at);
            return self.note(here, format!("`{verb}` needs a block"), "`{` on the same line begins it");
        };
        let open = self.place();
        self.at += 1;
        if self.depth == DEPTH_MAX {
            self.skip_block();
            return self.note(open, format!("blocks nest more than {DEPTH_MAX} deep"), "");
        }
        self.depth += 1;
        let verbs = self.block(Some(open));
        self.depth -= 1;
        Ok(verbs.into())
    }

    /// Passes over the rest of a block without looking into it, and without recursion.
    pub(super) fn skip_block(&mut self) {
        let mut open = 1;
        while open > 0 {
            match self.peek() {
                Lexeme::Open => open += 1,
                Lexeme::Close => open -= 1,
                Lexeme::End => return,
                Lexeme::Word | Lexeme::Quoted(_) | Lexeme::Stop => {}
            }
            self.at += 1;
        }
    }

    /// Goes to the end of a statement that was given up. Its blocks are still read for further mistakes.
    fn recover(&mut self) {
        loop {
            match self.peek() {
                Lexeme::Stop | Lexeme::End | Lexeme::Close => return,
                Lexeme::Open => {
                    let at = self.place();
                    // What is wrong inside is noted there.
                    let _noted = self.body(&at);
                }
                Lexeme::Word | Lexeme::Quoted(_) => self.at += 1,
            }
        }
    }
}

/// Said of KILL and STOP (signal(7)).
pub(super) const UNCATCHABLE: &str = "a program cannot catch, block or ignore KILL and STOP";

/// All verbs.
const VERBS: &[&str] = &[
    "print",
    "eprint",
    "write",
    "flood",
    "read",
    "sleep",
    "hang",
    "repeat",
    "on",
    "spawn",
    "daemonize",
    "wait",
    "kill",
    "setsid",
    "setpgid",
    "close",
    "exit",
    "die",
    "freeze",
    "busy",
    "block",
    "unblock",
    "subreaper",
    "pdeathsig",
    "exec",
    "thread",
    "leader-exit",
    "notify",
    "touch",
    "lock",
    "listen",
];

#[cfg(test)]
mod tests;
