//! Replays recorded choices by their sites. What the record does not know is answered calmly, never with fresh randomness: so a trace
//! needs to hold no more than the surprises, and it survives an edit of the program that leaves their sites alone.

use super::Answer;
use shakedown_core::choose::{Ask, Choose};
use shakedown_core::site::Site;

/// Recorded choices.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// The surprises, ordered by their sites.
    surprises: Vec<Answer>,
    /// Which of them were asked for.
    asked: Vec<bool>,
}

impl Trace {
    /// The trace of these answers. Of two for the same site the last counts.
    pub fn new(answers: &[Answer]) -> Trace {
        let mut surprises: Vec<Answer> = Vec::with_capacity(answers.len());
        let mut sorted = answers.to_vec();
        sorted.sort_by_key(|answer| answer.site);
        for answer in sorted {
            surprises.pop_if(|last| last.site == answer.site);
            surprises.push(answer);
        }
        surprises.retain(|answer| answer.answer != 0);
        let asked = vec![false; surprises.len()];
        Trace { surprises, asked }
    }

    /// The surprises that no run has asked for yet: more than none means that the program has changed since they were recorded.
    pub fn unasked(&self) -> Vec<Answer> {
        self.surprises.iter().zip(&self.asked).filter(|(_, asked)| !**asked).map(|(answer, _)| *answer).collect()
    }

    /// The surprises that were asked for.
    pub fn asked(&self) -> Vec<Answer> {
        self.surprises.iter().zip(&self.asked).filter(|(_, asked)| **asked).map(|(answer, _)| *answer).collect()
    }

    fn answer(&mut self, site: Site) -> u32 {
        match self.surprises.binary_search_by_key(&site, |answer| answer.site) {
            Ok(at) => {
                self.asked[at] = true;
                self.surprises[at].answer
            }
            Err(_) => 0,
        }
    }
}

impl Choose for Trace {
    fn rank(&mut self, action: Site) -> u16 {
        u16::try_from(self.answer(action)).unwrap_or(u16::MAX)
    }

    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        self.answer(site).min(ask.max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_core::site::{Kind, Label};

    #[test]
    fn what_is_recorded_is_answered_and_all_else_is_calm() {
        let site = |nth| Site { kind: Kind::Span, label: Label::ROOT, nth };
        let answer = |nth, answer| Answer { site: site(nth), answer };
        let mut trace = Trace::new(&[answer(4, 9), answer(1, 0), answer(2, 3), answer(4, 7)]);
        assert_eq!([1, 2, 3, 4].map(|nth| trace.draw(site(nth), Ask::Span { steps: 5 })), [0, 3, 0, 5]);
        assert_eq!(trace.unasked(), []);
        assert_eq!(Trace::new(&[answer(4, 9)]).unasked(), [answer(4, 9)]);
    }
}
