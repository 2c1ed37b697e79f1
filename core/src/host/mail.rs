//! The mailboxes of all machines: lists through one slab, because most are empty and none is long for long.
//! A queue for each machine would cost ten thousand workers ten thousand allocations, in every simulation.

use crate::ids::OpId;
use crate::machine::Event;
use crate::vocab::Completion;
use alloc::vec::Vec;

/// Something in a mailbox.
pub(crate) enum Mail {
    Event(Event),
    /// An answer. The operation stays open until it is delivered, so that it can still be withdrawn.
    Done {
        op: OpId,
        completion: Completion,
    },
}

/// One machine's mailbox, first in first out.
#[derive(Clone, Copy)]
pub(super) struct Mailbox {
    first: u32,
    last: u32,
}

/// No letter.
const NONE: u32 = u32::MAX;

impl Mailbox {
    pub(super) const EMPTY: Mailbox = Mailbox { first: NONE, last: NONE };

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.first == NONE
    }
}

/// The letters of all mailboxes.
pub(super) struct Letters {
    slots: Vec<Letter>,
    /// The first of the unused slots, which are linked like a mailbox.
    free: u32,
}

struct Letter {
    mail: Option<Mail>,
    next: u32,
    /// The turn in which it was sent, counted from 1; 0 where time has sent it.
    turn: u32,
}

impl Letters {
    pub(super) const fn new() -> Letters {
        Letters { slots: Vec::new(), free: NONE }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, mailbox: &mut Mailbox, mail: Mail, turn: u32) {
        let letter = Letter { mail: Some(mail), next: NONE, turn };
        let at = match self.slots.get_mut(self.free as usize) {
            Some(slot) => {
                let next = slot.next;
                *slot = letter;
                core::mem::replace(&mut self.free, next)
            }
            None => {
                self.slots.push(letter);
                self.slots.len() as u32 - 1
            }
        };
        match self.slots.get_mut(mailbox.last as usize) {
            Some(last) => last.next = at,
            None => mailbox.first = at,
        }
        mailbox.last = at;
    }

    /// The turn in which the first letter of a mailbox was sent.
    pub(super) fn sent(&self, mailbox: Mailbox) -> Option<u32> {
        self.slots.get(mailbox.first as usize).map(|letter| letter.turn)
    }

    /// How many answers stand at the end of a mailbox, counted up to `max`.
    #[inline]
    pub(super) fn answers_last(&self, mailbox: Mailbox, max: u32) -> u32 {
        let (mut at, mut last) = (mailbox.first, 0);
        while let Some(letter) = self.slots.get(at as usize) {
            last = if let Some(Mail::Done { .. }) = letter.mail { (last + 1).min(max) } else { 0 };
            at = letter.next;
        }
        last
    }

    /// Moves the last letter of a mailbox before the `overtaken` that stand before it.
    #[inline]
    pub(super) fn overtake(&mut self, mailbox: &mut Mailbox, overtaken: u32) {
        if overtaken == 0 {
            return;
        }
        // Two letters go along, one `overtaken` places behind the other: the last that stays, and the last that is overtaken.
        let (mut stays, mut before_last) = (None, mailbox.first);
        let mut ahead = 0;
        while self.next(before_last) != mailbox.last {
            ahead += 1;
            before_last = self.next(before_last);
            if ahead >= overtaken {
                stays = Some(stays.map_or(mailbox.first, |at| self.next(at)));
            }
        }
        let last = core::mem::replace(&mut mailbox.last, before_last);
        self.slots[before_last as usize].next = NONE;
        let place = match stays {
            Some(stays) => &mut self.slots[stays as usize].next,
            None => &mut mailbox.first,
        };
        let follows = core::mem::replace(place, last);
        self.slots[last as usize].next = follows;
    }

    fn next(&self, at: u32) -> u32 {
        self.slots[at as usize].next
    }

    #[inline]
    pub(super) fn pop(&mut self, mailbox: &mut Mailbox) -> Option<Mail> {
        let at = mailbox.first;
        let slot = self.slots.get_mut(at as usize)?;
        let mail = slot.mail.take();
        mailbox.first = core::mem::replace(&mut slot.next, self.free);
        self.free = at;
        if mailbox.first == NONE {
            mailbox.last = NONE;
        }
        mail
    }

    /// The letters of a mailbox, in their order.
    pub(super) fn of(&self, mailbox: Mailbox) -> impl Iterator<Item = &Mail> {
        let letters = core::iter::successors(self.slots.get(mailbox.first as usize), |letter| {
            self.slots.get(letter.next as usize)
        });
        letters.filter_map(|letter| letter.mail.as_ref())
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.free = NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mailbox_keeps_its_order_and_slots_are_used_again() {
        let mut letters = Letters::new();
        let mut boxes = [Mailbox::EMPTY; 2];
        let op = |mail| match mail {
            Some(Mail::Done { op, .. }) => Some(op.0),
            Some(Mail::Event(_)) | None => None,
        };
        for round in 0..3 {
            for n in 0..6 {
                let mail = Mail::Done { op: OpId(10 * round + n), completion: Completion::Empty };
                letters.push(&mut boxes[n as usize % 2], mail, 0);
            }
            for n in 0..3 {
                assert_eq!(op(letters.pop(&mut boxes[1])), Some(10 * round + 2 * n + 1));
                assert_eq!(op(letters.pop(&mut boxes[0])), Some(10 * round + 2 * n));
            }
            assert!(boxes.iter().all(|mailbox| mailbox.is_empty()) && letters.pop(&mut boxes[0]).is_none());
        }
        assert_eq!(letters.slots.len(), 6);
    }

    #[test]
    fn an_answer_overtakes_answers_and_no_event() {
        for (overtaken, order) in [(0, [0, 1, 2]), (1, [0, 2, 1]), (2, [2, 0, 1])] {
            let (mut letters, mut mailbox) = (Letters::new(), Mailbox::EMPTY);
            letters.push(&mut mailbox, Mail::Event(Event::Tick), 0);
            for n in 0..3 {
                assert_eq!(letters.answers_last(mailbox, 9), n as u32);
                letters.push(&mut mailbox, Mail::Done { op: OpId(n), completion: Completion::Empty }, 0);
            }
            assert_eq!(letters.answers_last(mailbox, 2), 2);
            letters.overtake(&mut mailbox, overtaken);
            letters.push(&mut mailbox, Mail::Event(Event::Tick), 0);
            let ops = core::iter::from_fn(|| letters.pop(&mut mailbox)).filter_map(|mail| match mail {
                Mail::Done { op, .. } => Some(op.0),
                Mail::Event(_) => None,
            });
            assert_eq!(ops.collect::<Vec<_>>(), order);
        }
    }
}
