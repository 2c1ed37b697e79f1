//! A failure, run again: alone and twice, with its choices recorded. What does not reproduce is a verdict of its own.

use super::{Finding, Job, Player};
use shakedown_core::time::Instant;
use shakedown_sim::Moment;
use shakedown_sim::choose::{Record, Seeded};

/// A failure that was run again.
#[derive(Clone, Debug)]
pub struct Reproduced {
    /// The digests of the two runs.
    pub digests: [u64; 2],
    /// Whether both showed the same failure by the same trace as the sweep.
    pub same: bool,
    /// Choices asked.
    pub decisions: u32,
    /// Choices that were not calm: of order, and of values.
    pub surprises: (u32, u32),
    /// What was told and what happened.
    pub moments: Vec<Moment>,
    /// When it ended.
    pub end: Instant,
}

/// Runs a failing seed again, twice, each time in a world of its own.
pub fn reproduce(job: &Job, seed: u64, finding: &Finding) -> Reproduced {
    let mut runs = [(); 2].map(|()| {
        let mut player = Player::new(&job.case, Record::new(Seeded::new(0)));
        let played = player.play(Record::new(Seeded::new(seed)));
        (player, played)
    });
    let shows = |played: &super::Played| played.findings.first().is_some_and(|f| f.is_same_as(finding));
    let same = runs[0].1.run == runs[1].1.run && shows(&runs[0].1) && shows(&runs[1].1);
    let digests = [runs[0].1.run.digest, runs[1].1.run.digest];
    let (player, played) = &mut runs[0];
    let (decisions, surprises) = player.with_choices(|choices| (choices.answers().len() as u32, choices.surprises()));
    Reproduced { digests, same, decisions, surprises, moments: player.moments(), end: played.run.end }
}
