//! The arguments of verbs: words, names, numbers, signals, durations and texts. Each knows what it may be and says so when it
//! is something else.

use super::lex::Lexeme;
use super::parse::{NAME_MAX, Noted, Parser, Problem, UNCATCHABLE};
use super::{Out, nearest, parse_range};
use crate::signal::{DefaultAction, Signal};
use crate::time::DurationRange;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> &Lexeme {
        self.tokens.get(self.at).map_or(&Lexeme::End, |token| &token.what)
    }

    pub(super) fn place(&self) -> Range<usize> {
        let end = self.text.len();
        self.tokens.get(self.at).map_or(end..end, |token| token.at.clone())
    }

    /// The next token's place, or `otherwise` where the statement is over.
    pub(super) fn place_or(&self, otherwise: &Range<usize>) -> Range<usize> {
        match self.peek() {
            Lexeme::Word | Lexeme::Quoted(_) | Lexeme::Open => self.place(),
            Lexeme::Close | Lexeme::Stop | Lexeme::End => otherwise.clone(),
        }
    }

    /// Notes a mistake. An empty hint is none.
    pub(super) fn mistake(&mut self, at: Range<usize>, message: String, hint: &str) {
        let hint = Some(hint.to_string()).filter(|hint| !hint.is_empty());
        self.problems.push(Problem { at, message, hint });
    }

    /// Notes a mistake for which the statement is given up.
    pub(super) fn note<T>(&mut self, at: Range<usize>, message: String, hint: &str) -> Result<T, Noted> {
        self.mistake(at, message, hint);
        Err(Noted)
    }

    pub(super) fn unknown<T>(&mut self, what: &str, word: &str, at: Range<usize>, known: &[&str]) -> Result<T, Noted> {
        let hint = match nearest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        self.note(at, format!("unknown {what} `{word}`"), &hint)
    }

    /// The next word. `example` shows a whole statement where it is missing.
    pub(super) fn word(&mut self, at: &Range<usize>, example: &str) -> Result<(&'a str, Range<usize>), Noted> {
        let here = self.place();
        match self.peek() {
            Lexeme::Word => {
                self.at += 1;
                Ok((&self.text[here.clone()], here))
            }
            Lexeme::Quoted(_) | Lexeme::Open => {
                let found = &self.text[here.clone()];
                self.note(here, format!("a word is expected here, not `{found}`"), &format!("as in `{example}`"))
            }
            Lexeme::Close | Lexeme::Stop | Lexeme::End => {
                let verb = &self.text[at.clone()];
                self.note(at.clone(), format!("`{verb}` says too little"), &format!("as in `{example}`"))
            }
        }
    }

    /// Takes the next word if it is this one.
    pub(super) fn next_is_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Lexeme::Word) && &self.text[self.place()] == word;
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn name(&mut self, at: &Range<usize>, example: &str) -> Result<Arc<str>, Noted> {
        let (name, here) = self.word(at, example)?;
        if name == "main" || name == "all" {
            let why = if name == "main" {
                "the leading process of a worker bears it"
            } else {
                "`wait all` means every child"
            };
            return self.note(here, format!("`{name}` cannot be a name"), why);
        }
        if name.len() > NAME_MAX {
            return self.note(here, format!("a name has at most {NAME_MAX} letters"), "");
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            return self.note(here, format!("`{name}` is not a name"), "letters, digits, `-`, `_` and `.` make a name");
        }
        Ok(name.into())
    }

    pub(super) fn number(&mut self, at: &Range<usize>, verb: &str, example: &str, max: u64) -> Result<u64, Noted> {
        let (word, here) = self.word(at, example)?;
        let digits: String = word.chars().filter(|c| *c != '_').collect();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return self.note(here, format!("`{word}` is not a number"), &format!("as in `{example}`"));
        }
        match digits.parse::<u64>() {
            Ok(n) if n <= max => Ok(n),
            Ok(_) | Err(_) => self.note(here, format!("`{word}` is too much for `{verb}`"), &format!("at most {max}")),
        }
    }

    /// `stdout`, `stderr` or nothing, which is stdout.
    pub(super) fn out(&mut self) -> Result<Out, Noted> {
        match self.peek() {
            Lexeme::Word => match self.word(&(0..0), "write 10 stderr")? {
                ("stdout", _) => Ok(Out::Stdout),
                ("stderr", _) => Ok(Out::Stderr),
                (other, here) => self.unknown("output", other, here, &["stdout", "stderr"]),
            },
            Lexeme::Quoted(_) | Lexeme::Open | Lexeme::Close | Lexeme::Stop | Lexeme::End => Ok(Out::Stdout),
        }
    }

    pub(super) fn signal(&mut self, at: &Range<usize>, example: &str) -> Result<(Signal, Range<usize>), Noted> {
        let (word, here) = self.word(at, example)?;
        if let Some(signal) = Signal::parse(word) {
            return Ok((signal, here));
        }
        // Signals have names; those that have none (the real-time ones) are written as numbers.
        if let Some(signal) = word.parse().ok().and_then(Signal::from_number) {
            if signal.to_string() == word {
                return Ok((signal, here));
            }
            return self.note(here, format!("`{word}` is not a signal's name"), &format!("write `{signal}`"));
        }
        let names: Vec<String> = Signal::all().map(|signal| signal.to_string()).collect();
        let hint = match nearest(word, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "as in TERM, INT, HUP, USR1".into(),
        };
        self.note(here, format!("unknown signal `{word}`"), &hint)
    }

    /// A signal that ends a process by default.
    pub(super) fn deadly(&mut self, at: &Range<usize>) -> Result<Signal, Noted> {
        let (signal, here) = self.signal(at, "die SEGV")?;
        match signal.default_action() {
            DefaultAction::Terminate | DefaultAction::Core => Ok(signal),
            DefaultAction::Stop | DefaultAction::Continue | DefaultAction::Ignore => {
                self.note(here, format!("{signal} does not end a process"), "as in `die TERM`, `die SEGV`")
            }
        }
    }

    /// A signal that can be in a mask.
    pub(super) fn maskable(&mut self, at: &Range<usize>, example: &str) -> Result<Signal, Noted> {
        let (signal, here) = self.signal(at, example)?;
        if signal.can_be_caught() {
            return Ok(signal);
        }
        self.note(here, format!("{signal} cannot be blocked"), UNCATCHABLE)
    }

    /// A file's name in the run's own folder: no path, so that no script writes anywhere else.
    pub(super) fn file(&mut self, at: &Range<usize>, example: &str) -> Result<Arc<str>, Noted> {
        let (name, here) = self.word(at, example)?;
        if name.len() > NAME_MAX {
            return self.note(here, format!("a file's name has at most {NAME_MAX} letters"), "");
        }
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !is_plain || name.starts_with('.') {
            let hint = "letters, digits, `-`, `_` and `.`, not first: files stand in one folder of the run's own";
            return self.note(here, format!("`{name}` is not a file's name"), hint);
        }
        Ok(name.into())
    }

    /// A port that anybody may bind.
    pub(super) fn port(&mut self, at: &Range<usize>) -> Result<u16, Noted> {
        let here = self.place_or(at);
        match self.number(at, "listen", "listen 8080", u64::from(u16::MAX))? as u16 {
            port @ 1024.. => Ok(port),
            port => self.note(here, format!("port {port} is not for everybody"), "from 1024 to 65535"),
        }
    }

    pub(super) fn duration(&mut self, at: &Range<usize>, example: &str) -> Result<DurationRange, Noted> {
        let (word, here) = self.word(at, example)?;
        parse_range(word).or_else(|error| {
            let place = here.start + error.at.start..here.start + error.at.end;
            self.note(place, error.message, &error.hint.unwrap_or_default())
        })
    }

    /// Text up to the end of the statement, or one quoted text; with the newline that `print` adds.
    pub(super) fn print_text(&mut self, at: &Range<usize>) -> Result<Arc<[u8]>, Noted> {
        let mut bytes = match self.peek() {
            Lexeme::Quoted(content) => {
                let content = content.clone();
                self.at += 1;
                content
            }
            Lexeme::Word => self.bare_text()?.as_bytes().to_vec(),
            Lexeme::Open => {
                return self.braces_in_text();
            }
            Lexeme::Close | Lexeme::Stop | Lexeme::End => {
                let verb = &self.text[at.clone()];
                let hint = format!("`{verb} \"\"` is an empty line");
                return self.note(at.clone(), format!("`{verb}` needs a text"), &hint);
            }
        };
        bytes.push(b'\n');
        Ok(bytes.into())
    }

    fn bare_text(&mut self) -> Result<&'a str, Noted> {
        let start = self.place().start;
        let mut end = start;
        loop {
            let here = self.place();
            match self.peek() {
                Lexeme::Word if !self.text[here.clone()].contains('"') => {
                    self.at += 1;
                    end = here.end;
                }
                Lexeme::Word | Lexeme::Quoted(_) => {
                    return self.note(
                        here,
                        "a quote inside text".into(),
                        "quote all of it: `print \"say \\\"hi\\\"\"`",
                    );
                }
                Lexeme::Open => return self.braces_in_text(),
                Lexeme::Close | Lexeme::Stop | Lexeme::End => return Ok(&self.text[start..end]),
            }
        }
    }

    /// The braces are text that should have been quoted, so what is in them is not read.
    fn braces_in_text<T>(&mut self) -> Result<T, Noted> {
        let here = self.place();
        self.at += 1;
        self.skip_block();
        self.note(here, "text with braces is quoted".into(), "as in `print \"{}\"`")
    }
}
