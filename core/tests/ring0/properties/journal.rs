//! The journal's records as bytes: what was written is read again, and of what was torn or spoiled nothing else is lost.

use crate::properties::config;
use proptest::prelude::*;
use shakedown_core::journal::{Entry, Head, What, encode, head, scan};
use shakedown_core::time::Duration;
use shakedown_core::vocab::Stream;
use std::collections::BTreeMap;

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(".{0,5}", ".{0,9}", 0..3)
}

fn whats() -> impl Strategy<Value = What> {
    let bytes = proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xa5), Just(b'\n')], 0..30);
    prop_oneof![
        (".{0,9}", pairs()).prop_map(|(word, details)| What::Event { word: word.into(), details }),
        (any::<bool>(), bytes, any::<bool>()).prop_map(|(stderr, bytes, complete)| {
            let stream = if stderr { Stream::Stderr } else { Stream::Stdout };
            What::Line { stream, bytes: bytes.into(), complete }
        }),
    ]
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let worker = proptest::option::of(".{0,5}");
    let entry = (any::<u64>(), any::<u64>(), ".{0,5}", worker, any::<u32>(), whats(), pairs());
    let entry = entry.prop_map(|(cursor, ns, session, worker, incarnation, what, tags)| Entry {
        cursor,
        time: Duration::from_nanos(ns),
        session: session.into(),
        worker: worker.map(Into::into),
        incarnation,
        what,
        tags,
    });
    proptest::collection::vec(entry, 1..6)
}

/// The bytes of a journal, and where each record ends.
fn written(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let end = |entry: &Entry| {
        encode(entry, &mut bytes).expect("it is short");
        bytes.len()
    };
    let ends = entries.iter().map(end).collect();
    (bytes, ends)
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn what_was_written_is_read_again_record_by_record(entries in entries()) {
        let (bytes, ends) = written(&entries);
        let scanned = scan(&bytes);
        prop_assert_eq!(&scanned.entries, &entries);
        prop_assert!(scanned.damaged.is_empty() && scanned.whole == bytes.len());
        prop_assert_eq!(head(&bytes), Head::Record(entries[0].clone(), ends[0]));
    }

    #[test]
    fn a_torn_tail_loses_what_was_torn_and_no_more(entries in entries(), cut in any::<prop::sample::Index>()) {
        let (bytes, ends) = written(&entries);
        let cut = cut.index(bytes.len());
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let scanned = scan(&bytes[..cut]);
        prop_assert_eq!(&scanned.entries[..], &entries[..whole]);
        prop_assert_eq!(scanned.whole, whole.checked_sub(1).map_or(0, |last| ends[last]));
    }

    #[test]
    fn a_spoiled_byte_costs_one_record_and_junk_between_costs_none(
        entries in entries(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        junk in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let (mut bytes, ends) = written(&entries);
        let at = at.index(bytes.len());
        let hit = ends.iter().filter(|end| **end <= at).count();
        bytes[at] ^= flip;
        let mut rest = entries.clone();
        rest.remove(hit);
        prop_assert_eq!(&scan(&bytes).entries, &rest);
        bytes[at] ^= flip;
        let between = ends[hit];
        bytes.splice(between..between, junk);
        prop_assert_eq!(&scan(&bytes).entries, &entries);
    }

    #[test]
    fn no_bytes_are_a_panic_and_reading_goes_forward(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xa5), Just(0x53), Just(0x6a), Just(0x1e), Just(0)], 0..200)) {
        let scanned = scan(&bytes);
        prop_assert!(scanned.whole <= bytes.len());
        let mut from = 0;
        for range in &scanned.damaged {
            prop_assert!(from <= range.start && range.start < range.end && range.end <= scanned.whole, "{:?}", scanned.damaged);
            from = range.end;
        }
    }
}
