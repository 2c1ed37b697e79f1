//! Each wake-up reaps one child; of two children that end together one stays unreaped.
//! watchman#290 (L24): SIGCHLD is a set and not a queue: twenty exits gave one signal, nineteen zombies stayed.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::{Process, TaskCx};
use std::cell::Cell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("one_wakeup_is_taken_for_one_exit", "L24", OracleName::NoZombie)
        .broken(|host| drop(host.spawn("reaper", |cx| reap(cx, 1))))
        .twin(|host| drop(host.spawn("reaper", |cx| reap(cx, usize::MAX))))
}

/// A child, and whether its end was seen.
struct Child {
    process: Process,
    is_dead: Rc<Cell<bool>>,
}

/// Broken where one child is reaped a wake-up, right where all that have ended are.
async fn reap(cx: TaskCx, a_wakeup: usize) {
    let sigchld = Notify::new();
    let mut children = Vec::new();
    for name in ["a", "b", "c"] {
        let process = start(&cx, name, "sleep 1ms..40ms; exit 0").await;
        let is_dead = Rc::new(Cell::new(false));
        let (seen, child, wakeup) = (is_dead.clone(), process.clone(), sigchld.clone());
        drop(cx.spawn("waiter", |_| async move {
            child.exited().await;
            seen.set(true);
            wakeup.notify_one();
        }));
        children.push(Child { process, is_dead });
    }
    loop {
        sigchld.notified().await;
        let is_last = children.iter().all(|child| child.is_dead.get());
        let dead: Vec<Child> = children.extract_if(.., |child| child.is_dead.get()).take(a_wakeup).collect();
        for child in dead {
            child.process.wait().await;
        }
        if is_last {
            return;
        }
    }
}
