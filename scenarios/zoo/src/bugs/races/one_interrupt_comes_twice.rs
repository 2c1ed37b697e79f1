//! An interrupt reaches the whole group of the terminal, and the supervisor passes on what it has got itself; the server takes the second
//! for impatience, and leaves its work undone.
//! uv#11009, foreman#30, dep#1270 (L47): Ctrl-C once, two INTs, and an abort in the place of a shutdown.

use crate::stage::*;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::ExitStatus;

pub(super) fn case() -> Case {
    Case::new("one_interrupt_comes_twice", "L47", Caught::Panic)
        .broken(|host| drop(host.spawn("supervisor", |cx| interrupted(cx, true))))
        .twin(|host| drop(host.spawn("supervisor", |cx| interrupted(cx, false))))
}

/// Its work is saved by another process, and a second interrupt does not wait for that.
const SERVER: &str = "
    on INT { on INT exit 130; spawn saver { sleep 1ms..12ms; exit 0 } }
    on CHLD exit 0
    hang
";

/// How long the supervisor takes to hear of it.
const HEARING: DurationRange = DurationRange { min: ms(10), max: ms(60), grid: ms(1) };

/// Broken where it passes on what the terminal has told everybody.
async fn interrupted(cx: TaskCx, passes_on: bool) {
    let server = start(&cx, "server", SERVER).await;
    cx.sleep(ms(20)).await;
    // The terminal's.
    server.signal_scope(Signal::INT);
    cx.sleep(cx.draw(HEARING)).await;
    if passes_on {
        server.signal(Signal::INT);
    }
    let status = server.wait().await;
    server.scope_empty().await;
    assert_eq!(status, ExitStatus::Exited(0), "the server was interrupted in the midst of its shutdown");
}
