//! What a program claims of itself while it runs: that something always holds, that it happens in some run, that it happens before the
//! run is over. Whoever plays the runs holds it to that; for real nobody asks, and it costs next to nothing.

use super::TaskCx;
use crate::choose::Ask;
use crate::reactor::Reactor;
use crate::site::Kind;
use crate::time::Instant;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// What the tasks of a run have claimed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// Claims of [`TaskCx::always`] that did not hold, in order.
    pub broken: Vec<Claim>,
    /// Claims of [`TaskCx::sometimes`], and whether they held this time.
    pub sometimes: BTreeMap<&'static str, bool>,
    /// Claims of [`TaskCx::eventually`], and whether they were kept.
    pub promises: Vec<(Claim, bool)>,
}

/// A claim, by whom and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// In the program's words.
    pub what: &'static str,
    /// The name of the task.
    pub by: String,
    /// When it was made.
    pub at: Instant,
}

impl Claims {
    /// The first one that was not kept, and in which way, once the run is over.
    pub fn first_broken(&self) -> Option<(&'static str, &Claim)> {
        let unkept = self.promises.iter().find(|(_, kept)| !kept).map(|(claim, _)| ("eventually", claim));
        self.broken.first().map(|claim| ("always", claim)).or(unkept)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.broken.is_empty() && self.sometimes.is_empty() && self.promises.is_empty()
    }
}

/// Something that is to happen before the run is over.
#[must_use = "a promise that nobody keeps fails the run"]
pub struct Promise {
    reactor: Rc<Reactor>,
    at: usize,
}

impl Promise {
    /// It has happened.
    pub fn keep(self) {
        if let Some((_, kept)) = self.reactor.claims.borrow_mut().promises.get_mut(self.at) {
            *kept = true;
        }
    }
}

impl TaskCx {
    /// Claims that this holds whenever it is asked. A run in which it does not fails.
    pub fn always(&self, holds: bool, what: &'static str) {
        if !holds {
            let claim = self.claim(what);
            self.reactor.claims.borrow_mut().broken.push(claim);
        }
    }

    /// Claims that this holds in some run. A sweep in which it never does has not tested what it was meant to.
    pub fn sometimes(&self, holds: bool, what: &'static str) {
        *self.reactor.claims.borrow_mut().sometimes.entry(what).or_default() |= holds;
    }

    /// Claims that something will happen before the run is over: [`Promise::keep`] says that it has.
    pub fn eventually(&self, what: &'static str) -> Promise {
        let claim = self.claim(what);
        let mut claims = self.reactor.claims.borrow_mut();
        claims.promises.push((claim, false));
        Promise { reactor: self.reactor.clone(), at: claims.promises.len() - 1 }
    }

    /// Whether something rare is to happen here, one time in four: a point at which a program that is tested does what is allowed and
    /// seldom done, as to return early, to wait, to find its buffer full (FoundationDB's BUGGIFY). A choice: no in a calm run, and for real.
    pub fn buggify(&self) -> bool {
        self.reactor.draw(self.task, Kind::Buggify, Ask::Chance { per_million: BUGGIFY }) == 1
    }

    fn claim(&self, what: &'static str) -> Claim {
        let tasks = self.reactor.tasks.borrow();
        let by = tasks.name_of(self.task).map_or_else(String::new, |name| name.as_str().to_owned());
        Claim { what, by, at: self.now() }
    }
}

const BUGGIFY: u32 = 250_000;
