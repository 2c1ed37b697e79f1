//! An outer supervisor gives an inner one a tenth of a second to stop, and drops it then; whom the inner one was waiting for is lost.
//! otp#3670, otp#5201 (L71): a supervisor is gone before its children are, and nobody has taken them over.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{Cause, Process, TaskCx};
use shakedown_core::vocab::Requester;
use std::cell::RefCell;
use std::rc::Rc;

pub(super) fn case() -> Case {
    Case::new("inner_supervisor_is_given_up", "L71", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("outer", |cx| outer(cx, false))))
        .twin(|host| drop(host.spawn("outer", |cx| outer(cx, true))))
}

/// Right where the inner one's children are ended before it is.
async fn outer(cx: TaskCx, ends_the_children: bool) {
    let (inner_cx, cancel) = cx.cancellable();
    let child = Rc::new(RefCell::new(None));
    let registered = child.clone();
    let mut inner = inner_cx.spawn("inner", move |cx| inner(cx, registered));
    cx.sleep(ms(50)).await;
    cancel.cancel(Cause::Stop(Requester::Parent));
    if cx.timeout(ms(100), &mut inner).await.is_err() {
        let child = child.borrow_mut().take();
        if let Some(child) = child.filter(|_| ends_the_children) {
            child.kill();
            child.scope_empty().await;
            child.wait().await;
        }
        inner.abort();
    }
}

const SERVER: &str = "
    spawn helper { on TERM exit 0 after 10ms..100ms; hang }
    on TERM exit 0 after 1ms..10ms
    hang
";

/// Keeps a server until it is told to stop.
async fn inner(cx: TaskCx, registered: Rc<RefCell<Option<Process>>>) {
    let server = start(&cx, "server", SERVER).await;
    *registered.borrow_mut() = Some(server.clone());
    cx.cancelled().await;
    server.signal_scope(Signal::TERM);
    server.wait().await;
    server.scope_empty().await;
}
