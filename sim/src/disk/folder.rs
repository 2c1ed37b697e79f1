//! The names in folders: what a program sees, what a crash leaves, and the changes between the two (rename(2), unlink(2), mkdir(2)).

use super::fault::who;
use super::{Disk, Ino, What};
use shakedown_core::choose::Choose;
use shakedown_core::digest::Digest;
use shakedown_core::files::{FileAnswer, Place};
use shakedown_core::vocab::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type Map = BTreeMap<Arc<str>, Ino>;

/// What is in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    seen: Map,
    durable: Map,
}

/// Something that was done to names. It is kept as a whole or lost as a whole: no crash shows half a rename.
#[derive(Clone, Debug)]
pub(super) struct Change(Vec<(Ino, Arc<str>, Option<Ino>)>);

impl Change {
    /// Who is named by it.
    pub(super) fn nodes(&self) -> impl Iterator<Item = Ino> + '_ {
        self.0.iter().flat_map(|(folder, _, node)| [Some(*folder), *node]).flatten()
    }

    fn folders(&self) -> impl Iterator<Item = Ino> + '_ {
        self.0.iter().map(|(folder, _, _)| *folder)
    }

    pub(super) fn digest(&self, into: &mut Digest) {
        for (folder, name, node) in &self.0 {
            into.number(u64::from(folder.0)).bytes(name.as_bytes());
            into.number(node.map_or(u64::MAX, |ino| u64::from(ino.0)));
        }
    }
}

impl Names {
    pub(super) fn seen(&self) -> &Map {
        &self.seen
    }

    pub(super) fn durable(&self, name: &Arc<str>) -> Option<Ino> {
        self.durable.get(name).copied()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Ino> + '_ {
        self.seen.values().chain(self.durable.values()).copied()
    }

    pub(super) fn forget_unsynced(&mut self) {
        self.seen.clone_from(&self.durable);
    }

    pub(super) fn digest(&self, into: &mut Digest) {
        for map in [&self.seen, &self.durable] {
            into.number(map.len() as u64);
            for (name, ino) in map {
                into.bytes(name.as_bytes()).number(u64::from(ino.0));
            }
        }
    }
}

fn set(map: &mut Map, name: &Arc<str>, node: Option<Ino>) {
    match node {
        Some(ino) => map.insert(name.clone(), ino),
        None => map.remove(name),
    };
}

impl Disk {
    /// Gives a node a name in a folder.
    pub(super) fn link(&mut self, folder: Ino, name: &Arc<str>, ino: Ino) {
        self.change(vec![(folder, name.clone(), Some(ino))]);
    }

    fn change(&mut self, edits: Vec<(Ino, Arc<str>, Option<Ino>)>) {
        for (folder, name, node) in &edits {
            set(&mut self.names(*folder).seen, name, *node);
        }
        self.changes.push(Change(edits));
        // Removed files go when the changes that name them are durable: seldom looked for, and never many.
        if self.nodes.len() > NODES_BEFORE_A_LOOK && self.nodes.len().is_power_of_two() {
            self.forget_lost();
        }
    }

    /// Makes a change durable.
    pub(super) fn commit(&mut self, change: &Change) {
        for (folder, name, node) in &change.0 {
            set(&mut self.names(*folder).durable, name, *node);
        }
    }

    fn names(&mut self, folder: Ino) -> &mut Names {
        match &mut self.node_mut(folder).what {
            What::Folder(names) => names,
            What::File(_) | What::Link(_) => unreachable!("paths lead through folders"),
        }
    }

    /// What was done to this folder becomes durable, and whatever else that rests on.
    pub(super) fn sync_names(&mut self, folder: Ino) {
        let mut folders = BTreeSet::from([folder]);
        let mut rests = Vec::new();
        for (at, change) in self.changes.iter().enumerate().rev() {
            if change.folders().any(|one| folders.contains(&one)) {
                folders.extend(change.folders());
                rests.push(at);
            }
        }
        rests.reverse();
        for at in &rests {
            let change = self.changes[*at].clone();
            self.commit(&change);
        }
        let mut at = 0;
        self.changes.retain(|_| {
            at += 1;
            rests.binary_search(&(at - 1)).is_err()
        });
    }

    pub(super) fn rename(&mut self, from: &Place, to: &Place) -> Result<FileAnswer, Errno> {
        let (from, to) = (self.resolve(from, false)?, self.resolve(to, false)?);
        let ino = from.node.ok_or(Errno::ENOENT)?;
        if from.name.is_empty() || to.name.is_empty() {
            return Err(Errno::EBUSY);
        }
        let moves_folder = matches!(self.node(ino).what, What::Folder(_));
        if let Some(old) = to.node {
            match &self.node(old).what {
                _ if old == ino => return Ok(FileAnswer::Done),
                What::Folder(_) if !moves_folder => return Err(Errno::EISDIR),
                What::Folder(names) if !names.seen.is_empty() => return Err(Errno::ENOTEMPTY),
                What::File(_) | What::Link(_) if moves_folder => return Err(Errno::ENOTDIR),
                What::File(_) | What::Link(_) | What::Folder(_) => {}
            }
        }
        if moves_folder && self.is_within(to.folder, ino) {
            return Err(Errno::EINVAL);
        }
        self.change(vec![(to.folder, to.name, Some(ino)), (from.folder, from.name, None)]);
        Ok(FileAnswer::Done)
    }

    fn is_within(&self, ino: Ino, folder: Ino) -> bool {
        ino == folder
            || match &self.node(folder).what {
                What::Folder(names) => names.seen.values().any(|below| self.is_within(ino, *below)),
                What::File(_) | What::Link(_) => false,
            }
    }

    pub(super) fn unlink(&mut self, place: &Place) -> Result<FileAnswer, Errno> {
        let spot = self.resolve(place, false)?;
        match &self.node(spot.node.ok_or(Errno::ENOENT)?).what {
            What::Folder(_) => return Err(Errno::EISDIR),
            What::File(_) | What::Link(_) => {}
        }
        self.change(vec![(spot.folder, spot.name, None)]);
        Ok(FileAnswer::Done)
    }

    pub(super) fn make_folder(
        &mut self,
        place: &Place,
        mode: u32,
        choose: &mut impl Choose,
    ) -> Result<FileAnswer, Errno> {
        let spot = self.resolve(place, false)?;
        if spot.node.is_some() {
            return Err(Errno::EEXIST);
        }
        if self.is_full(&who(place), choose) {
            return Err(Errno::ENOSPC);
        }
        let ino = self.add(What::Folder(Names::default()), mode);
        self.link(spot.folder, &spot.name, ino);
        Ok(FileAnswer::Done)
    }

    pub(super) fn remove_folder(&mut self, place: &Place) -> Result<FileAnswer, Errno> {
        let spot = self.resolve(place, false)?;
        match &self.node(spot.node.ok_or(Errno::ENOENT)?).what {
            _ if spot.name.is_empty() => return Err(Errno::EINVAL),
            What::Folder(names) if !names.seen.is_empty() => return Err(Errno::ENOTEMPTY),
            What::Folder(_) => {}
            What::File(_) | What::Link(_) => return Err(Errno::ENOTDIR),
        }
        self.change(vec![(spot.folder, spot.name, None)]);
        Ok(FileAnswer::Done)
    }

    pub(super) fn list(&self, place: &Place) -> Result<FileAnswer, Errno> {
        let spot = self.resolve(place, true)?;
        match &self.node(spot.node.ok_or(Errno::ENOENT)?).what {
            What::Folder(names) => Ok(FileAnswer::Names(names.seen.keys().map(|name| name.to_string()).collect())),
            What::File(_) | What::Link(_) => Err(Errno::ENOTDIR),
        }
    }
}

/// So many nodes are kept before it is looked for those that are lost.
const NODES_BEFORE_A_LOOK: usize = 64;
