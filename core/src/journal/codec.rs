//! Records as bytes: a mark, a length, a checksum, and what is told. Whatever was torn or spoiled is passed over up to the next record
//! that is whole, and named.
//!
//! ```text
//! a5 53 6a 1e | length: u32 | crc32 of length and content: u32 | content
//! content: version u8 = 1, cursor u64, nanoseconds u64, session text, worker (u8, text), incarnation u32, what, tags
//! what: 0, word text, details | 1, stream u8, complete u8, bytes      text, bytes: u32, so many bytes      details, tags: u32, texts in pairs
//! ```
//! Numbers are little-endian. The form is a contract: files outlive programs.

use super::entry::{Entry, What};
use crate::time::{Duration, nanos};
use crate::vocab::Stream;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// Appends a record.
///
/// # Errors
/// [`TooLong`], and nothing is appended.
pub fn encode(entry: &Entry, into: &mut Vec<u8>) -> Result<(), TooLong> {
    let start = into.len();
    into.extend_from_slice(&MARK);
    into.extend_from_slice(&[0; 8]);
    content(entry, into);
    let len = into.len() - start - HEAD;
    if len > LEN_MAX {
        into.truncate(start);
        return Err(TooLong(len));
    }
    into[start + 4..start + 8].copy_from_slice(&(len as u32).to_le_bytes());
    let check = checksum(&into[start + 4..start + 8], &into[start + HEAD..]);
    into[start + 8..start + HEAD].copy_from_slice(&check.to_le_bytes());
    Ok(())
}

/// A record of more than [`LEN_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong(pub usize);

fn content(entry: &Entry, into: &mut Vec<u8>) {
    into.push(VERSION);
    into.extend_from_slice(&entry.cursor.to_le_bytes());
    into.extend_from_slice(&nanos(entry.time).to_le_bytes());
    put(entry.session.as_bytes(), into);
    into.push(u8::from(entry.worker.is_some()));
    put(entry.worker.as_deref().unwrap_or_default().as_bytes(), into);
    into.extend_from_slice(&entry.incarnation.to_le_bytes());
    match &entry.what {
        What::Event { word, details } => {
            into.push(0);
            put(word.as_bytes(), into);
            put_pairs(details, into);
        }
        What::Line { stream, bytes, complete } => {
            into.extend_from_slice(&[1, *stream as u8, u8::from(*complete)]);
            put(bytes, into);
        }
    }
    put_pairs(&entry.tags, into);
}

fn put(bytes: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    into.extend_from_slice(bytes);
}

fn put_pairs(pairs: &BTreeMap<String, String>, into: &mut Vec<u8>) {
    into.extend_from_slice(&(pairs.len() as u32).to_le_bytes());
    for (key, value) in pairs {
        put(key.as_bytes(), into);
        put(value.as_bytes(), into);
    }
}

/// What is at the beginning of some bytes.
#[derive(Clone, PartialEq, Debug)]
pub enum Head {
    /// A record, and how long it is.
    Record(Entry, usize),
    /// Nothing that is whole, so far: more may come.
    Unfinished,
    /// Something that no record begins with.
    Damaged,
}

/// Reads the record at the beginning of `bytes`.
pub fn head(bytes: &[u8]) -> Head {
    let known = bytes.len().min(MARK.len());
    if bytes[..known] != MARK[..known] {
        return Head::Damaged;
    }
    let Some(len) = bytes.get(4..8).map(number) else { return Head::Unfinished };
    let len = len as usize;
    if len > LEN_MAX {
        return Head::Damaged;
    }
    let (Some(check), Some(content)) = (bytes.get(8..HEAD), bytes.get(HEAD..HEAD + len)) else {
        return Head::Unfinished;
    };
    if checksum(&bytes[4..8], content) != number(check) {
        return Head::Damaged;
    }
    match decode(content) {
        Some(entry) => Head::Record(entry, HEAD + len),
        None => Head::Damaged,
    }
}

/// Where the next whole record after the first byte begins.
pub fn resume(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|at| bytes[*at] == MARK[0] && matches!(head(&bytes[*at..]), Head::Record(..)))
}

/// All that is in the bytes of a journal.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scan {
    /// The records, in order.
    pub entries: Vec<Entry>,
    /// What was passed over because it is no record, and records follow.
    pub damaged: Vec<Range<usize>>,
    /// Up to where it is whole: what follows is a record that was torn, or not yet written to its end.
    pub whole: usize,
}

/// Reads records up to the end, passes over what is damaged, and finds the torn tail.
pub fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    loop {
        match head(&bytes[scan.whole..]) {
            Head::Record(entry, len) => {
                scan.entries.push(entry);
                scan.whole += len;
            }
            Head::Unfinished | Head::Damaged => match resume(&bytes[scan.whole..]) {
                Some(skip) => {
                    scan.damaged.push(scan.whole..scan.whole + skip);
                    scan.whole += skip;
                }
                None => return scan,
            },
        }
    }
}

fn decode(content: &[u8]) -> Option<Entry> {
    let mut reader = Reader(content);
    let version = reader.byte()?;
    let cursor = u64::from_le_bytes(reader.array()?);
    let time = Duration::from_nanos(u64::from_le_bytes(reader.array()?));
    let session: Arc<str> = reader.text()?.into();
    let has_worker = reader.flag()?;
    let worker = reader.text()?;
    let incarnation = u32::from_le_bytes(reader.array()?);
    let what = match reader.byte()? {
        0 => What::Event { word: reader.text()?.into(), details: reader.pairs()? },
        1 => {
            let stream = *Stream::BOTH.get(usize::from(reader.byte()?))?;
            let complete = reader.flag()?;
            What::Line { stream, complete, bytes: reader.bytes()?.into() }
        }
        _ => return None,
    };
    let tags = reader.pairs()?;
    let (worker, worker_is_empty) = (has_worker.then(|| worker.into()), worker.is_empty());
    let entry = Entry { cursor, time, session, worker, incarnation, what, tags };
    (version == VERSION && reader.0.is_empty() && (has_worker || worker_is_empty)).then_some(entry)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_le_bytes(self.array()?);
        self.take(len as usize)
    }

    fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }

    fn pairs(&mut self) -> Option<BTreeMap<String, String>> {
        let mut pairs = BTreeMap::new();
        for _ in 0..u32::from_le_bytes(self.array()?) {
            let (key, value) = (String::from(self.text()?), String::from(self.text()?));
            // In their order and each once, so that there is one form of a record.
            if pairs.last_key_value().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            pairs.insert(key, value);
        }
        Some(pairs)
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// CRC-32 of ISO 3309, as zlib and gzip have it: finds every burst of up to 32 bits, and all but one in four milliards of other damage.
pub(crate) fn checksum(first: &[u8], second: &[u8]) -> u32 {
    let bytes = first.iter().chain(second);
    !bytes.fold(!0, |crc, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

const MARK: [u8; 4] = [0xa5, b'S', b'j', 0x1e];
const HEAD: usize = 12;
const VERSION: u8 = 1;
/// Bytes that the content of one record may have: the longest piece of a line, and room for what is told about it.
pub const LEN_MAX: usize = 1 << 21;

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let session: Arc<str> = "shop".into();
        let mut exited = Entry::event(Duration::from_nanos(5), &session, "exited");
        exited.what = What::Event { word: "exited".into(), details: [("status".into(), "exited(0)".into())].into() };
        (exited.worker, exited.incarnation) = (Some("api".into()), 3);
        let line = |bytes: &[u8]| Entry::line(Duration::MAX, &session, &"api".into(), Stream::Stderr, bytes);
        let mut tagged = line(b"\xff\xfe\0 not UTF-8 \xa5Sj\x1e");
        tagged.tags = [("k".into(), "v".into()), (String::new(), String::new())].into();
        let mut unfinished = line(b"no newline");
        if let What::Line { complete, .. } = &mut unfinished.what {
            *complete = false;
        }
        let mut all = [exited, line(b""), tagged, unfinished, line(&[b'x'; 100_000])].to_vec();
        // A duration beyond what fits is kept as the longest that does.
        all.iter_mut().for_each(|entry| entry.time = Duration::from_nanos(nanos(entry.time)));
        all.iter_mut().zip(7..).for_each(|(entry, cursor)| entry.cursor = cursor);
        all
    }

    fn bytes(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for entry in entries {
            encode(entry, &mut bytes).expect("it is short enough");
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    #[test]
    fn what_was_written_is_read_again() {
        let (bytes, _) = bytes(&entries());
        assert_eq!(scan(&bytes), Scan { entries: entries(), damaged: Vec::new(), whole: bytes.len() });
    }

    #[test]
    fn a_torn_tail_loses_the_torn_record_and_no_other() {
        let all = &entries()[..4];
        let (bytes, ends) = bytes(all);
        for len in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end <= len).count();
            let found = scan(&bytes[..len]);
            assert_eq!((&found.entries[..], &found.damaged[..]), (&all[..whole], &[][..]), "{len}");
            assert_eq!(found.whole, if whole == 0 { 0 } else { ends[whole - 1] });
        }
    }

    #[test]
    fn a_spoiled_byte_loses_its_own_record_and_is_named() {
        let all = &entries()[..4];
        let (bytes, ends) = bytes(all);
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            let hit = ends.iter().position(|end| at < *end).expect("it is in a record");
            let found = scan(&bytes);
            let others: Vec<&Entry> = all.iter().enumerate().filter(|(n, _)| *n != hit).map(|(_, e)| e).collect();
            assert_eq!(found.entries.iter().collect::<Vec<_>>(), others, "byte {at}");
            let from = if hit == 0 { 0 } else { ends[hit - 1] };
            match hit == all.len() - 1 {
                true => assert_eq!(found.whole, from),
                false => assert_eq!(found.damaged, core::iter::once(from..ends[hit]).collect::<Vec<_>>()),
            }
        }
    }

    #[test]
    fn what_is_too_long_is_refused_and_leaves_nothing() {
        let entry = Entry::line(Duration::ZERO, &"s".into(), &"w".into(), Stream::Stdout, &alloc::vec![0; LEN_MAX]);
        let mut bytes = alloc::vec![1, 2];
        assert!(encode(&entry, &mut bytes).is_err_and(|TooLong(len)| len > LEN_MAX));
        assert_eq!(bytes, [1, 2]);
    }

    #[test]
    fn the_checksum_is_that_of_gzip() {
        assert_eq!(checksum(b"1234", b"56789"), 0xcbf4_3926);
    }

    #[test]
    fn the_form_is_a_contract() {
        let mut entry = Entry::line(Duration::from_nanos(2), &"s".into(), &"w".into(), Stream::Stdout, b"hi");
        (entry.cursor, entry.incarnation) = (1, 3);
        let (bytes, _) = bytes(&[entry]);
        let content = b"\x01\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0s\x01\x01\0\0\0w\x03\0\0\0\x01\0\x01\x02\0\0\0hi\0\0\0\0";
        assert_eq!(
            (&bytes[..4], &bytes[4..8], &bytes[12..]),
            (&MARK[..], &[content.len() as u8, 0, 0, 0][..], &content[..])
        );
    }
}
