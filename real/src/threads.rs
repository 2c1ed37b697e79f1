//! Threads for calls that take as long as they take: those on files, and of name servers. A few, which stay once they were started.
//!
//! Those of tokio (`spawn_blocking`) end after ten seconds of rest, and where no new one can be had they panic. A supervisor whose user has
//! no process left (getrlimit(2) RLIMIT_NPROC, pids.max: a worker forks without end, say) would die of the next line of its journal, and
//! leave behind all that it runs.

use crate::errno;
use shakedown_core::vocab::Errno;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Something to be done.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// How a thread is started.
type Start = fn(Job) -> io::Result<()>;

/// One call may wait for a disk while the others go on; more than a few at once only wait for the same disk.
const THREADS_MAX: usize = 4;

/// A handful of threads, and what waits for them.
pub(crate) struct Threads {
    common: Arc<Common>,
    start: Start,
}

#[derive(Default)]
struct Common {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// How many threads there are, and how many of them wait.
    all: usize,
    idle: usize,
}

/// Those of this program for files.
pub(crate) fn files() -> &'static Threads {
    static THREADS: OnceLock<Threads> = OnceLock::new();
    THREADS.get_or_init(|| Threads::new(|job| begin("shakedown-files", job)))
}

/// Those for names: no file waits for a name server.
pub(crate) fn lookups() -> &'static Threads {
    static THREADS: OnceLock<Threads> = OnceLock::new();
    THREADS.get_or_init(|| Threads::new(|job| begin("shakedown-names", job)))
}

fn begin(name: &str, job: Job) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(job).map(drop)
}

impl Threads {
    fn new(start: Start) -> Threads {
        Threads { common: Arc::default(), start }
    }

    /// Has this done by one of the threads: by a new one where all are busy and another can be had, otherwise as soon as one is free.
    ///
    /// # Errors
    /// `EAGAIN` where there is none, and none can be had (pthread_create(3)). The job is dropped then.
    pub(crate) fn run(&self, job: Job) -> Result<(), Errno> {
        let mut state = self.common.lock();
        if state.idle <= state.jobs.len() && state.all < THREADS_MAX {
            let common = self.common.clone();
            match (self.start)(Box::new(move || common.serve())) {
                Ok(()) => state.all += 1,
                Err(e) if state.all == 0 => return Err(errno::of_std(&e)),
                // Whoever is there does it.
                Err(_) => {}
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.common.bell.notify_one();
        Ok(())
    }
}

impl Common {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is to be done, for ever.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                drop(state);
                // A panic is told of where it happens, and costs the job, not the thread.
                drop(catch_unwind(AssertUnwindSafe(job)));
                state = self.lock();
            }
            state.idle += 1;
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    static STARTED: AtomicUsize = AtomicUsize::new(0);

    fn refused() -> io::Error {
        io::Error::from_raw_os_error(Errno::EAGAIN.raw())
    }

    fn one_at_most(job: Job) -> io::Result<()> {
        match STARTED.fetch_add(1, Ordering::Relaxed) {
            0 => begin("test", job),
            _ => Err(refused()),
        }
    }

    #[test]
    fn where_no_more_threads_can_be_had_those_that_are_there_do_it() {
        let threads = Threads::new(one_at_most);
        let (done, is_done) = channel();
        for n in 0..100 {
            let done = done.clone();
            assert_eq!(threads.run(Box::new(move || done.send(n).expect("somebody listens"))), Ok(()));
        }
        drop(done);
        assert_eq!(is_done.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert_eq!(threads.common.lock().all, 1);
    }

    #[test]
    fn without_any_thread_a_job_is_refused_and_the_next_one_may_be_done() {
        let threads = Threads::new(|_| Err(refused()));
        assert_eq!(threads.run(Box::new(|| panic!("nobody does it"))), Err(Errno::EAGAIN));
        let threads = Threads { start: |job| begin("test", job), ..threads };
        let (done, is_done) = channel();
        assert_eq!(threads.run(Box::new(move || done.send(1).expect("somebody listens"))), Ok(()));
        assert_eq!(is_done.recv(), Ok(1));
    }

    #[test]
    fn neither_a_slow_disk_nor_a_panic_holds_up_anybody() {
        let threads = Threads::new(|job| begin("test", job));
        let (release, is_released) = channel::<()>();
        let (done, is_done) = channel();
        (0..2 * THREADS_MAX).for_each(|_| assert_eq!(threads.run(Box::new(|| panic!("a job's own"))), Ok(())));
        assert_eq!(threads.run(Box::new(move || is_released.recv().expect("it is released"))), Ok(()));
        assert_eq!(threads.run(Box::new(move || done.send(1).expect("somebody listens"))), Ok(()));
        assert_eq!(is_done.recv_timeout(Duration::from_secs(10)), Ok(1));
        release.send(()).expect("it waits");
    }
}
