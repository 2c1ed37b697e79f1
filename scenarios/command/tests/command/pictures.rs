//! `show`, `open` and `export`: a failure in every form, of the last sweep, of a failure file and of a report.

use crate::{SLOW, folder, folder_with, shakedown};
use serde_json::Value;
use std::fs;

#[test]
fn a_failure_is_shown_again_wherever_it_comes_from() {
    let folder = folder_with("show", "slow.toml", SLOW);
    let red =
        shakedown(&folder, &["sim", "slow.toml", "--seeds", "100", "--out", "found", "--report", "json=all.json"]);
    assert_eq!(red.code, Some(1), "{red:?}");
    let latest = shakedown(&folder, &["show"]);
    assert!(latest.code == Some(0) && latest.err.contains("failure 1 of 2"), "{latest:?}");
    assert_eq!(shakedown(&folder, &["show", "all.json"]).out, latest.out);
    let one = shakedown(&folder, &["export", "latest", "--to", "json", "-o", "one.json"]);
    assert_eq!((one.code, one.out.as_str()), (Some(0), ""));
    assert_eq!(shakedown(&folder, &["show", "one.json"]).out, latest.out);
    let both = shakedown(&folder, &["show", "--all"]);
    assert_eq!(both.out.matches("FAIL slow").count(), 2, "{}", both.out);
    assert_eq!(shakedown(&folder, &["show", "--nth", "3"]).code, Some(4));

    let mut files: Vec<_> =
        fs::read_dir(folder.join("found")).expect("written").map(|e| e.expect("readable").path()).collect();
    files.sort();
    let file = files[0].to_str().expect("a plain name");
    let played = shakedown(&folder, &["show", file]);
    assert!(played.code == Some(0) && played.out.contains("replay of "), "{played:?}");
    fs::write(folder.join("slow.toml"), SLOW.replace("10ms..900ms", "10ms")).expect("written");
    let mended = shakedown(&folder, &["show", file]);
    assert!(mended.code != Some(1) && mended.out.is_empty(), "{mended:?}");
}

#[test]
fn a_failure_is_exported_in_every_form() {
    let folder = folder_with("export", "slow.toml", SLOW);
    assert_eq!(shakedown(&folder, &["sim", "slow.toml", "--seeds", "100"]).code, Some(1));
    let form = |to: &str| {
        let out = shakedown(&folder, &["export", "latest", "--to", to]);
        assert_eq!((out.code, out.err.as_str()), (Some(0), ""), "{to}");
        out.out
    };
    let trace: Value = serde_json::from_str(&form("perfetto")).expect("JSON");
    assert!(trace["traceEvents"].as_array().is_some_and(|events| events.len() > 20), "{trace}");
    assert!(form("mermaid").starts_with("sequenceDiagram\n    participant L0 as session\n"));
    let whole: Value = serde_json::from_str(&form("json")).expect("JSON");
    assert_eq!((&whole["scenario"], &whole["subject"]), (&"slow".into(), &"api".into()));
    assert_eq!(form("text"), shakedown(&folder, &["show"]).out);
    let page = form("html");
    assert!(page.starts_with("<!doctype html>") && page.contains("</html>"));
    let opened = shakedown(&folder, &["open", "latest", "--no-browser"]);
    assert_eq!(fs::read_to_string(opened.out.trim()).expect("where it says"), page);
}

#[test]
fn where_nothing_failed_there_is_nothing_to_show() {
    let folder = folder("nothing");
    let none = shakedown(&folder, &["show"]);
    assert!(none.code == Some(4) && none.err.contains("nothing failed the last time"), "{none:?}");
    fs::write(folder.join("x.json"), "[]").expect("written");
    assert_eq!(shakedown(&folder, &["open", "x.json"]).code, Some(3));
    assert_eq!(shakedown(&folder, &["export", "none.toml", "--to", "text"]).code, Some(3));
}
