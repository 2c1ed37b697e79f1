//! A policy: two restarts are allowed within a second, and the second is written as one millisecond. So there is no limit at all.
//! cloudbreak#12327 (L102), with the window in the place of the grace: seconds and milliseconds are mixed up, and both are numbers.

use crate::policy;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Backoff, Fault, FaultKind, RestartPolicy, RestartWhen, Scope, SessionSpec};

pub(super) fn case() -> Case {
    Case::new("window_is_in_other_units", "L102", OracleName::RestartBudget)
        .plan(|| plan(ms(1_000)))
        .faults(|| vec![Fault::new(FaultKind::Crash, 0.01)])
        .broken(|host| policy::play(host, plan(ms(1)), ms(3_000)))
        .twin(|host| policy::play(host, plan(ms(1_000)), ms(3_000)))
}

fn plan(window: Duration) -> SessionSpec {
    // It seldom ends three times within a second, unless it crashes.
    let mut server = policy::worker("server", "repeat 6 { sleep 100ms }; exit 1", Scope::Group);
    let backoff = Backoff { initial: ms(10), factor_milli: 1_000, ..Backoff::default() };
    server.restart =
        RestartPolicy { when: RestartWhen::OnFailure, budget: 2, window, backoff, ..RestartPolicy::default() };
    policy::session(vec![server])
}
