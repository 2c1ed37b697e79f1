//! The world of one worker's unit, as small as it can be while it still can do everything: it owes answers, and gives them whenever it
//! likes, in any order, or never. What is not owed is never answered, as core's ports promise.

use shakedown_core::ids::OpId;
use shakedown_core::machine::Event;
use shakedown_core::signal::Signal;
use shakedown_core::solo::Asked;
use shakedown_core::vocab::{Errno, ExitNotice, ExitStatus, Request, SpawnFailure, Stream, Survey, Survivor};

/// What is owed to a worker, and what is true of its unit.
#[derive(Clone, Debug, Default)]
pub struct World {
    spawn: Option<OpId>,
    exit: Option<OpId>,
    empty: Option<OpId>,
    reads: [Option<OpId>; 2],
    survey: Option<OpId>,
    notified: Option<OpId>,
    connected: Option<OpId>,
    answered: Option<OpId>,
    /// Commands beside the unit, and whether they were asked to end early.
    commands: Vec<(OpId, bool)>,
    /// Signals that were sent, as bits: what a leader may have died of.
    sent: u64,
    /// Whether the leader's end was told.
    told: bool,
    /// Lines that were written already.
    lines: u8,
}

/// What a world may do next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Move {
    Spawned,
    /// Whether it may pass by itself.
    SpawnFails(bool),
    /// The leader ended; whether others live in its scope.
    Exits(ExitOf, Option<bool>),
    Empties,
    Writes(Stream),
    Closes(Stream),
    /// Whether somebody is found alive.
    Surveyed(bool),
    Notifies,
    Connects(bool),
    /// Whether it was answered at all, and then with a yes.
    Answers(Option<bool>),
    /// Whether a command succeeded.
    CommandEnds(bool),
}

/// How a leader ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ExitOf {
    Success,
    Failure,
    Term,
    Kill,
}

/// A session writes no more lines than that.
const LINES_MAX: u8 = 1;

impl World {
    /// Takes note of what a worker asks for.
    pub fn note(&mut self, asked: &Asked) {
        match asked {
            Asked::Start { op, .. } => *self = World { spawn: Some(*op), ..World::default() },
            Asked::Submit { op, request, .. } => self.submitted(*op, request),
            Asked::Run { op, .. } => self.commands.push((*op, false)),
            Asked::Cancel { op } => {
                for (command, cancelled) in &mut self.commands {
                    *cancelled |= command == op;
                }
            }
            Asked::Withdraw { op } => self.withdraw(*op),
            Asked::Fact { .. } | Asked::Told { .. } | Asked::Unexpected { .. } => {}
        }
    }

    fn submitted(&mut self, op: OpId, request: &Request) {
        match request {
            Request::Exit => self.exit = Some(op),
            Request::Empty => self.empty = Some(op),
            Request::Readable(streams) => streams.iter().for_each(|stream| self.reads[stream as usize] = Some(op)),
            Request::Survey => self.survey = Some(op),
            Request::Notified(_) => self.notified = Some(op),
            Request::Connect(_) => self.connected = Some(op),
            Request::Get(_) => self.answered = Some(op),
            Request::Signal { signal, .. } => self.sent |= 1 << signal.number(),
            Request::Spawn { .. } | Request::Writable | Request::Write(_) | Request::CloseInput => {}
            Request::CloseOutput(_) | Request::Reap | Request::Release | Request::Detach => {}
            Request::Serve(_) | Request::Traffic | Request::Visit(_) => unreachable!("its unit is a process"),
        }
    }

    fn withdraw(&mut self, op: OpId) {
        let owed = [
            &mut self.spawn,
            &mut self.exit,
            &mut self.empty,
            &mut self.survey,
            &mut self.notified,
            &mut self.connected,
            &mut self.answered,
        ];
        for slot in owed.into_iter().chain(&mut self.reads) {
            if *slot == Some(op) {
                *slot = None;
            }
        }
        self.commands.retain(|(command, _)| *command != op);
    }

    /// What it may do.
    pub fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.spawn.is_some() {
            moves.extend([Move::Spawned, Move::SpawnFails(false), Move::SpawnFails(true)]);
        }
        if self.exit.is_some() {
            let sent = |signal: Signal| self.sent & 1 << signal.number() != 0;
            let mut ends = vec![ExitOf::Success, ExitOf::Failure];
            ends.extend(Some(ExitOf::Term).filter(|_| sent(Signal::TERM)));
            ends.extend(Some(ExitOf::Kill).filter(|_| sent(Signal::KILL)));
            for end in ends {
                moves.extend([None, Some(false), Some(true)].map(|others| Move::Exits(end, others)));
            }
        }
        moves.extend(self.empty.map(|_| Move::Empties));
        for stream in Stream::BOTH {
            if self.reads[stream as usize].is_some() {
                moves.extend(Some(Move::Writes(stream)).filter(|_| stream == Stream::Stdout && self.lines < LINES_MAX));
                moves.push(Move::Closes(stream));
            }
        }
        if self.survey.is_some() {
            moves.extend([Move::Surveyed(false), Move::Surveyed(true)]);
        }
        moves.extend(self.notified.map(|_| Move::Notifies));
        if self.connected.is_some() {
            moves.extend([Move::Connects(false), Move::Connects(true)]);
        }
        if self.answered.is_some() {
            moves.extend([None, Some(false), Some(true)].map(Move::Answers));
        }
        if !self.commands.is_empty() {
            moves.extend([Move::CommandEnds(false), Move::CommandEnds(true)]);
        }
        moves
    }

    /// Does it: the event that the worker gets.
    ///
    /// # Panics
    /// Where it may not.
    pub fn make(&mut self, chosen: Move) -> Event {
        let owed = "only what is owed is answered";
        match chosen {
            Move::Spawned => Event::Spawned { op: self.spawn.take().expect(owed), result: Ok(Some(7)) },
            Move::SpawnFails(passes) => {
                let errno = if passes { Errno::EAGAIN } else { Errno::ENOENT };
                let failure = SpawnFailure { errno, at_exec: !passes };
                Event::Spawned { op: self.spawn.take().expect(owed), result: Err(failure) }
            }
            Move::Exits(end, others) => {
                self.told = true;
                let notice = ExitNotice { status: status(end), others, writers: None };
                Event::Exited { op: self.exit.take().expect(owed), notice }
            }
            Move::Empties => Event::Empty { op: self.empty.take().expect(owed) },
            Move::Writes(stream) => {
                self.lines += 1;
                let op = self.reads[stream as usize].expect(owed);
                Event::Output { op, stream, chunk: b"ready\n".to_vec() }
            }
            Move::Closes(stream) => {
                let op = self.reads[stream as usize].take().expect(owed);
                Event::OutputOver { op, streams: stream.into() }
            }
            Move::Surveyed(alive) => {
                let members: Vec<Survivor> =
                    alive.then(|| Survivor { pid: 8, name: "api/helper".into() }).into_iter().collect();
                let exit = Some(status(ExitOf::Kill)).filter(|_| !self.told && !alive);
                let survey = Box::new(Survey { members, holders: Vec::new(), exit });
                Event::Surveyed { op: self.survey.take().expect(owed), survey }
            }
            Move::Notifies => Event::Notified { op: self.notified.take().expect(owed) },
            Move::Connects(accepted) => Event::Connected { op: self.connected.take().expect(owed), accepted },
            Move::Answers(yes) => {
                let status = yes.map(|yes| if yes { 302 } else { 502 });
                Event::Answered { op: self.answered.take().expect(owed), status }
            }
            Move::CommandEnds(success) => {
                let (op, _) = self.commands.remove(0);
                Event::Ran { op, status: Some(ExitStatus::Exited(u8::from(!success))) }
            }
        }
    }

    /// What its future depends on.
    pub fn key(&self) -> u64 {
        let open = [
            self.spawn,
            self.exit,
            self.empty,
            self.survey,
            self.notified,
            self.connected,
            self.answered,
            self.reads[0],
            self.reads[1],
        ];
        let mut key = open.iter().fold(0, |key, op| key << 1 | u64::from(op.is_some()));
        key = key << 2 | self.commands.len().min(3) as u64;
        key = key << 1 | u64::from(self.told);
        key = key << 2 | u64::from(self.lines);
        let sent = |signal: Signal| u64::from(self.sent & 1 << signal.number() != 0);
        key << 2 | sent(Signal::TERM) << 1 | sent(Signal::KILL)
    }
}

const fn status(end: ExitOf) -> ExitStatus {
    match end {
        ExitOf::Success => ExitStatus::Exited(0),
        ExitOf::Failure => ExitStatus::Exited(1),
        ExitOf::Term => ExitStatus::Signalled { signal: Signal::TERM, core: false },
        ExitOf::Kill => ExitStatus::Signalled { signal: Signal::KILL, core: false },
    }
}
