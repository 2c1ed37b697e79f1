//! What a journal says of a session whose supervisor was killed: which incarnations it has begun and never told the end of. Attached
//! processes die with their supervisor, so they are over; how, nobody saw.

use super::{Entry, What};
use crate::time::Duration;
use crate::vocab::{ExitStatus, Reason, WorkerState};
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The ends that nobody has told, as records that tell them now: `failed`, with the status `unknown` and `unobserved = true`.
///
/// ```
/// use shakedown_core::journal::{Entry, unseen_ends};
/// use shakedown_core::time::Duration;
/// let mut spawned = Entry::event(Duration::ZERO, &"shop".into(), "spawn");
/// (spawned.worker, spawned.incarnation) = (Some("api".into()), 1);
/// let unseen = unseen_ends(&[spawned], Duration::from_secs(60));
/// assert_eq!((unseen[0].word(), unseen[0].detail("status")), ("failed", Some("unknown")));
/// ```
pub fn unseen_ends(entries: &[Entry], now: Duration) -> Vec<Entry> {
    let mut open = BTreeMap::new();
    for entry in entries {
        let (Some(worker), What::Event { word, .. }) = (&entry.worker, &entry.what) else { continue };
        let key = (&entry.session, worker);
        let is_end = WorkerState::ALL.iter().any(|state| state.is_terminal() && state.word() == &**word);
        if **word == *"spawn" {
            open.insert(key, entry);
        } else if is_end {
            open.remove(&key);
        }
    }
    // In the order in which they were begun.
    let mut open: Vec<&Entry> = open.into_values().collect();
    open.sort_by_key(|entry| entry.cursor);
    open.into_iter().map(|spawned| unseen_end(spawned, now)).collect()
}

fn unseen_end(spawned: &Entry, now: Duration) -> Entry {
    let details = [
        ("status", ExitStatus::Unknown.to_string()),
        ("reason", Reason::RuntimeError.word().into()),
        ("unobserved", "true".into()),
    ];
    let details = details.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let what = What::Event { word: WorkerState::Failed.word().into(), details };
    Entry { cursor: 0, time: now, what, ..spawned.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::sync::Arc;

    fn told(said: &[(&str, u32, &str)]) -> Vec<Entry> {
        let entry = |(cursor, (worker, incarnation, word)): (usize, &(&str, u32, &str))| {
            let mut entry = Entry::event(Duration::ZERO, &"shop".into(), word);
            entry.cursor = cursor as u64;
            if *incarnation > 0 {
                (entry.worker, entry.incarnation) = (Some(Arc::from(*worker)), *incarnation);
            }
            entry
        };
        said.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn what_was_begun_and_never_ended_is_told_once_in_the_order_of_its_beginning() {
        for (said, unseen) in [
            (&[][..], &[][..]),
            (&[("", 0, "started"), ("b", 1, "spawn"), ("a", 1, "spawn")], &[("b", 1), ("a", 1)]),
            (&[("a", 1, "spawn"), ("a", 1, "exited")], &[("a", 1)]),
            (&[("a", 1, "spawn"), ("a", 1, "finished")], &[]),
            (&[("a", 1, "spawn"), ("a", 1, "failed"), ("a", 1, "backoff"), ("a", 2, "spawn")], &[("a", 2)]),
            // Told by an earlier recovery; then a new session begins with the same numbers.
            (&[("a", 1, "spawn"), ("a", 1, "failed"), ("", 0, "started"), ("a", 1, "spawn")], &[("a", 1)]),
            (&[("a", 1, "spawn"), ("", 0, "stop-requested"), ("a", 1, "stopped"), ("", 0, "stopped")], &[]),
        ] {
            let found = unseen_ends(&told(said), Duration::ZERO);
            let found: Vec<(&str, u32)> =
                found.iter().map(|entry| (entry.worker.as_deref().expect("a worker"), entry.incarnation)).collect();
            assert_eq!(found, unseen, "{said:?}");
        }
    }
}
