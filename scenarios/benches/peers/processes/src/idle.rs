//! Who waits sleeps: the context switches of our whole process while a hundred children live and nothing happens.
use crate::Workload;
use crate::live::{Live, plan};
use crate::measure::{Answer, Found, Scale};
use crate::peer::OURS;
use crate::system::switches_of_others;
use crate::table::{Goal, line};
use shakedown_core::vocab::Redirect;
use shakedown_real::host::{self, drive_within};
use std::time::Duration;

pub const WORKLOAD: Workload = Workload {
    word: "idle",
    title: "context switches of all our threads in a second, with 100 children that hang",
    rows: &[OURS],
    measure,
    report,
};

fn measure(_: &str, _: Scale) -> Result<Answer, String> {
    let plan = plan(CHILDREN, Redirect::Piped)?;
    let switches = host::block_on(async {
        let mut live = Live::start(&plan).await?;
        // The thread that looks is not counted.
        let looker = std::thread::spawn(|| {
            std::thread::sleep(SETTLES);
            let before = switches_of_others()?;
            std::thread::sleep(WINDOW);
            Ok::<u64, String>(switches_of_others()? - before)
        });
        if drive_within(&mut live.host, SETTLES + WINDOW + SETTLES).await.is_some() {
            return Err("the session ended by itself".to_string());
        }
        live.stop().await?;
        looker.join().map_err(|_| "the thread that looks has panicked".to_string())?
    });
    Ok(vec![("switches", switches.map_err(|error| error.to_string())?? as f64)])
}

fn report(found: &Found) {
    if let Some(switches) = found.median(OURS, "switches") {
        line(OURS, &[format!("{switches:.0}"), Goal::AtMost(0.0).judge(switches, "")]);
    }
}

const CHILDREN: usize = 100;
/// Before the first look, and after the last: what the start and the end of the measurement do is not idleness.
const SETTLES: Duration = Duration::from_millis(200);
const WINDOW: Duration = Duration::from_secs(1);
