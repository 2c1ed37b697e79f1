//! The hands on a live session, for other threads: start, stop, kill, restart, signal, list and follow.
//!
//! A session and its tasks live on one thread. What another thread asks for goes into a [`Mailbox`] as a piece of code, and is run on the
//! session's thread by a task of its host, in the order in which it came; the answer comes back on a channel of its own.
//!
//! ```
//! use shakedown_real::{Config, RealWorld, handle, host};
//! use shakedown_core::{actor::Actor, host::Host, vocab::SessionSpec};
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! host::block_on(async {
//!     let mut spec = SessionSpec::new("s");
//!     spec.stays = true;
//!     let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default())?);
//!     let session = host.start_session(&spec.into(), &[].into());
//!     let handle = handle::open(&mut host, session);
//!     let asker = std::thread::spawn(move || host::block_on(handle.stop_session()));
//!     host::drive(&mut host).await;
//!     assert_eq!(asker.join().expect("no panic")?, Ok(()));
//!     Ok(())
//! })?
//! # }
//! # example().unwrap();
//! ```

use crate::mailbox::{Bell, Mailbox, Returned};
use crate::world::{RealWorld, System};
use shakedown_core::actor::Actor;
use shakedown_core::files::FileError;
use shakedown_core::host::Host;
use shakedown_core::ids::{ActorId, WorkerId};
use shakedown_core::journal::{Filter, Read, read_some};
use shakedown_core::runner::{Listing, Refused, Runner, TaskSpec, Which};
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Fact, FactRecord};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

pub use about::About;

mod about;

/// The hands on one session, from any thread. Cheap to clone; dropping it does nothing.
#[derive(Clone)]
pub struct Handle {
    orders: Arc<Mailbox<Order>>,
    about: Arc<About>,
}

/// What is asked of a session, as it is run on its thread.
type Order = Box<dyn FnOnce(&Desk) + Send>;

/// Why nothing was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undone {
    /// The session is over, or its host is gone.
    Over,
    /// [`ORDERS_MAX`] others were asked and are not done yet.
    Busy,
    /// The session says no.
    Refused(Refused),
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undone::Over => f.write_str("the session is over"),
            Undone::Busy => write!(f, "the session has {ORDERS_MAX} orders to carry out first: ask again"),
            Undone::Refused(refused) => refused.fmt(f),
        }
    }
}

impl std::error::Error for Undone {}

/// Why nothing of the past is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoHistory {
    /// Nobody could be asked.
    Undone(Undone),
    /// The session keeps no journal.
    NoJournal,
    /// The journal cannot be read.
    Unreadable(FileError),
}

impl fmt::Display for NoHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoHistory::Undone(undone) => undone.fmt(f),
            NoHistory::NoJournal => f.write_str("the session keeps no journal"),
            NoHistory::Unreadable(error) => write!(f, "the journal cannot be read: {error}"),
        }
    }
}

impl std::error::Error for NoHistory {}

/// Opens a session to other threads. For a host with one session; its tasks get a [`Runner`], too.
///
/// # Panics
/// If `session` is not a session of this host.
pub fn open<S: System>(host: &mut Host<RealWorld<S>, Actor>, session: ActorId) -> Handle {
    open_followed(host, session).0
}

/// As [`open`], and with every fact from here on: before the host has run, that is all of them.
///
/// # Panics
/// As [`open`].
pub fn open_followed<S: System>(host: &mut Host<RealWorld<S>, Actor>, session: ActorId) -> (Handle, Follower) {
    let orders = Arc::new(Mailbox::new(Arc::new(Bell::default()), ORDERS_MAX));
    let (runner, about) = (host.runner(session), Arc::new(About::of(host, session)));
    let first = Arc::new(Feed::default());
    let followers: Followers = Rc::new(RefCell::new(vec![first.clone()]));
    let door = Door { orders: orders.clone(), followers: followers.clone() };
    let members = about.clone();
    {
        let mut world = host.world().borrow_mut();
        world.listen(Box::new(move |fact| door.hear(fact)));
        world.register(Box::new(move |worker, spec| members.joins(worker, spec)));
    }
    let unread = orders.clone();
    host.spawn("handle", move |cx| async move {
        let desk = Desk { runner, followers, cx };
        while let Some(order) = unread.next().await {
            order(&desk);
        }
    });
    (Handle { orders, about }, Follower(first))
}

impl Handle {
    /// Runs this on the session's thread, and answers with what comes of it. It is run even where the answer is no longer awaited.
    ///
    /// # Errors
    /// [`Undone::Over`], [`Undone::Busy`].
    pub async fn with<T: Send + 'static>(&self, act: impl FnOnce(&Runner) -> T + Send + 'static) -> Result<T, Undone> {
        self.ask(move |desk| act(&desk.runner)).await
    }

    /// What is known of the session without asking it.
    pub fn about(&self) -> &About {
        &self.about
    }

    async fn ask<T: Send + 'static>(&self, act: impl FnOnce(&Desk) -> T + Send + 'static) -> Result<T, Undone> {
        self.ask_later(|desk, answer| {
            // Who has stopped waiting is not told.
            let _ = answer.send(act(desk));
        })
        .await
    }

    /// As [`ask`](Self::ask), where the answer takes its time.
    async fn ask_later<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Desk, oneshot::Sender<T>) + Send + 'static,
    ) -> Result<T, Undone> {
        let (answer, answered) = oneshot::channel();
        match self.orders.post(Box::new(move |desk| act(desk, answer))) {
            Ok(()) => answered.await.map_err(|_| Undone::Over),
            Err(Returned::Full(_)) => Err(Undone::Busy),
            Err(Returned::Closed(_)) => Err(Undone::Over),
        }
    }

    async fn verb(&self, act: impl FnOnce(&Runner) -> Result<(), Refused> + Send + 'static) -> Result<(), Undone> {
        self.with(act).await?.map_err(Undone::Refused)
    }

    /// Adds a worker and starts it. Its spec is made on the session's thread, so that it may be a function.
    ///
    /// # Errors
    /// As [`with`](Self::with), and what [`Runner::start`] refuses.
    pub async fn start(&self, spec: impl FnOnce() -> TaskSpec + Send + 'static) -> Result<WorkerId, Undone> {
        self.with(|runner| runner.start(spec()).map(|started| started.id())).await?.map_err(Undone::Refused)
    }

    /// Asks a worker to end: [`Runner::stop`].
    ///
    /// # Errors
    /// As [`with`](Self::with), and what [`Runner::stop`] refuses.
    pub async fn stop(&self, id: WorkerId) -> Result<(), Undone> {
        self.verb(move |runner| runner.stop(id)).await
    }

    /// Makes a worker end at once: [`Runner::kill`].
    ///
    /// # Errors
    /// As [`with`](Self::with), and what [`Runner::kill`] refuses.
    pub async fn kill(&self, id: WorkerId) -> Result<(), Undone> {
        self.verb(move |runner| runner.kill(id)).await
    }

    /// Stops a worker and starts it again: [`Runner::restart`].
    ///
    /// # Errors
    /// As [`with`](Self::with), and what [`Runner::restart`] refuses.
    pub async fn restart(&self, id: WorkerId) -> Result<(), Undone> {
        self.verb(move |runner| runner.restart(id)).await
    }

    /// Sends a signal by its number: [`Runner::signal`].
    ///
    /// # Errors
    /// As [`with`](Self::with), and what [`Runner::signal`] refuses.
    pub async fn signal(&self, id: WorkerId, number: i32) -> Result<(), Undone> {
        self.verb(move |runner| runner.signal(id, number)).await
    }

    /// Asks the whole session to stop: [`Runner::stop_session`].
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub async fn stop_session(&self) -> Result<(), Undone> {
        self.with(Runner::stop_session).await
    }

    /// Makes the whole session end at once, by force: [`Runner::kill_session`].
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub async fn kill_session(&self) -> Result<(), Undone> {
        self.with(Runner::kill_session).await
    }

    /// What its journal holds from this number on, of what the filter takes: so many records at most. What was told in the last few
    /// milliseconds may not be written yet.
    ///
    /// # Errors
    /// [`NoHistory`].
    pub async fn history(&self, from: u64, filter: Filter, max: usize) -> Result<Read, NoHistory> {
        let folder = self.about.journal().ok_or(NoHistory::NoJournal)?.to_owned();
        let read = self.ask_later(move |desk, answer| {
            // A task of its own: nobody else's order waits for the disk.
            drop(desk.cx.spawn("history", move |cx| async move {
                let _ = answer.send(read_some(&cx.files().rooted(&folder), from, &filter, max).await);
            }));
        });
        read.await.map_err(NoHistory::Undone)?.map_err(NoHistory::Unreadable)
    }

    /// A snapshot of its workers.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub async fn list(&self, which: Which) -> Result<Vec<Listing>, Undone> {
        self.with(move |runner| runner.list(which)).await
    }

    /// Every fact from now on.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub async fn follow(&self) -> Result<Follower, Undone> {
        let feed = Arc::new(Feed::default());
        let entered = feed.clone();
        self.ask(move |desk| desk.followers.borrow_mut().push(entered)).await?;
        Ok(Follower(feed))
    }
}

/// The facts of a session as they become true, until it is over. Who reads slowly misses lines of output and requests, and is told how
/// many; what happens to the workers is kept for him, up to [`EVENTS_MAX`]. A session never waits for its followers.
pub struct Follower(Arc<Feed>);

/// What a follower learns.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// A fact.
    Fact(FactRecord),
    /// So many facts found no room.
    Missed(u64),
}

impl Follower {
    /// The next piece of news; `None` once the session is over and all was told.
    pub async fn next(&mut self) -> Option<News> {
        match self.0.letters.next().await {
            Some(news) => Some(news),
            None => match self.0.missed.swap(0, Ordering::Relaxed) {
                0 => None,
                missed => Some(News::Missed(missed)),
            },
        }
    }
}

impl Drop for Follower {
    /// Nothing more comes in; the session forgets it with the next fact.
    fn drop(&mut self) {
        self.0.letters.close();
    }
}

struct Feed {
    letters: Mailbox<News>,
    missed: AtomicU64,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed { letters: Mailbox::new(Arc::new(Bell::default()), FACTS_MAX), missed: AtomicU64::new(0) }
    }
}

impl Feed {
    /// Whether anybody still reads it.
    fn send(&self, fact: &FactRecord) -> bool {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed > 0 && self.letters.post(News::Missed(missed)).is_ok() {
            self.missed.fetch_sub(missed, Ordering::Relaxed);
        }
        let room = match &fact.fact {
            Fact::Output { .. } | Fact::Request(_) | Fact::Action(_) => FACTS_MAX,
            Fact::Spawn | Fact::Started { .. } | Fact::Ready | Fact::Unready | Fact::StopRequested { .. } => EVENTS_MAX,
            Fact::Signalled { .. } | Fact::Exited { .. } | Fact::OutputClosed | Fact::DrainAbandoned => EVENTS_MAX,
            Fact::Backoff { .. } | Fact::Restarted | Fact::Ended(_) | Fact::SessionStopped => EVENTS_MAX,
        };
        match self.letters.post_within(room, News::Fact(fact.clone())) {
            Ok(()) => true,
            Err(Returned::Full(_)) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(Returned::Closed(_)) => false,
        }
    }
}

type Followers = Rc<RefCell<Vec<Arc<Feed>>>>;

/// Where orders are carried out.
struct Desk {
    runner: Runner,
    followers: Followers,
    cx: TaskCx,
}

/// What hears the session's facts. With its world it goes, and whoever waits for an answer learns that there is none.
struct Door {
    orders: Arc<Mailbox<Order>>,
    followers: Followers,
}

impl Door {
    fn hear(&self, fact: &FactRecord) {
        self.followers.borrow_mut().retain(|feed| feed.send(fact));
        if fact.fact == Fact::SessionStopped {
            self.close();
        }
    }

    fn close(&self) {
        self.orders.close();
        self.followers.borrow_mut().drain(..).for_each(|feed| feed.letters.finish());
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

/// Orders that wait to be carried out.
pub const ORDERS_MAX: usize = 256;
/// Facts that wait to be read by one follower, where one more is a line of output or a request.
pub const FACTS_MAX: usize = 1024;
/// And where it is anything else.
pub const EVENTS_MAX: usize = 16 * FACTS_MAX;
