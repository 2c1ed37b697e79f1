//! The stop reads to the end of output and takes that for the end of everybody; a helper that has closed its output is not seen by it.
//! process-compose#520 (L38), the other way round: there a helper holds the pipe too long, here it does not hold it at all.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::Stream;

pub(super) fn case() -> Case {
    Case::new("closed_output_hides_a_helper", "L38", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

const SERVER: &str = "
    spawn helper { close stdout; close stderr; on TERM exit 0 after 1ms..30ms; hang }
    on TERM exit 0 after 25ms..60ms
    hang
";

/// Right where it waits until nobody is left.
async fn stop(cx: TaskCx, counts_heads: bool) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(50)).await;
    server.signal_scope(Signal::TERM);
    read_to_end(&server, Stream::Stdout).await;
    if counts_heads {
        server.scope_empty().await;
    }
    server.wait().await;
}
