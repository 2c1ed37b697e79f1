use super::*;
use shakedown_core::choose::Calm;
use shakedown_core::proxy::Stage;
use shakedown_core::signal::Signal;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{ExitStatus, Target};

const UNIT: UnitId = UnitId(3);

/// One proxy, and the time of its network.
struct Stand {
    net: Net,
    now: Instant,
    /// Answers by operation, as far as they have come.
    answers: Vec<(u64, Completion)>,
    words: Vec<&'static str>,
}

impl Stand {
    fn new(drain_ms: u64) -> Stand {
        let spec = ProxySpec { drain: Duration::from_millis(drain_ms), ..ProxySpec::forward("edge") };
        let mut stand = Stand { net: Net::default(), now: Instant::ZERO, answers: Vec::new(), words: Vec::new() };
        stand.net.serve(OpId(0), UNIT, &Arc::new(spec), 0);
        stand.ask(1, Request::Exit);
        stand.ask(2, Request::Traffic);
        stand
    }

    fn ask(&mut self, op: u64, request: Request) {
        self.net.ask(OpId(op), UNIT, &request, self.now, &mut Calm);
        self.hear();
    }

    fn visit(&mut self, visit: Visit) {
        self.ask(9, Request::Visit(visit));
    }

    fn stop(&mut self, signal: Signal) {
        self.ask(8, Request::Signal { to: Target::Scope, signal });
    }

    fn hear(&mut self) {
        while let Some((op, completion)) = self.net.next_answer() {
            if let Completion::Traffic(traffic) = &completion {
                self.words.extend(traffic.told.iter().map(|told: &shakedown_core::proxy::Exchange| word(told.stage)));
                if !traffic.over {
                    self.net.ask(op, UNIT, &Request::Traffic, self.now, &mut Calm);
                }
            }
            self.answers.push((op.0, completion));
        }
    }

    /// Plays everything that is due until then.
    fn until(&mut self, ms: u64) {
        let end = Instant::from_nanos(ms * 1_000_000);
        loop {
            self.net.fire_timers(self.now);
            if let Some(Announced { step, .. }) = self.net.next_ready() {
                let around = Around { now: self.now, upstream: Peer::Outside, reset: false };
                self.net.run(step, around, &mut Calm);
                self.hear();
                continue;
            }
            match self.net.next_timer().filter(|at| *at <= end) {
                Some(at) => self.now = at,
                None => break,
            }
        }
        self.now = end;
    }

    fn has_exited(&self) -> bool {
        let exited = |(op, answer): &(u64, Completion)| {
            *op == 1 && matches!(answer, Completion::Exited(notice) if notice.status == ExitStatus::Exited(0))
        };
        self.answers.iter().any(exited)
    }
}

fn word(stage: Stage) -> &'static str {
    stage.word()
}

#[test]
fn a_request_is_answered_and_a_proxy_at_rest_ends_at_once() {
    let mut stand = Stand::new(50);
    assert_eq!(stand.answers, [(0, Completion::TaskStarted)]);
    stand.visit(Visit::Request);
    stand.until(100);
    assert_eq!(stand.words, ["request-started", "request-finished"]);
    stand.stop(Signal::TERM);
    assert!(stand.has_exited());
    assert_eq!(stand.net.sockets(UNIT), Sockets::default());
}

#[test]
fn a_drain_waits_for_a_request_and_cuts_it_when_its_time_is_over() {
    // Its answer takes 1 ms in a calm run.
    for (drain_ms, last) in [(50, "request-finished"), (0, "request-cut")] {
        let mut stand = Stand::new(drain_ms);
        stand.visit(Visit::Request);
        stand.until(0);
        stand.stop(Signal::TERM);
        assert!(!stand.net.sockets(UNIT).listens, "it accepts no more");
        stand.until(100);
        assert!(stand.has_exited());
        assert_eq!(stand.words, ["request-started", last]);
        assert_eq!(stand.net.sockets(UNIT), Sockets::default());
    }
}

#[test]
fn a_kill_leaves_no_connection_and_a_free_port() {
    let mut stand = Stand::new(5000);
    stand.visit(Visit::Tunnel);
    stand.until(0);
    assert_eq!(stand.net.sockets(UNIT), Sockets { connections: 1, listens: true });
    stand.stop(Signal::KILL);
    assert!(stand.has_exited());
    assert_eq!(stand.net.sockets(UNIT), Sockets::default());
    assert_eq!(stand.words, ["request-started", "request-cut"]);
    assert_eq!(stand.net.next_timer(), None);
}

#[test]
fn whoever_comes_after_the_listener_was_closed_meets_nobody() {
    let mut stand = Stand::new(50);
    stand.visit(Visit::Request);
    // Its SYN is on the way.
    stand.stop(Signal::TERM);
    stand.until(100);
    assert!(stand.has_exited() && stand.words.is_empty());
}

/// A client that has fallen silent waits for nothing, either: it would look like one that is about to act.
#[test]
fn a_client_whose_step_is_due_looks_otherwise_than_one_that_waits_for_nothing() {
    let mut stand = Stand::new(50);
    stand.visit(Visit::Request);
    let look = |stand: &Stand| {
        let mut digest = Digest::of(0);
        stand.net.digest(stand.now, &mut digest);
        digest.value()
    };
    stand.net.fire_timers(stand.now);
    let called = look(&stand);
    assert!(stand.net.next_timer().is_none() && stand.net.clients[0].announced, "it connects at once");
    stand.net.clients[0].announced = false;
    assert_ne!(called, look(&stand));
}

#[test]
fn a_client_whose_step_was_announced_to_a_host_that_is_killed_takes_it_all_the_same() {
    let mut stand = Stand::new(50);
    stand.visit(Visit::Request);
    stand.net.fire_timers(stand.now);
    assert!(stand.net.next_ready().is_some(), "it connects at once");
    stand.net.host_died(stand.now);
    let step = stand.net.next_ready().expect("it is announced to whoever comes next").step;
    assert!(stand.net.next_ready().is_none(), "once");
    stand.net.run(step, Around { now: stand.now, upstream: Peer::Outside, reset: false }, &mut Calm);
    assert!(!stand.net.clients[0].announced && stand.net.next_timer().is_none(), "nobody listens there any more");
}
