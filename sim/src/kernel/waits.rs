//! The host's waits by the number of their operation, oldest first.
//! Operations are numbered upwards, so a new wait belongs at the end and an old one is found by bisection: no tree is needed.

use super::poll::What;
use shakedown_core::ids::{OpId, UnitId};
use std::collections::VecDeque;

/// Waits that were neither withdrawn nor handed out.
#[derive(Default)]
pub(super) struct Waits {
    /// Ordered by operation. What is over leaves a gap, until it comes to an end of the queue or gaps prevail.
    by_op: VecDeque<(OpId, Option<(UnitId, What)>)>,
    gaps: usize,
}

impl Waits {
    /// Fewer gaps than this are not worth closing.
    const GAPS_MIN: usize = 64;

    pub(super) fn reset(&mut self) {
        self.by_op.clear();
        self.gaps = 0;
    }

    pub(super) fn insert(&mut self, op: OpId, unit: UnitId, what: What) {
        let wait = (op, Some((unit, what)));
        match self.by_op.back() {
            Some(&(last, _)) if last >= op => {
                let at = self.by_op.partition_point(|&(earlier, _)| earlier < op);
                self.by_op.insert(at, wait);
            }
            Some(_) | None => self.by_op.push_back(wait),
        }
    }

    /// Takes the wait out, if it is still in.
    pub(super) fn take(&mut self, op: OpId) -> Option<(UnitId, What)> {
        let at = self.by_op.binary_search_by_key(&op, |&(op, _)| op).ok()?;
        let wait = self.by_op[at].1.take()?;
        self.gaps += 1;
        while let Some((_, None)) = self.by_op.front() {
            self.by_op.pop_front();
            self.gaps -= 1;
        }
        while let Some((_, None)) = self.by_op.back() {
            self.by_op.pop_back();
            self.gaps -= 1;
        }
        if self.gaps > Self::GAPS_MIN && self.gaps * 2 > self.by_op.len() {
            self.by_op.retain(|(_, wait)| wait.is_some());
            self.gaps = 0;
        }
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_is_taken_once_in_whatever_order() {
        for stride in [1, 7, 499] {
            let mut waits = Waits::default();
            for n in 0..500u64 {
                // Mostly upwards, as hosts number them.
                waits.insert(OpId(n ^ 1), UnitId(n as u32), What::Exit);
            }
            for n in 0..500u64 {
                let op = OpId(n * stride % 500);
                assert!(waits.take(op).is_some() && waits.take(op).is_none(), "{op:?} of stride {stride}");
            }
            assert!(waits.by_op.is_empty() && waits.gaps == 0);
        }
    }
}
