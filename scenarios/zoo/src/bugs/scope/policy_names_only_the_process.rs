//! A policy: the scope of the stop is the process, as it was for a server that had no helper. The helper writes to a log of its own.
//! foreman#384, watchexec#960 (L37): whom a stop reaches is decided once, and forgotten when the program changes.

use crate::policy;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::vocab::{Scope, SessionSpec};

pub(super) fn case() -> Case {
    Case::new("policy_names_only_the_process", "L37", OracleName::NoOrphan)
        .plan(|| plan(Scope::Group))
        .broken(|host| policy::play(host, plan(Scope::Process), ms(100)))
        .twin(|host| policy::play(host, plan(Scope::Group), ms(100)))
}

const SERVER: &str = "
    spawn helper { close stdout; close stderr; repeat 3 { sleep 1ms..35ms }; exit 0 }
    on TERM exit 0
    hang
";

fn plan(scope: Scope) -> SessionSpec {
    policy::session(vec![policy::worker("server", SERVER, scope)])
}
