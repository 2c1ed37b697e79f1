//! A failure for the tests of all forms: played, not made up, of a scenario whose words try to break out of every one of them.

use shakedown::failure::Effort;
use shakedown::format::read;
use shakedown::report::{FailureReport, SweepReport, SweepSummary};
use shakedown::sim::choose::Strategy;
use shakedown::sweep::{Job, Progress, Seeds, look_into, sweep as play, tell};
use std::sync::Arc;

const TEXT: &str = r#"schema = 1
name = "<b>escape</b> & 'co'"
[workers.api]
puppet = """
spawn helper { on TERM ignore; hang }
print "</script><script>alert(1)</script>; #1 ::error::"
on TERM exit 0 after 1ms..90ms
hang
"""
stop = { grace = "40ms", scope = "process" }
[workers.db]
puppet = "on TERM exit 0; print up; hang"
ready = { log = "up" }
[[stimuli]]
at = "5ms..20ms"
do = "stop"
[[expect]]
never = "api killed"
"#;

/// What a sweep of it comes to.
pub(super) fn sweep() -> SweepReport {
    let scenario = Arc::new(read("stop/escape.toml", TEXT).expect("no mistakes"));
    let jobs = Job::all(&[scenario], Seeds::First(60), Strategy::default());
    let result = play(&jobs, 1, false, &Progress::default());
    let mut report = SweepReport { schema: SweepReport::SCHEMA, ..SweepReport::default() };
    for (job, case) in jobs.iter().zip(&result.cases) {
        report.cases.push(crate::tally::summary_of(job, case));
        for failure in &case.failures {
            report.failures.push(tell(job, failure, case.runs, &look_into(job, failure, Effort::default())));
        }
    }
    report.summary = SweepSummary {
        runs: 60,
        distinct: result.cases[0].distinct,
        failed: result.cases[0].failed,
        sometimes: vec![("escape: 100% of it\nand more".into(), 0), ("escape: db ready".into(), 60)],
        ..SweepSummary::default()
    };
    report.unsteady = vec!["escape case 1 seed 7 took two ways".into()];
    report
}

/// The first failure of it.
pub(super) fn failure() -> FailureReport {
    sweep().failures.into_iter().next().expect("it may take longer than it is given")
}
