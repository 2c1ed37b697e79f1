//! What a supervisor does first where another was killed before it.

use shakedown_core::recovery::{Blind, recover};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Errno, Fault, FaultKind, SessionSpec};
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Ending, Limits, Simulator, WorldConfig};
use std::cell::Cell;
use std::rc::Rc;

/// Who cannot look for leftovers does not take them for gone: it looks for two seconds, in which a descriptor may become free.
#[test]
fn a_recovery_that_cannot_see_who_is_left_is_given_up() {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    let given_up = Rc::new(Cell::new(None));
    let seen = given_up.clone();
    let run = sim.run(Seeded::new(1), None, |host| {
        host.world().borrow_mut().set_faults([Fault::new(FaultKind::FdLimit, 1.0)].into());
        host.spawn("recovery", move |cx| async move {
            let recovered = recover(&cx, &SessionSpec::new("s"), 7).await;
            seen.set(Some((recovered.map(|recovered| recovered.ended.len()), cx.now().as_nanos())));
        });
    });
    assert_eq!(run.ending, Ending::Done, "{run:#?}");
    let two_seconds = Duration::from_secs(2).as_nanos() as u64;
    assert_eq!(given_up.get(), Some((Err(Blind(Errno::EMFILE)), two_seconds)));
}
