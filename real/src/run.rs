//! A whole program as one async function over a `TaskCx`: the same function that tests play in the simulator, on Linux.
//! INT, TERM and HUP ask it to end, as its cancellation with the signal as cause; a second one drops it.

use crate::host::{Driven, block_on, drive};
use crate::world::RealWorld;
use crate::{CannotBegin, Config};
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::signal::Signal;
use shakedown_core::sync::mpsc;
use shakedown_core::task::{CancelSource, Cause, Either2, JoinHandle, TaskCx, select2};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::rc::Rc;
use tokio::signal::unix::{SignalKind, signal};

/// What came of a program.
#[derive(Debug)]
pub struct Ran<T> {
    /// What the function returned; `None` where a second signal dropped it, and it was not waited for.
    pub output: Option<T>,
    /// The signal that asked it to end first.
    pub asked: Option<Signal>,
    /// What should not have happened, in words: processes that it left behind, which have been killed, above all.
    pub findings: Vec<String>,
}

/// Why a program could not be run, or not to its end.
#[derive(Debug)]
pub enum CannotRun {
    /// No runtime, or no signal handler, could be had.
    System(io::Error),
    /// The kernel refuses what the backend needs.
    World(CannotBegin),
}

impl fmt::Display for CannotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotRun::System(error) => write!(f, "the real backend cannot begin: {error}"),
            CannotRun::World(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CannotRun {}

/// Runs `main` on this thread to its end, with real processes. What it started and did not end is killed, and told.
///
/// # Errors
/// [`CannotRun`].
///
/// # Panics
/// Where `main` does.
///
/// ```no_run
/// use shakedown_core::vocab::ProcessSpec;
/// let ran = shakedown_real::run(|cx| async move {
///     let server = cx.process().start(ProcessSpec::command("server", &["sleep", "1000"], None)).await?;
///     cx.cancelled().await; // Ctrl-C
///     server.kill();
///     Ok::<_, shakedown_core::task::SpawnError>(server.wait().await)
/// });
/// println!("{:?}", ran.unwrap().output);
/// ```
pub fn run<F, Fut, T>(main: F) -> Result<Ran<T>, CannotRun>
where
    F: FnOnce(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: 'static,
{
    block_on(run_on_runtime(main)).map_err(CannotRun::System)?
}

/// Calls `act` for each INT, TERM and HUP from now on, on a thread of its own; none of them ends the program any more.
///
/// # Errors
/// No runtime, thread or signal handler could be had.
pub fn on_signal(mut act: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    let (armed, is_armed) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let told = armed.clone();
        let listening = block_on(async move {
            let mut signals = match Signals::new() {
                Ok(signals) => signals,
                // Whoever waits for it hears it; nobody else is there.
                Err(error) => return drop(armed.send(Err(error))),
            };
            drop(armed.send(Ok(())));
            loop {
                act(signals.next().await);
            }
        });
        if let Err(error) = listening {
            drop(told.send(Err(error)));
        }
    })?;
    is_armed.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that listens has ended")))
}

async fn run_on_runtime<F, Fut, T>(main: F) -> Result<Ran<T>, CannotRun>
where
    F: FnOnce(TaskCx) -> Fut,
    Fut: Future<Output = T> + 'static,
    T: 'static,
{
    let world = RealWorld::new(Config::default()).map_err(CannotRun::World)?;
    let mut host: Host<RealWorld, Actor> = Host::new(world);
    let mut signals = Signals::new().map_err(CannotRun::System)?;
    let (tell, heard) = mpsc::unbounded();
    let listener = tokio::task::spawn_local(async move {
        // Nobody listens any more when the program is over.
        while tell.try_send(signals.next().await).is_ok() {}
    });
    host.serve_processes();
    let (output, asked) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(None)));
    let (returned, first) = (output.clone(), asked.clone());
    host.spawn("run", |cx| {
        let (inner, cancel) = cx.cancellable();
        let main = inner.spawn("main", main);
        async move { *returned.borrow_mut() = obey(&cx, main, heard, &cancel, &first).await }
    });
    let driven = drive(&mut host).await;
    listener.abort();
    assert_eq!(driven, Driven::Done, "a world that a signal may wake at any time is never stuck");
    let findings = host.world().borrow_mut().take_findings();
    Ok(Ran { output: output.take(), asked: asked.take(), findings })
}

/// Waits for the program: the first signal asks it to end, the second one drops it.
async fn obey<T: 'static>(
    cx: &TaskCx,
    mut main: JoinHandle<T>,
    mut heard: mpsc::Receiver<Signal>,
    cancel: &CancelSource,
    first: &Cell<Option<Signal>>,
) -> Option<T> {
    loop {
        match select2(cx, &mut main, heard.recv()).await {
            Either2::A(returned) => return returned.ok(),
            Either2::B(Some(signal)) if first.get().is_none() => {
                first.set(Some(signal));
                cancel.cancel(Cause::Signalled(signal));
            }
            Either2::B(Some(_)) => main.abort(),
            Either2::B(None) => return main.await.ok(),
        }
    }
}

/// The signals that ask a program to end.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}
