//! What a person sees of a session at four moments of its life, as a table and as diagrams: to be read whenever it changes.

use shakedown::core::choose::Calm;
use shakedown::core::host::{Host, Step};
use shakedown::core::ids::{ActorId, WorkerId};
use shakedown::core::machine::{Command, Event};
use shakedown::core::task::{Stdio, TaskCx};
use shakedown::core::vocab::*;
use shakedown::prelude::*;
use shakedown::sim::{SimWorld, WorldConfig};
use shakedown::snapshot::{mermaid_machine, mermaid_state, mermaid_tree, table};
use std::rc::Rc;
use std::sync::Arc;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn process(name: &str, script: &str) -> WorkerSpec {
    let stop = StopPolicy { grace: Grace::After(MS(3000)), ..StopPolicy::default() };
    let body = Body::Process(Arc::new(ProcessSpec::puppet(name, puppet(script))));
    WorkerSpec { stop, ..WorkerSpec::new(name, body) }
}

/// A shop with one of everything that can be told.
fn shop() -> SessionSpec {
    let mut shop = SessionSpec::new("shop");
    let ready = |text: &str| Some(Arc::new(ReadyPolicy::new(Probe::Log(text.into()))));
    let after = |on, until| Vec::from([Dependency { on: WorkerId(on), until }]);
    let again = RestartPolicy { when: RestartWhen::Always, budget: 2, ..RestartPolicy::default() };
    let backend =
        SupervisorSpec { strategy: Strategy::OneForOne, children: [3, 4].map(WorkerId).into(), escalate: false };
    shop.workers = Vec::from([
        WorkerSpec {
            ready: ready("open"),
            ..process("db", "on TERM exit 0 after 200ms; sleep 100ms; print open; hang")
        },
        WorkerSpec { restart: again, ..process("flaky", "sleep 20ms; exit 3") },
        WorkerSpec {
            after: after(0, Condition::Ready),
            ..WorkerSpec::new("backend", Body::Supervisor(backend.into()))
        },
        WorkerSpec {
            tags: [("team".into(), "\"core\"".into())].into(),
            ..process("api", "on TERM ignore; spawn helper { on TERM ignore; hang }; hang")
        },
        WorkerSpec::new("cache", Body::PuppetTask(puppet("on TERM exit 0; hang"))),
        WorkerSpec { after: after(1, Condition::Succeeded), ..process("report", "exit 0") },
        WorkerSpec::new("métrics \"β\"", Body::Function(0)),
        process("gone", "exit 0"),
    ]);
    if let Body::Process(spec) = &mut shop.workers[7].body {
        Arc::make_mut(spec).program =
            Program::Command { argv: ["gone".into()].into(), sim: StandIn::ExecFails(Errno::ENOENT) };
    }
    shop
}

struct Shop {
    host: Host<SimWorld<Calm>>,
    session: ActorId,
}

impl Shop {
    fn open(plan: SessionSpec) -> Shop {
        let plan = Arc::new(plan);
        let mut world = SimWorld::new(WorldConfig::default(), Calm);
        world.reset(Calm, Some(plan.clone()));
        let mut host = Host::new(world);
        host.register(Rc::new(|cx: TaskCx, _: Stdio| {
            Box::pin(async move {
                cx.cancelled().await;
                ExitStatus::Exited(0)
            })
        }));
        let session = host.start_session(&plan, &Arc::from([]));
        Shop { host, session }
    }

    fn see(&self) -> Snapshot {
        self.host.snapshot(self.session)
    }

    /// Lets it live until this instant.
    fn until(&mut self, ms: u64) -> Snapshot {
        let come = self.host.spawn("the moment", move |cx| cx.sleep_until(Instant::ZERO.after(MS(ms))));
        while !come.is_over() {
            assert_eq!(self.host.step(), Step::Ran, "{:?}", self.host.waiters());
        }
        self.see()
    }

    fn stop(&mut self) {
        let stop = Command::Stop { by: Requester::User, deadline: Instant::NEVER };
        self.host.send(self.session, Event::Command(stop));
    }
}

fn shown(snapshot: &Snapshot) -> String {
    let blocking: String = snapshot.blocking().iter().map(|waiter| format!("{waiter}\n")).collect();
    format!("{}\nblocking:\n{blocking}", table(snapshot))
}

#[test]
fn a_session_is_seen_before_its_start_while_it_runs_while_it_stops_and_after() {
    let mut shop = Shop::open(shop());
    insta::assert_snapshot!("shop_before", shown(&shop.see()));
    insta::assert_snapshot!("shop_starts", shown(&shop.until(50)));
    let runs = shop.until(2000);
    insta::assert_snapshot!("shop_runs", shown(&runs));
    insta::assert_snapshot!("shop_tree", mermaid_tree(&runs));
    insta::assert_snapshot!("state_of_api", mermaid_state(runs.find("api").expect("api is in the plan")));
    shop.stop();
    insta::assert_snapshot!("shop_stops", shown(&shop.until(2100)));
    let over = shop.until(60_000);
    insta::assert_snapshot!("shop_over", shown(&over));
    assert!(over.blocking().is_empty() && over.children.iter().all(|child| child.pid.is_none()));
}

#[test]
fn who_is_left_behind_is_named() {
    let mut plan = SessionSpec::new("leaky");
    plan.workers = Vec::from([
        process("holder", "spawn helper { setsid; hang }; exit 0"),
        WorkerSpec { stop: StopPolicy { scope: Scope::Tree, ..StopPolicy::default() }, ..process("slow", "hang") },
    ]);
    plan.workers[1].ready = Some(Arc::new(ReadyPolicy { timeout: MS(300), ..ReadyPolicy::new(Probe::Notify) }));
    insta::assert_snapshot!("left", shown(&Shop::open(plan).until(5000)));
}

#[test]
fn the_whole_diagram_comes_from_the_machine() {
    insta::assert_snapshot!("machine", mermaid_machine());
}
