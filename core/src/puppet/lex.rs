//! Tokens of the puppet language: words, quoted text, braces and ends of statements. Mistakes in quoting are found here, so
//! that the parser above sees whole texts only.

use super::parse::Problem;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::ops::Range;

/// One token and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub what: Lexeme,
    pub at: Range<usize>,
}

/// What a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Lexeme {
    /// Anything up to a blank, `;` or brace.
    Word,
    /// Text in quotes, escapes resolved.
    Quoted(Vec<u8>),
    /// `{`
    Open,
    /// `}`
    Close,
    /// The end of a line, or `;`.
    Stop,
    /// The end of the text.
    End,
}

/// Cuts a script into tokens; the last one is [`Lexeme::End`].
pub(super) fn tokens(text: &str, problems: &mut Vec<Problem>) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut all = Vec::new();
    let mut i = 0;
    while let Some(&byte) = bytes.get(i) {
        let start = i;
        let what = match byte {
            b' ' | b'\t' | b'\r' => {
                i += 1;
                continue;
            }
            b'#' => {
                i = line_end(bytes, i);
                continue;
            }
            b'\n' | b';' => Lexeme::Stop,
            b'{' => Lexeme::Open,
            b'}' => Lexeme::Close,
            b'"' => {
                let (content, end) = quoted(text, i, problems);
                i = end;
                all.push(Token { what: Lexeme::Quoted(content), at: start..end });
                continue;
            }
            _ => {
                i = word_end(bytes, i);
                all.push(Token { what: Lexeme::Word, at: start..i });
                continue;
            }
        };
        i += 1;
        all.push(Token { what, at: start..i });
    }
    all.push(Token { what: Lexeme::End, at: text.len()..text.len() });
    all
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| from + n)
}

/// A quote inside a word reaches to its partner, so that `say"a; b"` is one mistake and not three.
fn word_end(bytes: &[u8], from: usize) -> usize {
    let mut i = from;
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b'}' => break,
            b'"' => {
                let rest = &bytes[i + 1..line_end(bytes, i)];
                i += rest.iter().position(|&b| b == b'"').map_or(1, |n| n + 2);
            }
            _ => i += 1,
        }
    }
    i
}

/// The content of a quoted text that begins at `from`, and where the text ends.
fn quoted(text: &str, from: usize, problems: &mut Vec<Problem>) -> (Vec<u8>, usize) {
    let bytes = text.as_bytes();
    let mut content = Vec::new();
    let mut i = from + 1;
    loop {
        match bytes.get(i) {
            None | Some(b'\n') => {
                let message = "this quote is never closed".to_string();
                let hint = Some("end it with `\"` on the same line; `\\n` writes a line break".to_string());
                problems.push(Problem { at: from..i, message, hint });
                return (content, i);
            }
            Some(b'"') => return (content, i + 1),
            Some(b'\\') => i = escape(text, i, &mut content, problems),
            Some(&byte) => {
                content.push(byte);
                i += 1;
            }
        }
    }
}

/// Resolves the escape that begins at `from`; answers where it ends.
fn escape(text: &str, from: usize, content: &mut Vec<u8>, problems: &mut Vec<Problem>) -> usize {
    let rest = &text[from + 1..];
    let simple = match rest.as_bytes().first() {
        Some(b'n') => Some(b'\n'),
        Some(b't') => Some(b'\t'),
        Some(b'r') => Some(b'\r'),
        Some(b'0') => Some(0),
        Some(b'"') => Some(b'"'),
        Some(b'\\') => Some(b'\\'),
        Some(b'x') => {
            let hex = rest.get(1..3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
            if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                content.push(byte);
                return from + 4;
            }
            None
        }
        Some(_) | None => None,
    };
    if let Some(byte) = simple {
        content.push(byte);
        return from + 2;
    }
    let next = rest.chars().next().filter(|c| *c != '\n');
    let end = from + 1 + next.map_or(0, char::len_utf8);
    let message = format!("`{}` is not an escape", &text[from..end]);
    let hint = Some("known are \\n, \\t, \\r, \\0, \\xHH, \\\" and \\\\".to_string());
    problems.push(Problem { at: from..end, message, hint });
    end
}
