//! A copy of the tree that may be broken, and cargo on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Cargo in the copy, with a target folder of its own.
pub fn cargo(copy: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(copy).env("CARGO_TARGET_DIR", copy.join("target")).env("CI", "true").stdin(Stdio::null());
    // Most of the time is building: half-optimised is the quickest of all.
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}

/// A copy of what the tree consists of, beside the build's own files.
pub fn copy_tree(root: &Path) -> std::io::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let copy = target.join("mutants");
    fs::create_dir_all(&copy)?;
    for part in ["Cargo.toml", "Cargo.lock", "core", "sim", "real", "scenarios"] {
        copy_part(&root.join(part), &copy.join(part))?;
    }
    Ok(copy)
}

fn copy_part(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_part(&entry.path(), &to.join(entry.file_name()))?;
        }
        // What is no longer there would be a module twice.
        for entry in fs::read_dir(to)? {
            let entry = entry?;
            if from.join(entry.file_name()).exists() {
                continue;
            }
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        return Ok(());
    }
    // What has not changed keeps its time, so that nothing is built again for it.
    if fs::read(to).is_ok_and(|present| fs::read(from).is_ok_and(|wanted| wanted == present)) {
        return Ok(());
    }
    fs::copy(from, to).map(|_| ())
}
