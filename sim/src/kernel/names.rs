//! Worker-scoped names (`server/helper`), each built once and shared by every process that bears it.
//! A cache that outlives simulations: births are frequent, and formatting a name costs more than all the rest of one.

use shakedown_core::site::hash_name;
use std::sync::Arc;

/// A direct-mapped cache: a name that loses its place is built again, nothing else changes.
pub(super) struct Names {
    pub(super) init: Arc<str>,
    pub(super) host: Arc<str>,
    places: Vec<Option<Entry>>,
}

struct Entry {
    worker: Arc<str>,
    full: Arc<str>,
}

impl Names {
    const PLACES: usize = 256;

    pub(super) fn new() -> Names {
        Names { init: "init".into(), host: "host".into(), places: (0..Self::PLACES).map(|_| None).collect() }
    }

    /// `worker/own`. The hash of both decides the place.
    pub(super) fn full(&mut self, worker: &Arc<str>, own: &str, own_hash: u64) -> Arc<str> {
        let key = (hash_name(worker) ^ own_hash.rotate_left(7)) as usize;
        let place = &mut self.places[key % Self::PLACES];
        if let Some(entry) = place
            && entry.worker == *worker
            && entry.full.len() == worker.len() + 1 + own.len()
            && entry.full.ends_with(own)
        {
            return entry.full.clone();
        }
        let full: Arc<str> = format!("{worker}/{own}").into();
        *place = Some(Entry { worker: worker.clone(), full: full.clone() });
        full
    }
}
