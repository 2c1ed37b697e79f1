//! A policy: the server waits until the database has started, and means until it is ready. It is mostly so quick that nobody sees it.
//! systemd#43813 (L93): the order is there, and it is the order of another event.

use crate::policy;
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::vocab::{Condition, Dependency, Scope, SessionSpec};

pub(super) fn case() -> Case {
    Case::new("started_is_taken_for_ready", "L93", OracleName::StopOrder)
        .plan(|| plan(Condition::Ready))
        .broken(|host| policy::play(host, plan(Condition::Started), ms(100)))
        .twin(|host| policy::play(host, plan(Condition::Ready), ms(100)))
}

fn plan(until: Condition) -> SessionSpec {
    let worker = |name, script| policy::worker(name, script, Scope::Group);
    let db = worker("db", "on TERM exit 0; notify ready; hang");
    let mut server = worker("server", "on TERM exit 0; hang");
    server.after = vec![Dependency { on: WorkerId(0), until }];
    policy::session(vec![db, server])
}
