//! A server that has said nothing for 50 ms is taken for lost, and another is started in its place. It was only slow.
//! nomad#5593, #6980 (L116): the executor is lost, the task lives on, and a new copy is started beside it.

use crate::stage::*;
use shakedown_core::puppet::PORT_TAKEN;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{ExitStatus, Stream};

pub(super) fn case() -> Case {
    Case::new("copy_is_started_beside_the_living", "L116", Caught::Panic)
        .broken(|host| drop(host.spawn("keeper", |cx| keep(cx, false))))
        .twin(|host| drop(host.spawn("keeper", |cx| keep(cx, true))))
}

const SERVER: &str = "listen 8080; repeat 3 { repeat 2 { sleep 5ms..27ms }; print beat }; exit 0";

/// Right where whoever is given up is ended before another takes his place.
async fn keep(cx: TaskCx, ends_the_old: bool) {
    let server = start(&cx, "server", SERVER).await;
    let mut heard = Vec::new();
    loop {
        match cx.timeout(ms(50), server.read(Stream::Stdout, &mut heard)).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => {
                if ends_the_old {
                    server.kill();
                    server.scope_empty().await;
                }
                let copy = start(&cx, "server", SERVER).await;
                let status = copy.wait().await;
                assert_ne!(status, ExitStatus::Exited(PORT_TAKEN), "the copy finds the port taken by the living");
                break;
            }
        }
    }
    server.wait().await;
}
