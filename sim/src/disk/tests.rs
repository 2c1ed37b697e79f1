//! The disk against what the man pages promise, one call after the other.

use super::*;
use crate::choose::Seeded;
use shakedown_core::choose::{Ask, Calm, Choose};
use shakedown_core::files::{How, Place};
use shakedown_core::site::Site;
use shakedown_core::vocab::FaultKind;
use std::collections::BTreeSet;

/// A disk, and short words for its calls.
struct Hand {
    disk: Disk,
    root: Option<Arc<str>>,
}

impl Hand {
    fn new() -> Hand {
        Hand { disk: Disk::new(DiskConfig::default()), root: None }
    }

    fn place(&self, path: &str) -> Place {
        Place { root: self.root.clone(), path: path.into() }
    }

    fn call(&mut self, call: FileCall) -> Result<FileAnswer, Errno> {
        self.disk.call(call, &mut Calm)
    }

    fn open(&mut self, path: &str, how: How) -> Result<FileId, Errno> {
        let place = self.place(path);
        match self.call(FileCall::Open { place, how })? {
            FileAnswer::Opened(file) => Ok(file),
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, path: &str, text: &str) -> Result<FileId, Errno> {
        let file = self.open(path, APPEND)?;
        self.call(FileCall::Append { file, bytes: text.as_bytes().into() })?;
        Ok(file)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<FileAnswer, Errno> {
        let (from, to) = (self.place(from), self.place(to));
        self.call(FileCall::Rename { from, to })
    }

    fn sync(&mut self, file: FileId) {
        assert_eq!(self.call(FileCall::Sync { file }), Ok(FileAnswer::Done));
    }

    fn sync_folder(&mut self, path: &str) {
        let file = self.open(path, How::Folder).expect("a folder");
        self.sync(file);
        self.disk.close(file);
    }

    fn text(&self, path: &str) -> Option<String> {
        self.disk.content(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

const APPEND: How = How::Append { mode: 0o644 };

/// All that a crash can leave under a name.
fn after_crashes(disk: &Disk, path: &str) -> BTreeSet<Option<String>> {
    let crashed = (0..200).map(|seed| {
        let mut disk = disk.clone();
        disk.crash(&mut Seeded::new(seed));
        disk.content(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    });
    crashed.collect()
}

fn set<const N: usize>(texts: [Option<&str>; N]) -> BTreeSet<Option<String>> {
    texts.into_iter().map(|text| text.map(str::to_owned)).collect()
}

#[test]
fn a_crash_keeps_what_was_synced_and_loses_each_other_piece_or_not() {
    let mut hand = Hand::new();
    let file = hand.write("a", "one").expect("written");
    assert_eq!(after_crashes(&hand.disk, "a"), set([None, Some(""), Some("one")]));
    hand.sync_folder(".");
    assert_eq!(after_crashes(&hand.disk, "a"), set([Some(""), Some("one")]));
    hand.sync(file);
    hand.write("a", "two").expect("written");
    hand.write("a", "X").expect("written");
    let kept = set([Some("one"), Some("onetwo"), Some("one\0\0\0X"), Some("onetwoX")]);
    assert_eq!(after_crashes(&hand.disk, "a"), kept);
}

#[test]
fn a_calm_crash_loses_nothing_and_closes_every_file() {
    let mut hand = Hand::new();
    let file = hand.write("a", "one").expect("written");
    assert_eq!(hand.call(FileCall::Lock { file }), Ok(FileAnswer::Done));
    hand.disk.crash(&mut Calm);
    assert_eq!((hand.text("a").as_deref(), hand.call(FileCall::Sync { file })), (Some("one"), Err(Errno::EBADF)));
    let again = hand.open("a", APPEND).expect("it is there");
    assert_eq!(hand.call(FileCall::Lock { file: again }), Ok(FileAnswer::Done));
}

#[test]
fn a_rename_is_never_seen_by_half_and_rests_on_what_its_folder_holds() {
    let mut hand = Hand::new();
    hand.disk.put("old", b"old");
    let file = hand.write("new", "new").expect("written");
    hand.sync(file);
    hand.rename("new", "old").expect("renamed");
    assert_eq!(after_crashes(&hand.disk, "old"), set([Some("old"), Some("new")]));
    hand.sync_folder("/");
    assert_eq!(after_crashes(&hand.disk, "old"), set([Some("new")]));
    assert_eq!(after_crashes(&hand.disk, "new"), set([None]));
}

#[test]
fn a_synced_folder_says_nothing_of_another_unless_a_rename_joins_them() {
    let mut hand = Hand::new();
    hand.disk.put_folder("a");
    hand.disk.put_folder("b");
    for path in ["a/x", "b/y"] {
        let file = hand.write(path, "text").expect("written");
        hand.sync(file);
    }
    hand.sync_folder("b");
    assert_eq!(after_crashes(&hand.disk, "a/x"), set([None, Some("text")]));
    hand.rename("a/x", "b/x").expect("renamed");
    hand.sync_folder("b");
    assert_eq!(
        (after_crashes(&hand.disk, "b/x"), after_crashes(&hand.disk, "a/x")),
        (set([Some("text")]), set([None]))
    );
}

#[test]
fn a_torn_write_keeps_the_beginning_of_a_piece() {
    let mut hand = Hand::new();
    hand.disk.set_faults([Fault::new(FaultKind::TornWrite, 1.0)].into());
    hand.disk.put("a", b"");
    hand.write("a", "abcd").expect("written");
    let kept = set([Some(""), Some("a"), Some("ab"), Some("abc")]);
    assert_eq!(after_crashes(&hand.disk, "a"), kept);
}

#[test]
fn a_full_disk_takes_a_part_and_makes_no_new_file() {
    let mut hand = Hand { disk: Disk::new(DiskConfig { bytes_max: 5 }), root: None };
    assert_eq!(hand.write("a", "1234567"), Err(Errno::ENOSPC));
    assert_eq!(hand.text("a").as_deref(), Some("12345"));
    hand.call(FileCall::Unlink { place: Place { root: None, path: "a".into() } }).expect("unlinked");
    // The file is still open, and holds its room.
    assert_eq!(hand.write("b", "1"), Err(Errno::ENOSPC));
    hand.disk.close(FileId(0));
    hand.write("b", "1").expect("there is room");
    hand.disk.set_faults([Fault::new(FaultKind::DiskFull, 1.0).on("log")].into());
    hand.disk.put_folder("log");
    let mut always = Seeded::new(1);
    let place = hand.place("log/a");
    let full = hand.disk.call(FileCall::Open { place, how: APPEND }, &mut always);
    let place = hand.place("other");
    let other = hand.disk.call(FileCall::Open { place, how: APPEND }, &mut always);
    assert_eq!((full, other.is_ok()), (Err(Errno::ENOSPC), true));
}

#[test]
fn no_path_leaves_its_root_by_dots_or_links() {
    let mut hand = Hand::new();
    hand.disk.put("/etc/secret", b"secret");
    hand.disk.put("/run/app/file", b"file");
    hand.disk.put_folder("/run/app/sub");
    for (name, target) in [
        ("absolute", "/etc/secret"),
        ("up", "../../etc/secret"),
        ("inside", "sub/../file"),
        ("folder", "../../etc"),
        ("loop", "loop"),
    ] {
        hand.disk.put_link(&format!("/run/app/{name}"), target);
    }
    hand.root = Some("/run/app".into());
    for (path, answer) in [
        ("file", None),
        ("sub/../file", None),
        ("inside", None),
        ("absolute", Some(Errno::EXDEV)),
        ("up", Some(Errno::EXDEV)),
        ("folder/secret", Some(Errno::EXDEV)),
        ("../../etc/secret", Some(Errno::EXDEV)),
        ("/etc/secret", Some(Errno::EXDEV)),
        ("loop", Some(Errno::ELOOP)),
        ("file/x", Some(Errno::ENOTDIR)),
        ("none/x", Some(Errno::ENOENT)),
    ] {
        assert_eq!(hand.open(path, How::Read).err(), answer, "{path}");
    }
    // The link itself is no way out to write through, either.
    assert_eq!(hand.open("up", APPEND), Err(Errno::ELOOP));
}

#[test]
fn names_are_made_moved_and_taken_away_as_the_calls_say() {
    let mut hand = Hand::new();
    hand.disk.put("f", b"f");
    hand.disk.put("d/inner", b"");
    hand.disk.put_folder("empty");
    for (from, to, errno) in [
        ("none", "x", Errno::ENOENT),
        ("f", "d", Errno::EISDIR),
        ("d", "f", Errno::ENOTDIR),
        ("empty", "d", Errno::ENOTEMPTY),
        ("d", "d/below", Errno::EINVAL),
    ] {
        assert_eq!(hand.rename(from, to), Err(errno), "{from} to {to}");
    }
    let place = |path: &str| Place { root: None, path: path.into() };
    assert_eq!(hand.call(FileCall::Unlink { place: place("d") }), Err(Errno::EISDIR));
    assert_eq!(hand.call(FileCall::RemoveFolder { place: place("d") }), Err(Errno::ENOTEMPTY));
    assert_eq!(hand.call(FileCall::RemoveFolder { place: place("f") }), Err(Errno::ENOTDIR));
    assert_eq!(hand.call(FileCall::MakeFolder { place: place("d"), mode: 0o700 }), Err(Errno::EEXIST));
    hand.call(FileCall::RemoveFolder { place: place("empty") }).expect("removed");
    hand.rename("d", "e").expect("renamed");
    assert_eq!(
        (hand.disk.names_in("/"), hand.disk.names_in("e")),
        (vec!["e".into(), "f".into()], vec!["inner".into()])
    );
}

#[test]
fn a_lock_belongs_to_one_open_file_and_goes_with_it() {
    let mut hand = Hand::new();
    let (one, two) = (hand.open("a", APPEND).expect("made"), hand.open("a", APPEND).expect("opened"));
    assert_eq!(hand.call(FileCall::Lock { file: one }), Ok(FileAnswer::Done));
    assert_eq!(hand.call(FileCall::Lock { file: one }), Ok(FileAnswer::Done));
    assert_eq!(hand.call(FileCall::Lock { file: two }), Err(Errno::EAGAIN));
    hand.disk.close(one);
    assert_eq!(hand.call(FileCall::Lock { file: two }), Ok(FileAnswer::Done));
}

#[test]
fn files_that_nothing_leads_to_are_forgotten() {
    let mut hand = Hand::new();
    for n in 0..1000 {
        let file = hand.write("temp", "text").expect("written");
        hand.sync(file);
        hand.rename("temp", "kept").expect("renamed");
        hand.sync_folder(".");
        hand.disk.close(file);
        assert!(hand.disk.nodes.len() < 200, "{n}: {}", hand.disk.nodes.len());
    }
}

/// So that a draw is never asked for in vain: a chooser that must not be asked.
struct Silent;

impl Choose for Silent {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, site: Site, _: Ask) -> u32 {
        panic!("asked at {site:?}")
    }
}

#[test]
fn without_faults_and_crashes_a_disk_asks_nothing() {
    let mut disk = Disk::new(DiskConfig::default());
    let place = Place { root: None, path: "a".into() };
    disk.call(FileCall::Open { place, how: APPEND }, &mut Silent).expect("opened");
    disk.call(FileCall::Append { file: FileId(0), bytes: b"a"[..].into() }, &mut Silent).expect("written");
    disk.call(FileCall::Sync { file: FileId(0) }, &mut Silent).expect("synced");
    let place = Place { root: None, path: "/".into() };
    let folder = disk.call(FileCall::Open { place, how: How::Folder }, &mut Silent);
    assert_eq!(folder, Ok(FileAnswer::Opened(FileId(1))));
    disk.call(FileCall::Sync { file: FileId(1) }, &mut Silent).expect("synced");
    disk.crash(&mut Silent);
    assert_eq!(disk.content("a"), Some(&b"a"[..]));
}
