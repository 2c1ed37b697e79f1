//! A reload ends the server and starts it again; one that comes while everything is being stopped does the same, and all are up again.
//! Supervisor 3.3.5 (L74): HUP during a shutdown cancels the shutdown.

use crate::life::{Life, tell_session_stop};
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::sync::mpsc;
use shakedown_core::task::TaskCx;
use shakedown_core::time::{Duration, DurationRange};
use shakedown_core::vocab::{Fact, Requester};

pub(super) fn case() -> Case {
    Case::new("reload_takes_the_stop_back", "L74", OracleName::MonotoneStop)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, false))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, true))))
}

/// When the reload comes; the stop comes after 100 ms.
const RELOAD: DurationRange = DurationRange { min: ms(10), max: ms(600), grid: ms(1) };

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Reload,
    Stop,
}

/// Sends a word at its time. Whoever is gone by then does not hear it.
async fn say(cx: TaskCx, word: Word, after: Duration, to: mpsc::Sender<Word>) {
    cx.sleep(after).await;
    let _ = to.send(word).await;
}

/// Right where no word counts any more after the stop.
async fn session(cx: TaskCx, is_final: bool) {
    let (to, mut words) = mpsc::unbounded();
    let (reload_at, to_reload) = (cx.draw(RELOAD), to.clone());
    let reload = cx.spawn("reload", move |cx| say(cx, Word::Reload, reload_at, to_reload));
    drop(cx.spawn("stop", |cx| say(cx, Word::Stop, ms(100), to)));
    tell_session(&cx, Fact::Started { pid: None });
    for incarnation in 1.. {
        let server = Life::begin(&cx, 0, incarnation, "server", "on TERM exit 0 after 1ms..40ms; hang").await;
        let word = words.recv().await.unwrap_or(Word::Stop);
        let by = match word {
            Word::Reload => Requester::Supervisor,
            Word::Stop => Requester::Parent,
        };
        if word == Word::Stop {
            tell_session_stop(&cx, cx.now().after(ms(1_000)));
        }
        server.stop(by, cx.now().after(ms(900)));
        server.over(Some(by)).await;
        if word == Word::Stop {
            if is_final || words.try_recv() != Ok(Some(Word::Reload)) {
                break;
            }
            tell_session(&cx, Fact::Started { pid: None });
        }
        server.tell(Fact::Restarted);
    }
    reload.abort();
    tell_session(&cx, Fact::SessionStopped);
}
