//! Which way each deadline of a session has gone, over the runs of a sweep: kept, missed, or met in the very instant in which time was up.
//! A race that has only ever gone one way was not tested, whatever the oracles say.
//!
//! What is told of a run is enough to know. A deadline that was given up for another reason, as that of a worker that is killed by hand,
//! does not count; where the session's budget leaves less time than the grace, it is the budget that runs.

mod watch;

pub(super) use watch::count;

use shakedown_core::task::Ways;
use shakedown_core::vocab::SessionSpec;

/// How often the deadlines of a session went which way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Deadlines {
    /// The stop budget, where it leaves somebody less time than the grace does: nobody had to be killed for its sake; somebody had to.
    pub budget: Ways,
    /// Those of each worker of the plan.
    pub workers: Vec<OfWorker>,
}

/// How often the deadlines of one worker went which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OfWorker {
    /// It became ready in time; it did not, and was stopped.
    pub ready: Ways,
    /// Its pre-stop hook was over in time; it was cut off.
    pub hook: Ways,
    /// Its leader ended before the grace did; it was killed.
    pub grace: Ways,
    /// Its output came to its end; it was given up. Only where the output outlives the leader: a member of the scope that holds it counts
    /// as well.
    pub drain: Ways,
    /// What a proxy had accepted came to its end; it was cut.
    pub proxy_drain: Ways,
}

impl Deadlines {
    /// Of so many workers, none of whose deadlines ever ran.
    pub(super) fn new(workers: usize) -> Deadlines {
        Deadlines { budget: Ways::default(), workers: vec![OfWorker::default(); workers] }
    }

    /// Those that ever ran, with what they are called.
    pub fn ran(&self, session: &SessionSpec) -> Vec<(String, Ways)> {
        let of_worker =
            |(name, of): (&str, &OfWorker)| of.each().map(|(what, ways)| (format!("{what} of {name}"), ways));
        let names = session.workers.iter().map(|worker| &*worker.name);
        let budget = ("stop budget of the session".to_owned(), self.budget);
        let all = std::iter::once(budget).chain(names.zip(&self.workers).flat_map(of_worker));
        all.filter(|(_, ways)| ways.ran()).collect()
    }

    pub(super) fn add(&mut self, other: &Deadlines) {
        self.budget.add(other.budget);
        self.workers.resize(other.workers.len(), OfWorker::default());
        for (all, some) in self.workers.iter_mut().zip(&other.workers) {
            let each = [&mut all.ready, &mut all.hook, &mut all.grace, &mut all.drain, &mut all.proxy_drain];
            each.into_iter().zip(some.each()).for_each(|(all, (_, some))| all.add(some));
        }
    }
}

impl OfWorker {
    fn each(&self) -> [(&'static str, Ways); 5] {
        [
            ("readiness", self.ready),
            ("pre-stop hook", self.hook),
            ("grace", self.grace),
            ("drain", self.drain),
            ("proxy drain", self.proxy_drain),
        ]
    }
}

#[cfg(test)]
mod tests;
