//! A policy: the server waits for the migration, which takes a while, and for the start of the database, where it means its readiness.
//! systemd#43813 (L93): the order is there, and it is the order of another event. It is right whenever the migration is slow enough.

use crate::policy;
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::vocab::{Condition, Dependency, Probe, ReadyPolicy, Scope, SessionSpec};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("started_is_taken_for_ready", "L93", OracleName::StopOrder)
        .plan(|| plan(Condition::Ready))
        .broken(|host| policy::play(host, plan(Condition::Started), ms(200)))
        .twin(|host| policy::play(host, plan(Condition::Ready), ms(200)))
}

fn plan(until: Condition) -> SessionSpec {
    let worker = |name, script| policy::worker(name, script, Scope::Group);
    let mut db = worker("db", "on TERM exit 0; sleep 5ms..30ms; notify ready; hang");
    db.ready = Some(Arc::new(ReadyPolicy::new(Probe::Notify)));
    let migration = worker("migration", "repeat 3 { sleep 8ms..30ms }; exit 0");
    let mut server = worker("server", "on TERM exit 0; hang");
    let after = |on, until| Dependency { on: WorkerId(on), until };
    server.after = vec![after(0, until), after(1, Condition::Succeeded)];
    policy::session(vec![db, migration, server])
}
