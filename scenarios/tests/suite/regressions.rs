//! A test that failed once is played that way first, until it is mended; and nothing is written where nothing may be.

use shakedown::prelude::*;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What the test says, if it fails.
fn told(test: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(test)).err()?;
    Some(panic.downcast_ref::<String>().expect("it says why").clone())
}

/// A folder of this test's own, new at each run.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("regressions-{name}"));
    let _absent = fs::remove_dir_all(&path);
    path
}

/// Asks the server to end before it can know how: its helper is left behind, unless somebody waits until it is up.
async fn stop(cx: TaskCx, waits: bool) {
    let script =
        puppet("sleep 0ms..40ms; spawn helper { hang }; on TERM { kill helper KILL; wait helper; exit 0 }; hang");
    let server = cx.process().start(ProcessSpec::puppet("server", script)).await.expect("it starts");
    let patience =
        DurationRange { min: Duration::from_millis(5), max: Duration::from_millis(60), grid: Duration::from_millis(1) };
    let patience = if waits { Duration::from_millis(100) } else { cx.draw(patience) };
    cx.sleep(patience).await;
    server.signal(Signal::TERM);
    server.wait().await;
}

#[test]
fn what_failed_once_is_played_first_until_it_is_mended() {
    let folder = folder("kept");
    let config = || Config::new("regressions::stop").regressions(&folder);
    let first = told(|| check(config().seeds(500), |cx| stop(cx, false))).expect("it fails");
    assert!(first.contains("written down to be replayed first from now on: "), "{first}");
    let files: Vec<_> = fs::read_dir(&folder).expect("it was made").collect();
    assert_eq!(files.len(), 1);
    let passing =
        (0..100).find(|seed| told(|| check(Config::new("s").seeds_from(*seed, 1), |cx| stop(cx, false))).is_none());
    let passing = passing.expect("many seeds pass");
    let again = told(|| check(config().seeds_from(passing, 1), |cx| stop(cx, false))).expect("it fails as before");
    assert!(again.contains("replay of") && again.contains("no-orphan server/helper"), "{again}");
    assert_eq!(
        told(|| check(Config::new("regressions::other").regressions(&folder).seeds_from(passing, 1), |cx| stop(
            cx, false
        ))),
        None
    );
    assert_eq!(told(|| check(config().seeds(500), |cx| stop(cx, true))), None);
}

#[test]
fn where_nothing_may_be_written_the_file_is_printed() {
    let folder = folder("printed");
    let config = Config::new("regressions::printed").seeds(500).regressions(&folder).read_only();
    let told = told(|| check(config, |cx| stop(cx, false))).expect("it fails");
    assert!(told.contains("to replay this first from now on, add ") && told.contains("[[surprises]]"), "{told}");
    assert!(!folder.exists());
}

#[test]
fn a_folder_that_cannot_be_searched_is_told_and_not_passed_over() {
    let folder = folder("file");
    fs::write(&folder, "a file where a folder should be").expect("written");
    let told = told(|| check(Config::new("regressions::file").seeds(1).regressions(&folder), |cx| stop(cx, true)));
    assert!(told.expect("it is told").contains("cannot be searched"));
    fs::remove_file(&folder).expect("it was there");
}
