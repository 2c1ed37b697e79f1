//! The reference pages of the book are made of what they are about: the help of each command, and the schema. `SHAKEDOWN_BLESS=1` writes
//! them; without it this test says whether they are what would be written.

use crate::{folder, shakedown};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn holds(page: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/reference").join(page);
    if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(&file, text).expect("written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let first = written.lines().zip(text.lines()).find(|(is, should)| is != should);
    assert!(written == text, "{page} is not current, SHAKEDOWN_BLESS=1 writes it: {first:?}");
}

#[test]
fn the_page_of_the_command_is_current() {
    let folder = folder("book-command");
    let all = shakedown(&folder, &["--help"]).out;
    let mut page = String::from(
        "# The command\n\nWhat `shakedown --help` and `shakedown COMMAND --help` say. Flags win over the environment, \
         and that over the file.\n",
    );
    let _ = write!(page, "\n```text\n{}```\n", all);
    let listed = all.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).filter(|n| *n != "help").collect();
    assert!(names.len() >= 25, "{names:?}");
    for name in names {
        let help = shakedown(&folder, &[name, "--help"]).out;
        let _ = write!(page, "\n## shakedown {name}\n\n```text\n{help}```\n");
    }
    // Lines of a help may end in blanks, which no editor leaves alone.
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    holds("command.md", &(lines.join("\n") + "\n"));
}

#[test]
fn the_page_of_the_scenario_file_is_current() {
    let schema: Value = serde_json::from_str(&shakedown(&folder("book-schema"), &["schema"]).out).expect("JSON");
    let mut page = String::from(
        "# The scenario file\n\nEvery key of `schema = 1`, as `shakedown schema` has them: a mistake in a file is told \
         with its place, and editors with\nTaplo complain while one types. `[defaults]` takes the keys of any worker.\n",
    );
    section(&mut page, "The file", &schema);
    for (title, pointer) in [
        ("[session]", "/properties/session"),
        ("[workers.NAME]", "/properties/workers/additionalProperties"),
        ("[workers.NAME] stop", "/properties/workers/additionalProperties/properties/stop"),
        (
            "[workers.NAME] stop.pre-stop",
            "/properties/workers/additionalProperties/properties/stop/properties/pre-stop",
        ),
        ("[workers.NAME] ready", "/properties/workers/additionalProperties/properties/ready"),
        ("[workers.NAME] restart", "/properties/workers/additionalProperties/properties/restart/anyOf/1"),
        ("[actions.NAME]", "/properties/actions/additionalProperties"),
        ("[[stimuli]]", "/properties/stimuli/items"),
        ("[[faults]]", "/properties/faults/items"),
        ("[[expect]]", "/properties/expect/items"),
        ("[[expect]] count", "/properties/expect/items/properties/count"),
        ("[limits]", "/properties/limits"),
        ("[sweep]", "/properties/sweep"),
    ] {
        let of = schema.pointer(pointer).unwrap_or_else(|| panic!("the schema has no {pointer} any more"));
        section(&mut page, &format!("`{title}`"), of);
    }
    holds("scenario.md", &page);
}

fn section(page: &mut String, title: &str, of: &Value) {
    let _ = write!(page, "\n## {title}\n\n| key | takes | what it is |\n|---|---|---|\n");
    let keys = of["properties"].as_object().expect("a table of keys");
    assert!(!keys.is_empty(), "{title}");
    for (key, shape) in keys {
        let about = shape["description"].as_str().unwrap_or("");
        let _ = writeln!(page, "| `{key}` | {} | {} |", cell(&takes(shape)), cell(about));
    }
}

/// What a key takes, in a few words.
fn takes(shape: &Value) -> String {
    if let Some(words) = shape["enum"].as_array() {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(" ");
    }
    if let Some(choices) = shape["anyOf"].as_array() {
        return choices.iter().map(takes).collect::<Vec<_>>().join(", or ");
    }
    if !shape["const"].is_null() {
        return format!("`{}`", shape["const"]);
    }
    let bounds = match (shape["minimum"].as_f64(), shape["maximum"].as_f64()) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" from {least} on"),
        (None, _) => String::new(),
    };
    match shape["type"].as_str() {
        Some("string") => match shape["examples"].as_array() {
            Some(examples) => {
                let examples: Vec<String> =
                    examples.iter().filter_map(Value::as_str).map(|example| format!("`{example}`")).collect();
                format!("a text such as {}", examples.join(" "))
            }
            None => "a text".into(),
        },
        Some("integer") => format!("a whole number{bounds}"),
        Some("number") => format!("a number{bounds}"),
        Some("boolean") => "`true` or `false`".into(),
        Some("array") => format!("a list: {}", takes(&shape["items"])),
        Some("object") if shape["properties"].is_object() => {
            let keys = shape["properties"].as_object().into_iter().flat_map(|keys| keys.keys());
            format!("a table with {}", keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" "))
        }
        Some("object") => format!("a table, by name: {}", takes(&shape["additionalProperties"])),
        Some(_) | None => "anything".into(),
    }
}

/// A cell of a table of Markdown.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
