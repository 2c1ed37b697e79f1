//! Many children of one session at once: what each holds while all live, and how long it takes to start and stop them.
use crate::live::{Live, plan};
use crate::measure::{Answer, Found};
use crate::peer::OURS;
use crate::table::{Goal, grouped, line};
use crate::{Workload, heap, system};
use shakedown_core::vocab::Redirect;
use shakedown_real::host;
use std::time::Instant;

/// What each holds.
pub const HELD: Workload = Workload {
    word: "held",
    title: "what a child holds in our process, with 1 000 live in one session",
    rows: &[OURS, NO_INPUT],
    measure: |row, _| measure(1_000, row),
    report: report_held,
};

/// How long it takes.
pub const MANY: Workload = Workload {
    word: "many",
    title: "5 000 live children of one session, started and stopped",
    rows: &[OURS, NO_INPUT],
    measure: |row, _| measure(WANTED, row),
    report: report_many,
};

fn measure(wanted: usize, row: &str) -> Result<Answer, String> {
    let stdin = if row == NO_INPUT { Redirect::Null } else { Redirect::Piped };
    host::block_on(async {
        let each = descriptors_each(stdin).await?;
        let (limit, raised) = system::allow_descriptors(wanted as u64 * each as u64 + SPARE);
        let room = limit.saturating_sub(SPARE) as usize / each;
        let children = wanted.min(room);
        let plan = plan(children, stdin)?;
        let before = system::descriptors()?;
        heap::count();
        let began = Instant::now();
        let live = Live::start(&plan).await?;
        let started = began.elapsed();
        let (bytes, open) = (heap::bytes() as f64, system::descriptors()? - before);
        heap::stop();
        let began = Instant::now();
        live.stop().await?;
        let stopped = began.elapsed();
        Ok(vec![
            ("children", children as f64),
            ("limit", limit as f64),
            ("raised", raised),
            ("bytes", bytes / children as f64),
            ("descriptors", open / children as f64),
            ("start_ms", started.as_secs_f64() * 1e3),
            ("stop_ms", stopped.as_secs_f64() * 1e3),
        ])
    })
    .map_err(|error| error.to_string())?
}

/// How many descriptors a child takes, rounded up: of a few, before it is decided how many there is room for.
async fn descriptors_each(stdin: Redirect) -> Result<usize, String> {
    let before = system::descriptors()?;
    let live = Live::start(&plan(FEW, stdin)?).await?;
    let open = system::descriptors()? - before;
    live.stop().await?;
    // The world's own are no child's.
    Ok((open / FEW as f64).floor().max(1.0) as usize)
}

fn report_held(found: &Found) {
    for row in HELD.rows {
        let (Some(bytes), Some(open)) = (found.median(row, "bytes"), found.median(row, "descriptors")) else {
            continue;
        };
        let heap = [format!("{} B each", grouped(bytes)), Goal::AtMost(8192.0).judge(bytes, " B")];
        line(&format!("{row}: heap"), &heap);
        // The world's own are no child's.
        let each = [format!("{open:.2} each"), Goal::AtMost(3.0).judge(open.floor(), "")];
        line(&format!("{row}: descriptors"), &each);
    }
}

fn report_many(found: &Found) {
    for row in MANY.rows {
        let of = |key| found.median(row, key);
        let (Some(children), Some(limit), Some(raised)) = (of("children"), of("limit"), of("raised")) else { continue };
        let (Some(start), Some(stop)) = (of("start_ms"), of("stop_ms")) else { continue };
        let live = format!("{} live", grouped(children));
        let goal = Goal::AtLeast(WANTED as f64).judge(children, " live");
        line(row, &[live, format!("up in {start:.0} ms"), format!("down in {stop:.0} ms"), goal]);
        let how = match raised {
            system::RAISED_SOFT => "the soft one raised to the hard one",
            system::RAISED_HARD => "both raised, as root may",
            _ => "as it was found",
        };
        let enough = if children < WANTED as f64 { ": not enough for all, so there are fewer" } else { "" };
        line("", &[format!("limit of descriptors {}, {how}{enough}", grouped(limit))]);
    }
}

const NO_INPUT: &str = "stdin from /dev/null";
const WANTED: usize = 5_000;
const FEW: usize = 20;
/// Descriptors of everything else: the runtime, the world, the child's ends while it is born.
const SPARE: u64 = 64;
