//! What is asked of a unit that lives, and how Linux is asked in turn.

use super::RealWorld;
use super::shared::Shared;
use super::unit::Unit;
use shakedown_core::ids::OpId;
use shakedown_core::vocab::{Completion, Request, Stream};
use std::future::Future;
use std::rc::Rc;

impl RealWorld {
    pub(super) fn act(&mut self, op: OpId, unit: &Rc<Unit>, request: Request) {
        let shared = self.shared.clone();
        match request {
            // A unit is born once; `submit` has taken every spawn.
            Request::Spawn { .. } => {}
            Request::Signal { to, signal } => {
                if let Err(errno) = shared.signal(unit, to, signal) {
                    shared.complete(op, Completion::SignalFailed(errno));
                }
            }
            Request::Exit => {
                self.wait(op, unit, |shared, unit| async move { Completion::Exited(shared.wait_exit(&unit).await) })
            }
            Request::Empty => self.wait(op, unit, |shared, unit| async move {
                shared.wait_empty(&unit).await;
                Completion::Empty
            }),
            Request::Readable(stream) => self.wait(op, unit, move |_, unit| async move {
                unit.output(stream).ready().await;
                Completion::Readable
            }),
            Request::Writable => self.wait(op, unit, |_, unit| async move {
                unit.stdin.ready().await;
                Completion::Writable
            }),
            Request::Notified(_) => self.wait(op, unit, |_, unit| async move {
                match &unit.word {
                    Some(word) => word.said().await,
                    // It was given nothing to say it on.
                    None => std::future::pending().await,
                }
                Completion::Notified
            }),
            Request::Connect(address) => self.go(unit, move |shared, _| async move {
                let accepted = tokio::net::TcpStream::connect(&*address).await.is_ok();
                shared.complete(op, Completion::Connected(accepted));
            }),
            Request::Write(bytes) => {
                unit.writes.borrow_mut().push_back((op, bytes));
                if !unit.is_pumping.replace(true) {
                    self.go(unit, |shared, unit| async move { shared.pump_input(&unit).await });
                }
            }
            Request::CloseInput => {
                unit.stdin.close();
                shared.forget_if_over(unit);
            }
            Request::CloseOutput(stream) => {
                unit.output(stream).close();
                shared.forget_if_over(unit);
            }
            Request::Survey => shared.survey(op, unit),
            Request::Reap => {
                if !shared.reap_now(unit) {
                    self.go(unit, |shared, unit| async move { shared.reap(&unit).await });
                }
            }
            Request::Detach => {
                self.go(unit, |shared, unit| async move { shared.reap(&unit).await });
                for stream in Stream::BOTH {
                    self.go(unit, move |shared, unit| async move { shared.discard(&unit, stream).await });
                }
            }
        }
    }

    /// Starts a wait, which may be withdrawn.
    fn wait<F: Future<Output = Completion> + 'static>(
        &self,
        op: OpId,
        unit: &Rc<Unit>,
        body: impl FnOnce(Rc<Shared>, Rc<Unit>) -> F,
    ) {
        let (shared, wait) = (self.shared.clone(), body(self.shared.clone(), unit.clone()));
        let task = tokio::task::spawn_local(async move {
            let completion = wait.await;
            shared.complete(op, completion);
        });
        self.shared.waits.borrow_mut().insert(op, task.abort_handle());
    }

    /// Starts an act, which goes on to its end.
    pub(super) fn go<F: Future<Output = ()> + 'static>(
        &self,
        unit: &Rc<Unit>,
        body: impl FnOnce(Rc<Shared>, Rc<Unit>) -> F,
    ) {
        drop(tokio::task::spawn_local(body(self.shared.clone(), unit.clone())));
    }
}
