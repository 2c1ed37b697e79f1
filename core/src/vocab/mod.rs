//! The words that machines, worlds and oracles share. What a machine asks for is an *effect*, what comes back an *event*, what
//! an outsider may know a *fact*, and what really happened in the kernel a *deed*.

mod deed;
mod fact;
mod fault;
mod outcome;
mod policy;
mod port;
mod spec;
mod stimulus;

pub use deed::{Deed, ProcessView, Sender, Truth};
pub use fact::{Fact, FactRecord, ProcessEvent, ProcessWhat, Requester, Subject};
pub use fault::{Fault, FaultKind};
pub use outcome::{ExitStatus, Outcome, OutputTally, Reason, Survivor, WorkerState};
pub use policy::{Grace, Scope, SecondStop, SignalTo, StopPolicy};
pub use port::{Completion, Errno, ExitNotice, Request, SpawnFailure, Stream, Target, TryRead, TryWrite};
pub use spec::{Body, ProcessSpec, Program, SessionSpec, StandIn, StopOrder, WorkerSpec};
pub use stimulus::{Act, Stimulus, Trigger, TriggerSubject};
