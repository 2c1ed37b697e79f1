//! Process numbers: cyclic allocation, and who uses a number as a task, a group or a session (credentials(7)).
//! A number is free only when nobody uses it in any of the three ways; that is what pins it, and what reuse waits for.

use super::list::List;
use shakedown_core::ids::{ProcId, UnitId};

/// The kernel's `struct pid`: what one number means now.
#[derive(Clone, Copy, Default)]
pub(super) struct Number {
    /// The process or zombie with this pid.
    pub(super) task: Option<ProcId>,
    /// The members of the group with this id, zombies included, and how many of them are alive.
    pub(super) group: List,
    pub(super) group_living: u32,
    /// The same for the session.
    pub(super) session: List,
    pub(super) session_living: u32,
    /// The unit whose leader got this number.
    pub(super) unit: Option<UnitId>,
    /// How often the number has been given back: a pidfd names a number and this.
    pub(super) generation: u32,
}

impl Number {
    fn is_used(&self) -> bool {
        self.task.is_some() || self.group.len > 0 || self.session.len > 0
    }
}

/// All numbers.
#[derive(Default)]
pub(super) struct PidTable {
    /// By number; numbers beyond the end were never used.
    numbers: Vec<Number>,
    /// The number given out last.
    last: i32,
    /// `pid_max`: numbers are less than this.
    max: i32,
}

impl PidTable {
    /// Below this number none is given out again once the count has passed it (`RESERVED_PIDS`).
    const RESERVED: i32 = 300;

    /// Forgets everything. The first number given out is 1.
    pub(super) fn reset(&mut self, max: i32) {
        self.numbers.clear();
        self.last = 0;
        self.max = max;
    }

    /// The next free number after the last one given out; `None` where all are in use (fork's EAGAIN).
    pub(super) fn allocate(&mut self) -> Option<i32> {
        let min = if self.last >= Self::RESERVED { Self::RESERVED } else { 1 };
        let free = |n: &i32| self.numbers.get(*n as usize).is_none_or(|number| !number.is_used());
        let n = (self.last + 1..self.max).chain(min..=self.last).find(free)?;
        if self.numbers.len() <= n as usize {
            self.numbers.resize(n as usize + 1, Number::default());
        }
        self.last = n;
        Some(n)
    }

    /// What `n` means, if it was ever given out.
    pub(super) fn get(&self, n: i32) -> Option<&Number> {
        self.numbers.get(usize::try_from(n).ok()?)
    }

    /// What `n`, which was given out, means.
    pub(super) fn at(&mut self, n: i32) -> &mut Number {
        &mut self.numbers[n as usize]
    }

    /// To be called when somebody has stopped using `n`: with its last user the number is free and means nobody.
    pub(super) fn release(&mut self, n: i32) {
        let number = self.at(n);
        if !number.is_used() {
            *number = Number { generation: number.generation + 1, ..Number::default() };
        }
    }
}
