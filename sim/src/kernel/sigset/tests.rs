//! Signal sets and dispositions by themselves.

use super::*;

fn handler() -> Handler {
    Handler::Run([].into())
}

/// SEMANTICS C17.
#[test]
fn standard_signals_coalesce_and_the_lowest_number_comes_first() {
    let mut signals = Signals::default();
    for signal in [Signal::TERM, Signal::USR1, Signal::TERM, Signal::HUP, Signal::SEGV] {
        signals.install(signal, &handler());
        signals.post(signal, true);
    }
    let order: Vec<_> = std::iter::from_fn(|| signals.take(&mut Mask::default())).collect();
    assert_eq!(order, [Signal::SEGV, Signal::HUP, Signal::USR1, Signal::TERM]);
}

/// SEMANTICS C17.
#[test]
fn real_time_signals_queue() {
    let mut signals = Signals::default();
    let real_time = Signal::from_number(34).expect("34 is a signal");
    (0..3).for_each(|_| signals.post(real_time, true));
    assert_eq!(std::iter::from_fn(|| signals.take(&mut Mask::default())).count(), 3);
    (0..2 * Signals::QUEUED_MAX).for_each(|_| signals.post(real_time, true));
    assert_eq!(std::iter::from_fn(|| signals.take(&mut Mask::default())).count(), Signals::QUEUED_MAX + 1);
}

/// SEMANTICS C1.
#[test]
fn fork_copies_dispositions_and_no_pending_signal() {
    let (mut parent, mut child) = (Signals::default(), Signals::default());
    parent.install(Signal::HUP, &Handler::Ignore);
    parent.install(Signal::USR1, &handler());
    parent.post(Signal::USR1, true);
    // The child's record was somebody else's.
    child.post(Signal::TERM, true);
    child.fork_from(&parent);
    assert_eq!(child.disposition(Signal::HUP), Disposition::Ignored);
    assert_eq!(child.disposition(Signal::USR1), Disposition::Caught);
    assert!(child.handler(Signal::USR1).is_some());
    assert_eq!(child.take(&mut Mask::default()), None);
}

/// SEMANTICS C16, C17: a handler holds every caught signal, a mask what it names; what is blocked is kept even where it is ignored.
#[test]
fn blocked_signals_wait_and_are_not_thrown_away() {
    let mut signals = Signals::default();
    signals.install(Signal::USR1, &handler());
    signals.install(Signal::HUP, &Handler::Ignore);
    let mut mask = Mask { holding: true, ..Mask::default() };
    mask.blocked.insert(Signal::HUP);
    assert!(!signals.discards(mask, Signal::HUP) && signals.discards(Mask::default(), Signal::HUP));
    [Signal::HUP, Signal::USR1, Signal::TERM].into_iter().for_each(|signal| signals.post(signal, true));
    assert_eq!((signals.take(&mut mask), signals.take(&mut mask)), (Some(Signal::TERM), None));
    assert!(!signals.is_actionable(&mask));
    mask.holding = false;
    assert_eq!(signals.take(&mut mask), Some(Signal::USR1));
}

/// SEMANTICS C17: dequeue_signal() of Linux looks at the thread's own signals first.
#[test]
fn a_threads_own_signal_goes_before_the_processs() {
    let mut signals = Signals::default();
    signals.post(Signal::HUP, true);
    let mut mask = Mask::default();
    mask.own.insert(Signal::TERM);
    assert_eq!((signals.take(&mut mask), signals.take(&mut mask)), (Some(Signal::TERM), Some(Signal::HUP)));
}

/// SEMANTICS C4.
#[test]
fn exec_keeps_ignored_and_pending_signals_and_defaults_caught_ones() {
    let mut signals = Signals::default();
    signals.install(Signal::HUP, &Handler::Ignore);
    signals.install(Signal::TERM, &handler());
    signals.post(Signal::QUIT, true);
    signals.exec();
    assert_eq!(signals.disposition(Signal::HUP), Disposition::Ignored);
    assert_eq!(signals.disposition(Signal::TERM), Disposition::Default(DefaultAction::Terminate));
    assert_eq!(signals.take(&mut Mask::default()), Some(Signal::QUIT));
}

/// SEMANTICS C16.
#[test]
fn ignoring_a_signal_throws_its_pending_instance_away() {
    let mut signals = Signals::default();
    signals.install(Signal::USR1, &handler());
    signals.post(Signal::USR1, true);
    signals.install(Signal::USR1, &Handler::Ignore);
    assert!(!signals.is_actionable(&Mask::default()));
}
