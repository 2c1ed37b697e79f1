//! The stop of a server, under a thousand seeds: `cargo test` plays it, and prints how a failure comes about.

use shakedown::prelude::*;

#[shakedown::test(seeds = 1000)]
async fn stop_leaves_nobody_behind(cx: TaskCx) -> Result<(), SpawnError> {
    let script = puppet("spawn helper { on TERM exit 0 after 10ms..50ms; hang }; on TERM exit 0; print ready; hang");
    let server = cx.process().start(ProcessSpec::puppet("server", script)).await?;
    cx.sleep(Duration::from_millis(100)).await;
    // Your stop stands here: ask, wait for the whole group, force, wait.
    server.signal_scope(Signal::TERM);
    if cx.timeout(Duration::from_secs(3), server.scope_empty()).await.is_err() {
        server.kill();
        server.scope_empty().await;
    }
    server.wait().await;
    Ok(())
}
