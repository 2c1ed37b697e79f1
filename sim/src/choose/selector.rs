//! Which actions a strategy is to be even about, in a user's words: `exit:api*`, `signal:*`, `timer:db`.

use std::fmt;
use std::str::FromStr;

/// Actions of a kind, by the names of whom they are about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    /// Of which kind.
    pub of: Selected,
    /// A glob of names, as `api/*`.
    pub names: String,
}

/// What an action does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Selected {
    /// A process ends.
    Exit,
    /// A process gets a signal.
    Signal,
    /// A deadline of a machine comes.
    Timer,
    /// A machine hears something.
    Message,
    /// A task runs.
    Task,
    /// A process runs.
    Process,
    /// Any of these.
    Any,
}

impl Selected {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Selected); 7] = [
        ("exit", Selected::Exit),
        ("signal", Selected::Signal),
        ("timer", Selected::Timer),
        ("message", Selected::Message),
        ("task", Selected::Task),
        ("process", Selected::Process),
        ("any", Selected::Any),
    ];
}

/// A selector that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadSelector(String);

impl fmt::Display for BadSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Selected::ALL.iter().map(|(name, _)| *name).collect();
        write!(f, "`{}` selects nothing: it is KIND:NAMES, as exit:api*, and KIND one of {}", self.0, known.join(", "))
    }
}

impl std::error::Error for BadSelector {}

impl FromStr for Selector {
    type Err = BadSelector;

    fn from_str(text: &str) -> Result<Selector, BadSelector> {
        let bad = || BadSelector(text.into());
        let (kind, names) = text.split_once(':').ok_or_else(bad)?;
        let of = Selected::ALL.iter().find(|(name, _)| *name == kind).map(|(_, of)| *of).ok_or_else(bad)?;
        if names.is_empty() { Err(bad()) } else { Ok(Selector { of, names: names.into() }) }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Selected::ALL.iter().find(|(_, of)| *of == self.of).map_or("any", |(name, _)| name);
        write!(f, "{name}:{}", self.names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_kind_and_names() {
        let selector: Selector = "exit:api*".parse().expect("it is one");
        assert_eq!((selector.of, &*selector.names, &*selector.to_string()), (Selected::Exit, "api*", "exit:api*"));
        for bad in ["exit", "exit:", "exits:api", ":api", ""] {
            let error = bad.parse::<Selector>().expect_err(bad).to_string();
            assert!(error.contains("KIND one of exit, signal, timer, message, task, process, any"), "{error}");
        }
    }
}
