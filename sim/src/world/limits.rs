//! Limits of the machine that are choices: what is tiny shows at once what a large one hides for years.

use super::SimWorld;
use crate::kernel::Kernel;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::{Kind, Label, Site};

/// A limit, in words, and what makes it as small as it can be.
pub type Limit = (&'static str, fn(&mut Kernel));

/// Limits of the machine that may be as small as they can be, in words that follow "because".
pub const LIMITS: [Limit; 2] =
    [("pipes hold one page", Kernel::shrink_pipes), ("pids are used again at once", Kernel::reuse_pids_at_once)];

impl<C: Choose + 'static> SimWorld<C> {
    /// Asked when the kernel is first used.
    pub(super) fn draw_limits(&mut self) {
        for (limit, apply) in LIMITS {
            let site = Site { kind: Kind::Limit, label: Label::ROOT.child(limit, 0), nth: 0 };
            if self.chooser.draw(site, Ask::Pick { of: 2 }) == 1 {
                apply(&mut self.kernel);
            }
        }
    }
}
