//! What a session tells: while it lives, from its socket; from a record of its journal on, or once it is over, from its journal.

use super::place::{Met, Place};
use super::worker::{done, talk};
use super::{FollowArgs, HistoryArgs, Printer};
use crate::exit::Exit;
use shakedown::core::files::FileError;
use shakedown::core::journal::{self, Filter};
use shakedown::core::task::{Either2, TaskCx, select2};
use shakedown::real::control::{Command, Reply};
use shakedown::real::host::block_on;
use std::os::unix::net::UnixStream;
use std::time::Duration;

pub(crate) fn follow(args: &FollowArgs) -> Exit {
    let filter = args.only.filter();
    let printer = Printer::new(args.only.format);
    match args.from {
        None => talk(follow_live(&args.session, filter, printer)).unwrap_or_else(|exit| exit),
        Some(from) => {
            let place = match known(&args.session) {
                Ok(place) => place,
                Err(exit) => return exit,
            };
            of_journal(move |cx| follow_journal(cx, place, from, filter, printer))
        }
    }
}

async fn follow_live(session: &str, filter: Filter, mut printer: Printer) -> Result<Exit, Exit> {
    let mut line = Place::of(session)?.reach().await?.line;
    done(&mut line, Command::Follow).await?;
    eprintln!("following {session}: Ctrl-C ends the following, and nothing else");
    // Told before what comes next, in one: a flood that a filter leaves out would be a flood of such news.
    let mut missed = 0;
    loop {
        let printed = match line.news().await {
            Ok(Reply::Fact(entry)) if filter.takes(&entry) => {
                printer.missed(std::mem::take(&mut missed)).and_then(|()| printer.live(&entry))
            }
            Ok(Reply::Missed(count)) => {
                missed += count;
                Ok(())
            }
            Ok(Reply::Over) => {
                // Where nobody reads it any more, it is over all the same.
                let _ = printer.missed(missed);
                return Ok(Exit::Held);
            }
            Ok(_) => Ok(()),
            Err(lost) => {
                let _ = printer.missed(missed);
                eprintln!("error: {lost}: the session was killed, or we read too slowly");
                return Err(Exit::Failed);
            }
        };
        if printed.is_err() {
            // Nobody reads it any more, as behind `| head`.
            return Ok(Exit::Held);
        }
    }
}

/// Records as they come, from a number on, until the session is over; one that was killed has no last word, and is looked for.
async fn follow_journal(
    cx: TaskCx,
    place: Place,
    from: u64,
    filter: Filter,
    mut printer: Printer,
) -> Result<Exit, FileError> {
    let files = cx.files().rooted(&place.journal().to_string_lossy());
    let mut records = journal::follow(files, from, Filter::all());
    let mut was_dead = false;
    loop {
        let next = cx.timeout(LOOK_AGAIN, records.next());
        let entry = match select2(&cx, cx.cancelled(), next).await {
            Either2::A(_) => return Ok(Exit::Held),
            Either2::B(Ok(entry)) => entry?,
            // Nothing comes. What was written before it died is read before we go.
            Either2::B(Err(_)) if was_dead => return Ok(Exit::Held),
            Either2::B(Err(_)) => {
                was_dead = UnixStream::connect(place.socket()).is_err();
                continue;
            }
        };
        if filter.takes(&entry) && printer.recorded(&entry).is_err() {
            return Ok(Exit::Held);
        }
        let is_last = entry.worker.is_none() && entry.word() == "stopped";
        if is_last && UnixStream::connect(place.socket()).is_err() {
            return Ok(Exit::Held);
        }
    }
}

pub(crate) fn history(args: &HistoryArgs) -> Exit {
    let place = match known(&args.session) {
        Ok(place) => place,
        Err(exit) => return exit,
    };
    let (from, last, filter) = (args.from, args.last, args.only.filter());
    let mut printer = Printer::new(args.only.format);
    of_journal(move |cx| async move {
        let files = cx.files().rooted(&place.journal().to_string_lossy());
        let read = journal::read(&files, from, &filter).await?;
        let skip = read.entries.len() - last.unwrap_or(usize::MAX).min(read.entries.len());
        for entry in &read.entries[skip..] {
            if printer.recorded(entry).is_err() {
                break;
            }
        }
        Ok(Exit::Held)
    })
}

/// The place of a session that has left a journal.
fn known(session: &str) -> Result<Place, Exit> {
    let place = Place::of(session)?;
    if place.journal().is_dir() {
        return Ok(place);
    }
    if let Ok(Met::Live(_)) = block_on(place.meet()) {
        eprintln!(
            "error: session `{session}` lives, and its journal is not where ours would be: is SHAKEDOWN_STATE the same?"
        );
        return Err(Exit::Failed);
    }
    eprintln!("error: nothing is known of a session `{session}`: there is no {}", place.journal().display());
    Err(Exit::NothingRan)
}

fn of_journal<Fut>(main: impl FnOnce(TaskCx) -> Fut) -> Exit
where
    Fut: Future<Output = Result<Exit, FileError>> + 'static,
{
    match shakedown::run(main).map(|ran| ran.output) {
        Ok(Some(Ok(exit))) => exit,
        Ok(Some(Err(error))) => {
            eprintln!("error: the journal cannot be read: {error}");
            Exit::Failed
        }
        Ok(None) => Exit::Interrupted,
        Err(error) => {
            eprintln!("error: {error}");
            Exit::Lacking
        }
    }
}

/// How long nothing may come before it is asked whether anybody still lives.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
