//! A policy: api and jobs both use the database, and only the api says so. A stop asks the jobs and the database in the same moment.
//! docker/compose#2619, process-compose#145 (L91): an edge of a diamond is lost, and nobody misses it as long as all are quick.

use crate::policy;
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::vocab::{Condition, Dependency, Scope, SessionSpec};

pub(super) fn case() -> Case {
    Case::new("edge_is_missing_from_the_plan", "L91", OracleName::StopOrder)
        .plan(|| plan(true))
        .broken(|host| policy::play(host, plan(false), ms(100)))
        .twin(|host| policy::play(host, plan(true), ms(100)))
}

/// A job is seldom at work when the stop comes.
const JOBS: &str = "repeat 2 { sleep 30ms..52ms }; exit 0";

fn plan(is_complete: bool) -> SessionSpec {
    let uses_db = vec![Dependency { on: WorkerId(0), until: Condition::Started }];
    let worker = |name, script| policy::worker(name, script, Scope::Group);
    let (db, mut api) = (worker("db", "on TERM exit 0; hang"), worker("api", "on TERM exit 0; sleep 40ms; exit 0"));
    let mut jobs = worker("jobs", JOBS);
    api.after = uses_db.clone();
    if is_complete {
        jobs.after = uses_db;
    }
    policy::session(vec![db, api, jobs])
}
