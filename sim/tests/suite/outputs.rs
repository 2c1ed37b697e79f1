//! What a machine reads of a process that writes to both of its outputs.

use shakedown_core::ids::UnitId;
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::puppet;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Body, ProcessSpec, Request, Stream, Streams};
use shakedown_sim::choose::{Chooser, Pilot, Strategy};
use shakedown_sim::{Limits, Simulator, WorldConfig};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What was read, in its order; nothing at the end of a stream.
type Chunks = Rc<RefCell<Vec<(Stream, Vec<u8>)>>>;

/// Starts one process and reads both of its outputs to their ends.
struct Reader {
    body: Body,
    read: Chunks,
    unit: Option<UnitId>,
    /// How many ends are still to come: of two outputs and of the process.
    open: u32,
}

impl Machine for Reader {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start) => {
                let unit = cx.new_unit();
                cx.start(unit, &"writer".into(), &self.body);
                (self.unit, self.open) = (Some(unit), 3);
            }
            Event::Spawned { result: Ok(_), .. } => {
                let unit = self.unit.expect("it was started");
                cx.read(unit, Streams::BOTH);
                cx.submit(unit, Request::Exit);
            }
            Event::Output { stream, chunk, .. } => self.read.borrow_mut().push((stream, chunk)),
            Event::OutputOver { streams, .. } => {
                self.open -= streams.iter().count() as u32;
                self.read.borrow_mut().extend(streams.iter().map(|stream| (stream, Vec::new())));
            }
            Event::Exited { .. } => self.open -= 1,
            other => cx.unexpected("a reader", &other),
        }
        if self.is_closed()
            && let Some(unit) = self.unit.take()
        {
            cx.submit(unit, Request::Release);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        self.open == 0
    }

    fn waits_for(&self) -> String {
        "the end of its process".into()
    }
}

#[test]
fn both_outputs_are_read_in_one_turn_where_both_can_be() {
    let script = || puppet::parse("print a; eprint b; exit 0").expect("the script is right");
    let (together, apart) = reads_of(&Body::Process(Arc::new(ProcessSpec::puppet("writer", script()))));
    assert!(together > 20 && apart > 20, "{together} turns read both, {apart} one of them");
    // A function that writes without waiting has written all when somebody comes to read.
    let (together, _) = reads_of(&Body::PuppetTask(script()));
    assert!(together > 20, "{together} turns read both");
}

/// In how many turns both outputs were read, and in how many one, over a hundred runs, each of which reads both to their ends.
fn reads_of(body: &Body) -> (u32, u32) {
    let (mut together, mut apart) = (0, 0);
    let mut simulator: Simulator<Chooser, Reader> =
        Simulator::new(WorldConfig::default(), Limits::default(), Chooser::default());
    for seed in 0..100 {
        let read = Chunks::default();
        let (log, mut before) = (read.clone(), 0);
        let reader = Reader { body: body.clone(), read: read.clone(), unit: None, open: 0 };
        let chooser = Strategy::Random.chooser(seed, &Pilot::default());
        let begin = |host: &mut shakedown_core::host::Host<_, Reader>| {
            let id = host.add("reader", reader);
            host.send(id, Event::Command(Command::Start));
        };
        let run = simulator.run_while(chooser, None, begin, |_| {
            match log.borrow().len() - before {
                0 => {}
                1 => apart += 1,
                2 => together += 1,
                more => panic!("{more} reads in one turn"),
            }
            before = log.borrow().len();
            true
        });
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
        for (stream, line) in [(Stream::Stdout, b"a\n"), (Stream::Stderr, b"b\n")] {
            let chunks = read.borrow();
            let of: Vec<&[u8]> = chunks.iter().filter(|(of, _)| *of == stream).map(|(_, chunk)| &chunk[..]).collect();
            assert_eq!(of, [&line[..], &[]], "seed {seed}: each is read to its end, once");
        }
    }
    (together, apart)
}
