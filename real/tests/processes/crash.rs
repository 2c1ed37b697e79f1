//! A writer that is killed at random moments: whatever it was doing, no reader ever sees half a status, and every record that it was told
//! to be written is read again, once. SHAKEDOWN_CRASHES says how often; ten times where it says nothing.

use crate::cases::cases;
use crate::files::{Folder, play};
use shakedown_core::journal::{Entry, Filter, Journal, Keep, What, read};
use shakedown_core::snapshot::{Kind, Snapshot};
use shakedown_core::status::{parse, render};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Stream, WorkerState};
use shakedown_real::chooser::RealChooser;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

cases! {
    a_writer_that_is_killed_at_any_moment_leaves_whole_files,
}

/// Writes for ever, where this program was started to do so; says each number that is safe.
pub fn play_writer() {
    let Some(folder) = std::env::var_os(WRITER) else { return };
    let folder = folder.into_string().expect("a name in UTF-8");
    let writes = play(move |cx| async move {
        let fs = cx.files().rooted(&folder);
        let (mut journal, _) = Journal::open(fs.clone(), KEEP).await.expect("it opens");
        loop {
            let mut entries = [(); 3].map(|()| Entry::line(cx.wall(), &"s".into(), &"w".into(), Stream::Stdout, b""));
            for (entry, cursor) in entries.iter_mut().zip(journal.next_cursor()..) {
                entry.what =
                    What::Line { stream: Stream::Stdout, bytes: text(cursor).as_bytes().into(), complete: true };
            }
            journal.append(&mut entries).await.expect("written");
            println!("{}", journal.next_cursor());
            std::io::stdout().flush().expect("somebody reads");
            let status = Snapshot::new(&text(journal.next_cursor()), Kind::Session, WorkerState::Running);
            fs.write_atomic("status", render(&status)).await.expect("written");
        }
    });
    let _ = shakedown_real::host::block_on(writes);
}

/// What a record says: its number, in a length of its own.
fn text(cursor: u64) -> String {
    format!("{cursor}:{}", "x".repeat((cursor % 97) as usize * 7))
}

async fn a_writer_that_is_killed_at_any_moment_leaves_whole_files() {
    let folder = Folder::new("crash");
    let crashes = std::env::var("SHAKEDOWN_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(CRASHES);
    let over = Arc::new(AtomicBool::new(false));
    let reader = {
        let (status, over) = (folder.path().join("status"), over.clone());
        std::thread::spawn(move || reads_status(&status, &over))
    };
    let mut draws = RealChooser::new(7).stream(0);
    let mut safe = 0;
    for crash in 0..crashes {
        let acks = draws.bits() % 8;
        let said = killed_after(folder.path(), acks, draws.bits() % 2000);
        assert!(said >= safe, "crash {crash}: {said} after {safe}");
        safe = said;
        check(folder.text().to_owned(), safe).await;
    }
    over.store(true, Ordering::Relaxed);
    let reads = reader.join().expect("every status was whole");
    println!("{crashes} crashes, {safe} records, {reads} reads of the status");
    assert!(safe > 0 && reads > 0);
}

/// Starts a writer, lets it say so many numbers and go on for a moment, kills it, and answers with the last number it has said.
fn killed_after(folder: &Path, acks: u64, moment: u64) -> u64 {
    let mut writer = Command::new(std::env::current_exe().expect("our own name"))
        .env(WRITER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(writer.stdout.take().expect("a pipe")).lines();
    let mut last = 0;
    let mut hear = |line: Option<std::io::Result<String>>| match line {
        Some(line) => {
            // The last line may be cut off by the kill, and says nothing then.
            last = line.ok().and_then(|line| line.parse().ok()).unwrap_or(last).max(last);
            true
        }
        None => false,
    };
    for _ in 0..=acks {
        assert!(hear(said.next()), "it writes until it is killed");
    }
    for _ in 0..moment {
        std::thread::yield_now();
    }
    writer.kill().expect("it is ours, and was not waited for");
    writer.wait().expect("it is ours");
    while hear(said.next()) {}
    last
}

/// Every record below `safe` is there, each once, and says what it was to say; and the journal goes on.
async fn check(folder: String, safe: u64) {
    play(move |cx| async move {
        let fs = cx.files().rooted(&folder);
        let before = read(&fs, 0, &Filter::all()).await.expect("it is read");
        for (entry, cursor) in before.entries.iter().zip(0..) {
            let what = What::Line { stream: Stream::Stdout, bytes: text(cursor).as_bytes().into(), complete: true };
            assert_eq!((entry.cursor, &entry.what), (cursor, &what));
        }
        assert!(before.next >= safe, "{} of {safe}", before.next);
        let (journal, recovered) = Journal::open(fs.clone(), KEEP).await.expect("it opens");
        assert_eq!((journal.next_cursor(), recovered.damaged), (before.next, Vec::new()));
        // Whoever writes next takes over what a crash has left beside the file.
        let temps = fs.list(".").await.expect("a folder").into_iter().filter(|name| name.contains(".tmp-"));
        assert!(temps.count() <= 1);
    })
    .await;
}

/// Reads the status again and again; how often.
fn reads_status(path: &Path, over: &AtomicBool) -> u64 {
    let mut reads = 0;
    while !over.load(Ordering::Relaxed) {
        match fs::read(path) {
            Ok(bytes) => {
                assert!(parse(&bytes).is_ok(), "{:?}", String::from_utf8_lossy(&bytes));
                reads += 1;
            }
            Err(_) => assert_eq!(reads, 0, "it was there before"),
        }
        std::thread::yield_now();
    }
    reads
}

const WRITER: &str = "SHAKEDOWN_TEST_WRITER";
const CRASHES: u32 = 10;
/// Files of a few hundred records.
const KEEP: Keep = Keep { file_bytes: 50_000, bytes: u64::MAX, age: Duration::MAX };
