//! What the end of a program, and what the end of a machine, leaves of a disk.

use super::fault::part_of;
use super::file::Content;
use super::{Disk, Ino, ROOT, What};
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::files::{FileAnswer, FileCall, Place};
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::vocab::FaultKind;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Disk {
    /// The program that had files open is gone: they are closed, and what it wrote is there.
    pub fn close_all(&mut self) {
        self.open.clear();
        self.nodes.values_mut().for_each(|node| node.locked_by = None);
    }

    /// The machine is gone, too. Each piece of unsynced data and each unsynced change of a name is kept (0) or lost, a choice each, in
    /// whatever combination: nothing but fsync(2) orders them. With the fault `torn-write` a piece may be kept in part.
    pub fn crash(&mut self, choose: &mut impl Choose) {
        self.close_all();
        self.crashes += 1;
        let label = Label::ROOT.child("the disk", 0).child("a crash", self.crashes);
        let mut nth = 0;
        let mut is_lost = |choose: &mut _| lost(label, &mut nth, choose);
        for change in std::mem::take(&mut self.changes) {
            if !is_lost(choose) {
                self.commit(&change);
            }
        }
        let mut torn = 0;
        for (ino, node) in &mut self.nodes {
            match &mut node.what {
                What::Folder(names) => names.forget_unsynced(),
                What::Link(_) => {}
                What::File(content) => content.crash(|piece| {
                    if is_lost(choose) {
                        return None;
                    }
                    let tears = |kind| matches!(kind, FaultKind::TornWrite).then_some(());
                    let label = label.child("a file", ino.0);
                    if piece.len() < 2 || self.faults.strike("", label, choose, tears).is_none() {
                        return Some(piece.len());
                    }
                    torn += 1;
                    Some(piece.len() - 1 - part_of(piece.len() - 2, label, torn, choose))
                }),
            }
        }
        self.forget_lost();
        self.forget_unreachable();
    }

    /// What no name leads to is no file.
    fn forget_unreachable(&mut self) {
        let mut reached = BTreeSet::new();
        let mut next = vec![ROOT];
        while let Some(ino) = next.pop() {
            if reached.insert(ino)
                && let What::Folder(names) = &self.node(ino).what
            {
                next.extend(names.all());
            }
        }
        self.nodes.retain(|ino, _| reached.contains(ino));
    }

    /// A file that is there from the beginning, and durable; folders on the way are made.
    ///
    /// # Panics
    /// Where something else is in the way.
    pub fn put(&mut self, path: &str, bytes: &[u8]) {
        self.put_node(path, What::File(Content::durable_already(bytes)));
    }

    /// A symbolic link that is there from the beginning.
    ///
    /// # Panics
    /// Where something else is in the way.
    pub fn put_link(&mut self, path: &str, target: &str) {
        self.put_node(path, What::Link(target.into()));
    }

    /// A folder that is there from the beginning.
    ///
    /// # Panics
    /// Where something else is in the way.
    pub fn put_folder(&mut self, path: &str) {
        self.put_node(&format!("{path}/."), What::Link("".into()));
    }

    fn put_node(&mut self, path: &str, what: What) {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder = ROOT;
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            folder = self.put_below(folder, part, || What::Folder(super::folder::Names::default()));
        }
        if name != "." {
            self.put_below(folder, name, || what);
        }
    }

    fn put_below(&mut self, folder: Ino, name: &str, what: impl FnOnce() -> What) -> Ino {
        let What::Folder(names) = &self.node(folder).what else { panic!("`{name}` is to stand below no folder") };
        if let Some(known) = names.seen().get(name) {
            return *known;
        }
        let ino = self.add(what(), 0o755);
        let name: Arc<str> = name.into();
        self.link(folder, &name, ino);
        self.sync_names(folder);
        ino
    }

    /// What a program would read there; `None` where there is no file.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        let place = Place { root: None, path: path.into() };
        match &self.node(self.resolve(&place, true).ok()?.node?).what {
            What::File(content) => Some(content.seen()),
            What::Folder(_) | What::Link(_) => None,
        }
    }

    /// What may stand under a name after a crash at this moment, where all is lost that can be, or all but the name, or nothing: each `None`
    /// where there is no such file.
    pub fn after_crash(&self, path: &str) -> [Option<&[u8]>; 2] {
        let place = Place { root: None, path: path.into() };
        let Ok(spot) = self.resolve(&place, true) else { return [None; 2] };
        let What::Folder(names) = &self.node(spot.folder).what else { return [None; 2] };
        [names.durable(&spot.name), spot.node].map(|node| match &self.node(node?).what {
            What::File(content) => Some(content.durable()),
            What::Folder(_) | What::Link(_) => None,
        })
    }

    /// The names in a folder; none where there is no folder.
    pub fn names_in(&mut self, path: &str) -> Vec<String> {
        let place = Place { root: None, path: path.into() };
        match self.call(FileCall::List { place }, &mut shakedown_core::choose::Calm) {
            Ok(FileAnswer::Names(names)) => names,
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}

fn lost(label: Label, nth: &mut u32, choose: &mut impl Choose) -> bool {
    let site = Site { kind: Kind::Fault, label, nth: *nth };
    *nth += 1;
    choose.draw(site, Ask::Chance { per_million: LOST }) == 1
}

/// One in two: a crash that loses nothing shows nothing.
const LOST: u32 = 500_000;
