//! Starting processes, with the full hygiene of LIFECYCLE section 6, from one thread that never ends.
//! That thread is what die-with-parent hangs on: PDEATHSIG fires when the *thread* that forked a child ends (prctl(2)).

mod child;
mod leaders;
mod plan;

pub use plan::{Lead, Plan};
pub(crate) use plan::{environment, lead_of};

pub(crate) use leaders::{forget_after, is_leader, with_leaders};

use crate::errno;
use crate::pidfd::Pidfd;
use child::Nursery;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use shakedown_core::ids::Pid;
use shakedown_core::vocab::{Errno, Redirect, SpawnFailure};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

/// A child that executes, and our ends of its pipes: close-on-exec, non-blocking. There is none where the child has no pipe.
#[derive(Debug)]
pub struct Child {
    /// Its pid; it stays pinned until somebody reaps it.
    pub pid: Pid,
    /// The process itself.
    pub pidfd: Pidfd,
    /// What it reads.
    pub stdin: Option<OwnedFd>,
    /// What it writes on descriptor 1.
    pub stdout: Option<OwnedFd>,
    /// What it writes on descriptor 2.
    pub stderr: Option<OwnedFd>,
    /// What it writes on the descriptor of [`Plan::saying`].
    pub newline: Option<OwnedFd>,
}

/// Where the answer to a spawn goes. Called on the spawner's thread.
pub type Answer = Box<dyn FnOnce(Result<Child, SpawnFailure>) + Send>;

/// Starts a process. Returns at once; the answer comes from the spawner's thread, or from this one where that is overrun.
pub fn spawn(plan: Plan, answer: Answer) {
    match spawner() {
        Ok(orders) => match orders.try_send(Order { plan, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) => {
                (order.answer)(Err(refused(Errno::EAGAIN)))
            }
        },
        Err(errno) => answer(Err(refused(errno))),
    }
}

struct Order {
    plan: Plan,
    answer: Answer,
}

/// The one immortal thread of this process, started at the first spawn. Where it cannot be had, the next spawn tries again.
fn spawner() -> Result<SyncSender<Order>, Errno> {
    static ORDERS: Mutex<Option<SyncSender<Order>>> = Mutex::new(None);
    let mut orders = ORDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(orders) = &*orders {
        return Ok(orders.clone());
    }
    let (sender, receiver) = sync_channel(ORDERS_MAX);
    let thread = std::thread::Builder::new().name("shakedown-spawn".into());
    thread.spawn(move || serve(&receiver)).map_err(|e| errno::of_std(&e))?;
    Ok(orders.insert(sender).clone())
}

/// Ends only with the process: a sender is a static's.
fn serve(orders: &Receiver<Order>) {
    let mut nursery = None;
    while let Ok(Order { plan, answer }) = orders.recv() {
        let made = match nursery.take() {
            Some(nursery) => Ok(nursery),
            None => Nursery::new(),
        };
        answer(match made {
            Ok(made) => start(nursery.insert(made), &plan),
            Err(errno) => Err(refused(errno)),
        });
    }
}

/// One attempt. What passes by itself is tried again by whoever asked: a pause here would hold up all the others.
fn start(nursery: &Nursery, plan: &Plan) -> Result<Child, SpawnFailure> {
    let [stdin, stdout, stderr] = [0, 1, 2].map(|number| given(number, plan.stdio[number as usize]));
    let ((child_in, stdin), (child_out, stdout), (child_err, stderr)) =
        (stdin.map_err(refused)?, stdout.map_err(refused)?, stderr.map_err(refused)?);
    let (newline, child_newline) = match plan.newline.map(|_| pipe()).transpose().map_err(refused)? {
        Some((ours, theirs)) => (Some(ours), Some(theirs)),
        None => (None, None),
    };
    for ours in [&stdin, &stdout, &stderr, &newline].into_iter().flatten() {
        // The flag belongs to one end of the pipe: the child's own end stays blocking.
        fcntl(ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|e| refused(errno::of_nix(e)))?;
    }
    let (pid, pidfd) = nursery.bear(plan, [&child_in, &child_out, &child_err], child_newline.as_ref())?;
    Ok(Child { pid, pidfd, stdin, stdout, stderr, newline })
}

/// What the child is to have as descriptor `number`, and our end of it, where it is a pipe.
fn given(number: i32, redirect: Redirect) -> Result<(OwnedFd, Option<OwnedFd>), Errno> {
    match redirect {
        Redirect::Piped => {
            let (read, write) = pipe()?;
            Ok(if number == 0 { (read, Some(write)) } else { (write, Some(read)) })
        }
        Redirect::Null => {
            let null = std::fs::File::options().read(true).write(true).open("/dev/null");
            Ok((above_stdio(null.map_err(|e| errno::of_std(&e))?.into())?, None))
        }
        // SAFETY: the standard descriptors are nobody's to close; where one is closed, fcntl says so (EBADF).
        Redirect::Inherited => Ok((copy(unsafe { BorrowedFd::borrow_raw(number) })?, None)),
    }
}

/// A close-on-exec copy of a descriptor, above the standard ones.
fn copy(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    use std::os::fd::FromRawFd;
    let raw = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(3)).map_err(errno::of_nix)?;
    // SAFETY: fcntl has just made this descriptor, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A close-on-exec pipe, (read end, write end), both above the standard descriptors: dup2 onto itself would keep the flag.
fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(errno::of_nix)?;
    Ok((above_stdio(read)?, above_stdio(write)?))
}

/// The same descriptor with a number above 2: where a parent has closed its own, the lowest free one is a standard one.
pub(crate) fn above_stdio(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { copy(fd.as_fd()) }
}

fn refused(errno: Errno) -> SpawnFailure {
    SpawnFailure { errno, at_exec: false }
}

/// Spawns that may wait for the thread; beyond it they fail with EAGAIN.
const ORDERS_MAX: usize = 65_536;
