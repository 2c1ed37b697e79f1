//! As much JSON (RFC 8259) as a status file needs: written in one way, read in any.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Json {
    Null,
    /// As it is written.
    Number(String),
    Bool(bool),
    Text(String),
    List(Vec<Json>),
    /// In the order in which it is written.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: &str) -> Json {
        Json::Text(text.into())
    }

    pub(super) fn write(&self, into: &mut String) {
        match self {
            Json::Null => into.push_str("null"),
            Json::Number(number) => into.push_str(number),
            Json::Bool(truth) => into.push_str(if *truth { "true" } else { "false" }),
            Json::Text(text) => write_text(text, into),
            Json::List(list) => {
                into.push('[');
                for (at, one) in list.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    one.write(into);
                }
                into.push(']');
            }
            Json::Object(fields) => {
                into.push('{');
                for (at, (key, value)) in fields.iter().enumerate() {
                    into.push_str(if at == 0 { "" } else { "," });
                    write_text(key, into);
                    into.push(':');
                    value.write(into);
                }
                into.push('}');
            }
        }
    }

    /// Reads one value, with nothing but white space around it.
    pub(super) fn read(text: &str) -> Option<Json> {
        let mut reader = Reader { rest: text };
        let value = reader.value(DEPTH_MAX)?;
        reader.space();
        reader.rest.is_empty().then_some(value)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => fields.iter().find(|(known, _)| known == key).map(|(_, value)| value),
            Json::Null | Json::Number(_) | Json::Bool(_) | Json::Text(_) | Json::List(_) => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            Json::Null | Json::Number(_) | Json::Bool(_) | Json::List(_) | Json::Object(_) => None,
        }
    }

    pub(super) fn as_number<N: core::str::FromStr>(&self) -> Option<N> {
        match self {
            Json::Number(number) => number.parse().ok(),
            Json::Null | Json::Text(_) | Json::Bool(_) | Json::List(_) | Json::Object(_) => None,
        }
    }
}

fn write_text(text: &str, into: &mut String) {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            c if c < ' ' => into.push_str(&format!("\\u{:04x}", c as u32)),
            c => into.push(c),
        }
    }
    into.push('"');
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes this, if it comes next.
    fn takes(&mut self, text: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: u32) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        if self.takes("null") {
            return Some(Json::Null);
        }
        for (word, truth) in [("true", true), ("false", false)] {
            if self.takes(word) {
                return Some(Json::Bool(truth));
            }
        }
        if self.takes("\"") {
            return self.text().map(Json::Text);
        }
        if self.takes("[") {
            let mut list = Vec::new();
            return self
                .separated("]", |reader| reader.value(depth).map(|value| list.push(value)))
                .map(|()| Json::List(list));
        }
        if self.takes("{") {
            let mut fields = Vec::new();
            let field = |reader: &mut Self| {
                let key = if reader.takes("\"") { reader.text()? } else { return None };
                let value = if reader.takes(":") { reader.value(depth)? } else { return None };
                fields.push((key, value));
                Some(())
            };
            return self.separated("}", field).map(|()| Json::Object(fields));
        }
        self.number()
    }

    /// What stands between commas, up to the end.
    fn separated(&mut self, end: &str, mut one: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.takes(end) {
            return Some(());
        }
        loop {
            one(self)?;
            if self.takes(end) {
                return Some(());
            }
            if !self.takes(",") {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let len =
            self.rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(len);
        let is_number = number.parse::<f64>().is_ok() && !number.starts_with('+');
        self.rest = rest;
        is_number.then(|| Json::Number(number.into()))
    }

    /// The rest of a text whose opening quote was taken.
    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut chars = self.rest.chars();
            let c = chars.next()?;
            self.rest = chars.as_str();
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(match c {
            '"' | '\\' | '/' => c,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => return self.unit(),
            _ => return None,
        })
    }

    /// A character by its number; two halves where it needs them.
    fn unit(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        self.rest = self.rest.strip_prefix("\\u")?;
        let second = self.hex()?.checked_sub(0xdc00).filter(|half| *half < 0x400)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
    }

    fn hex(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }
}

/// Values within values: a session of supervisors is not so deep, and no text makes us go deeper.
const DEPTH_MAX: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn what_was_written_is_read_again() {
        let texts = ["", "plain", "quote \" slash \\ line\n tab\t bell\u{7}", "ümlaut 🦀"];
        let list = texts.iter().map(|text| Json::text(text)).collect();
        let value = Json::Object(vec![
            ("list".into(), Json::List(list)),
            ("empty".into(), Json::Object(vec![])),
            ("n".into(), Json::Number("-12".into())),
            ("null".into(), Json::Null),
            ("yes".into(), Json::Bool(true)),
        ]);
        let mut text = String::new();
        value.write(&mut text);
        assert_eq!(Json::read(&text), Some(value));
    }

    #[test]
    fn what_others_write_is_read_and_what_is_no_json_is_refused() {
        for (text, good) in [
            (" { \"a\" : [ 1 , 2.5e3 ] } \n", true),
            (r#""\u00fc\ud83e\udd80\/""#, true),
            (r#""\ud83e""#, false),
            (r#""\ud83e\u0041""#, false),
            ("[1,]", false),
            ("{\"a\":}", false),
            ("{a:1}", false),
            ("\"open", false),
            ("[1] 2", false),
            ("", false),
            ("nul", false),
            ("+1", false),
        ] {
            assert_eq!(Json::read(text).is_some(), good, "{text}");
        }
        assert_eq!(Json::read(r#""\u00fc\ud83e\udd80""#), Some(Json::text("ü🦀")));
        assert_eq!(Json::read(&"[".repeat(100_000)), None);
    }
}
