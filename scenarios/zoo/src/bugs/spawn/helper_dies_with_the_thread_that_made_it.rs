//! A helper is to die with its parent, and so it does when the pool thread that has started it idles out. The parent is healthy.
//! bubblewrap#692, go#27505 (L56): PR_SET_PDEATHSIG means the thread that forks, and not its process.

use crate::stage::*;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;

pub(super) fn case() -> Case {
    Case::new("helper_dies_with_the_thread_that_made_it", "L56", Caught::Panic)
        .broken(|host| drop(host.spawn("user", |cx| use_it(cx, POOL_THREAD))))
        .twin(|host| drop(host.spawn("user", |cx| use_it(cx, MAIN_THREAD))))
}

const POOL_THREAD: &str = "thread { spawn helper { pdeathsig KILL; hang }; sleep 150ms }; hang";

const MAIN_THREAD: &str = "spawn helper { pdeathsig KILL; hang }; thread { sleep 150ms }; hang";

/// How long each piece of work takes; three of them seldom take so long that a thread idles out.
const WORK: DurationRange = DurationRange { min: ms(10), max: ms(52), grid: ms(1) };

/// Works with a server and its helper, and ends them.
async fn use_it(cx: TaskCx, script: &'static str) {
    let server = start(&cx, "server", script).await;
    for _ in 0..3 {
        cx.sleep(cx.draw(WORK)).await;
    }
    let members = server.members().await.len();
    server.kill();
    server.scope_empty().await;
    server.wait().await;
    assert_eq!(members, 2, "the server is there, and so is its helper");
}
