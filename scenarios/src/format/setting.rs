//! One value of a file, as a command line sets it: `defaults.stop.grace=1s`. It wins over the file, and over an axis of the same key.

use super::diagnostic::Diagnostic;
use super::sweep::put;
use super::tree::{Node, Table, Value, document};
use std::fmt;
use std::str::FromStr;

/// A dotted key and its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    key: String,
    value: String,
}

/// A setting that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingError(String);

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no KEY=VALUE: try defaults.stop.grace=1s", self.0)
    }
}

impl std::error::Error for SettingError {}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Setting, SettingError> {
        let (key, value) = text.split_once('=').ok_or_else(|| SettingError(text.into()))?;
        let key = key.trim();
        if key.is_empty() || key.split('.').any(str::is_empty) || key == "schema" {
            return Err(SettingError(text.into()));
        }
        Ok(Setting { key: key.into(), value: value.trim().into() })
    }
}

impl fmt::Display for Setting {
    /// As a command line takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Setting {
    /// The value as TOML reads it, and as text where it is none: nobody quotes a duration on a command line.
    fn node(&self) -> Node {
        let (table, problems) = document(&format!("value = {}", self.value));
        let read = table.get("value").filter(|_| problems.is_empty() && table.0.len() == 1);
        let mut node = read.cloned().unwrap_or(Node { at: 0..0, value: Value::Text(self.value.clone()) });
        nowhere(&mut node);
        node
    }
}

/// It stands nowhere in the file.
fn nowhere(node: &mut Node) {
    node.at = 0..0;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(nowhere),
        Value::Table(table) => table.0.iter_mut().for_each(|field| {
            field.key_at = 0..0;
            nowhere(&mut field.node);
        }),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Date => {}
    }
}

/// The document with these values in their places.
pub(super) fn with_settings(file: &str, mut document: Table, settings: &[Setting]) -> Result<Table, Diagnostic> {
    for setting in settings {
        let path: Vec<String> = setting.key.split('.').map(str::to_string).collect();
        let leads = match path.as_slice() {
            [only] => {
                document.0.retain(|field| field.key != *only);
                document.0.push(super::tree::Field { key: only.clone(), key_at: 0..0, node: setting.node() });
                true
            }
            path => put(&mut document, path, &(0..0), &setting.node()).is_some(),
        };
        if !leads {
            let hint = "tables by their keys, lists by numbers from 0: stimuli.0.at=5ms".to_owned();
            return Err(Diagnostic::of_file(file, format!("has no place for `{}`", setting.key), Some(hint)));
        }
        without_axis(&mut document, &setting.key);
    }
    Ok(document)
}

/// An axis of the same key would put its own values there.
fn without_axis(document: &mut Table, key: &str) {
    let sweep = document.field_mut("sweep").map(|field| &mut field.node.value);
    let Some(Value::Table(sweep)) = sweep else { return };
    if let Some(Value::Table(axes)) = sweep.field_mut("axes").map(|field| &mut field.node.value) {
        axes.0.retain(|field| field.key != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Options, read_with};

    const TEXT: &str = "schema = 1\n[workers.api]\npuppet = \"hang\"\n[[stimuli]]\nat = \"1ms\"\ndo = \"stop\"\n\
                        [sweep.axes]\n\"defaults.stop.grace\" = [\"1s\", \"2s\"]\n";

    fn set(settings: &[&str]) -> Result<String, String> {
        let set = settings.iter().map(|text| text.parse().expect("a setting")).collect();
        let options = Options { set, ..Options::default() };
        let scenario = read_with("f.toml", TEXT, &options).map_err(|wrong| wrong[0].to_string())?;
        let grace = |case: &crate::format::Case| format!("{:?}", case.session.workers[0].stop.grace);
        let cases: Vec<String> = scenario.cases().iter().map(grace).collect();
        Ok(format!("{} {}", scenario.seeds, cases.join(" ")))
    }

    #[test]
    fn a_value_is_put_in_its_place_before_the_file_is_read() {
        let plain = set(&[]).expect("no mistake");
        assert!(plain.starts_with("100 ") && plain.contains("1s") && plain.contains("2s"), "{plain}");
        let fixed = set(&["sweep.seeds=7", "defaults.stop.grace = 5s"]).expect("no mistake");
        assert!(fixed.starts_with("7 ") && fixed.contains("5s") && fixed.split(' ').count() == 2, "{fixed}");
        assert!(set(&["stimuli.0.at=9ms", "name=other"]).is_ok());
        for (wrong, says) in [
            ("defaults.stop.grce=1s", "did you mean `grace`?"),
            ("defaults.stop.grace=3 parsecs", "the units are"),
            ("stimuli.4.at=1ms", "has no place for `stimuli.4.at`"),
        ] {
            let told = set(&[wrong]).expect_err(wrong);
            assert!(told.contains(says), "{wrong}: {told}");
        }
        for bad in ["", "=", "x", ".=1", "a..b=1", "schema=2"] {
            assert!(bad.parse::<Setting>().is_err(), "{bad}");
        }
    }
}
