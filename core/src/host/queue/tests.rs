use super::*;
use crate::choose::{Ask, Calm};
use alloc::collections::BTreeSet;

struct Counting(u32, u16);
impl Choose for Counting {
    fn rank(&mut self, _: Site) -> u16 {
        self.0 += 1;
        self.1
    }
    fn draw(&mut self, _: Site, _: Ask) -> u32 {
        0
    }
}

fn drain(queue: &mut Queue) -> Vec<u32> {
    core::iter::from_fn(|| queue.pop().copied())
        .map(|e| match e.action {
            Action::Step(n) => n,
            other => panic!("only steps were pushed, not {other:?}"),
        })
        .collect()
}

#[test]
fn calm_is_first_in_first_out_for_few_and_for_many() {
    for n in [3u32, 24, 25, 1000] {
        let mut queue = Queue::default();
        (0..n).for_each(|i| queue.push(Action::Step(i), Label(u64::from(i)), 0, &mut Calm));
        assert_eq!(drain(&mut queue), (0..n).collect::<Vec<_>>());
    }
}

/// Ranks from all over, or from so few that many agree.
struct Scattered(u64, u16);
impl Choose for Scattered {
    fn rank(&mut self, _: Site) -> u16 {
        self.0 = crate::site::mix(self.0.wrapping_add(1));
        self.0 as u16 & self.1
    }
    fn draw(&mut self, _: Site, _: Ask) -> u32 {
        0
    }
}

#[test]
fn a_crowd_is_taken_by_key_and_arrival_however_it_comes_and_goes() {
    for ranks in [u16::MAX, 0xfff, 0x101, 3, 0] {
        let (mut queue, mut chooser, mut twin) = (Queue::default(), Scattered(7, ranks), Scattered(7, ranks));
        let (mut clock, mut waiting) = (0, BTreeSet::new());
        for i in 0..6000u32 {
            queue.push(Action::Step(i), Label(0), 0, &mut chooser);
            // The first is alone, and its rank is asked when the second comes, right before that one's.
            waiting.insert((clock + u64::from(twin.rank(Entry::CLOCK.site())), i));
            // Three come for each that goes, and later all go.
            let goes = if i < 5999 { usize::from(i % 3 == 2) } else { waiting.len() };
            for _ in 0..goes {
                let (key, expected) = waiting.pop_first().expect("somebody waits");
                assert_eq!(queue.pop().map(|entry| entry.action), Some(Action::Step(expected)), "ranks of {ranks}");
                clock = key;
            }
        }
        assert!(queue.is_empty() && queue.pop().is_none());
    }
}

/// Remembers where it was asked in a crowd.
#[derive(Default)]
struct Crowded(Vec<Crowd>);
impl Choose for Crowded {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }
    fn rank_in_crowd(&mut self, _: Site, crowd: Crowd) -> u16 {
        self.0.push(crowd);
        0
    }
    fn draw(&mut self, _: Site, _: Ask) -> u32 {
        0
    }
}

#[test]
fn where_hundreds_wait_the_chooser_is_told_how_many_and_how_many_came_together() {
    let (mut queue, mut chooser) = (Queue::default(), Crowded::default());
    (0..300).for_each(|i| queue.push(Action::Step(i), Label(0), 0, &mut chooser));
    let asked = core::mem::take(&mut chooser.0);
    assert_eq!(asked.first().map(|crowd| crowd.waiting), Some(CROWD_MIN));
    assert_eq!(asked.len() as u32, 300 - CROWD_MIN);
    assert!(asked.windows(2).all(|pair| pair[1].nth == pair[0].nth + 1 && pair[1].waiting == pair[0].waiting + 1));
    queue.pop();
    queue.push(Action::Step(300), Label(0), 0, &mut chooser);
    assert_eq!(chooser.0, [Crowd { waiting: 299, nth: 0 }], "it follows from what was taken");
}

#[test]
fn an_action_that_is_alone_asks_no_choice_and_a_second_asks_for_both() {
    let (mut queue, mut chooser) = (Queue::default(), Counting(0, 3));
    queue.push(Action::Step(0), Label(0), 0, &mut chooser);
    assert_eq!((chooser.0, drain(&mut queue)), (0, Vec::from([0])));
    queue.push(Action::Step(1), Label(0), 1, &mut chooser);
    queue.push(Action::Step(2), Label(0), 2, &mut chooser);
    assert_eq!((chooser.0, drain(&mut queue)), (2, Vec::from([1, 2])));
}

#[test]
fn a_late_arrival_competes_from_the_clock_on() {
    let (mut queue, mut chooser) = (Queue::default(), Counting(0, 10));
    queue.push(Action::Step(0), Label(0), 0, &mut chooser);
    queue.push(Action::Step(1), Label(0), 1, &mut chooser);
    assert_eq!(queue.pop().map(|e| e.action), Some(Action::Step(0)));
    chooser.1 = 0;
    queue.push(Action::Step(2), Label(0), 2, &mut chooser);
    assert_eq!(drain(&mut queue), [1, 2], "rank 0 ties with one that already waited");
}
