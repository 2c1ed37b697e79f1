//! W1 as three machines and one loop: workers, supervisor, proxy.
//! The supervisor keeps one deadline for all workers, as its async sibling does by waiting for them in turn.
use crate::common::rng::Rng;
use crate::common::stats::{Note, Stats};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What survives from seed to seed: only the capacity of two vectors.
pub struct Simulation {
    now_ms: u64,
    arrivals: u64,
    rng: Rng,
    ready: Vec<Message>,
    timers: BinaryHeap<Reverse<(u64, u64, u8, u32)>>,
}

#[derive(Clone, Copy)]
enum Message {
    Stop(u8),
    Timer(u8),
    Done,
    Drain,
    Drained,
    Stopped,
}

#[derive(Clone, Copy, PartialEq)]
enum WorkerState {
    Up,
    Stopping,
    Over,
}

struct Worker {
    state: WorkerState,
    life_ms: u64,
    generation: u32,
    rng: Rng,
}

#[derive(Clone, Copy, PartialEq)]
enum SupervisorState {
    Waiting,
    Stopping,
    Draining,
    Over,
}

struct Supervisor {
    state: SupervisorState,
    generation: u32,
    workers_left: u32,
}

impl Simulation {
    pub fn new() -> Self {
        let rng = Rng::new(0, 0);
        Simulation { now_ms: 0, arrivals: 0, rng, ready: Vec::new(), timers: BinaryHeap::new() }
    }

    pub fn reset(&mut self, seed: u64) {
        self.now_ms = 0;
        self.arrivals = 0;
        self.rng = Rng::new(seed, 0xE);
        self.ready.clear();
        self.timers.clear();
    }

    pub fn run(&mut self, seed: u64, sums: &mut Stats) {
        self.reset(seed);
        let mut workers: [Worker; WORKERS as usize] = std::array::from_fn(|id| {
            let mut rng = Rng::new(seed, id as u64);
            let life_ms = rng.range(1, 500);
            Worker { state: WorkerState::Up, life_ms, generation: 0, rng }
        });
        let mut proxy_rng = Rng::new(seed, u64::from(PROXY));
        let mut supervisor =
            Supervisor { state: SupervisorState::Waiting, generation: 0, workers_left: u32::from(WORKERS) };
        for id in 0..WORKERS {
            let pause_ms = workers[usize::from(id)].rng.range(1, 20);
            self.arm(pause_ms, id, 0);
        }
        self.arm(Rng::new(seed, u64::from(SUPERVISOR)).range(1, 400), SUPERVISOR, 0);
        let (mut proxy_over, mut stopped) = (false, false);
        while !(stopped && proxy_over) {
            let Some(message) = self.next(|who, generation| match who {
                SUPERVISOR => generation == supervisor.generation,
                PROXY => true,
                id => generation == workers[usize::from(id)].generation,
            }) else {
                continue;
            };
            match message {
                Message::Timer(SUPERVISOR) => self.supervisor_timer(&mut supervisor, &mut workers, sums),
                Message::Timer(PROXY) => {
                    proxy_over = true;
                    self.ready.push(Message::Drained);
                }
                Message::Timer(id) => self.worker_timer(id, &mut workers[usize::from(id)], sums),
                Message::Stop(id) => self.stop_worker(id, &mut workers[usize::from(id)], sums),
                Message::Done => {
                    supervisor.workers_left -= 1;
                    if supervisor.workers_left == 0 && supervisor.state == SupervisorState::Stopping {
                        self.drain(&mut supervisor);
                    }
                }
                Message::Drain => {
                    sums.note(u64::from(PROXY), Note::DrainSeen, self.now_ms);
                    self.arm(proxy_rng.range(1, 100), PROXY, 0);
                }
                Message::Drained => {
                    if supervisor.state == SupervisorState::Draining {
                        self.drain_over(&mut supervisor, sums);
                    }
                }
                Message::Stopped => {
                    sums.stopped += 1;
                    sums.note(ROOT, Note::StoppedSeen, self.now_ms);
                    stopped = true;
                }
            }
        }
        sums.end_ms += self.now_ms;
    }

    /// A ready message, or, where there is none, the timers of the next instant made ready.
    fn next(&mut self, is_live: impl Fn(u8, u32) -> bool) -> Option<Message> {
        match self.ready.len() {
            0 => {}
            1 => return self.ready.pop(),
            len => return Some(self.ready.swap_remove(self.rng.below(len as u64) as usize)),
        }
        let &Reverse((next_ms, ..)) = self.timers.peek().expect("deadlock");
        while let Some(&Reverse((at_ms, _, who, generation))) = self.timers.peek() {
            if at_ms != next_ms {
                break;
            }
            self.timers.pop();
            if is_live(who, generation) {
                self.now_ms = at_ms;
                self.ready.push(Message::Timer(who));
            }
        }
        None
    }

    fn arm(&mut self, ms: u64, who: u8, generation: u32) {
        self.arrivals += 1;
        self.timers.push(Reverse((self.now_ms + ms, self.arrivals, who, generation)));
    }

    fn worker_timer(&mut self, id: u8, worker: &mut Worker, sums: &mut Stats) {
        match worker.state {
            WorkerState::Up => {
                sums.ticks += 1;
                sums.note(u64::from(id), Note::Tick, self.now_ms);
                if self.now_ms >= worker.life_ms {
                    sums.note(u64::from(id), Note::LifeOver, self.now_ms);
                    worker.state = WorkerState::Over;
                    self.ready.push(Message::Done);
                } else {
                    self.arm(worker.rng.range(1, 20), id, worker.generation);
                }
            }
            WorkerState::Stopping => {
                sums.note(u64::from(id), Note::Finished, self.now_ms);
                worker.state = WorkerState::Over;
                self.ready.push(Message::Done);
            }
            WorkerState::Over => {}
        }
    }

    fn stop_worker(&mut self, id: u8, worker: &mut Worker, sums: &mut Stats) {
        if worker.state == WorkerState::Up {
            sums.note(u64::from(id), Note::StopSeen, self.now_ms);
            worker.state = WorkerState::Stopping;
            worker.generation += 1;
            self.arm(worker.rng.range(1, 150), id, worker.generation);
        }
    }

    fn supervisor_timer(&mut self, supervisor: &mut Supervisor, workers: &mut [Worker], sums: &mut Stats) {
        match supervisor.state {
            SupervisorState::Waiting => {
                sums.note(u64::from(SUPERVISOR), Note::StopSent, self.now_ms);
                if supervisor.workers_left == 0 {
                    return self.drain(supervisor);
                }
                supervisor.state = SupervisorState::Stopping;
                supervisor.generation += 1;
                self.arm(STOP_MS, SUPERVISOR, supervisor.generation);
                self.ready.extend((0..WORKERS).map(Message::Stop));
            }
            SupervisorState::Stopping => {
                for worker in workers.iter_mut().filter(|worker| worker.state != WorkerState::Over) {
                    worker.state = WorkerState::Over;
                    worker.generation += 1;
                    sums.kills += 1;
                    sums.note(u64::from(SUPERVISOR), Note::Killed, self.now_ms);
                }
                self.drain(supervisor);
            }
            SupervisorState::Draining => {
                sums.drain_timeouts += 1;
                self.drain_over(supervisor, sums);
            }
            SupervisorState::Over => {}
        }
    }

    fn drain(&mut self, supervisor: &mut Supervisor) {
        supervisor.state = SupervisorState::Draining;
        supervisor.generation += 1;
        self.arm(DRAIN_MS, SUPERVISOR, supervisor.generation);
        self.ready.push(Message::Drain);
    }

    fn drain_over(&mut self, supervisor: &mut Supervisor, sums: &mut Stats) {
        sums.note(u64::from(SUPERVISOR), Note::DrainOver, self.now_ms);
        supervisor.state = SupervisorState::Over;
        supervisor.generation += 1;
        self.ready.push(Message::Stopped);
    }
}

const WORKERS: u8 = 3;
const PROXY: u8 = 50;
const SUPERVISOR: u8 = 100;
const ROOT: u64 = 200;
const STOP_MS: u64 = 100;
const DRAIN_MS: u64 = 50;
