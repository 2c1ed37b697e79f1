//! Whose unit each wait of the host is about, for the rare case that it is withdrawn.
//! Operations are numbered upwards: a new wait belongs at the end and is found by bisection. One that is over is swept out later.

use shakedown_core::ids::{OpId, UnitId};

/// The waits of late, by the number of their operation; some may be over.
#[derive(Default)]
pub(super) struct Waits {
    by_op: Vec<(OpId, UnitId)>,
    /// Sweep when there are as many as this.
    sweep_at: usize,
}

impl Waits {
    /// Fewer waits than this are not worth sweeping.
    const SWEEP_MIN: usize = 64;

    pub(super) fn reset(&mut self) {
        self.by_op.clear();
        self.sweep_at = Self::SWEEP_MIN;
    }

    pub(super) fn insert(&mut self, op: OpId, unit: UnitId) {
        match self.by_op.last() {
            Some(&(last, _)) if last >= op => {
                let at = self.by_op.partition_point(|&(earlier, _)| earlier < op);
                self.by_op.insert(at, (op, unit));
            }
            Some(_) | None => self.by_op.push((op, unit)),
        }
    }

    pub(super) fn unit(&self, op: OpId) -> Option<UnitId> {
        let at = self.by_op.binary_search_by_key(&op, |&(op, _)| op).ok()?;
        Some(self.by_op[at].1)
    }

    /// Whether it is time for a [`sweep`](Self::sweep).
    pub(super) fn is_crowded(&self) -> bool {
        self.by_op.len() >= self.sweep_at
    }

    /// Keeps what is open. The next sweep waits until twice as many are in, so that a wait costs the same however many there are.
    pub(super) fn sweep(&mut self, is_open: impl Fn(OpId, UnitId) -> bool) {
        self.by_op.retain(|&(op, unit)| is_open(op, unit));
        self.sweep_at = (self.by_op.len() * 2).max(Self::SWEEP_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_found_in_whatever_order_it_came_and_open_ones_outlive_sweeps() {
        let mut waits = Waits::default();
        waits.reset();
        for n in 0..500u32 {
            // Mostly upwards, as hosts number them.
            waits.insert(OpId(u64::from(n ^ 1)), UnitId(n ^ 1));
            if waits.is_crowded() {
                waits.sweep(|op, _| op.0 % 10 == 0);
            }
        }
        assert!(waits.by_op.len() < 200);
        for n in (0..490).step_by(10) {
            assert_eq!(waits.unit(OpId(n)), Some(UnitId(n as u32)));
        }
        assert_eq!(waits.unit(OpId(1)), None);
    }
}
