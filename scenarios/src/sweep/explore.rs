//! Every schedule of one case within bounds, held against all oracles and expectations.

use super::Player;
use crate::failure::Finding;
use crate::format::Case;
use shakedown_core::vocab::{Act, Fault, FaultKind, Stimulus};
use shakedown_sim::choose::{Answer, Record};
use shakedown_sim::explore::{Bounds, Budget, Explored, Explorer, Over, Tree};

/// The case as it is explored. Where crashes are among the bounds, every process may crash at every step; but where the file kills the
/// supervisor, that may happen before every step of the time that the file gives it, another takes over at once, and processes do not crash.
pub fn explored_case(case: &Case, crashes: bool) -> Case {
    let mut case = case.clone();
    if !crashes {
        return case;
    }
    let kills = |stimulus: &&Stimulus| stimulus.act == Act::CrashHost;
    // One that waits for something has no time of its own, and keeps its moment.
    if case.stimuli.iter().any(|stimulus| kills(&stimulus) && stimulus.when.is_none()) {
        case.crashes = case.stimuli.iter().filter(kills).map(|stimulus| stimulus.at).collect();
        case.stimuli.retain(|stimulus| !matches!(stimulus.act, Act::CrashHost | Act::Recover));
    } else {
        let crash = Fault::new(FaultKind::Crash, 0.5);
        case.faults = case.faults.iter().cloned().chain([crash]).collect::<Vec<_>>().into();
    }
    case
}

/// Explores a case, as [`explored_case`] gives it, until something fails: with what, and the choices that lead there. `tell` is told
/// how many runs were played, and says whether to go on.
pub fn explore(
    case: &Case,
    bounds: Bounds,
    budget: Budget,
    mut tell: impl FnMut(u64) -> bool,
) -> Explored<(Finding, Vec<Answer>)> {
    let mut player = Player::exploring(case, Tree::default());
    let mut runs = 0;
    Explorer::explore(bounds, budget, true, |tree, explorer| {
        runs += 1;
        if runs % TELL_EVERY == 0 && !tell(runs) {
            return Over::Enough;
        }
        let played = player.play_while(tree, |host| explorer.goes_on(host));
        let Some(finding) = played.findings.into_iter().next() else { return Over::Held };
        let mut recorder = Player::exploring(case, Record::new(Tree::default()));
        let tree = explorer.again();
        recorder.play(Record::new(tree));
        let answers = recorder.with_chooser(Record::answers);
        Over::Failed((finding, answers))
    })
}

/// So often somebody is told.
const TELL_EVERY: u64 = 256;
