//! Each wake-up reaps one child; two children that end together are one wake-up, and the session stops with one of them unreaped.
//! watchman#290 (L24): SIGCHLD is a set and not a queue: twenty exits gave one signal, nineteen zombies stayed.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::notify::Notify;
use shakedown_core::task::{Process, TaskCx};
use shakedown_core::vocab::Fact;
use shakedown_sim::WorldConfig;
use std::cell::Cell;
use std::rc::Rc;

pub fn case() -> Case {
    Case {
        name: "one_wakeup_is_taken_for_one_exit",
        bug: "L24",
        caught_by: OracleName::NoZombie,
        config: WorldConfig::default(),
        broken: |host| drop(host.spawn("reaper", |cx| reap(cx, 1))),
        twin: |host| drop(host.spawn("reaper", |cx| reap(cx, usize::MAX))),
    }
}

/// A child, and whether its end was seen.
struct Child {
    process: Process,
    is_dead: Rc<Cell<bool>>,
}

/// Broken where one child is reaped a wake-up, right where all that have ended are.
async fn reap(cx: TaskCx, a_wakeup: usize) {
    tell_session(&cx, Fact::Started { pid: None });
    let sigchld = Rc::new(Notify::new());
    let mut children = Vec::new();
    for name in ["a", "b", "c"] {
        let process = start(&cx, name, "sleep 1ms..40ms; exit 0").await;
        let is_dead = Rc::new(Cell::new(false));
        let (seen, child, wakeup) = (is_dead.clone(), process.clone(), sigchld.clone());
        drop(cx.spawn_named(name, |_| async move {
            child.exited().await;
            seen.set(true);
            wakeup.notify_one();
        }));
        children.push(Child { process, is_dead });
    }
    while children.iter().any(|child| !child.is_dead.get()) {
        sigchld.notified().await;
        for child in children.iter().filter(|child| child.is_dead.get()).take(a_wakeup) {
            child.process.wait().await;
        }
        children.retain(|child| !child.is_dead.get());
    }
    tell_session(&cx, Fact::SessionStopped);
}
