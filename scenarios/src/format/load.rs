//! Scenario files on disk: found in folders, and read with care, since anything may lie there.

use super::diagnostic::Diagnostic;
use super::read::{Options, read_with};
use super::scenario::Scenario;
use super::tree::document;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Larger files are refused unread.
pub const FILE_MAX: u64 = 1 << 20;
/// Folders are searched at most this deep.
pub const DEPTH_MAX: usize = 64;

/// Loads a scenario file.
///
/// # Errors
/// All that is wrong with it; where it cannot be read, why.
pub fn load(path: &Path) -> Result<Scenario, Vec<Diagnostic>> {
    load_with(path, &Options::default())
}

/// As [`load`], for a program that has Rust oracles of its own.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, options: &Options) -> Result<Scenario, Vec<Diagnostic>> {
    let text = text_of(path).map_err(|diagnostic| vec![diagnostic])?;
    read_with(&path.to_string_lossy(), &text, options)
}

/// Finds scenario files. A path that is a file is taken as it is; folders are searched for `*.toml` with a top-level
/// `schema`, sorted by path. Folders that begin with a dot, `target`, and links to folders are passed over.
///
/// Beside them stands what is wrong with the others: paths that do not exist, folders that cannot be read, and TOML files in the
/// search that do not parse.
pub fn find(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Diagnostic>) {
    let mut search = Search { found: Vec::new(), errors: Vec::new() };
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => search.folder(path, 0),
            Ok(_) => search.found.push(path.clone()),
            Err(error) => search.fail(path, &format!("cannot be read: {error}")),
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    search.found.retain(|path| seen.insert(path.clone()));
    (search.found, search.errors)
}

struct Search {
    found: Vec<PathBuf>,
    errors: Vec<Diagnostic>,
}

impl Search {
    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            return self.fail(folder, &format!("nests more than {DEPTH_MAX} folders deep"));
        }
        let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.fail(folder, &format!("cannot be searched: {error}")),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if !name.as_encoded_bytes().starts_with(b".") && name != "target" {
                    self.folder(&path, depth + 1);
                }
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                // A link to a file is a file; a link to a folder may lead back here.
                let is_file = fs::metadata(&path).is_ok_and(|meta| meta.is_file());
                if is_file || kind.is_file() {
                    self.file(path);
                }
            }
        }
    }

    fn file(&mut self, path: PathBuf) {
        let text = match text_of(&path) {
            Ok(text) => text,
            Err(error) => return self.errors.push(error),
        };
        let (table, problems) = document(&text);
        if !problems.is_empty() {
            return self.errors.extend(super::diagnostic::placed(&path.to_string_lossy(), &text, problems));
        }
        if table.get("schema").is_some() {
            self.found.push(path);
        }
    }

    fn fail(&mut self, path: &Path, message: &str) {
        self.errors.push(Diagnostic::of_file(&path.to_string_lossy(), message.to_string(), None));
    }
}

/// The text of a file, if it is one of ours: regular, not too big, UTF-8.
fn text_of(path: &Path) -> Result<String, Diagnostic> {
    let file_name = path.to_string_lossy();
    let fail = |message: String| Diagnostic::of_file(&file_name, message, None);
    let unreadable = |error: std::io::Error| fail(format!("cannot be read: {error}"));
    // Asked before it is opened: opening a pipe would wait for a writer.
    let meta = fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(fail("is not a file".into()));
    }
    if meta.len() > FILE_MAX {
        return Err(too_big(&file_name, meta.len()));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
    read.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(too_big(&file_name, bytes.len() as u64));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..valid];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        if error.as_bytes().contains(&0) {
            fail("is binary, not text".into())
        } else {
            fail(format!("is not UTF-8: line {line} has byte 0x{:02x}", error.as_bytes()[valid]))
        }
    })
}

pub(super) fn too_big(file: &str, len: u64) -> Diagnostic {
    Diagnostic::of_file(file, format!("has {len} bytes, a scenario at most {FILE_MAX}"), None)
}
