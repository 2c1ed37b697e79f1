//! The folder of a world, in which its puppets make and lock files: private, and gone with the world.
//! Sources: mkdir(2), SCENARIOS section 2 (`touch`, `lock`).

use crate::errno;
use shakedown_core::vocab::Errno;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder that nobody else knew of when it was made.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it, for our eyes only. A name that is taken is refused (mkdir(2) follows no symbolic link there).
    pub(super) fn new() -> Result<Folder, Errno> {
        let path = std::env::temp_dir().join(format!("shakedown-{}", crate::fresh::fresh_name()));
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|e| errno::of_std(&e))?;
        Ok(Folder(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    /// Follows no symbolic link. What cannot be removed is left to whoever cleans the temporary folder.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
