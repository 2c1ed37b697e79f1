//! Who started whom, by the plan and its scripts: what a run tells of a process does not name its parent, and a tree without one is a list.

use shakedown_core::oracle::Names;
use shakedown_core::puppet::{Handler, Verb};
use shakedown_core::vocab::Body;

/// Who started it: the session its workers, a supervisor its children, a worker its leader, and that one what its script spawns.
pub(super) fn parent_of(name: &str, names: &dyn Names) -> Option<String> {
    if name == "session" {
        return None;
    }
    let plan = names.plan();
    let Some((worker, process)) = name.split_once('/') else {
        let workers = &plan?.workers;
        let is_above = |body: &Body| match body {
            Body::Supervisor(spec) => spec.children.iter().any(|child| &*workers[child.index()].name == name),
            Body::Process(_) | Body::PuppetTask(_) | Body::Function(_) | Body::Proxy(_) => false,
        };
        let above = workers.iter().find(|worker| is_above(&worker.body)).map(|above| above.name.to_string());
        return above.or(Some("session".into()));
    };
    if process == MAIN {
        return plan.map(|_| worker.to_owned());
    }
    let spec = plan.and_then(|plan| plan.workers.iter().find(|spec| &*spec.name == worker));
    let script = spec.and_then(|spec| match &spec.body {
        Body::Process(process) => process.script(),
        Body::PuppetTask(_) | Body::Function(_) | Body::Supervisor(_) | Body::Proxy(_) => None,
    });
    let above = script.and_then(|script| spawner(script, process, MAIN)).unwrap_or(MAIN);
    Some(format!("{worker}/{above}"))
}

/// The name of a worker's leading process.
const MAIN: &str = "main";

/// Who, below `above`, spawns a process of this name.
fn spawner<'a>(script: &'a [Verb], name: &str, above: &'a str) -> Option<&'a str> {
    script.iter().find_map(|verb| {
        if let Verb::Spawn { name: child, body } | Verb::Daemonize { name: child, body } = verb {
            return if **child == *name { Some(above) } else { spawner(body, name, child) };
        }
        // What goes on as the same process.
        if let Verb::On { then: Handler::Run(body), .. }
        | Verb::Repeat { body, .. }
        | Verb::Exec(body)
        | Verb::Thread(body) = verb
        {
            return spawner(body, name, above);
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::puppet;

    #[test]
    fn a_process_stands_below_whoever_spawns_it() {
        let script = "spawn a { spawn b { hang }; hang }; on TERM { spawn c { hang } }; exec { daemonize d { hang } }";
        let block = puppet::parse(script).expect("a script");
        for (name, above) in
            [("a", Some("main")), ("b", Some("a")), ("c", Some("main")), ("d", Some("main")), ("e", None)]
        {
            assert_eq!(spawner(&block, name, MAIN), above, "{name}");
        }
    }
}
