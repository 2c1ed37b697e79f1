//! Spawn and wait of a no-op from a parent with a gibibyte of touched memory: what a real fork has to copy the tables of.
use crate::Workload;
use crate::measure::{Answer, Found, Scale};
use crate::peer::{HYGIENE, OURS, STD, TOKIO, WRAP};
use crate::spawn;
use crate::table::{Goal, grouped, line};

pub const WORKLOAD: Workload = Workload {
    word: "memory",
    title: "the same from a parent of 1 GiB, beside a small parent measured right before",
    rows: &[OURS, STD, TOKIO, WRAP, HYGIENE],
    measure,
    report,
};

/// From a small parent, and then from a large one: the same process, so that nothing else has changed.
fn measure(peer: &str, scale: Scale) -> Result<Answer, String> {
    let of = |answer: Answer| answer.first().map_or(f64::NAN, |(_, rate)| *rate);
    let small = of(spawn::rate(peer, scale)?);
    let ballast = std::hint::black_box(vec![1u8; BYTES]);
    let large = of(spawn::rate(peer, scale)?);
    drop(std::hint::black_box(ballast));
    Ok(vec![("per_second", large), ("slower", small / large)])
}

fn report(found: &Found) {
    for row in WORKLOAD.rows {
        let (Some(rate), Some(slower)) = (found.median(row, "per_second"), found.median(row, "slower")) else {
            continue;
        };
        let mut cells = vec![format!("{} /s", grouped(rate)), format!("{slower:.2}× slower")];
        if *row == OURS {
            cells.push(Goal::AtMost(1.3).judge(slower, "× slower"));
        }
        line(row, &cells);
    }
}

const BYTES: usize = 1 << 30;
