//! What a person needs who writes scenarios: a beginning, a schema for the editor, the order of a plan, help, completions, a manual.

use crate::{folder, folder_with, shakedown};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const SHOP: &str = r#"schema = 1
[workers.db]
puppet = "on INT exit 0; print up; hang"
ready = { log = "up", timeout = "10s" }
stop = { signal = "INT", grace = "2s" }
[workers.api]
puppet = "on TERM exit 0; print up; hang"
ready = { log = "up", timeout = "5s" }
after = { db = "ready" }
[workers.edge]
puppet = "on TERM exit 0; hang"
after = { pool = "started", api = "ready" }
stop = { grace = "500ms", drain = "100ms" }
[workers.pool]
kind = "supervisor"
children = ["one", "two"]
[workers.one]
puppet = "on TERM exit 0; hang"
stop = { grace = "4s" }
[workers.two]
puppet = "on TERM exit 0; hang"
after = { one = "started" }
[session]
stop-budget = "60s"
"#;

#[test]
fn a_plan_is_drawn_with_its_critical_chains() {
    let folder = folder_with("graph", "shop.toml", SHOP);
    let text = shakedown(&folder, &["graph", "shop.toml"]);
    assert_eq!((text.code, text.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!("graph_text", text.out);
    let chart = shakedown(&folder, &["graph", "shop.toml", "--to", "mermaid"]);
    insta::assert_snapshot!("graph_mermaid", chart.out);
    assert_eq!(shakedown(&folder, &["graph", "shop.toml", "--case", "2"]).code, Some(4));
}

#[test]
fn a_project_begins_red_and_turns_green_and_nothing_is_written_over() {
    let folder = folder("init");
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"mine\"\n").expect("written");
    let begun = shakedown(&folder, &["init", "--schema"]);
    assert_eq!((begun.code, begun.out.matches("written  ").count()), (Some(0), 4), "{begun:?}");
    assert_eq!(shakedown(&folder, &["check"]).code, Some(0));
    let red = shakedown(&folder, &["sim"]);
    assert!(red.code == Some(1) && red.out.contains("ended as killed, expected stopped"), "{red:?}");
    let scenario = folder.join("scenarios/server.toml");
    let mended = fs::read_to_string(&scenario).expect("it is there").replace("grace = \"500ms\"", "grace = \"2s\"");
    fs::write(&scenario, &mended).expect("written");
    assert_eq!(shakedown(&folder, &["sim"]).code, Some(0));
    let again = shakedown(&folder, &["init"]);
    assert_eq!((again.code, again.out.matches("is there ").count()), (Some(0), 3), "{again:?}");
    assert_eq!(fs::read_to_string(&scenario).expect("it is there"), mended);
}

/// The folder of the corpus.
fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_scenario_of_the_corpus_keeps_the_schema_and_a_mistake_does_not() {
    let schema: Value = serde_json::from_str(&shakedown(&folder("schema"), &["schema"]).out).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let (files, wrong) = shakedown::format::find(&[corpus()]);
    assert!(files.len() > 50 && wrong.is_empty(), "{} files, {wrong:?}", files.len());
    let read = |text: &str| -> Value {
        serde_json::to_value(toml::from_str::<toml::Table>(text).expect("TOML")).expect("JSON")
    };
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        let complaints: Vec<String> =
            validator.iter_errors(&read(&text)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(complaints, Vec::<String>::new(), "{}", file.display());
    }
    for (from, to) in [
        ("[session]", "[sesion]"),
        ("puppet =", "pupet ="),
        ("grace = \"500ms\"", "grce = \"500ms\""),
        ("\"started\"", "\"begun\""),
        ("\"supervisor\"", "\"manager\""),
        ("schema = 1", "schema = 2"),
    ] {
        let broken = SHOP.replace(from, to);
        assert!(broken != SHOP && !validator.is_valid(&read(&broken)), "{to} passes");
    }
    assert!(validator.is_valid(&read(SHOP)));
}

#[test]
fn each_command_explains_itself_with_examples() {
    let folder = folder("help");
    let all = shakedown(&folder, &["--help"]).out;
    let listed = all.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    let names: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 16, "{names:?}");
    for name in names {
        let help = shakedown(&folder, &[name, "--help"]);
        let is_shown = help.out.contains(&format!("Examples:\n  shakedown {name}"));
        assert!(help.code == Some(0) && is_shown, "{name}: {}", help.out);
    }
    let unknown = shakedown(&folder, &["smi"]);
    assert!(unknown.code == Some(2) && unknown.err.contains("did you mean `sim`?"), "{unknown:?}");
}

/// A command of a workflow with flags that nobody knows would only be found by who copies it.
#[test]
fn the_commands_in_examples_and_templates_are_ours() {
    let folder = folder("workflows");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");
    let files =
        [here.join("src/init/shakedown.yml"), root.join("examples/ci/github.yml"), root.join("examples/ci/gitlab.yml")];
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let commands = text
            .lines()
            .filter_map(|line| line.split_once("shakedown "))
            .filter(|(before, _)| before.trim_end().ends_with(['-', ':', '|']) || before.trim().is_empty());
        for (_, rest) in commands.filter(|(_, rest)| rest.starts_with("sim ") || rest.starts_with("merge ")) {
            let plain = rest.split(" ||").next().unwrap_or(rest).replace("${{ matrix.shard }}", "1");
            let words: Vec<&str> = plain.split_whitespace().collect();
            let help = shakedown(&folder, &[words.as_slice(), &["--help"]].concat());
            assert_eq!(help.code, Some(0), "{}: shakedown {rest}: {}", file.display(), help.err);
            seen += 1;
        }
    }
    assert!(seen >= 5, "only {seen} commands were found");
}

#[test]
fn shells_complete_and_man_reads() {
    let folder = folder("shells");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shakedown(&folder, &["completions", shell]);
        assert!(
            script.code == Some(0) && script.out.contains("explore") && script.out.contains("time-budget"),
            "{shell}"
        );
    }
    let page = shakedown(&folder, &["man"]);
    assert!(page.code == Some(0) && page.out.contains(".SH NAME"), "{page:?}");
    assert_eq!(shakedown(&folder, &["man", "pages"]).code, Some(0));
    assert!(folder.join("pages/shakedown-sim.1").is_file());
}
