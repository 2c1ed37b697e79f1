//! Which way the timeouts of a test have gone, over all of its runs: one that was only ever kept was not tested against what misses it.

use shakedown_core::task::Ways;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;

/// The timeouts of tasks, by where they are asked for.
#[derive(Default)]
pub(super) struct Timeouts(BTreeMap<(&'static str, u32, u32), Ways>);

impl Timeouts {
    /// Adds those of a run.
    pub(super) fn add(&mut self, run: &[(&'static Location<'static>, Ways)]) {
        for (place, ways) in run {
            self.0.entry((place.file(), place.line(), place.column())).or_default().add(*ways);
        }
    }
}

impl fmt::Display for Timeouts {
    /// As a sweep tells of the deadlines of its workers; nothing where there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_sided: Vec<_> = self.0.iter().filter(|(_, ways)| !ways.never().is_empty()).collect();
        let of = self.0.len();
        match of {
            0 => return Ok(()),
            1 => write!(f, "{} of 1 timeout was kept, missed and tied", 1 - one_sided.len())?,
            _ => write!(f, "{} of {of} timeouts were kept, missed and tied", of - one_sided.len())?,
        }
        for ((file, line, _), ways) in one_sided {
            write!(f, "; {file}:{line}: never {}", ways.never().join(", never "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::stage::Player;
    use super::*;
    use shakedown_core::task::TaskCx;
    use shakedown_core::time::{Duration, DurationRange};
    use shakedown_sim::choose::{Chooser, Strategy};

    /// What is told of a timeout of 50 ms around something that takes a duration of this range, over two hundred seeds.
    fn told(min_ms: u64, max_ms: u64) -> String {
        let [min, max, grid] = [min_ms, max_ms, 1].map(Duration::from_millis);
        let takes = DurationRange { min, max, grid };
        let mut player = Player::new(&Config::new("timeouts"), Chooser::default());
        let mut timeouts = Timeouts::default();
        for seed in 0..200 {
            let chooser = Strategy::Random.chooser(seed, &Default::default());
            let (run, blame) = player.play(chooser, &|cx: TaskCx| async move {
                let _either = cx.timeout(Duration::from_millis(50), async { cx.sleep(cx.draw(takes)).await }).await;
            });
            assert_eq!((run.is_ok(), blame), (true, None));
            player.with_timeouts(|run| timeouts.add(run));
        }
        timeouts.to_string()
    }

    /// The duration is drawn while the timeout that bounds it runs, and made to meet it far more often than by chance.
    #[test]
    fn a_timeout_is_seen_kept_missed_and_tied_or_that_is_said() {
        assert_eq!(told(10, 9_000), "1 of 1 timeout was kept, missed and tied");
        let kept = told(10, 40);
        assert!(kept.starts_with("0 of 1 timeout was kept, missed and tied; "), "{kept}");
        assert!(kept.contains("coverage.rs:") && kept.ends_with(": never missed, never tied"), "{kept}");
        assert!(told(60, 90).ends_with(": never kept, never tied"));
    }
}
