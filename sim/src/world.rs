//! The seeded world: virtual time, the simulated kernel behind core's ports, and the oracles that watch both.

use crate::disk::Disk;
use crate::kernel::{Kernel, KernelReady, Notice, Spawn, What};
use crate::plan::Plan;
use crate::programs::Programs;
use crate::wake::Wakes;
use crate::witness::{Seen, Witness};
use shakedown_core::choose::Choose;
use shakedown_core::counts::Counts;
use shakedown_core::digest::Digest;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::oracle::{Audit, EndState};
use shakedown_core::site::{Label, hash_name};
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Completion, Deed, Fault, Identity, ProcessSpec, Redirect, SessionSpec, TryWrite};
use shakedown_core::world::Ready;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

mod config;
mod limits;
mod net;
mod observe;
mod ports;
mod trail;

pub use config::{Moment, WorldConfig};
pub use limits::{LIMITS, Limit};
use trail::Trail;

/// A write to stdin that did not fit at once.
struct PendingWrite {
    unit: UnitId,
    bytes: Arc<[u8]>,
    written: usize,
}

/// The world of one simulation at a time; [`reset`](SimWorld::reset) makes it new and keeps its allocations.
pub struct SimWorld<C> {
    config: WorldConfig,
    clock: Instant,
    chooser: C,
    wakes: Wakes,
    kernel: Kernel,
    /// Whether the kernel was used since it was last reset: simulations without processes do not pay for it.
    kernel_used: bool,
    disk: Disk,
    /// Whether the disk was used since it was last reset.
    disk_used: bool,
    audit: Audit,
    plan: Plan,
    programs: Programs,
    /// Processes spawned so far, for their labels.
    spawned: Counts,
    /// GETs of readiness probes so far, by the label of whom they ask.
    gets: Counts,
    answers: VecDeque<Ready>,
    /// Answers that are on their way, or that a fault has delayed, by when they are told.
    late: BTreeMap<(Instant, OpId), Ready>,
    /// Instants at which the clock pauses, whether or not anything is due: in order.
    pauses: Arc<[Instant]>,
    writes: BTreeMap<OpId, PendingWrite>,
    /// Units that nobody answers for: killed, and reaped as soon as they are zombies.
    abandoned: Vec<UnitId>,
    names: Vec<Arc<str>>,
    history: Vec<Moment>,
    history_over: bool,
    witness: Witness,
    /// Whether anybody wants to know of deeds, beside the oracles.
    is_watched: bool,
    /// The digest of all that oracles and expectations have seen.
    trail: Trail,
}

macro_rules! scene {
    ($world:ident) => {
        shakedown_core::oracle::Scene { now: $world.clock, truth: &$world.kernel, names: &$world.plan }
    };
}
use scene;

impl<C: Choose + 'static> SimWorld<C> {
    /// A world in which nothing has happened.
    pub fn new(config: WorldConfig, chooser: C) -> SimWorld<C> {
        SimWorld {
            config,
            clock: Instant::ZERO,
            is_watched: config.keeps_deeds() || chooser.picks(),
            chooser,
            wakes: Wakes::new(),
            kernel: Kernel::new(config.kernel),
            kernel_used: false,
            disk: Disk::new(config.disk),
            disk_used: false,
            audit: Audit::new(),
            plan: Plan::default(),
            programs: Programs::default(),
            spawned: Counts::default(),
            gets: Counts::default(),
            answers: VecDeque::new(),
            late: BTreeMap::new(),
            pauses: Arc::from([]),
            writes: BTreeMap::new(),
            abandoned: Vec::new(),
            names: Vec::new(),
            history: Vec::new(),
            history_over: false,
            witness: Witness { on: config.witness, seen: Vec::new() },
            trail: Trail::new(),
        }
    }

    /// As new, with another chooser and plan. Hands the old chooser back.
    pub fn reset(&mut self, chooser: C, plan: Option<Arc<SessionSpec>>) -> C {
        self.clock = Instant::ZERO;
        if std::mem::take(&mut self.kernel_used) {
            self.kernel.reset(self.config.kernel);
        }
        if std::mem::take(&mut self.disk_used) {
            self.disk.reset(self.config.disk);
        }
        self.audit.reset();
        let workers = plan.as_ref().map_or(0, |plan| plan.workers.len());
        if workers > 0 {
            self.audit.expect(workers);
            self.kernel.expect(workers);
        }
        self.plan.reset(plan);
        self.spawned.clear();
        self.gets.clear();
        self.answers.clear();
        if !self.writes.is_empty() {
            self.writes.clear();
        }
        if !self.late.is_empty() {
            self.late.clear();
        }
        self.abandoned.clear();
        self.names.clear();
        self.history.clear();
        self.history_over = false;
        self.witness.seen.clear();
        self.trail = Trail::new();
        self.is_watched = self.config.keeps_deeds() || chooser.picks();
        std::mem::replace(&mut self.chooser, chooser)
    }

    /// The oracles.
    pub fn audit(&mut self) -> &mut Audit {
        &mut self.audit
    }

    /// The kernel, to look at.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The disk, to look at.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The disk, to put something on it.
    pub fn disk_mut(&mut self) -> &mut Disk {
        self.disk_used = true;
        &mut self.disk
    }

    /// The run is over: what falls due at the end is judged.
    pub fn end(&mut self, end: &EndState<'_>) {
        self.settle_accounts();
        // What comes of it, as a task that waits for ever, comes after it.
        if let Some(place) = self.wakes.take_escape() {
            let told = format!(
                "a task was woken from another thread, at {place}: real threads inside a simulation are not reproducible"
            );
            self.audit.unexpected("the simulation", &told, &scene!(self));
        }
        self.audit.end(end, &scene!(self));
    }

    /// What may go wrong, in the next simulation and in those after it.
    pub fn set_faults(&mut self, faults: Arc<[Fault]>) {
        self.disk.set_faults(faults.clone());
        self.kernel.set_faults(faults);
    }

    /// Instants at which the clock pauses, in order, in the next simulation and in those after it. A machine tells of the first thing that
    /// is due to it, and not of the next; where its tick may be late, as in a [`search`](crate::search), it may be so late that more is
    /// due, and by then it is another time.
    pub fn set_pauses(&mut self, pauses: Arc<[Instant]>) {
        self.pauses = pauses;
    }

    /// What is installed on the machine, in the next simulation and in those after it.
    pub fn install(&mut self, programs: Programs) {
        self.programs = programs;
    }

    /// What was told and what happened so far, if it is kept.
    pub fn history(&self) -> &[Moment] {
        &self.history
    }

    /// What the kernel did so far, if it is kept.
    pub fn witnessed(&self) -> &[Seen] {
        &self.witness.seen
    }

    /// The chooser, to look at.
    pub fn choices(&self) -> &C {
        &self.chooser
    }

    /// What its kernel and what is under way amount to; the host has a fingerprint of its own.
    pub fn fingerprint(&self) -> u64 {
        let mut digest = Digest::of(PROCESS);
        if self.kernel_used {
            digest.number(self.kernel.fingerprint());
        }
        if self.disk_used {
            digest.number(self.disk.fingerprint());
        }
        for write in self.writes.values() {
            digest.number(u64::from(write.unit.0)).bytes(&write.bytes[write.written..]);
        }
        for (at, _) in self.late.keys() {
            digest.instant(self.clock, *at);
        }
        for unit in &self.abandoned {
            digest.number(u64::from(unit.0));
        }
        digest.value()
    }

    /// The digest of all that oracles and expectations have seen so far, in its order, if it is kept.
    pub fn trail(&self) -> u64 {
        self.trail.value()
    }

    /// The chooser, for whoever decides with it.
    pub(crate) fn choices_mut(&mut self) -> &mut C {
        &mut self.chooser
    }

    /// Goes on with a process that an earlier host has started; false where it is gone.
    #[cold]
    fn take_over(&mut self, op: OpId, unit: UnitId, who: Identity) -> bool {
        let Ok(from) = self.kernel.take_over(unit, who) else { return false };
        self.audit.taken_over(from, unit);
        self.answers.push_back(Ready::Done { op, completion: Completion::Spawned(Ok(who.pid)) });
        true
    }

    fn spawn(&mut self, op: OpId, unit: UnitId, spec: &ProcessSpec) {
        if !std::mem::replace(&mut self.kernel_used, true) {
            self.draw_limits();
        }
        let hash = hash_name(&spec.name);
        let nth = self.spawned.next(hash);
        let label = label_of_process(hash, nth);
        if let Some(failure) = self.kernel.spawn_fault(&spec.name, label, &mut self.chooser) {
            let completion = Completion::Spawned(Err(failure));
            return self.answers.push_back(Ready::Done { op, completion });
        }
        let script = self.programs.exec(spec);
        let scope = spec.scope;
        let spawned = self.kernel.spawn(Spawn { unit, name: &spec.name, script, scope, label });
        if spawned.is_ok() && spec.stdio != [Redirect::Piped; 3] {
            self.redirect(unit, spec);
        }
        if spawned.is_ok() && spec.detached {
            self.kernel.detach(unit);
        }
        let completion = Completion::Spawned(spawned.map(|spawned| spawned.pid));
        self.answers.push_back(Ready::Done { op, completion });
    }

    fn write(&mut self, op: OpId, mut write: PendingWrite) {
        loop {
            let written = match self.kernel.write(write.unit, &write.bytes[write.written..]) {
                TryWrite::Wrote(n) => {
                    write.written += n;
                    write.written == write.bytes.len()
                }
                TryWrite::Broken => true,
                TryWrite::WouldBlock => {
                    self.kernel.watch(op, write.unit, What::Writable);
                    self.writes.insert(op, write);
                    return;
                }
            };
            if written || write.bytes.is_empty() {
                let completion = Completion::Written(write.written as u64);
                return self.answers.push_back(Ready::Done { op, completion });
            }
        }
    }

    /// After whatever may have moved the kernel: adopted zombies are reaped, and its deeds are audited.
    #[inline]
    fn settle_accounts(&mut self) {
        if self.kernel.has_news() || !self.abandoned.is_empty() {
            self.settle_each();
        }
    }

    fn settle_each(&mut self) {
        self.kernel.reap_adopted();
        if !self.abandoned.is_empty() {
            let kernel = &mut self.kernel;
            self.abandoned.retain(|unit| kernel.reap(*unit).is_none());
        }
        if self.kernel.deeds().is_empty() {
            return;
        }
        let mut deeds = std::mem::take(self.kernel.deeds());
        let scene = scene!(self);
        for deed in &deeds {
            self.audit.deed(deed, &scene);
        }
        if self.is_watched || self.kernel.net.has_clients() {
            self.pass_on(&deeds);
        }
        // Nothing was logged meanwhile: the allocation goes back.
        deeds.clear();
        *self.kernel.deeds() = deeds;
    }

    /// To clients whose peer may have ended, and to whoever watches.
    fn pass_on(&mut self, deeds: &[Deed]) {
        for deed in deeds {
            self.kernel.tell_net(deed);
            if self.is_watched {
                self.watch(deed);
            }
        }
    }

    /// The next answer, or the next thing that the kernel has ready.
    #[inline(always)]
    fn next_of_kernel(&mut self) -> Option<Ready> {
        if let Some(answer) = self.answers.pop_front() {
            if self.answers.is_empty() {
                // The next ones stand at its beginning again, and do not wander through the room of ten thousand.
                self.answers.clear();
            }
            return Some(answer);
        }
        if let Some(ready) = self.next_of_net() {
            return Some(ready);
        }
        loop {
            match self.kernel.next_ready()? {
                KernelReady::Step { proc, label, nth } => return Some(Ready::Step { step: proc.0, label, nth }),
                KernelReady::Look { unit } => self.kernel.look_for_members(unit, &mut self.chooser),
                KernelReady::Done { op, unit, completion, is_news } => match self.take_write(op) {
                    None => match self.kernel.notice_fault(unit, &completion, is_news, &mut self.chooser) {
                        Notice::Now => return Some(Ready::Done { op, completion }),
                        Notice::Late(by) => {
                            self.late.insert((self.clock.after(by), op), Ready::Done { op, completion });
                        }
                        Notice::Lost => {}
                    },
                    Some(write) => {
                        self.write(op, write);
                        if let Some(answer) = self.answers.pop_front() {
                            return Some(answer);
                        }
                    }
                },
            }
        }
    }

    /// The write that waits with this operation, if it is one.
    #[inline]
    fn take_write(&mut self, op: OpId) -> Option<PendingWrite> {
        if self.writes.is_empty() { None } else { self.writes.remove(&op) }
    }
}

/// The label of the process that is the `nth` to be started under this name by a worker or a task.
pub fn process_label(name: &str, nth: u32) -> Label {
    label_of_process(hash_name(name), nth)
}

const fn label_of_process(name: u64, nth: u32) -> Label {
    Label::ROOT.child_hashed(name ^ PROCESS, nth)
}

/// Sets the labels of processes apart from those of tasks with the same name.
const PROCESS: u64 = hash_name("a process");
