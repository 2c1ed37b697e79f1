//! Replays the fuzzers' corpora on stable Rust, without libFuzzer: what a fuzzer once found stays found.

#[path = "../../../fuzz/plans.rs"]
mod plans;

use arbitrary::Unstructured;
use shakedown::failure::{FailureFile, Stage};
use shakedown::format::{load, read, render_all};
use shakedown::real::control::{Request, decode_reply, encode_reply};
use shakedown::sim::choose::{Bytes, Chooser, Record};
use shakedown::sweep::Player;
use shakedown_core::journal::{encode, scan};
use shakedown_core::puppet::{Script, parse};
use shakedown_core::status;
use std::path::Path;

/// The files of a corpus, with their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.map(|path| (path.display().to_string(), read(&path))).collect()
}

/// Those that are text. The targets take text, so libFuzzer's bytes that are none never reach the parser.
fn texts(target: &str) -> Vec<(String, String)> {
    let files = corpus(target).into_iter();
    files.filter_map(|(name, bytes)| String::from_utf8(bytes).ok().map(|text| (name, text))).collect()
}

#[test]
fn every_puppet_text_of_the_corpus_reads_back_as_it_was_read() {
    let (mut files, mut scripts) = (0, 0);
    for (name, text) in texts("puppet_text") {
        files += 1;
        let Ok(script) = parse(&text) else { continue };
        scripts += 1;
        let printed = Script(&script).to_string();
        assert_eq!(parse(&printed).as_ref(), Ok(&script), "{name}: printed as {printed:?}");
    }
    assert!(files >= 12 && scripts >= 10, "{files} files, {scripts} scripts: is the corpus there?");
}

#[test]
fn every_scenario_text_of_the_corpus_has_cases_or_mistakes_that_can_be_shown() {
    let (mut good, mut bad) = (0, 0);
    for (name, text) in texts("scenario_text") {
        match read("fuzzed.toml", &text) {
            Ok(scenario) => {
                good += 1;
                assert!(!scenario.cases().is_empty(), "{name}");
            }
            Err(wrong) => {
                bad += 1;
                assert!(!wrong.is_empty() && !render_all(&wrong, false).is_empty(), "{name}");
            }
        }
    }
    assert!(good >= 3 && bad >= 3, "{good} good, {bad} bad: is the corpus there?");
}

#[test]
fn every_failure_text_of_the_corpus_reads_back_as_it_was_read() {
    let (mut good, mut bad) = (0, 0);
    for (name, text) in texts("failure_text") {
        let Ok(file) = FailureFile::parse(&text) else {
            bad += 1;
            continue;
        };
        good += 1;
        assert_eq!(FailureFile::parse(&file.text()).as_ref(), Ok(&file), "{name}");
        assert!(file.answers().is_ok(), "{name}");
    }
    assert!(good >= 1 && bad >= 3, "{good} good, {bad} bad: is the corpus there?");
}

#[test]
fn whatever_stands_in_a_journal_is_read_written_and_read_again() {
    let (mut entries, mut damaged) = (0, 0);
    for (_, bytes) in corpus("journal_bytes") {
        let found = scan(&bytes);
        let mut again = Vec::new();
        found.entries.iter().for_each(|entry| encode(entry, &mut again).expect("what was read is not too long"));
        let damage: usize = found.damaged.iter().map(|damage| damage.len()).sum();
        assert_eq!(again.len() + damage, found.whole);
        assert_eq!(scan(&again).entries, found.entries);
        entries += found.entries.len();
        damaged += found.damaged.len() + usize::from(found.whole < bytes.len());
    }
    assert!(entries >= 10 && damaged >= 3, "{entries} entries, {damaged} places of damage: is the corpus there?");
}

#[test]
fn whatever_stands_in_a_status_file_is_a_status_or_none() {
    let (mut whole, mut corrupt) = (0, 0);
    for (_, bytes) in corpus("status_bytes") {
        match status::parse(&bytes) {
            Ok(snapshot) => {
                assert_eq!(status::parse(status::render(&snapshot).as_bytes()), Ok(snapshot));
                whole += 1;
            }
            Err(_) => corrupt += 1,
        }
    }
    assert!(whole >= 3 && corrupt >= 3, "{whole} whole, {corrupt} corrupt: is the corpus there?");
}

#[test]
fn whatever_comes_in_at_a_control_socket_is_a_message_or_an_error() {
    let (mut messages, mut errors) = (0, 0);
    for (name, bytes) in corpus("control_bytes") {
        let request = Request::decode(&bytes).ok();
        let reply = decode_reply(&bytes).ok();
        errors += usize::from(request.is_none() && reply.is_none());
        if let Some(request) = request {
            messages += 1;
            assert_eq!(Request::decode(&request.encode()), Ok(request), "{name}");
        }
        if let Some((id, reply)) = reply {
            messages += 1;
            assert_eq!(decode_reply(&encode_reply(id, &reply)), Ok((id, reply)), "{name}");
        }
    }
    assert!(messages >= 8 && errors >= 3, "{messages} messages, {errors} errors: is the corpus there?");
}

#[test]
fn whatever_is_done_to_a_session_that_bytes_have_drawn_up_no_oracle_objects() {
    let mut played = 0;
    for (name, bytes) in corpus("host_events") {
        let mut drawn = Unstructured::new(&bytes);
        let Ok(text) = plans::scenario(&mut drawn) else { continue };
        let scenario = read("drawn.toml", &text).unwrap_or_else(|wrong| panic!("{name}: {text}\n{wrong:?}"));
        let mut player = Player::new(&scenario.cases()[0], Record::new(Chooser::default()));
        let choices = Chooser::Bytes(Bytes::new(drawn.take_rest()));
        let (_, finding) = Stage::play(&mut player, Record::new(choices));
        assert_eq!(finding, None, "{name}: {text}");
        played += 1;
    }
    assert!(played >= 4, "{played} sessions: is the corpus there?");
}

#[test]
fn the_scenarios_of_the_hunt_by_bytes_fail_in_some_runs_and_the_calm_one_in_none() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/finds");
    let mut planted = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let scenario = load(&path).unwrap_or_else(|wrong| panic!("{}", render_all(&wrong, false)));
        let mut player = Player::new(&scenario.cases()[0], Record::new(Chooser::default()));
        let mut play = |bytes: &[u8]| Stage::play(&mut player, Record::new(Chooser::Bytes(Bytes::new(bytes)))).1;
        // A fixed stream: linear steps of an odd number, so that each length begins elsewhere.
        let streams = (0..400u32).map(|n| (0..n % 97).map(|i| (n * 167 + i * (2 * n + 59)) as u8).collect::<Vec<u8>>());
        let failed = streams.filter(|bytes| play(bytes).is_some()).count();
        let is_calm = path.ends_with("calm.toml");
        assert_eq!(failed > 0, !is_calm, "{}: {failed} of 400", path.display());
        planted += usize::from(!is_calm);
    }
    assert!(planted >= 5, "{planted} planted bugs");
}
