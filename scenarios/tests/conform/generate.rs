//! From a seed and a number to a program, and from a program that fails to a smaller one that fails too.

use super::calm;
use super::program::{Family, Program};
use super::race::{is_as_promised, without, without_races};
use super::racy;
use super::verbs::{around, is_last};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shakedown::core::puppet::Verb;

/// One program in so many is calm.
const CALM_EVERY: u64 = 4;

/// Draws programs. The same seed and number draw the same program, wherever and in whatever order.
pub struct Generator {
    racy: BoxedStrategy<racy::Drawn>,
    calm: BoxedStrategy<calm::Drawn>,
}

/// A program that can be shrunk.
pub type Tree = Box<dyn ValueTree<Value = Program>>;

impl Generator {
    pub fn new() -> Generator {
        Generator { racy: racy::drawn_program(), calm: calm::drawn_program() }
    }

    /// The program of this number.
    pub fn tree(&self, seed: u64, number: u64) -> Tree {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&number.to_le_bytes());
        let config = Config { failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &key));
        let tree = if number.is_multiple_of(CALM_EVERY) {
            self.calm.clone().prop_map(move |drawn| calm::program(&drawn, number)).boxed().new_tree(&mut runner)
        } else {
            self.racy.clone().prop_map(move |drawn| racy::program(&drawn, number)).boxed().new_tree(&mut runner)
        };
        tree.expect("no strategy of ours rejects what it has drawn")
    }
}

/// The smallest program found for which `fails` still says yes, as long as `goes_on` does. First proptest takes away what it drew,
/// then verbs and stimuli are taken away one by one.
pub fn shrink(mut tree: Tree, goes_on: &dyn Fn() -> bool, fails: &mut dyn FnMut(&Program) -> bool) -> Program {
    let mut best = tree.current();
    let mut more = tree.simplify();
    while more && goes_on() {
        let candidate = tree.current();
        more = if candidate == best || fails(&candidate) {
            best = candidate;
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    'again: while goes_on() {
        for candidate in lessened(&best) {
            if goes_on() && fails(&candidate) {
                best = candidate;
                continue 'again;
            }
        }
        break;
    }
    best
}

/// The program without one verb, with a block in the place of the verb that it belongs to, or without one stimulus. The last stimulus
/// stays: it ends what would not end. Where a calm program would get a race, what races goes too.
pub fn lessened(program: &Program) -> Vec<Program> {
    let mut places = Vec::new();
    every_place(&program.script, &mut Vec::new(), &mut places);
    let scripts = places.iter().flat_map(|at| [without(&program.script, at), unwrapped(&program.script, at)]);
    let scripts = scripts.map(|script| match program.family {
        Family::Racy => script,
        Family::Calm => without_races(&script),
    });
    let scripts = scripts
        .filter(|script| *script != program.script)
        .map(|script| Program { script: cut_behind_the_last(&script), ..program.clone() });
    let stimuli = (0..program.stimuli.len().saturating_sub(1)).map(|at| {
        let mut less = program.clone();
        less.stimuli.remove(at);
        less
    });
    let knows_its_triggers = |less: &Program| {
        let names = super::tidy::processes(&less.script);
        let whose = |when: &String| when.split(' ').next().map(str::to_owned);
        let mut subjects = less.stimuli.iter().filter_map(|stimulus| stimulus.when.as_ref().and_then(whose));
        subjects.all(|subject| subject == "w" || names.contains(&subject))
    };
    scripts.chain(stimuli).filter(|less| is_as_promised(less) && knows_its_triggers(less)).collect()
}

/// The script with a verb's block in its place; the same where it has none.
fn unwrapped(script: &[Verb], at: &[usize]) -> Vec<Verb> {
    let mut script = script.to_vec();
    match at {
        [] => {}
        [last] => {
            if let Some(body) = script[*last].block().cloned() {
                script.splice(*last..=*last, body.iter().cloned());
            }
        }
        [outer, rest @ ..] => {
            let body = script[*outer].block().expect("a place inside of a verb that has a block");
            script[*outer] = around(&script[*outer], unwrapped(body, rest));
        }
    }
    script
}

fn cut_behind_the_last(block: &[Verb]) -> Vec<Verb> {
    let end = block.iter().position(is_last).map_or(block.len(), |at| at + 1);
    let cut = |verb: &Verb| verb.block().map_or_else(|| verb.clone(), |body| around(verb, cut_behind_the_last(body)));
    block[..end].iter().map(cut).collect()
}

fn every_place(block: &[Verb], outer: &mut Vec<usize>, places: &mut Vec<Vec<usize>>) {
    for (at, verb) in block.iter().enumerate() {
        outer.push(at);
        places.push(outer.clone());
        if let Some(body) = verb.block() {
            every_place(body, outer, places);
        }
        outer.pop();
    }
}
