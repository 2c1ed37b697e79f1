//! The words that machines, worlds and oracles share. What a machine asks for is an *effect*, what comes back an *event*, what
//! an outsider may know a *fact*, and what really happened in the kernel a *deed*.

mod deed;
mod errno;
mod fact;
mod fault;
mod http;
mod identity;
mod outcome;
mod own;
mod policy;
mod port;
mod ready;
mod restart;
mod spec;
mod stimulus;
mod stream;

pub use deed::{Deed, ProcessView, Sender, Sockets, Truth};
pub use errno::Errno;
pub use fact::{Fact, FactRecord, ProcessEvent, ProcessWhat, Requester, Subject};
pub use fault::{Fault, FaultKind};
pub use http::HttpGet;
pub use identity::{Identity, Leftover};
pub use outcome::{Coarse, ExitStatus, Outcome, OutputTally, Reason, Survivor, WorkerState};
pub use policy::{Grace, PreStop, Scope, SecondStop, SignalTo, StopPolicy};
pub use port::{Channel, Completion, ExitNotice, Launch, Request, SpawnFailure, Survey, Target, TryRead, TryWrite};
pub use ready::{Condition, Dependency, Probe, ReadyPolicy};
pub use restart::{Backoff, RestartPolicy, RestartWhen};
pub use spec::{
    ActionSpec, Body, Inherit, ProcessSpec, Program, Redirect, SessionSpec, StandIn, StopOrder, Strategy,
    SupervisorSpec, WorkerSpec,
};
pub use stimulus::{Act, Stimulus, Trigger, TriggerSubject};
pub use stream::{Stream, Streams};
