//! Expectations of a scenario: sentences made ready for its plan, oracles that are switched off, Rust oracles by name.

use super::diagnostic::DiagnosticKind;
use super::reader::{Keys, Reader};
use super::scenario::Allow;
use super::tree::{Field, Node, Table};
use crate::oracle::{Named, Oracles};
use crate::pattern::{self, Expectation, Expectations, Final, Matcher, Names, PatternError, Rule, SOMETIMES_MAX};
use std::sync::Arc;

/// What the `[[expect]]` tables of a file say.
#[derive(Default)]
pub(super) struct Expected {
    pub expectations: Expectations,
    pub allows: Vec<Allow>,
    pub checks: Vec<Named>,
}

/// Reads all `[[expect]]`. `oracles` are the Rust oracles that are registered.
pub(super) fn expect(reader: &mut Reader<'_>, document: &Table, names: &Names, oracles: &Oracles) -> Expected {
    let mut expected = Expected::default();
    for (node, table) in reader.tables(document, "expect") {
        reader.keys(table, &EXPECT);
        let kinds: Vec<&Field> = table.0.iter().filter(|field| KINDS.contains(&field.key.as_str())).collect();
        match kinds[..] {
            [kind] => one(reader, document, table, kind, names, oracles, &mut expected),
            [] => reader.mistake_hint(
                &node.at,
                "this expects nothing",
                "as in never = \"server spawn after session stopped\"",
            ),
            [_, second, ..] => {
                let hint = "write an `[[expect]]` for each";
                reader.mistake_hint(&second.key_at, "one expectation a table", hint);
            }
        }
    }
    let seen = expected.expectations.sometimes().count();
    if seen > SOMETIMES_MAX {
        let at = document.field("expect").map_or(0..0, |field| field.key_at.clone());
        reader.mistake(&at, format!("{seen} `sometimes`, at most {SOMETIMES_MAX} can be told apart"));
    }
    expected
}

fn one(
    reader: &mut Reader<'_>,
    document: &Table,
    table: &Table,
    field: &Field,
    names: &Names,
    oracles: &Oracles,
    expected: &mut Expected,
) {
    let (kind, node) = (field.key.as_str(), &field.node);
    if kind != "allow" {
        for key in ["on", "reason"] {
            if let Some(field) = table.field(key) {
                reader.mistake(&field.key_at, format!("`{key}` belongs to `allow`, not to `{kind}`"));
            }
        }
    }
    let list = &mut expected.expectations.list;
    match kind {
        "final" => finals(reader, node, names, list),
        "order" => list.extend(order(reader, node, names)),
        "count" => list.extend(count(reader, node, names)),
        "journal" => list.extend(super::journal::journal(reader, document, field, names)),
        "allow" => expected.allows.extend(allow(reader, table, node, names)),
        "check" => {
            let Some(name) = reader.text(node, "`check`") else { return };
            if let Some(oracle) = oracles.get(name) {
                expected.checks.push(oracle.clone());
            } else if oracles.iter().next().is_none() {
                let hint =
                    "whoever plays this file registers it: `scenarios!(\"…\", oracles = …)`, or a command of your own";
                reader.mistake_hint(&node.at, format!("no Rust oracle `{name}` is registered"), hint);
            } else {
                reader.unknown(&node.at, "Rust oracle", name, oracles.iter().map(|oracle| &**oracle.name()));
            }
        }
        sentence => {
            let Some((text, rule)) = rule(reader, node, names) else { return };
            let written: Arc<str> = format!("{sentence} = {text:?}").into();
            match sentence {
                "always" => {
                    if rule.within.is_none() && rule.before.is_none() && rule.after.is_none() {
                        let hint = "add `within D of …`, `before …` or `after …`, or use `sometimes`";
                        reader.mistake_hint(&node.at, "this always holds: it says nothing about when", hint);
                    }
                    list.push((written, Expectation::Always(rule)));
                }
                "never" => list.push((written, Expectation::Never(rule))),
                _ => list.push((written, Expectation::Sometimes(rule))),
            }
        }
    }
}

fn rule(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<(String, Rule)> {
    let text = reader.text(node, "a sentence")?;
    let rule = pattern::parse(text).and_then(|sentence| pattern::compile(text, &sentence, names));
    match rule {
        Ok(rule) => Some((text.to_string(), rule)),
        Err(errors) => {
            tell(reader, node, text, errors);
            None
        }
    }
}

pub(super) fn matcher(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<Matcher> {
    let text = reader.text(node, "an event")?;
    let matcher = pattern::parse_phrase(text).and_then(|phrase| pattern::matcher(text, &phrase, names));
    matcher.map_err(|errors| tell(reader, node, text, errors)).ok()
}

/// Tells the errors of a sentence at their places in the file.
pub(super) fn tell(reader: &mut Reader<'_>, node: &Node, text: &str, errors: Vec<PatternError>) {
    for error in errors {
        let place = reader.inside(node, text, &error.at);
        let kind = match error.not_supported_yet {
            true => DiagnosticKind::NotSupportedYet,
            false => DiagnosticKind::Mistake,
        };
        reader.note(&place, kind, error.message, error.hint);
    }
}

fn finals(reader: &mut Reader<'_>, node: &Node, names: &Names, list: &mut Vec<(Arc<str>, Expectation)>) {
    let Some(table) = reader.table(node, "`final`") else { return };
    if table.0.is_empty() {
        reader.mistake(&node.at, "`final` names nobody");
    }
    for field in &table.0 {
        let Some(text) = reader.text(&field.node, "a status") else { continue };
        match Final::parse(&field.key, text, names) {
            Ok(each) => list.push((format!("final: {} = {text:?}", field.key).into(), Expectation::Final(each))),
            Err(errors) => {
                for (of_key, error) in errors {
                    let place = match of_key {
                        true => field.key_at.clone(),
                        false => reader.inside(&field.node, text, &error.at),
                    };
                    reader.note(&place, DiagnosticKind::Mistake, error.message, error.hint);
                }
            }
        }
    }
}

fn order(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<(Arc<str>, Expectation)> {
    let items = reader.list(node, "`order`")?;
    if items.len() < 2 {
        reader.mistake(&node.at, "an order has at least two events");
        return None;
    }
    let read: Vec<Option<Matcher>> = items.iter().map(|item| matcher(reader, item, names)).collect();
    let matchers: Vec<Matcher> = read.into_iter().collect::<Option<_>>()?;
    let texts: Vec<String> = matchers.iter().map(|matcher| format!("{:?}", matcher.text)).collect();
    Some((format!("order = [{}]", texts.join(", ")).into(), Expectation::Order(matchers)))
}

fn count(reader: &mut Reader<'_>, node: &Node, names: &Names) -> Option<(Arc<str>, Expectation)> {
    let table = reader.table(node, "`count`")?;
    reader.keys(table, &COUNT);
    let number = |reader: &mut Reader<'_>, key: &str| {
        let node = table.get(key)?;
        reader.integer(node, &format!("`{key}`"), 0, COUNT_MAX)
    };
    let exactly = number(reader, "exactly");
    let at_least = number(reader, "at-least");
    let at_most = number(reader, "at-most");
    let Some(event) = table.get("event") else {
        reader.mistake_hint(
            &node.at,
            "`count` counts no event",
            "as in count = { event = \"a started\", exactly = 1 }",
        );
        return None;
    };
    let (text, rule) = rule(reader, event, names)?;
    let given = |key: &str| table.get(key).is_some();
    let (least, most) = match (exactly, at_least, at_most) {
        (None, None, None) => {
            if !given("exactly") && !given("at-least") && !given("at-most") {
                reader.mistake_hint(&node.at, "`count` says not how often", "add exactly, at-least or at-most = N");
            }
            return None;
        }
        (Some(n), None, None) => (n, n),
        (Some(_), _, _) => {
            reader.mistake(&node.at, "`exactly` leaves no room for `at-least` and `at-most`");
            return None;
        }
        (None, least, most) => (least.unwrap_or(0), most.unwrap_or(COUNT_MAX)),
    };
    if least > most {
        reader.mistake(&node.at, "no number is at least the one and at most the other");
        return None;
    }
    let bounds = if least == most {
        format!("exactly {least}")
    } else if most == COUNT_MAX {
        format!("at least {least}")
    } else {
        format!("{least} to {most}")
    };
    Some((format!("count {text:?}: {bounds}").into(), Expectation::Count { rule, least, most }))
}

fn allow(reader: &mut Reader<'_>, table: &Table, node: &Node, names: &Names) -> Option<Allow> {
    let name = reader.text(node, "an oracle");
    let oracle = name.and_then(|name| match ORACLES.iter().find(|(oracle, _)| *oracle == name) {
        Some((oracle, true)) => Some(*oracle),
        Some((oracle, false)) => {
            reader.later(&node.at, &format!("oracle `{oracle}`"));
            None
        }
        None => {
            reader.unknown(&node.at, "oracle", name, ORACLES.iter().map(|(oracle, _)| *oracle));
            None
        }
    });
    let reason = match table.get("reason") {
        Some(reason) => reader.text(reason, "`reason`").filter(|text| {
            let given = !text.trim().is_empty();
            if !given {
                reader.mistake(&reason.at, "the reason is empty");
            }
            given
        }),
        None => {
            reader.mistake_hint(&node.at, "an oracle is switched off for a reason", "add reason = \"…\"");
            None
        }
    };
    let Some(on) = table.get("on") else {
        reader.mistake_hint(&node.at, "an oracle is switched off for somebody", "add on = \"server/helper\"");
        return None;
    };
    let subject = reader.text(on, "`on`")?;
    for part in subject.split('|') {
        if pattern::resolve(part, names).is_empty() && !names.is_opaque(part) {
            reader.unknown(&on.at, "subject", part, names.subjects().iter().map(|subject| &*subject.name));
        }
    }
    Some(Allow { oracle: oracle?, on: subject.into(), reason: reason?.to_string() })
}

pub(super) const KINDS: &[&str] =
    &["final", "always", "never", "sometimes", "order", "count", "journal", "allow", "check"];
pub(super) const EXPECT: Keys = Keys {
    of: "an expectation",
    known: &["final", "always", "never", "sometimes", "order", "count", "journal", "allow", "check", "on", "reason"],
    later: &[],
};
pub(super) const COUNT: Keys = Keys { of: "`count`", known: &["event", "exactly", "at-least", "at-most"], later: &[] };
/// More than any run can hold: a bound that is not there.
const COUNT_MAX: u64 = 1_000_000_000_000;
/// The built-in oracles, and whether they are built.
pub(super) const ORACLES: &[(&str, bool)] = &[
    ("no-orphan", true),
    ("no-zombie", true),
    ("no-foreign-signal", true),
    ("one-terminal-event", true),
    ("event-order", true),
    ("stop-deadline", true),
    ("truthful-outcome", true),
    ("no-lost-output", true),
    ("quiescent-end", true),
    ("no-unexpected", true),
    ("no-spawn-after-stop", true),
    ("restart-budget", true),
    ("stop-order", true),
    ("all-waits-resolve", true),
    ("monotone-stop", true),
    ("status-never-torn", true),
    ("recovery-converges", true),
    ("sink-never-blocks", true),
    ("no-fd-leak", true),
];
