//! One exhibit: a supervisor with a bug, its correct twin, and who must notice the difference. Hunts, tests and fuzzers play them alike.

use crate::choices::Choices;
use shakedown_core::host::Host;
use shakedown_core::machine::{Broken, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Fact, Fault, SessionSpec, Subject};
use shakedown_sim::{Ending, Run, SimWorld, WorldConfig};
use std::fmt;

/// A host that takes whatever machine a user brings.
pub type Stage = Host<SimWorld<Choices>, Any>;

/// A broken supervisor and its correct twin.
pub struct Case {
    /// The symptom as a claim, and the name of its file.
    pub name: &'static str,
    /// The public bug whose shape it is, by its number in `scenarios/regress/README.md`: `L38`.
    pub bug: &'static str,
    /// Who must notice, and be the first to do so.
    pub caught_by: Caught,
    /// The world they run in.
    pub config: WorldConfig,
    /// What the session was to be, where an oracle has to know.
    pub plan: Option<fn() -> SessionSpec>,
    /// What may go wrong around them.
    pub faults: Option<fn() -> Vec<Fault>>,
    /// Puts the broken one onto a host.
    pub broken: fn(&mut Stage),
    /// Puts the twin onto a host.
    pub twin: fn(&mut Stage),
}

impl Case {
    /// A case in an ordinary world, whose two sides are yet to be put in.
    pub(crate) fn new(name: &'static str, bug: &'static str, caught_by: impl Into<Caught>) -> Case {
        let (caught_by, config) = (caught_by.into(), WorldConfig::default());
        Case { name, bug, caught_by, config, plan: None, faults: None, broken: |_| {}, twin: |_| {} }
    }

    pub(crate) fn config(self, config: WorldConfig) -> Case {
        Case { config, ..self }
    }

    pub(crate) fn plan(self, plan: fn() -> SessionSpec) -> Case {
        Case { plan: Some(plan), ..self }
    }

    pub(crate) fn faults(self, faults: fn() -> Vec<Fault>) -> Case {
        Case { faults: Some(faults), ..self }
    }

    pub(crate) fn broken(self, broken: fn(&mut Stage)) -> Case {
        Case { broken, ..self }
    }

    pub(crate) fn twin(self, twin: fn(&mut Stage)) -> Case {
        Case { twin, ..self }
    }
}

/// Who notices that a run is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caught {
    /// An oracle.
    By(OracleName),
    /// Nothing can ever happen again, and not all is done.
    Stuck,
    /// Time passes, and it never comes to an end.
    Hang,
    /// It is busy, and never comes to an end.
    Livelock,
    /// Somebody panics: an assertion of the user's, or a promise of the code's.
    Panic,
}

impl From<OracleName> for Caught {
    fn from(oracle: OracleName) -> Caught {
        Caught::By(oracle)
    }
}

impl Caught {
    /// Who notices first that this run is wrong; `None` where it is not.
    pub fn first(run: &Run) -> Option<Caught> {
        if let Some(violation) = run.violations.first() {
            return Some(Caught::By(violation.oracle));
        }
        match run.ending {
            Ending::Done | Ending::Cut => None,
            Ending::Stuck => Some(Caught::Stuck),
            Ending::Hang => Some(Caught::Hang),
            Ending::Livelock => Some(Caught::Livelock),
            Ending::Panicked(_) => Some(Caught::Panic),
        }
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Caught::By(oracle) => oracle.name(),
            Caught::Stuck => "stuck",
            Caught::Hang => "hang",
            Caught::Livelock => "livelock",
            Caught::Panic => "panic",
        })
    }
}

/// Any machine.
pub struct Any(pub Box<dyn Machine>);

impl Machine for Any {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        self.0.on(event, cx);
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn ticks_one_by_one(&self) -> bool {
        self.0.ticks_one_by_one()
    }

    fn invariant(&self) -> Result<(), Broken> {
        self.0.invariant()
    }

    fn listens(&self) -> bool {
        self.0.listens()
    }

    fn wants(&self, subject: Subject, fact: &Fact) -> bool {
        self.0.wants(subject, fact)
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn waits_for(&self) -> String {
        self.0.waits_for()
    }
}
