//! A handler whose panic is its own: each of its steps is taken where the world can catch it.

use super::action::{Answer, Call};
use super::{Action, Failure, Value};
use crate::reactor::Reactor;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

enum State {
    /// To be called.
    Asked(Box<(Action, Call)>),
    Running(Answer),
    Over,
}

/// A call of a handler; resolves to what the panic said where it panics.
pub(super) struct Contained {
    reactor: Rc<Reactor>,
    state: State,
}

impl Contained {
    pub(super) fn new(reactor: &Rc<Reactor>, action: Action, call: Call) -> Contained {
        Contained { reactor: reactor.clone(), state: State::Asked(Box::new((action, call))) }
    }
}

impl Future for Contained {
    type Output = Result<Result<Value, Failure>, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reactor = self.reactor.clone();
        let mut state = core::mem::replace(&mut self.state, State::Over);
        let mut polled = Poll::Pending;
        let contained = reactor.port().contain(&mut || {
            let mut answer = match core::mem::replace(&mut state, State::Over) {
                State::Asked(asked) => {
                    let (action, call) = *asked;
                    (action.handler)(call)
                }
                State::Running(answer) => answer,
                State::Over => panic!("a call was polled again after it had ended"),
            };
            polled = answer.as_mut().poll(cx);
            // What is over is dropped in here, where a panic of that is caught too.
            if polled.is_pending() {
                state = State::Running(answer);
            }
        });
        match (contained, polled) {
            (Err(message), _) => Poll::Ready(Err(message)),
            (Ok(()), Poll::Ready(value)) => Poll::Ready(Ok(value)),
            (Ok(()), Poll::Pending) => {
                self.state = state;
                Poll::Pending
            }
        }
    }
}
