//! One case of a scenario for real: the same machines, the same stimuli, on Linux processes and the wall clock.

use crate::failure::Finding;
use crate::format::Case;
use crate::pattern::History;

use shakedown_core::host::Host;
use shakedown_core::journal::{Entry, SinkSpec, scan};
use shakedown_core::machine::{Command, Event};
use shakedown_core::site::mix;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Requester, SessionSpec, Stimulus};
use shakedown_real::host::{Driven, Until, block_on, drive_until, drive_within, with_lateness};
use shakedown_real::mailbox::Bell;
use shakedown_real::{Config, RealWorld};
use shakedown_sim::Moment;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What became of one real run.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// What it is blamed for; the first is the one that counts.
    pub findings: Vec<Finding>,
    /// Which `sometimes` it has seen.
    pub hits: u64,
    /// What was told and what was seen, in the order in which we learned of it.
    pub moments: Vec<Moment>,
    /// The order of what happened, as a number.
    pub digest: u64,
    /// How long it took.
    pub took: Duration,
    /// By how much the machine was late, at most, in waking whoever slept.
    pub late: Duration,
}

/// The backend could not begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CannotPlay(pub String);

/// A session that is cut off has so long to end by force.
const FORCED_END: Duration = Duration::from_secs(5);

/// Plays a case once.
///
/// # Errors
/// Where the machine lacks what the real backend needs.
pub fn play(case: &Case, seed: u64, run: &str, owns_all_children: bool) -> Result<LiveRun, CannotPlay> {
    let played = play_until(case, seed, run, owns_all_children, &Bell::default());
    played.map(|played| played.expect("a bell that nobody has is not rung"))
}

/// As [`play`], until somebody rings: the session is made to end then, and what it has come to is nobody's.
///
/// # Errors
/// As [`play`].
pub fn play_until(
    case: &Case,
    seed: u64,
    run: &str,
    owns_all_children: bool,
    give_up: &Bell,
) -> Result<Option<LiveRun>, CannotPlay> {
    let config = Config { run: Some(run.to_owned()), seed, owns_all_children };
    match block_on(play_here(case, config, give_up)) {
        Ok(played) => played,
        Err(error) => Err(CannotPlay(format!("a runtime cannot be built: {error}"))),
    }
}

async fn play_here(case: &Case, config: Config, give_up: &Bell) -> Result<Option<LiveRun>, CannotPlay> {
    let mut world = RealWorld::new(config).map_err(|error| CannotPlay(error.to_string()))?;
    let moments: Rc<RefCell<Vec<Moment>>> = Rc::default();
    let (facts, events) = (moments.clone(), moments.clone());
    world.on_fact(Box::new(move |fact| facts.borrow_mut().push(Moment::Fact(fact))));
    world.on_process(Box::new(move |event| events.borrow_mut().push(Moment::Process(event.clone()))));
    let began = std::time::Instant::now();
    let mut host = Host::new(world);
    let stimuli: Arc<[Stimulus]> = case.stimuli.as_slice().into();
    let files = OwnFiles::of(&case.session);
    let session = host.start_session(&files.session, &stimuli);
    let (ended, late) = with_lateness(drive_until(&mut host, case.limits.time, give_up)).await;
    let took = began.elapsed();
    let mut findings = match ended {
        Until::Driven(Driven::Done) => Vec::new(),
        Until::Driven(Driven::Stuck) => vec![unfinished("stuck", &host)],
        Until::Late | Until::GivenUp => {
            let finding = unfinished("hang", &host);
            host.send(session, Event::Command(Command::Kill { by: Requester::User, deadline: Instant::NEVER }));
            // What does not even end by force is found by the check for leftovers.
            let _ = drive_within(&mut host, FORCED_END).await;
            vec![finding]
        }
    };
    if ended == Until::GivenUp {
        return Ok(None);
    }
    let is_done = findings.is_empty();
    let noticed = host.world().borrow_mut().take_findings();
    findings.extend(noticed.into_iter().map(|message| Finding {
        rule: "no-unexpected".into(),
        expected: false,
        subject: "session".into(),
        at: host.now(),
        message,
    }));
    let end = host.now();
    drop(host);
    let moments = moments.take();
    let (judged, hits) = judge(case, &moments, files.journal(), end, is_done);
    findings.extend(judged);
    Ok(Some(LiveRun { findings, hits, digest: digest(&moments), moments, took, late }))
}

/// A session whose files stand in a folder of this run alone, gone with it.
struct OwnFiles {
    session: Arc<SessionSpec>,
    folder: Option<std::path::PathBuf>,
}

impl OwnFiles {
    fn of(session: &Arc<SessionSpec>) -> OwnFiles {
        if session.journal.is_none() && session.status.is_none() {
            return OwnFiles { session: session.clone(), folder: None };
        }
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("shakedown-files-{}-{number}", std::process::id()));
        let own = |name: &str| Arc::from(folder.join(name).to_string_lossy());
        let mut session = SessionSpec::clone(session);
        session.journal =
            session.journal.map(|sink| Arc::new(SinkSpec { folder: own("journal"), ..SinkSpec::clone(&sink) }));
        session.status = session.status.map(|_| own("status"));
        // Where it cannot be made, each write says so.
        let _ = std::fs::create_dir(&folder);
        OwnFiles { session: Arc::new(session), folder: Some(folder) }
    }
}

impl OwnFiles {
    /// What stands in the journal.
    fn journal(&self) -> Vec<Entry> {
        let Some(folder) = self.folder.as_ref().filter(|_| self.session.journal.is_some()) else { return Vec::new() };
        let listed = std::fs::read_dir(folder.join("journal")).into_iter().flatten().filter_map(Result::ok);
        let mut files: Vec<std::path::PathBuf> = listed.map(|entry| entry.path()).collect();
        files.sort();
        files.iter().filter_map(|file| std::fs::read(file).ok()).flat_map(|bytes| scan(&bytes).entries).collect()
    }
}

impl Drop for OwnFiles {
    /// What cannot be removed is left to whoever cleans the temporary folder.
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

static FOLDERS: AtomicU32 = AtomicU32::new(0);

fn unfinished(rule: &str, host: &Host<RealWorld>) -> Finding {
    let waiters: Vec<String> = host.waiters().iter().map(ToString::to_string).collect();
    Finding {
        rule: rule.into(),
        expected: false,
        subject: "session".into(),
        at: host.now(),
        message: waiters.join("; "),
    }
}

fn judge(case: &Case, moments: &[Moment], journal: Vec<Entry>, end: Instant, is_done: bool) -> (Vec<Finding>, u64) {
    let mut history = History::new(case.names.clone());
    history.keep(journal);
    for moment in moments {
        match moment {
            Moment::Fact(fact) => history.fact(fact),
            Moment::Process(event) => history.process(event),
        }
    }
    history.finish(end);
    let hits = case.expectations.hits(&history);
    if !is_done {
        return (Vec::new(), hits);
    }
    let finding = |failure: crate::pattern::Failure| Finding {
        rule: failure.expectation,
        expected: true,
        subject: failure.subject.to_string(),
        at: failure.at,
        message: failure.message,
    };
    (case.expectations.judge(&history).into_iter().map(finding).collect(), hits)
}

fn digest(moments: &[Moment]) -> u64 {
    moments.iter().fold(0, |digest, moment| {
        let word = match moment {
            Moment::Fact(fact) => format!("{:?} {}", fact.subject, fact.fact.word()),
            Moment::Process(event) => format!("{} {:?}", event.name, event.what),
        };
        mix(digest ^ shakedown_core::site::hash_name(&word))
    })
}
