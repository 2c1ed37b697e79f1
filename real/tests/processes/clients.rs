//! Clients of a session that come and go: what a session keeps of them, and what it does where none can be let in.

use crate::cases::cases;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::vocab::{Errno, SessionSpec};
use shakedown_real::control::{Accept, serve};
use shakedown_real::handle::open;
use shakedown_real::host::{Driven, drive};
use shakedown_real::world::Executor;
use shakedown_real::{Config, ControlSocket, RealWorld, Tokio, dial};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixStream;

cases! {
    nothing_is_kept_of_clients_that_are_gone,
    where_nobody_can_be_accepted_the_next_attempt_comes_after_a_pause,
}

/// tokio, with a count of the handles of tasks that somebody keeps.
struct Counting;

struct Counted(<Tokio as Executor>::Task);

thread_local! {
    static KEPT: Cell<usize> = const { Cell::new(0) };
}

impl Drop for Counted {
    fn drop(&mut self) {
        KEPT.set(KEPT.get() - 1);
    }
}

impl Executor for Counting {
    type Task = Counted;

    fn spawn(task: impl Future<Output = ()> + 'static) -> Counted {
        KEPT.set(KEPT.get() + 1);
        Counted(Tokio::spawn(task))
    }

    fn abort(task: &Counted) {
        Tokio::abort(&task.0);
    }

    fn sleep(length: Duration) -> impl Future<Output = ()> {
        Tokio::sleep(length)
    }

    fn others_first() -> impl Future<Output = ()> {
        Tokio::others_first()
    }
}

fn hosted() -> (Host<RealWorld, Actor>, shakedown_real::handle::Handle) {
    let spec = SessionSpec { stays: true, ..SessionSpec::new("s") };
    let mut host: Host<RealWorld, Actor> = Host::new(RealWorld::new(Config::default()).expect("a world"));
    let session = host.start_session(&spec.into(), &[].into());
    let handle = open(&mut host, session);
    (host, handle)
}

async fn nothing_is_kept_of_clients_that_are_gone() {
    let path = std::env::temp_dir().join(format!("shakedown-clients-{}", std::process::id()));
    let (mut host, handle) = hosted();
    let socket = ControlSocket::bind(&path).expect("a socket");
    let stops = handle.clone();
    let clients = async {
        let (_stays, _) = dial(&path, PATIENCE).await.expect("a session");
        for _ in 0..50 {
            drop(dial(&path, PATIENCE).await.expect("a session"));
        }
        let gone = async {
            while KEPT.get() > 1 {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, gone).await.is_ok(), "{} of 51 clients are kept", KEPT.get());
        assert_eq!(KEPT.get(), 1, "the one that stays is");
        stops.stop_session().await.expect("it lives");
    };
    let (driven, (), ()) = tokio::join!(drive(&mut host), serve::<Counting>(socket, handle), clients);
    assert_eq!((driven, KEPT.get()), (Driven::Done, 0));
}

/// A door at which nobody gets in: what accept(2) says without a free descriptor, at once and for ever.
struct Shut(Rc<Cell<u32>>);

impl Accept for Shut {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<UnixStream> {
        self.0.set(self.0.get() + 1);
        Err(io::Error::from_raw_os_error(Errno::EMFILE.raw()))
    }
}

async fn where_nobody_can_be_accepted_the_next_attempt_comes_after_a_pause() {
    let (mut host, handle) = hosted();
    let (attempts, stops) = (Rc::new(Cell::new(0)), handle.clone());
    let end = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        stops.stop_session().await.expect("it lives");
    };
    let (driven, (), ()) = tokio::join!(drive(&mut host), serve::<Tokio>(Shut(attempts.clone()), handle), end);
    assert_eq!(driven, Driven::Done);
    // At once, after each pause, and again whenever the session has told of something.
    assert!((2..20).contains(&attempts.get()), "{} attempts", attempts.get());
}

const PATIENCE: Duration = Duration::from_secs(10);
