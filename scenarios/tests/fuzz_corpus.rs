//! Replays the fuzzers' corpora on stable Rust, without libFuzzer: what a fuzzer once found stays found.
use shakedown_core::puppet::{Script, parse};
use std::path::Path;

#[test]
fn every_puppet_text_of_the_corpus_reads_back_as_it_was_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/puppet_text");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let (mut files, mut scripts) = (0, 0);
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // The fuzz target takes text, so libFuzzer's bytes that are none never reach the parser.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        files += 1;
        let Ok(script) = parse(&text) else { continue };
        scripts += 1;
        let printed = Script(&script).to_string();
        assert_eq!(parse(&printed).as_ref(), Ok(&script), "{}: printed as {printed:?}", path.display());
    }
    assert!(files >= 12 && scripts >= 10, "{files} files, {scripts} scripts: is the corpus there?");
}
