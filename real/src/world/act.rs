//! What is asked of a unit that lives, and how its machine is asked in turn: prompt acts at once, slow acts and waits as local tasks.

use super::RealWorld;
use super::shared::{Held, Shared};
use super::system::{Executor, Port, System, Unit};
use shakedown_core::ids::OpId;
use shakedown_core::vocab::{Completion, Request, Stream, Streams};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

impl<S: System> RealWorld<S> {
    pub(super) fn act(&mut self, op: OpId, held: &Rc<Held<S>>, request: Request) {
        let shared = self.shared.clone();
        match request {
            // A unit is born once; `submit` has taken every spawn.
            Request::Spawn { .. } | Request::Serve(_) => {}
            // It is no proxy.
            Request::Traffic | Request::Visit(_) => {}
            Request::Signal { to, signal } => {
                if let Err(errno) = shared.signal(held, to, signal) {
                    shared.complete(op, Completion::SignalFailed(errno));
                }
            }
            Request::Exit => {
                self.wait(op, held, |shared, held| async move { Completion::Exited(shared.wait_exit(&held).await) })
            }
            Request::Empty => self.wait(op, held, |shared, held| async move {
                shared.wait_empty(&held).await;
                Completion::Empty
            }),
            Request::Readable(streams) => self.wait(op, held, move |_, held| async move {
                let [stdout, stderr] = Stream::BOTH.map(|stream| held.unit.output(stream).ready());
                let (mut stdout, mut stderr) = (pin!(stdout), pin!(stderr));
                let is_ready = |stream: &Stream, cx: &mut Context<'_>| match stream {
                    Stream::Stdout => stdout.as_mut().poll(cx).is_ready(),
                    Stream::Stderr => stderr.as_mut().poll(cx).is_ready(),
                };
                Completion::Readable(any_of(streams, is_ready).await)
            }),
            Request::Writable => self.wait(op, held, |_, held| async move {
                held.unit.stdin().ready().await;
                Completion::Writable
            }),
            Request::Notified(channel) => self.wait(op, held, move |shared, held| async move {
                shared.system.notified(&held.unit, channel).await;
                Completion::Notified
            }),
            Request::Connect(address) => self.go(held, move |shared, _| async move {
                let accepted = shared.system.connect(&address).await;
                shared.complete(op, Completion::Connected(accepted));
            }),
            Request::Get(get) => {
                self.wait(op, held, move |shared, _| async move { Completion::Answered(shared.system.get(&get).await) })
            }
            Request::Write(bytes) => {
                held.writes.borrow_mut().push_back((op, bytes));
                if !held.is_pumping.replace(true) {
                    self.go(held, |shared, held| async move { shared.pump_input(&held).await });
                }
            }
            Request::CloseInput => {
                held.unit.stdin().close();
                shared.forget_if_over(held);
            }
            Request::CloseOutput(stream) => {
                held.unit.output(stream).close();
                shared.forget_if_over(held);
            }
            Request::Survey => {
                let survey = shared.system.survey(&held.unit);
                shared.complete(op, Completion::Surveyed(survey.into()));
            }
            Request::Reap | Request::Release => {
                if let Request::Release = request {
                    held.close();
                }
                if !shared.reap_now(held) {
                    self.go(held, |shared, held| async move { shared.reap(&held).await });
                }
            }
            Request::Detach => {
                self.go(held, |shared, held| async move { shared.reap(&held).await });
                for stream in Stream::BOTH {
                    self.go(held, move |shared, held| async move { shared.discard(&held, stream).await });
                }
            }
        }
    }

    /// Starts a wait, which may be withdrawn.
    fn wait<F: Future<Output = Completion> + 'static>(
        &self,
        op: OpId,
        held: &Rc<Held<S>>,
        body: impl FnOnce(Rc<Shared<S>>, Rc<Held<S>>) -> F,
    ) {
        let (shared, wait) = (self.shared.clone(), body(self.shared.clone(), held.clone()));
        let task = S::Executor::spawn(async move {
            let completion = wait.await;
            shared.complete(op, completion);
        });
        self.shared.waits.borrow_mut().insert(op, task);
    }

    /// Starts an act, which goes on to its end.
    pub(super) fn go<F: Future<Output = ()> + 'static>(
        &self,
        held: &Rc<Held<S>>,
        body: impl FnOnce(Rc<Shared<S>>, Rc<Held<S>>) -> F,
    ) {
        drop(S::Executor::spawn(body(self.shared.clone(), held.clone())));
    }
}

/// Those that are ready first.
async fn any_of(streams: Streams, mut is_ready: impl FnMut(&Stream, &mut Context<'_>) -> bool) -> Streams {
    poll_fn(|cx| match streams.only(|stream| is_ready(stream, cx)) {
        Streams::NONE => Poll::Pending,
        ready => Poll::Ready(ready),
    })
    .await
}
