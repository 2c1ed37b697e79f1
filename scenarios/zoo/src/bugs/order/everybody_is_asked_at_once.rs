//! A policy: the stop is parallel, because the workers were independent once. Since then the api has come to use the cache.
//! process-compose#145 (L91): a stop in no order at all, which is right as long as whoever uses something is over before it.

use crate::policy;
use crate::stage::*;
use shakedown_core::ids::WorkerId;
use shakedown_core::oracle::OracleName;
use shakedown_core::vocab::{Condition, Dependency, Scope, SessionSpec, StopOrder};

pub(super) fn case() -> Case {
    Case::new("everybody_is_asked_at_once", "L91", OracleName::StopOrder)
        .plan(|| plan(StopOrder::ReverseDependency))
        .broken(|host| policy::play(host, plan(StopOrder::Parallel), ms(100)))
        .twin(|host| policy::play(host, plan(StopOrder::ReverseDependency), ms(100)))
}

fn plan(order: StopOrder) -> SessionSpec {
    let worker = |name, script| policy::worker(name, script, Scope::Group);
    let cache = worker("cache", "on TERM exit 0; hang");
    // One request of the api's, which is done long before, mostly.
    let mut api = worker("api", "repeat 4 { sleep 5ms..27ms }; exit 0");
    api.after = vec![Dependency { on: WorkerId(0), until: Condition::Started }];
    SessionSpec { order, ..policy::session(vec![cache, api]) }
}
