//! What each fault does, and to whom.

use super::*;
use crate::kernel::check::{Answers, Check, U, exited, play, signalled};
use crate::kernel::{KernelReady, What};
use shakedown_core::ids::OpId;
use shakedown_core::vocab::{Scope, Truth};

/// Every fault strikes whenever it is asked; durations are the shortest.
#[derive(Default)]
struct Always(Vec<Site>);

impl Choose for Always {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.0.push(site);
        u32::from(matches!(ask, Ask::Chance { .. }))
    }
}

fn ms(min: u64, max: u64) -> DurationRange {
    let grid = Duration::from_millis(1);
    DurationRange { min: Duration::from_millis(min), max: Duration::from_millis(max), grid }
}

/// What a script comes to within a second where this fault always strikes.
fn suffer(script: &str, fault: Fault) -> (Check, Always) {
    let mut check = play(script);
    check.kernel.set_faults([fault].into());
    let mut chooser = Always::default();
    for _ in 0..1000 {
        while let Some(ready) = check.kernel.next_ready() {
            if let KernelReady::Step { proc, .. } = ready {
                check.kernel.run(proc, &mut chooser);
            }
        }
        let Some(at) = check.kernel.next_timer() else { break };
        check.kernel.set_now(at);
        check.kernel.fire_timers();
    }
    (check, chooser)
}

#[test]
fn a_crash_takes_the_place_of_a_step_of_whom_it_concerns() {
    for (on, main, helper) in [
        ("w", signalled(Signal::SEGV), None),
        ("w/helper", exited(0), signalled(Signal::SEGV)),
        ("v", exited(0), exited(7)),
    ] {
        let (check, _) =
            suffer("spawn helper { exit 7 }; wait helper; exit 0", Fault::new(FaultKind::Crash, 1.0).on(on));
        assert_eq!(check.status("w/main"), main, "{on}");
        let born = on != "w";
        assert_eq!(born.then(|| check.status("w/helper")).flatten(), helper, "{on}");
    }
}

/// A wait for ever is no step of its own, unless there is a crash that could come before it: after what was printed, and after whoever
/// reads it has acted on it.
#[test]
fn a_crash_comes_between_what_was_done_last_and_the_wait_for_ever() {
    let mut calm = play("print up; hang");
    assert!(calm.step() && !calm.step() && calm.alive("w/main"), "it prints, and waits");
    assert_eq!(calm.stdout(), "up\n");
    for (on, steps) in [("v", 1), ("w", 2)] {
        let mut check = play("print up; hang");
        check.kernel.set_faults([Fault::new(FaultKind::Crash, 0.5).on(on)].into());
        let mut taken = 0;
        while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
            check.kernel.run(proc, &mut Answers(taken));
            taken += 1;
        }
        assert_eq!((taken, check.stdout().as_str()), (steps, "up\n"), "{on}");
        assert_eq!(check.status("w/main"), if on == "w" { signalled(Signal::SEGV) } else { None });
    }
}

/// It holds its output until the end, whether it exits or is killed.
#[test]
fn a_slow_exit_keeps_the_descriptors_and_then_the_status() {
    for (script, status) in [("exit 3", exited(3)), ("print a", exited(0)), ("die TERM", signalled(Signal::TERM))] {
        let slow = Fault::new(FaultKind::SlowExit { by: ms(50, 90) }, 1.0);
        let mut check = play(script);
        check.kernel.set_faults([slow].into());
        let mut chooser = Always::default();
        for _ in 0..9 {
            while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
                check.kernel.run(proc, &mut chooser);
            }
        }
        assert!(check.alive("w/main") && check.kernel.writers(U) == 2, "{script}");
        assert_eq!(check.pass(49).status("w/main"), None, "{script}");
        assert_eq!(check.pass(1).status("w/main"), status, "{script}");
    }
}

/// do_exit() of Linux: the status is settled before the descriptors are closed.
#[test]
fn a_kill_does_not_change_the_status_of_whoever_is_ending() {
    let mut check = play("exit 3");
    check.kernel.set_faults([Fault::new(FaultKind::SlowExit { by: ms(50, 90) }, 1.0)].into());
    let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() else { panic!("it can begin") };
    check.kernel.run(proc, &mut Always::default());
    check.kernel.set_faults([].into());
    check.pass(10).kill("w/main", Signal::KILL);
    assert_eq!(check.status("w/main"), None);
    assert_eq!(check.pass(50).status("w/main"), exited(3));
}

#[test]
fn kill_does_not_end_the_unkillable_before_their_time() {
    for (by, end) in [(Some(ms(300, 400)), signalled(Signal::KILL)), (None, None)] {
        let (check, _) = suffer(
            "spawn a { on TERM ignore; hang }; sleep 1ms; kill a KILL; wait a; exit 4",
            Fault::new(FaultKind::Unkillable { by }, 1.0).on("w/a"),
        );
        assert_eq!(check.status("w/a"), end);
        assert_eq!(check.status("w/main"), end.and(exited(4)));
    }
}

#[test]
fn a_fork_fails_for_the_child_that_is_named() {
    let fails = Fault::new(FaultKind::SpawnFails { errno: Errno::EAGAIN }, 1.0).on("w/a");
    let (mut check, chooser) = suffer("spawn a { print a }; spawn b { print b }; wait all; print end", fails);
    assert_eq!(check.stdout(), "b\nend\n");
    assert_eq!(chooser.0.len(), 1, "nobody else is asked about");
}

#[test]
fn a_start_fails_as_fork_pipe_or_exec_do() {
    for (kind, errno, at_exec) in [
        (FaultKind::SpawnFails { errno: Errno::ENOMEM }, Errno::ENOMEM, false),
        (FaultKind::ExecFails { errno: Errno::EACCES }, Errno::EACCES, true),
        (FaultKind::FdLimit, Errno::EMFILE, false),
    ] {
        let mut kernel = Kernel::new(super::super::KernelConfig::default());
        kernel.set_faults([Fault::new(kind, 1.0).on("w")].into());
        let failure = Some(SpawnFailure { errno, at_exec });
        assert_eq!(kernel.spawn_fault("w", Label::ROOT, &mut Always::default()), failure);
        assert_eq!(kernel.spawn_fault("v", Label::ROOT, &mut Always::default()), None);
        assert_eq!(kernel.spawn_fault("w", Label::ROOT, &mut shakedown_core::choose::Calm), None, "0 is calm");
    }
}

/// SEMANTICS C11: reuse at once, which else takes a whole round of the circle.
#[test]
fn a_number_comes_back_at_once() {
    let script = "repeat 3 { spawn a { exit 0 }; wait a }; spawn b { hang }; hang";
    let (check, _) = suffer(script, Fault::new(FaultKind::PidReuse, 1.0));
    assert_eq!((check.pid("w/a"), check.pid("w/b")), (4, 4));
    assert_eq!(play(script).settle().pid("w/b"), 7);
}

#[test]
fn news_is_late_or_lost_and_only_the_notice_of_an_exit_is_ever_lost() {
    let late = Notice::Late(Duration::from_millis(5));
    // Whoever waits when it comes true has a notice of it; whoever asks afterwards looks at what is so, and is told.
    for (waits, what, expected) in [
        (true, What::Exit, Notice::Lost),
        (true, What::Empty, late),
        (false, What::Exit, late),
        (false, What::Empty, late),
    ] {
        let mut check = play("exit 0");
        let all = [FaultKind::EventLost, FaultKind::LateNotify { by: ms(5, 9) }].map(|kind| Fault::new(kind, 1.0));
        check.kernel.set_faults(all.into());
        if waits {
            check.kernel.watch(OpId(1), U, what);
        }
        let (unit, completion, is_news) = loop {
            match check.kernel.next_ready() {
                Some(KernelReady::Step { proc, .. }) => check.kernel.run(proc, &mut shakedown_core::choose::Calm),
                Some(KernelReady::Look { .. }) => unreachable!("it is the leader of a group"),
                Some(KernelReady::Done { unit, completion, is_news, .. }) => break (unit, completion, is_news),
                None => check.kernel.watch(OpId(1), U, what),
            }
        };
        assert_eq!(is_news, waits, "{what:?}");
        let told = check.kernel.notice_fault(unit, &completion, is_news, &mut Always::default());
        assert_eq!(told, expected, "{what:?}, waited for: {waits}");
    }
    let mut check = play("exit 0");
    assert!(!check.kernel.wakes_spuriously(U, &mut Always::default()));
    check.kernel.set_faults([Fault::new(FaultKind::SpuriousWake, 1.0)].into());
    assert!(check.kernel.wakes_spuriously(U, &mut Always::default()));
}

/// SEMANTICS C34: no timer moves with them.
#[test]
fn clocks_jump_and_machines_sleep_while_time_passes() {
    let day = FaultKind::ALL.map(|(_, kind)| Fault::new(kind, 1.0));
    let mut check = play("sleep 1s; exit 3");
    check.settle();
    let before = check.kernel.clock(Clock::Realtime);
    check.kernel.set_faults(day.into());
    check.kernel.clock_faults(&mut Always::default());
    assert_eq!(check.kernel.clock(Clock::Monotonic), Duration::ZERO);
    assert_eq!(check.kernel.clock(Clock::Boottime), Duration::from_secs(1));
    assert_eq!(check.kernel.clock(Clock::Realtime), before + Duration::from_secs(2));
    check.kernel.set_faults([].into());
    assert_eq!(check.pass(1000).status("w/main"), exited(3));
}

#[test]
fn without_faults_nothing_is_asked() {
    let mut check = play("spawn a { exit 0 }; wait a; exit 0");
    let mut chooser = Always::default();
    while let Some(KernelReady::Step { proc, .. }) = check.kernel.next_ready() {
        check.kernel.run(proc, &mut chooser);
    }
    assert_eq!((check.status("w/main"), chooser.0.len()), (exited(0), 0));
    assert!(check.spawn(shakedown_core::ids::UnitId(1), Scope::Group, "hang").is_ok());
}
