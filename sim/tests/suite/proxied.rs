//! Functions that go through a forward proxy: they are told where it listens, as a process is by its environment.

use shakedown_core::proxy::ProxySpec;
use shakedown_core::runner::TaskSpec;
use shakedown_core::task::ExitCode;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Body, SessionSpec, WorkerSpec};
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Simulator, WorldConfig};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

#[test]
fn a_function_that_goes_through_a_proxy_is_told_where_that_listens() {
    let mut plan = SessionSpec::new("proxied");
    plan.stays = true;
    plan.workers = vec![WorkerSpec::new("edge", Body::Proxy(Arc::new(ProxySpec::forward("edge"))))];
    let plan = Arc::new(plan);
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let told = Rc::new(RefCell::new(Vec::new()));
    let tells = told.clone();
    let run = sim.run(Seeded::new(1), Some(plan.clone()), |host| {
        let session = host.start_session(&plan, &Arc::from([]));
        let runner = host.runner(session);
        host.spawn("script", move |cx| async move {
            cx.sleep(Duration::from_millis(1)).await;
            let user = TaskSpec::function("user", move |cx, _| {
                tells.borrow_mut().extend(["HTTP_PROXY", "https_proxy", "NO_PROXY"].map(|name| cx.env(name)));
                async { ExitCode::SUCCESS }
            });
            runner.start(user.through("edge").env("https_proxy", "mine")).unwrap().wait().await.unwrap();
            runner.stop_session();
        });
    });
    assert!(run.is_ok(), "{run:?}");
    let told = told.take();
    assert!(told[0].as_ref().is_some_and(|at| at.starts_with("http://127.0.0.1:")), "{told:?}");
    assert_eq!(told[1..], [Some("mine".into()), Some(String::new())]);
}
