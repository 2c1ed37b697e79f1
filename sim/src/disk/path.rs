//! From a path to a node, with symbolic links, and never out of a root (path_resolution(7), `RESOLVE_BENEATH` of openat2(2)).

use super::{Disk, Ino, ROOT, What};
use shakedown_core::files::Place;
use shakedown_core::vocab::Errno;
use std::sync::Arc;

/// Where a path has led.
pub(super) struct Spot {
    pub(super) folder: Ino,
    /// Empty where the path means the folder itself, as `.` does.
    pub(super) name: Arc<str>,
    pub(super) node: Option<Ino>,
}

impl Disk {
    /// Follows a path; the last name only if it is to be followed. Who has no root begins at the root of the disk.
    pub(super) fn resolve(&self, place: &Place, follow: bool) -> Result<Spot, Errno> {
        let Some(root) = &place.root else { return self.walk(ROOT, &place.path, follow, false) };
        let base = self.walk(ROOT, root, true, false)?.node.ok_or(Errno::ENOENT)?;
        if place.path.starts_with('/') {
            return Err(Errno::EXDEV);
        }
        self.walk(base, &place.path, follow, true)
    }

    fn walk(&self, base: Ino, path: &str, follow: bool, beneath: bool) -> Result<Spot, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut folders = vec![base];
        // The next part is the last of the list.
        let mut parts: Vec<Arc<str>> = parts_of(path);
        let mut links = 0;
        while let Some(part) = parts.pop() {
            let here = *folders.last().expect("the base is never popped");
            let What::Folder(names) = &self.node(here).what else { return Err(Errno::ENOTDIR) };
            if *part == *".." {
                if folders.len() > 1 {
                    folders.pop();
                } else if beneath {
                    return Err(Errno::EXDEV);
                }
                continue;
            }
            if part.len() > NAME_MAX {
                return Err(Errno::ENAMETOOLONG);
            }
            let is_last = parts.is_empty();
            let Some(node) = names.seen().get(&part).copied() else {
                return if is_last { Ok(Spot { folder: here, name: part, node: None }) } else { Err(Errno::ENOENT) };
            };
            match &self.node(node).what {
                What::Link(target) if !is_last || follow => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::ELOOP);
                    }
                    if target.starts_with('/') {
                        if beneath {
                            return Err(Errno::EXDEV);
                        }
                        folders.truncate(1);
                    }
                    parts.extend(parts_of(target));
                }
                What::Folder(_) if !is_last => folders.push(node),
                What::File(_) | What::Link(_) if !is_last => return Err(Errno::ENOTDIR),
                What::File(_) | What::Link(_) | What::Folder(_) => {
                    return Ok(Spot { folder: here, name: part, node: Some(node) });
                }
            }
        }
        let here = *folders.last().expect("the base is never popped");
        Ok(Spot { folder: here, name: "".into(), node: Some(here) })
    }
}

/// The parts of a path, the last one first.
fn parts_of(path: &str) -> Vec<Arc<str>> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").rev().map(Arc::from).collect()
}

/// path_resolution(7): more symbolic links than these are a loop.
const LINKS_MAX: u32 = 40;
/// Bytes of one name.
const NAME_MAX: usize = 255;
