//! A whole session as a program of its own, as production runs it: nobody acts on it but who is at its terminal and who speaks to its
//! control socket. INT, TERM and HUP ask it to stop, once each time they come: a second one is a second stop, which kills unless the plan
//! says otherwise.

use crate::control::serve;
use crate::handle::{Follower, Handle, open_followed};
use crate::host::{Driven, block_on, drive};
use crate::run::{CannotRun, Signals};
use crate::world::{FactSink, RealWorld};
use crate::{Config, ControlSocket, Tokio};
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::journal::SinkCounts;
use shakedown_core::signal::Signal;
use shakedown_core::vocab::{Errno, SessionSpec};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// What came of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Over {
    /// The signal that asked it to stop first, where one did.
    pub asked: Option<Signal>,
    /// What should not have happened, in words: processes that were left behind, above all.
    pub findings: Vec<String>,
    /// What its journal has come to, where it keeps one.
    pub journal: Option<SinkCounts>,
}

/// Runs a session on this thread to its end. Where it keeps a status, it is known by that file: what an earlier supervisor of it has left,
/// because it was killed, is ended before anybody is started. Every fact goes to `told` as it becomes true; `opened` gets the hands on it and all that
/// it will tell before its first fact, for other threads: it must not wait. Clients are served on `socket`, where there is one.
///
/// # Errors
/// [`CannotRun`].
///
/// ```
/// use shakedown_core::vocab::{Body, ProcessSpec, SessionSpec, WorkerSpec};
/// use shakedown_real::{Config, session};
/// let mut spec = SessionSpec::new("echo");
/// let echo = ProcessSpec::command("echo", &["echo", "hello"], None);
/// spec.workers = vec![WorkerSpec::new("echo", Body::Process(echo.into()))];
/// let over = session::run(&spec.into(), Config::default(), || Ok(None), |_, _| {}, Box::new(|_| {})).unwrap();
/// assert_eq!((over.asked, over.findings.len()), (None, 0));
/// ```
pub fn run(
    spec: &Arc<SessionSpec>,
    config: Config,
    socket: impl FnOnce() -> std::io::Result<Option<ControlSocket>>,
    opened: impl FnOnce(Handle, Follower),
    told: FactSink,
) -> Result<Over, CannotRun> {
    block_on(run_on_runtime(spec, config, socket, opened, told)).map_err(CannotRun::System)?
}

/// Leaves the terminal: from now on this process leads a POSIX session of its own (setsid(2)), and nobody's Ctrl-C or hangup reaches it.
///
/// # Errors
/// `EPERM` where it leads a process group.
pub fn leave_terminal() -> Result<(), Errno> {
    nix::unistd::setsid().map(drop).map_err(crate::errno::of_nix)
}

/// The same session, that takes over from an earlier supervisor wherever it is started.
fn over_what_was_left(spec: &Arc<SessionSpec>) -> Arc<SessionSpec> {
    let absolute = |path: &Arc<str>| match std::path::absolute(&**path) {
        Ok(absolute) => absolute.to_string_lossy().into(),
        Err(_) => path.clone(),
    };
    let status = spec.status.as_ref().map(absolute);
    Arc::new(SessionSpec { recovers: true, status, ..SessionSpec::clone(spec) })
}

async fn run_on_runtime(
    spec: &Arc<SessionSpec>,
    config: Config,
    socket: impl FnOnce() -> std::io::Result<Option<ControlSocket>>,
    opened: impl FnOnce(Handle, Follower),
    told: FactSink,
) -> Result<Over, CannotRun> {
    let mut world = RealWorld::new(config).map_err(CannotRun::World)?;
    world.on_fact(told);
    let mut signals = Signals::new().map_err(CannotRun::System)?;
    let socket = socket().map_err(CannotRun::System)?;
    let mut host: Host<RealWorld, Actor> = Host::new(world);
    let session = host.start_session(&over_what_was_left(spec), &[].into());
    let (handle, follower) = open_followed(&mut host, session);
    opened(handle.clone(), follower);
    let asked: Rc<Cell<Option<Signal>>> = Rc::default();
    let (first, asks) = (asked.clone(), handle.clone());
    let listener = tokio::task::spawn_local(async move {
        loop {
            let signal = signals.next().await;
            first.set(first.get().or(Some(signal)));
            if asks.stop_session().await.is_err() {
                // It is over; whoever asks again asks for our own end, which is near.
                return;
            }
        }
    });
    let serving = async {
        if let Some(socket) = socket {
            serve::<Tokio>(socket, handle).await;
        }
    };
    let (driven, ()) = tokio::join!(drive(&mut host), serving);
    listener.abort();
    let mut findings = host.world().borrow_mut().take_findings();
    if driven == Driven::Stuck {
        findings.extend(host.waiters().iter().map(ToString::to_string));
    }
    let journal = host.journal().map(|sink| sink.counts());
    Ok(Over { asked: asked.take(), findings, journal })
}
