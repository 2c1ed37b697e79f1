//! A policy: the jobs write to the database until they are over, and the plan forgets to say so. A stop asks both in the same moment.
//! docker/compose#2619, process-compose#145 (L91): an edge is lost, and nobody misses it as long as all are quick.

use crate::policy;
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::vocab::{Scope, SessionSpec};

pub(super) fn case() -> Case {
    Case::new("edge_is_missing_from_the_plan", "L91", OracleName::StopOrder)
        .plan(|| plan(true))
        .broken(|host| policy::play(host, plan(false), ms(100)))
        .twin(|host| policy::play(host, plan(true), ms(100)))
}

fn plan(is_complete: bool) -> SessionSpec {
    let mut db = policy::worker("db", "on TERM exit 0; hang", Scope::Group);
    // They are mostly over when the stop comes.
    let jobs = policy::worker("jobs", "repeat 3 { sleep 10ms..36ms }; exit 0", Scope::Group);
    if is_complete {
        db.stop_after = vec![WorkerId(1)];
    }
    policy::session(vec![db, jobs])
}
