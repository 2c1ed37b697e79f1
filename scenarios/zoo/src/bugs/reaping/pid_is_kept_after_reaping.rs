//! A watchdog remembers the job's number and kills by it when the time is up; by then the job may be reaped and its number another's.
//! process-compose#228 (L28): a bare kill(pid) races the reaper and hits an unrelated process.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_sim::WorldConfig;
use shakedown_sim::kernel::KernelConfig;

pub(super) fn case() -> Case {
    let kernel = KernelConfig { pid_max: KernelConfig::PID_MAX_MIN, ..KernelConfig::default() };
    Case::new("pid_is_kept_after_reaping", "L28", OracleName::NoForeignSignal)
        .config(WorldConfig { kernel, ..WorldConfig::default() })
        .broken(|host| drop(host.spawn("run", |cx| run(cx, Watch::Number))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, Watch::Handle))))
}

/// What the watchdog keeps of the job that it may have to kill.
#[derive(Clone, Copy)]
enum Watch {
    Number,
    Handle,
}

/// Broken where the watchdog keeps the number, right where it keeps the handle.
async fn run(cx: TaskCx, watch: Watch) {
    for _ in 0..12 {
        let job = start(&cx, "job", "sleep 10ms..60ms; exit 0").await;
        let kept = job.clone();
        drop(cx.spawn("watchdog", |cx| async move {
            cx.sleep(ms(100)).await;
            match watch {
                // It is not looked at whether anybody was hit.
                Watch::Number => drop(cx.process().kill_by_number(kept.pid().as_raw(), Signal::KILL)),
                Watch::Handle => kept.signal(Signal::KILL),
            }
        }));
        job.wait().await;
    }
    cx.sleep(ms(100)).await;
}
