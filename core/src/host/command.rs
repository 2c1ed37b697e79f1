//! Commands that a machine runs beside its unit: a readiness command, a pre-stop hook. A flow, not a state: started, read to the end,
//! waited for, and killed with all of its scope where it is asked to end early. It answers when nothing of it is left.

use super::Host;
use crate::ids::OpId;
use crate::machine::Machine;
use crate::reactor::{Class, Name};
use crate::signal::Signal;
use crate::task::{CancelSource, Cause, JoinHandle, Process, TaskCx, select2};
use crate::vocab::{Completion, ExitStatus, ProcessSpec, Requester, StopPolicy, Stream};
use crate::world::World;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One command that is not over.
pub(super) struct Running {
    op: OpId,
    cancel: CancelSource,
    joined: JoinHandle<()>,
}

impl<W: World, A: Machine> Host<W, A> {
    pub(super) fn run_command(&mut self, op: OpId, command: Arc<ProcessSpec>) {
        let (reactor, cancel) = (self.reactor.clone(), CancelSource::new());
        let name = Name::Shared(command.name.clone());
        let joined = self.reactor.spawn_in(None, None, name, &cancel, |cx| async move {
            let status = run(&cx, &command).await;
            reactor.answer(op, Completion::Ran(status));
        });
        self.commands.retain(|command| !command.joined.is_over());
        self.commands.push(Running { op, cancel, joined });
    }

    pub(super) fn cancel_command(&mut self, op: OpId) {
        if let Some(command) = self.commands.iter().find(|command| command.op == op) {
            command.cancel.cancel(Cause::Stop(Requester::Parent));
        }
    }

    fn is_command(&self, op: OpId) -> bool {
        self.commands.iter().any(|command| command.op == op)
    }

    pub(super) fn withdraw(&mut self, op: OpId) {
        let open = self.reactor.ops.borrow_mut().get(op).map(|open| (open.class, open.unit));
        match open {
            Some((Class::Slow, _)) if self.is_command(op) => self.abandon_command(op),
            Some((Class::Wait, unit)) => {
                self.world.borrow_mut().withdraw(op, unit);
                let waker = self.reactor.ops.borrow_mut().close(op);
                drop(waker);
            }
            // Acts complete: their answer is the host's.
            Some((Class::Slow | Class::Prompt, _)) | None => {}
        }
    }

    /// Nobody waits for it any longer: what lives of it is killed and reaped.
    fn abandon_command(&mut self, op: OpId) {
        let Some(at) = self.commands.iter().position(|command| command.op == op) else { return };
        self.commands.swap_remove(at).joined.abort();
        let waker = self.reactor.ops.borrow_mut().close(op);
        drop(waker);
    }
}

async fn run(cx: &TaskCx, command: &Arc<ProcessSpec>) -> Option<ExitStatus> {
    let process = cx.process().start(ProcessSpec::clone(command)).await.ok()?;
    let outputs = Stream::BOTH.map(|stream| {
        let process = process.clone();
        cx.spawn(stream.word(), move |_| read_away(process, stream))
    });
    process.close_input();
    select2(cx, process.exited(), cx.cancelled()).await;
    // Whatever it has left behind goes with it.
    process.signal_scope(Signal::KILL);
    let _ = cx.bound(StopPolicy::EMPTY_WITHIN, process.scope_empty()).await;
    let status = process.wait().await;
    for (output, stream) in outputs.into_iter().zip(Stream::BOTH) {
        output.abort();
        process.close_output(stream);
    }
    Some(status)
}

/// A command whose output nobody reads would wait for ever on a full pipe.
async fn read_away(process: Process, stream: Stream) {
    let mut chunk = Vec::new();
    while process.read(stream, &mut chunk).await > 0 {
        chunk.clear();
    }
}
