//! One command, started and waited for again and again, by each peer in its own way.
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::runner::TaskSpec;
use shakedown_core::vocab::{Fact, ProcessSpec, Redirect, SessionSpec, Subject};
use shakedown_real::host::{self, Driven};
use shakedown_real::{Config, RealWorld};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::process::Stdio;
use std::rc::Rc;

/// Called at each end, as soon as the peer says so; whether there is to be another start.
pub type Ended = Box<dyn FnMut() -> bool>;

pub const OURS: &str = "shakedown";
pub const NO_PIPES: &str = "shakedown, no pipes";
pub const WORKER: &str = "shakedown, as a worker";
pub const STD: &str = "std";
pub const HYGIENE: &str = "std + pre_exec hygiene";
pub const TOKIO: &str = "tokio";
pub const PIPED: &str = "tokio, three pipes";
pub const WRAP: &str = "process-wrap";
pub const ASYNC: &str = "async-process";

/// Starts the command, waits for its end, and does so again.
pub fn repeat(peer: &str, argv: &[String], ended: Ended) -> Result<(), String> {
    let result = match peer {
        OURS => return ours(spec(argv), ended),
        NO_PIPES => return ours(ProcessSpec { stdio: [Redirect::Inherited; 3], ..spec(argv) }, ended),
        WORKER => return worker(spec(argv), ended),
        STD => std_again(argv, ended, |_| {}),
        HYGIENE => std_again(argv, ended, hygiene),
        TOKIO => on_tokio(again(ended, || async { tokio_command(argv).spawn()?.wait().await })),
        PIPED => on_tokio(again(ended, || async {
            let mut command = tokio_command(argv);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn()?.wait().await
        })),
        WRAP => on_tokio(again(ended, || async {
            let mut command = process_wrap::tokio::CommandWrap::from(tokio_command(argv));
            command.wrap(process_wrap::tokio::ProcessGroup::leader()).spawn()?.wait().await
        })),
        ASYNC => futures_lite::future::block_on(again(ended, || async {
            async_process::Command::new(&argv[0]).args(&argv[1..]).spawn()?.status().await
        })),
        other => return Err(format!("nobody is called {other}")),
    };
    result.map_err(|error| error.to_string())
}

/// A task of a whole program, as `shakedown_real::run` has it.
fn ours(spec: ProcessSpec, mut ended: Ended) -> Result<(), String> {
    let ran = shakedown_real::run(move |cx| async move {
        loop {
            let process = cx.process().start(spec.clone()).await.map_err(|error| error.to_string())?;
            process.wait().await;
            if !ended() {
                return Ok(());
            }
        }
    });
    let ran = ran.map_err(|error| error.to_string())?;
    silent(&ran.findings)?;
    ran.output.unwrap_or_else(|| Err("a signal has ended it".into()))
}

/// Workers of a session, each started once: the end is its terminal fact, after which nothing more comes of it.
fn worker(spec: ProcessSpec, mut ended: Ended) -> Result<(), String> {
    let session = host::block_on(async move {
        let mut world = RealWorld::new(Config::default()).map_err(|error| error.to_string())?;
        let goes_on = Rc::new(Cell::new(true));
        let another = goes_on.clone();
        world.on_fact(Box::new(move |record| {
            if let (Fact::Ended(_), Subject::Worker(_)) = (&record.fact, record.subject) {
                another.set(ended());
            }
        }));
        let mut host: Host<RealWorld, Actor> = Host::new(world);
        let plan = SessionSpec { stays: true, ..SessionSpec::new("bench") };
        let session = host.start_session(&plan.into(), &[].into());
        let runner = host.runner(session);
        host.spawn("bench", move |cx| async move {
            // Begins when the session has.
            cx.yield_now().await;
            while goes_on.get() {
                let started = runner.start(TaskSpec::process(spec.clone())).expect("the session takes work");
                started.wait().await.expect("it is known");
                started.remove().expect("it is over");
            }
            runner.stop_session();
        });
        let driven = host::drive(&mut host).await;
        let findings = host.world().borrow_mut().take_findings();
        silent(&findings)?;
        if driven == Driven::Done { Ok(()) } else { Err("the session is stuck".into()) }
    });
    session.map_err(|error| error.to_string())?
}

fn spec(argv: &[String]) -> ProcessSpec {
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    ProcessSpec::command("child", &argv, None)
}

/// What should not have happened did not.
pub fn silent(findings: &[String]) -> Result<(), String> {
    if findings.is_empty() { Ok(()) } else { Err(findings.join("; ")) }
}

fn std_again(argv: &[String], mut ended: Ended, prepare: fn(&mut std::process::Command)) -> io::Result<()> {
    loop {
        let mut command = std::process::Command::new(&argv[0]);
        prepare(command.args(&argv[1..]));
        command.spawn()?.wait()?;
        if !ended() {
            return Ok(());
        }
    }
}

/// What Shakedown does for every child, in the way that std offers: own group, die with parent, signals as at the beginning.
fn hygiene(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    let in_child = || {
        // SAFETY: system calls only, as it has to be between fork and exec; what they are given lives on the stack.
        unsafe {
            for signal in 1..=64 {
                libc::signal(signal, libc::SIG_DFL);
            }
            if libc::setpgid(0, 0) < 0 || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0 {
                return Err(io::Error::last_os_error());
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(in_child) };
}

fn tokio_command(argv: &[String]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&argv[0]);
    command.args(&argv[1..]);
    command
}

/// One after the other, each to its end.
async fn again<T>(mut ended: Ended, mut one: impl AsyncFnMut() -> io::Result<T>) -> io::Result<()> {
    loop {
        one().await?;
        if !ended() {
            return Ok(());
        }
    }
}

/// On a runtime of one thread, as ours is.
pub fn on_tokio<T>(body: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(body)
}
