//! A proxy's connections: whatever clients, upstreams and time do, in any order and more than once, each request that was begun has one
//! end, a drain is over in time, and nothing follows it.

use crate::properties::config;
use crate::properties::plans::{Reach, durations};
use proptest::prelude::*;
use proptest::sample::Index;
use shakedown_core::proxy::{Admission, ConnId, Cutter, Drain, Limits, Order, Stage};
use shakedown_core::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// What may happen to a proxy. Connections are picked from all that ever were, and one that never was.
#[derive(Clone, Debug)]
enum Step {
    Accept,
    Head(Index),
    Answer(Index, bool),
    Upgrade(Index),
    Close(Index, bool),
    ListenerCloses,
    TurnAway,
    Begin(Duration),
    Kill,
    Time(Duration),
    Carry,
    Fetch,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = any::<Index>;
    let step = prop_oneof![
        4 => Just(Step::Accept),
        5 => which().prop_map(Step::Head),
        3 => (which(), any::<bool>()).prop_map(|(at, yes)| Step::Answer(at, yes)),
        1 => which().prop_map(Step::Upgrade),
        2 => (which(), any::<bool>()).prop_map(|(at, yes)| Step::Close(at, yes)),
        1 => Just(Step::ListenerCloses),
        1 => Just(Step::TurnAway),
        1 => durations(Reach::Endless).prop_map(Step::Begin),
        1 => Just(Step::Kill),
        2 => durations(Reach::Finite).prop_map(Step::Time),
        2 => Just(Step::Carry),
        1 => Just(Step::Fetch),
    ];
    proptest::collection::vec(step, 0..60)
}

struct Play {
    drain: Drain,
    now: Instant,
    admitted: u32,
    /// Ordered to be closed, and not said to be.
    owed: BTreeSet<ConnId>,
    owes_listener: bool,
    /// By its number, whether a request is over.
    requests: BTreeMap<u32, bool>,
    until: Option<Instant>,
    is_over: bool,
}

impl Play {
    fn new() -> Play {
        Play {
            drain: Drain::new(Limits { connections_max: 4, untold_max: 1000, ..Limits::DEFAULT }),
            now: Instant::ZERO,
            admitted: 0,
            owed: BTreeSet::new(),
            owes_listener: false,
            requests: BTreeMap::new(),
            until: None,
            is_over: false,
        }
    }

    fn connection(&self, which: &Index) -> ConnId {
        ConnId(which.index(self.admitted as usize + 1) as u32)
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        let now = self.now;
        match step {
            Step::Accept => {
                if let Admission::Admitted(id) = self.drain.accepted() {
                    if self.drain.is_ending() || id.0 != self.admitted {
                        return Err(format!("{id:?} is admitted"));
                    }
                    self.admitted += 1;
                }
            }
            Step::Head(which) => {
                let taken = self.drain.head(self.connection(which), "GET", "/a?b", now);
                if taken && self.drain.is_ending() {
                    return Err("a request is taken on while it drains".into());
                }
            }
            Step::Answer(which, by_upstream) => self.drain.answered(self.connection(which), 200, *by_upstream, now),
            Step::Upgrade(which) => self.drain.upgraded(self.connection(which), 101),
            Step::Close(which, by_client) => {
                let (id, by) = (self.connection(which), if *by_client { Cutter::Client } else { Cutter::Upstream });
                self.owed.remove(&id);
                self.drain.closed(id, by, now);
            }
            Step::ListenerCloses if self.drain.is_ending() => self.drain.listener_closed(),
            Step::ListenerCloses => {}
            Step::TurnAway => self.drain.turned_away(431),
            Step::Begin(within) => {
                let until = now.after(*within);
                self.until = Some(self.until.map_or(until, |first| first.min(until)));
                self.drain.begin(now, *within);
            }
            Step::Kill => {
                self.until = Some(now);
                self.drain.kill(now);
            }
            Step::Time(more) => {
                let next = self.drain.deadline().unwrap_or(Instant::NEVER);
                self.now = next.max(now).min(now.after(*more));
                self.drain.tick(self.now);
            }
            Step::Carry => self.carry(),
            Step::Fetch => self.fetch()?,
        }
        self.check()
    }

    /// Whoever has the sockets does as he was told.
    fn carry(&mut self) {
        self.note_orders();
        for id in std::mem::take(&mut self.owed) {
            self.drain.closed(id, Cutter::Drain, self.now);
        }
        if std::mem::take(&mut self.owes_listener) {
            self.drain.listener_closed();
        }
    }

    fn note_orders(&mut self) {
        while let Some(order) = self.drain.next_order() {
            match order {
                Order::CloseListener => self.owes_listener = true,
                Order::Close(id) | Order::Cut(id) => {
                    self.owed.insert(id);
                }
            }
        }
    }

    /// Each request is begun once and ends once, or was refused.
    fn fetch(&mut self) -> Result<(), String> {
        let traffic = self.drain.traffic();
        if self.is_over && !traffic.told.is_empty() {
            return Err(format!("{:?} after it was over", traffic.told));
        }
        for told in traffic.told {
            let known = self.requests.get(&told.number).copied();
            let held = match told.stage {
                Stage::Started => known.is_none(),
                Stage::Refused { accepted: false, .. } => known.is_none(),
                Stage::Finished { .. } | Stage::Refused { accepted: true, .. } | Stage::Cut { .. } => {
                    known == Some(false)
                }
            };
            if !held {
                return Err(format!("{told:?}, and it was {known:?}"));
            }
            self.requests.insert(told.number, told.stage != Stage::Started);
        }
        if traffic.over && self.requests.values().any(|is_over| !is_over) {
            return Err(format!("it is over, and of {:?} some are not", self.requests));
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        self.drain.invariant().map_err(|broken| broken.0)?;
        if self.drain.connections() > 4 {
            return Err("more connections than its limit".into());
        }
        if self.drain.deadline().is_some_and(|at| at <= self.now || Some(at) != self.until) {
            return Err(format!(
                "at {} it wants a tick at {:?}, and is to end by {:?}",
                self.now,
                self.drain.deadline(),
                self.until
            ));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn each_request_has_one_end_and_a_drain_is_over_in_time(steps in steps(), within in durations(Reach::Finite)) {
        let mut play = Play::new();
        for step in &steps {
            play.take(step).map_err(|broken| TestCaseError::fail(format!("{step:?}: {broken}")))?;
        }
        // Then it drains, and nobody does anything but what he is told to.
        play.take(&Step::Begin(within)).map_err(TestCaseError::fail)?;
        let until = play.until.unwrap_or(play.now).max(play.now);
        play.carry();
        play.now = until;
        play.drain.tick(until);
        play.carry();
        prop_assert!(play.drain.is_over(), "{:?}", play.drain);
        play.fetch().map_err(TestCaseError::fail)?;
        play.is_over = true;
        for step in &steps {
            play.take(step).map_err(|broken| TestCaseError::fail(format!("after its end, {step:?}: {broken}")))?;
        }
        play.carry();
        prop_assert!(play.drain.is_over() && play.drain.connections() == 0);
    }
}
