//! Shrinks a failing run: fewer surprises and smaller ones, towards the calm run, as long as the failure stays the same.
//!
//! Choices are shrunk, not the program (MacIver and Donaldson, ECOOP 2020): any set of surprises is a run, so that every attempt means
//! something. Calm is 0 everywhere, hence the order of candidates is: fewer surprises first, then lesser answers. What comes out is a
//! local minimum: no single surprise can be left out, none can be lowered to a value that was tried, and no fewer were found near the
//! calm run (`anew.rs`).

mod anew;

use crate::choose::Answer;
use shakedown_core::site::{Kind, Site};
use std::collections::BTreeSet;

/// What is left of a failing run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk {
    /// The surprises that it needs, by their sites.
    pub surprises: Vec<Answer>,
    /// Runs that were played for it.
    pub runs: u32,
    /// Whether nothing more could be taken away; otherwise the runs were used up.
    pub is_minimal: bool,
}

/// A run that was played with some surprises, all else calm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Played {
    /// Whether it fails in the same way.
    pub fails: bool,
    /// All that was answered in it, in order.
    pub answers: Vec<Answer>,
}

impl Played {
    /// Those surprises that were asked for.
    fn surprises(self) -> Vec<Answer> {
        let mut answers = self.answers;
        answers.retain(|answer| answer.answer != 0);
        answers
    }
}

/// Shrinks what was recorded of a failing run, in at most so many runs. `play` plays a run with these surprises, all else calm.
///
/// Returns `None` if the recorded run itself does not fail: then it is not deterministic, and there is nothing to shrink.
pub fn shrink(recorded: &[Answer], runs_max: u32, play: impl FnMut(&[Answer]) -> Played) -> Option<Shrunk> {
    let surprises: Vec<Answer> = recorded.iter().copied().filter(|answer| answer.answer != 0).collect();
    let mut shrinker = Shrinker { left: surprises.clone(), runs: 0, runs_max, tried: BTreeSet::new(), play };
    if !shrinker.attempt(surprises) {
        return None;
    }
    shrinker.leave_out_kinds();
    loop {
        while shrinker.leave_out() | shrinker.lower() | shrinker.move_earlier() | shrinker.pour() {}
        if !shrinker.begin_anew(ANEW_RUNS_MAX) {
            break;
        }
    }
    Some(Shrunk { surprises: shrinker.left, runs: shrinker.runs, is_minimal: shrinker.runs < runs_max })
}

struct Shrinker<F> {
    /// The smallest failing run so far.
    left: Vec<Answer>,
    runs: u32,
    runs_max: u32,
    /// What was tried and did not fail.
    tried: BTreeSet<Vec<(Site, u32)>>,
    play: F,
}

impl<F: FnMut(&[Answer]) -> Played> Shrinker<F> {
    /// Plays a candidate, and keeps it if it fails.
    fn attempt(&mut self, candidate: Vec<Answer>) -> bool {
        let key: Vec<(Site, u32)> = candidate.iter().map(|answer| (answer.site, answer.answer)).collect();
        if self.tried.contains(&key) {
            return false;
        }
        let Some(played) = self.play(&candidate) else { return false };
        let fails = played.fails;
        if fails {
            self.left = played.surprises();
        } else {
            self.tried.insert(key);
        }
        fails
    }

    /// Plays a run, unless they are used up.
    fn play(&mut self, surprises: &[Answer]) -> Option<Played> {
        let is_allowed = self.runs < self.runs_max;
        self.runs += u32::from(is_allowed);
        is_allowed.then(|| (self.play)(surprises))
    }

    /// All at once, then all of order or of value, then all of a kind: most of a random run has nothing to do with its failure.
    fn leave_out_kinds(&mut self) {
        if self.attempt(Vec::new()) {
            return;
        }
        let rules: [fn(&Answer) -> bool; 2] = [|answer| !answer.is_order(), Answer::is_order];
        for keeps in rules {
            let kept = self.left.iter().copied().filter(keeps).collect();
            self.attempt(kept);
        }
        let kinds: BTreeSet<Kind> = self.left.iter().map(|answer| answer.site.kind).collect();
        for kind in kinds {
            let kept = self.left.iter().copied().filter(|answer| answer.site.kind != kind).collect();
            self.attempt(kept);
        }
    }

    /// Leaves out spans of neighbours, halves first, then single ones.
    fn leave_out(&mut self) -> bool {
        let mut has_shrunk = false;
        let mut size = self.left.len().div_ceil(2).max(1);
        loop {
            let mut end = self.left.len();
            while end > 0 {
                let from = end.saturating_sub(size);
                let mut candidate = self.left.clone();
                candidate.drain(from..end.min(candidate.len()));
                let before = self.left.len();
                has_shrunk |= self.attempt(candidate);
                // What was asked for may be less than what was kept.
                end = if self.left.len() < before { from.min(self.left.len()) } else { from };
            }
            if size == 1 {
                return has_shrunk;
            }
            size = size.div_ceil(2);
        }
    }

    /// Lowers each answer as far as it goes.
    fn lower(&mut self) -> bool {
        let mut has_shrunk = false;
        let mut at = 0;
        while at < self.left.len() {
            has_shrunk |= self.lower_one(at);
            at += 1;
        }
        has_shrunk
    }

    /// Between an answer that passes and one that fails lies a border: it is halved towards. There may be others.
    fn lower_one(&mut self, at: usize) -> bool {
        let Answer { site, answer: first } = self.left[at];
        let (mut passes, mut fails) = (0, first);
        if fails > 1 && self.attempt_at(site, 1) {
            return true;
        }
        passes = passes.max(u32::from(fails > 1));
        while fails - passes > 1 {
            let middle = passes + (fails - passes) / 2;
            if self.attempt_at(site, middle) {
                fails = middle;
            } else {
                passes = middle;
            }
        }
        fails < first
    }

    fn attempt_at(&mut self, site: Site, lower: u32) -> bool {
        let mut candidate = self.left.clone();
        match candidate.iter_mut().find(|answer| answer.site == site) {
            Some(answer) => answer.answer = lower,
            None => return false,
        }
        self.attempt(candidate)
    }

    /// What is late may as well be late at an earlier action of the same chain, where one surprise may do for two.
    fn move_earlier(&mut self) -> bool {
        let mut has_shrunk = false;
        for at in 0..self.left.len() {
            let Some(&Answer { site, answer }) = self.left.get(at) else { break };
            for nth in (0..site.nth).rev().take(EARLIER_MAX) {
                let mut candidate = self.left.clone();
                candidate.retain(|other| other.site.label != site.label || other.site.kind != site.kind);
                candidate.push(Answer { site: Site { nth, ..site }, answer });
                candidate.sort_by_key(|answer| answer.site);
                if candidate.len() < self.left.len() && self.attempt(candidate) {
                    has_shrunk = true;
                    break;
                }
            }
        }
        has_shrunk
    }

    /// Two durations whose sum counts may as well be one that is as long as both.
    fn pour(&mut self) -> bool {
        let spans: Vec<Answer> = self.left.iter().copied().filter(|answer| answer.site.kind == Kind::Span).collect();
        for from in &spans {
            for into in spans.iter().filter(|into| into.site != from.site) {
                let mut candidate = self.left.clone();
                candidate.retain(|other| other.site != from.site);
                let both = candidate.iter_mut().filter(|other| other.site == into.site);
                both.for_each(|other| other.answer += from.answer);
                if self.attempt(candidate) {
                    return true;
                }
            }
        }
        false
    }
}

/// So many earlier actions of a chain are tried.
const EARLIER_MAX: usize = 4;

/// So many runs may begin anew, each time.
const ANEW_RUNS_MAX: u32 = 600;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shakedown_core::site::Label;

    fn answer(nth: u32, answer: u32) -> Answer {
        Answer { site: Site { kind: Kind::Span, label: Label(u64::from(nth)), nth }, answer }
    }

    fn of(answers: &[Answer], nth: u32) -> u32 {
        answers.iter().find(|answer| answer.site.nth == nth).map_or(0, |answer| answer.answer)
    }

    fn played(fails: bool, answers: &[Answer]) -> Played {
        Played { fails, answers: answers.to_vec() }
    }

    #[test]
    fn what_the_failure_does_not_need_is_left_out_and_the_rest_is_lowered_to_its_border() {
        let recorded: Vec<Answer> = (0..300).map(|nth| answer(nth, 700 + nth)).collect();
        let fails = |of_run: &[Answer]| of(of_run, 17) >= 40 && of(of_run, 203) > of(of_run, 17);
        let shrunk = shrink(&recorded, 5_000, |of_run| played(fails(of_run), of_run)).expect("it fails");
        assert_eq!(shrunk.surprises, [answer(17, 40), answer(203, 41)]);
        assert!(shrunk.is_minimal && shrunk.runs < 200, "{} runs", shrunk.runs);
    }

    #[test]
    fn what_was_not_asked_for_is_no_surprise_of_the_failure() {
        let recorded: Vec<Answer> = (0..9).map(|nth| answer(nth, 3)).collect();
        let play = |of_run: &[Answer]| {
            let asked: Vec<Answer> = of_run.iter().copied().filter(|answer| answer.site.nth < 2).collect();
            played(of(of_run, 0) > 0 && of(of_run, 1) > 0, &asked)
        };
        assert_eq!(
            shrink(&recorded, 1_000, play).map(|shrunk| shrunk.surprises),
            Some(vec![answer(0, 1), answer(1, 1)])
        );
    }

    /// A run of so many questions, none of whose answers is greater than 20.
    fn run_of(questions: u32, surprises: &[Answer]) -> Vec<Answer> {
        (0..questions).map(|nth| answer(nth, of(surprises, nth).min(20))).collect()
    }

    #[test]
    fn durations_that_count_by_their_sum_are_poured_into_one() {
        let recorded = [answer(3, 9), answer(4, 4), answer(7, 2), answer(8, 3)];
        let play = |surprises: &[Answer]| {
            let run = run_of(30, surprises);
            // Each of the first ten alone meets the moment, none of the others comes in time.
            let sum: u32 = run[..10].iter().map(|answer| answer.answer).sum();
            played(sum == 18, &run)
        };
        let shrunk = shrink(&recorded, 200, play).expect("it fails");
        assert_eq!(shrunk.surprises.iter().map(|answer| answer.answer).collect::<Vec<u32>>(), [18]);
    }

    #[test]
    fn surprises_that_are_needed_only_for_each_other_give_way_to_one_elsewhere() {
        #[track_caller]
        fn check(recorded: &[Answer], fails: impl Fn(&[Answer]) -> bool, left: &[Answer]) {
            let play = |surprises: &[Answer]| {
                let run = run_of(60, surprises);
                played(fails(&run), &run)
            };
            let shrunk = shrink(recorded, 2_000, play).expect("it fails");
            assert_eq!((shrunk.surprises.as_slice(), shrunk.is_minimal), (left, true));
        }
        let sum = |run: &[Answer]| run[..10].iter().map(|answer| answer.answer).sum::<u32>();
        let three = [answer(1, 20), answer(4, 20), answer(9, 10)];
        check(&three, |run| sum(run) == 50 || of(run, 44) > 0, &[answer(44, 1)]);
        // One of them is needed in any case.
        let with_44 = [three.as_slice(), &[answer(44, 7)]].concat();
        let fails = |run: &[Answer]| of(run, 44) > 4 && (sum(run) == 50 || of(run, 20) > 18);
        check(&with_44, fails, &[answer(20, 19), answer(44, 5)]);
    }

    #[test]
    fn a_run_that_does_not_fail_again_is_not_shrunk_and_a_calm_failure_needs_nothing() {
        assert_eq!(shrink(&[answer(1, 1)], 100, |of_run| played(false, of_run)), None);
        let shrunk = shrink(&[answer(1, 1)], 100, |of_run| played(true, of_run)).expect("it always fails");
        assert_eq!((shrunk.surprises.len(), shrunk.runs), (0, 2));
    }

    proptest! {
        /// Whatever a failure needs: the result fails, needs each of its surprises, and no more runs are played than allowed.
        #[test]
        fn the_result_fails_and_needs_all_of_itself(
            needs in proptest::collection::btree_map(0u32..60, 1u32..9, 0..4),
            extra in proptest::collection::vec((0u32..60, 1u32..99), 0..80),
            runs_max in 1u32..400,
        ) {
            let mut all: std::collections::BTreeMap<u32, u32> = extra.into_iter().collect();
            all.extend(needs.iter().map(|(nth, least)| (*nth, least + 5)));
            let recorded: Vec<Answer> = all.iter().map(|(nth, value)| answer(*nth, *value)).collect();
            let mut runs = 0;
            let play = |of_run: &[Answer]| {
                runs += 1;
                played(needs.iter().all(|(nth, least)| of(of_run, *nth) >= *least), of_run)
            };
            let shrunk = shrink(&recorded, runs_max, play).expect("it fails");
            prop_assert!(runs <= runs_max && runs == shrunk.runs);
            prop_assert!(needs.iter().all(|(nth, least)| of(&shrunk.surprises, *nth) >= *least));
            if shrunk.is_minimal {
                let least: Vec<Answer> = needs.iter().map(|(nth, least)| answer(*nth, *least)).collect();
                prop_assert_eq!(shrunk.surprises, least);
            }
        }
    }
}
