//! What goes wrong with a disk, and for whom: a file is known by its path, below the last folder of its root, so that `journal` names all
//! files of the folder `/var/log/journal`.

use super::{Disk, Open};
use crate::kernel::draw;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::files::{FileCall, Place};
use shakedown_core::site::{Kind, Label, Site};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Errno, FaultKind};
use std::sync::Arc;

impl Disk {
    /// Whether the disk is full for whoever writes to this file just now.
    pub(super) fn is_full(&mut self, who: &str, choose: &mut impl Choose) -> bool {
        let full = |kind| matches!(kind, FaultKind::DiskFull).then_some(());
        let is_full = self.faults.strike(who, label_of(who), choose, full).is_some();
        self.has_struck |= is_full;
        is_full
    }

    /// Whether what is written to this file just now fails, and how.
    pub(super) fn fails(&mut self, who: &str, choose: &mut impl Choose) -> Result<(), Errno> {
        let fails = |kind| if let FaultKind::SinkFails { errno } = kind { Some(errno) } else { None };
        let failure = self.faults.strike(who, label_of(who), choose, fails);
        self.has_struck |= failure.is_some();
        failure.map_or(Ok(()), |(errno, _)| Err(errno))
    }

    /// Whether anything has gone wrong so far, a crash apart.
    pub fn has_struck(&self) -> bool {
        self.has_struck
    }

    /// How late the answer to a call is told, if it is.
    pub fn slow(&mut self, call: &FileCall, choose: &mut impl Choose) -> Option<Duration> {
        let (FileCall::Append { file, .. } | FileCall::Sync { file }) = call else { return None };
        let Open { path, .. } = self.open.get(file)?.clone();
        let slow = |kind| if let FaultKind::SinkSlow { by } = kind { Some(by) } else { None };
        let (by, site) = self.faults.strike(&path, label_of(&path), choose, slow)?;
        self.has_struck = true;
        Some(draw(site, by, choose))
    }
}

/// What a file is called for those that look for it.
pub(super) fn who(place: &Place) -> Arc<str> {
    let folder = place.root.as_ref().and_then(|root| root.rsplit('/').find(|part| !part.is_empty()));
    match folder {
        Some(folder) => format!("{folder}/{}", place.path).into(),
        None => place.path.trim_start_matches('/').into(),
    }
}

/// What the choices about a file are keyed by.
pub(super) fn label_of(who: &str) -> Label {
    Label::ROOT.child("the disk", 0).child(who, 0)
}

/// A part of so many bytes.
pub(super) fn part_of(len: usize, label: Label, nth: u32, choose: &mut impl Choose) -> usize {
    let steps = len.min(STEPS_MAX);
    if steps == 0 {
        return 0;
    }
    let site = Site { kind: Kind::Span, label, nth };
    len * choose.draw(site, Ask::Span { steps: steps as u32 }) as usize / steps
}

/// The most places that a span may have.
const STEPS_MAX: usize = 1024;
