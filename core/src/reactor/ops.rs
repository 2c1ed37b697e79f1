//! Submitted operations: who waits for the answer. One effect, one `OpId`, at most one completion.

use crate::ids::{ActorId, OpId, TaskId, UnitId};
use crate::vocab::{Completion, Request, Streams};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::task::Waker;

/// Who owns an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// A machine: the answer becomes an event in its mailbox.
    Actor(ActorId),
    /// A task: the answer fills the slot and wakes it.
    Task(TaskId),
    /// Nobody any more: the host owns the answer.
    Nobody,
}

/// What becomes of an operation whose owner has given it up, and when it is over without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Over at once; only a failure is answered.
    Prompt,
    /// Always answered; the host owns the answer that nobody waits for.
    Slow,
    /// Withdrawn.
    Wait,
}

impl Class {
    pub(crate) const fn of(request: &Request) -> Class {
        match request {
            Request::Spawn { .. } | Request::Serve(_) => Class::Slow,
            Request::Write(_) | Request::Survey | Request::Connect(_) => Class::Slow,
            Request::Exit | Request::Empty | Request::Readable(_) | Request::Writable => Class::Wait,
            Request::Notified(_) | Request::Get(_) | Request::Traffic => Class::Wait,
            Request::Signal { .. }
            | Request::CloseInput
            | Request::CloseOutput(_)
            | Request::Reap
            | Request::Release
            | Request::Visit(_)
            | Request::Detach => Class::Prompt,
        }
    }
}

pub(crate) struct Op {
    /// The upper half of its number: how many were opened before, so that numbers grow and worlds may search by them. 0 while free.
    generation: u32,
    pub(crate) class: Class,
    /// A prompt act whose failure is on its way.
    pub(crate) failed: bool,
    /// Of a read: what has not come to its end.
    pub(crate) streams: Streams,
    pub(crate) owner: Owner,
    pub(crate) unit: UnitId,
    /// Of tasks only, made when first needed and kept with the slot: a machine's answer goes to its mailbox, and machines have most
    /// of the operations.
    task: Option<Box<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    answer: Option<Completion>,
    waker: Option<Waker>,
}

#[derive(Default)]
pub(crate) struct Ops {
    slots: Vec<Op>,
    free: Vec<u32>,
    opened: u32,
}

const fn split(op: OpId) -> (usize, u32) {
    (op.0 as u32 as usize, (op.0 >> 32) as u32)
}

impl Ops {
    #[inline]
    pub(crate) fn open(&mut self, owner: Owner, unit: UnitId) -> OpId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Op {
                generation: 0,
                class: Class::Slow,
                failed: false,
                streams: Streams::NONE,
                owner: Owner::Nobody,
                unit,
                task: None,
            });
            self.slots.len() as u32 - 1
        });
        let op = &mut self.slots[slot as usize];
        self.opened = self.opened.wrapping_add(1).max(1);
        op.generation = self.opened;
        (op.class, op.failed, op.owner, op.unit) = (Class::Slow, false, owner, unit);
        OpId(u64::from(op.generation) << 32 | u64::from(slot))
    }

    /// The operation, while it is open.
    #[inline]
    pub(crate) fn get(&mut self, id: OpId) -> Option<&mut Op> {
        let (slot, generation) = split(id);
        self.slots.get_mut(slot).filter(|op| op.generation == generation)
    }

    /// Ends it. The waker is handed back, to be dropped outside any borrow.
    #[inline]
    pub(crate) fn close(&mut self, id: OpId) -> Option<Waker> {
        let (slot, generation) = split(id);
        let op = self.slots.get_mut(slot).filter(|op| op.generation == generation)?;
        op.generation = 0;
        self.free.push(slot as u32);
        op.task.as_mut().and_then(|task| core::mem::take(&mut **task).waker)
    }

    /// Machines that wait for an answer, an entry for each.
    pub(crate) fn waiting_actors(&self) -> impl Iterator<Item = ActorId> + '_ {
        self.slots.iter().filter(|op| op.generation != 0 && op.class != Class::Prompt).filter_map(|op| match op.owner {
            Owner::Actor(id) => Some(id),
            Owner::Task(_) | Owner::Nobody => None,
        })
    }

    /// How many are open.
    pub(crate) fn open_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// All are over. Numbers go on: whoever still holds one names nobody with it.
    pub(crate) fn forget(&mut self) {
        self.slots.clear();
        self.free.clear();
    }

    pub(crate) fn clear(&mut self) {
        self.forget();
        self.opened = 0;
    }
}

impl Op {
    /// Stores the answer and hands out whom to wake.
    pub(crate) fn answer(&mut self, completion: Completion) -> Option<Waker> {
        let task = self.task.get_or_insert_default();
        task.answer = Some(completion);
        task.waker.take()
    }

    pub(crate) fn take_answer(&mut self) -> Option<Completion> {
        self.task.as_mut()?.answer.take()
    }

    pub(crate) fn set_waker(&mut self, waker: &Waker) {
        crate::sync::remember(&mut self.task.get_or_insert_default().waker, waker);
    }
}
