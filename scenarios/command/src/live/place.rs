//! Where live sessions of a user are found: a folder of his own with a socket, a card and a claim for each. That a session lives is told by
//! who answers at its socket and by nothing else: a file that is there proves nothing.
//!
//! ```text
//! SHAKEDOWN_RUNTIME, else XDG_RUNTIME_DIR/shakedown, else TMPDIR/shakedown-UID      mode 0700, and ours
//!   shop.sock    the control socket
//!   shop.card    who listens there: its nonce, pid, journal
//!   shop.claim   locked by the session as long as it lives (flock(2)): two of one name cannot be
//! SHAKEDOWN_STATE, else XDG_STATE_HOME/shakedown, else ~/.local/state/shakedown     outlives the session
//!   sessions/shop/journal, status, log
//! ```

use crate::exit::Exit;
use serde_json::{Value, json};
use shakedown::core::puppet::nearest;
use shakedown::real::control::{Command, Identity, Reply};
use shakedown::real::host::block_on;
use shakedown::real::{CannotDial, ControlClient, Peer, dial, within};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A connection to a live session.
pub(super) type Line = ControlClient;

/// Where a session of this name has its files.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: String,
    runtime: PathBuf,
    state: PathBuf,
}

/// Who is met at a place.
pub(super) enum Met {
    /// The session lives, and listens.
    Live(Reached),
    /// Somebody listens, and does not answer.
    Silent,
    /// Nobody: it is over, was killed, or never was. Its card tells of one that was killed.
    Nobody(Option<Card>),
}

/// A session that lives.
pub(super) struct Reached {
    pub(super) line: Line,
    pub(super) peer: Peer,
    pub(super) identity: Identity,
}

/// What a session has written of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Card {
    pub(super) nonce: u64,
    pub(super) pid: u64,
}

impl Place {
    /// # Errors
    /// Told, where the name is no name, or there is no folder for it.
    pub(super) fn of(name: &str) -> Result<Place, Exit> {
        let is_fine = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
        if name.is_empty() || name.len() > NAME_MAX || name.starts_with('.') || !name.chars().all(is_fine) {
            eprintln!(
                "error: `{}` is no name of a session: 1 to {NAME_MAX} letters, digits, and -_.@+ within",
                name.escape_debug()
            );
            return Err(Exit::Usage);
        }
        let runtime = runtime_folder().map_err(|error| {
            eprintln!("error: {error}\nhelp: SHAKEDOWN_RUNTIME names another folder for the sockets of sessions");
            Exit::Lacking
        })?;
        let place = Place { name: name.to_owned(), runtime, state: state_folder().join("sessions").join(name) };
        let length = place.socket().as_os_str().len();
        if length > SOCKET_PATH_MAX {
            eprintln!(
                "error: the path of the socket is too long ({length} bytes, {SOCKET_PATH_MAX} fit: unix(7)): {}\n\
                 help: SHAKEDOWN_RUNTIME names another folder",
                place.socket().display()
            );
            return Err(Exit::Lacking);
        }
        Ok(place)
    }

    /// Every session of this user that has left a card.
    pub(super) fn all() -> Result<Vec<Place>, Exit> {
        let folder = match runtime_folder() {
            Ok(folder) => folder,
            Err(error) => {
                eprintln!("error: {error}");
                return Err(Exit::Lacking);
            }
        };
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".card").map(str::to_owned)).collect();
        names.sort();
        names.iter().map(|name| Place::of(name)).collect()
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.runtime.join(format!("{}.sock", self.name))
    }

    fn card(&self) -> PathBuf {
        self.runtime.join(format!("{}.card", self.name))
    }

    fn claim(&self) -> PathBuf {
        self.runtime.join(format!("{}.claim", self.name))
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    pub(super) fn status(&self) -> PathBuf {
        self.state.join("status")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    /// Makes the folders of what outlives the session.
    pub(super) fn make_state(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state)?;
        fs::create_dir_all(self.journal())
    }

    /// Who is there. Within [`block_on`].
    pub(super) async fn meet(&self) -> Met {
        let card = self.read_card();
        let (mut line, peer) = match dial(&self.socket(), PATIENCE).await {
            Ok(reached) => reached,
            Err(CannotDial::Nobody(_)) => return Met::Nobody(card),
            Err(CannotDial::Silent | CannotDial::Stranger(_)) => return Met::Silent,
        };
        match within(PATIENCE, line.ask(Command::Who)).await {
            // Another run of this name may have taken the place in between: its card is another, too.
            Some(Ok(Reply::Is(identity))) if card.is_none_or(|card| card.nonce == identity.nonce) => {
                Met::Live(Reached { line, peer, identity })
            }
            Some(Ok(Reply::Is(identity))) if self.read_card().is_some_and(|card| card.nonce == identity.nonce) => {
                Met::Live(Reached { line, peer, identity })
            }
            Some(Ok(_) | Err(_)) | None => Met::Silent,
        }
    }

    /// A line to the session that lives here, or what is to be said instead. Within [`block_on`].
    pub(super) async fn reach(&self) -> Result<Reached, Exit> {
        match self.meet().await {
            Met::Live(reached) => Ok(reached),
            Met::Silent => {
                eprintln!("error: whoever listens at {} does not answer", self.socket().display());
                Err(Exit::Failed)
            }
            Met::Nobody(card) => {
                let name = &self.name;
                match card {
                    Some(card) => eprintln!(
                        "error: session `{name}` is dead: its process {} was killed\n\
                         help: `shakedown history {name}` tells what was, `shakedown start` begins it anew",
                        card.pid
                    ),
                    None => eprintln!("error: no session `{name}` lives{}", self.hint()),
                }
                Err(Exit::NothingRan)
            }
        }
    }

    fn hint(&self) -> String {
        let names: Vec<String> = Place::all().unwrap_or_default().into_iter().map(|place| place.name).collect();
        let near = nearest(&self.name, names.iter().map(String::as_str));
        near.map_or("\nhelp: `shakedown list` shows those that do".into(), |near| format!(", did you mean `{near}`?"))
    }

    fn read_card(&self) -> Option<Card> {
        let card: Value = serde_json::from_str(&fs::read_to_string(self.card()).ok()?).ok()?;
        let nonce = u64::from_str_radix(card["nonce"].as_str()?, 16).ok()?;
        Some(Card { nonce, pid: card["pid"].as_u64()? })
    }
}

/// The name of a session, held as long as this lives: nobody else can hold it, and where its holder is killed it is free.
pub(super) struct Claim {
    place: Place,
    _locked: File,
}

impl Claim {
    /// Takes the place, and clears away what a session that was killed has left there.
    ///
    /// # Errors
    /// Told, where another session lives there.
    pub(super) fn take(place: &Place) -> Result<Claim, Exit> {
        match lock(&place.claim()) {
            Ok(Some(locked)) => {
                // Whoever listened here is dead: we hold its claim.
                for stale in [place.socket(), place.card()] {
                    let _absent = fs::remove_file(stale);
                }
                Ok(Claim { place: place.clone(), _locked: locked })
            }
            Ok(None) => Err(taken(place)),
            Err(error) => {
                eprintln!("error: {} cannot be locked: {error}", place.claim().display());
                Err(Exit::Lacking)
            }
        }
    }

    /// Writes who listens here: whole, or not at all.
    pub(super) fn write_card(&self, nonce: u64, file: Option<&Path>) -> io::Result<()> {
        let card = json!({
            "schema": 1,
            "session": self.place.name,
            "nonce": format!("{nonce:016x}"),
            "pid": std::process::id(),
            "file": file,
            "socket": self.place.socket(),
            "journal": self.place.journal(),
        });
        let whole = self.place.card().with_extension("card-new");
        fs::write(&whole, format!("{card}\n"))?;
        fs::rename(whole, self.place.card())
    }
}

impl Drop for Claim {
    /// In this order, and all of it under the lock: who takes the claim after us finds nothing of ours.
    fn drop(&mut self) {
        for own in [self.place.socket(), self.place.card(), self.place.claim()] {
            let _absent = fs::remove_file(own);
        }
    }
}

/// The file of a claim, locked; none where another holds it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        // Its last holder may have removed the file between our open and our lock: then it is nobody's claim.
        let named = fs::metadata(path).map(|named| (named.dev(), named.ino()));
        let locked = file.metadata()?;
        if named.is_ok_and(|named| named == (locked.dev(), locked.ino())) {
            return Ok(Some(file));
        }
    }
}

/// Says that a name is taken.
pub(super) fn taken(place: &Place) -> Exit {
    let name = &place.name;
    let by = match block_on(place.meet()) {
        Ok(Met::Live(Reached { identity, .. })) => format!("pid {}", identity.pid),
        Ok(Met::Silent | Met::Nobody(_)) | Err(_) => "it does not answer".into(),
    };
    eprintln!(
        "error: a session `{name}` lives already ({by})\n\
         help: `shakedown stop {name}` ends it, `--name` gives this one another name"
    );
    Exit::NothingRan
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The folder of sockets: made where it is not there, and refused where others could reach into it.
fn runtime_folder() -> io::Result<PathBuf> {
    let own = fs::metadata("/proc/self")?.uid();
    let folder = variable("SHAKEDOWN_RUNTIME")
        .or_else(|| variable("XDG_RUNTIME_DIR").map(|folder| folder.join("shakedown")))
        .unwrap_or_else(|| std::env::temp_dir().join(format!("shakedown-{own}")));
    let folder = std::path::absolute(folder)?;
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    match fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(told(error)),
    }
    let found = fs::symlink_metadata(&folder).map_err(told)?;
    if !found.is_dir() || found.uid() != own || found.mode() & 0o077 != 0 {
        let why = "it is no folder that is ours and closed to others (mode 0700)";
        return Err(told(io::Error::new(io::ErrorKind::PermissionDenied, why)));
    }
    Ok(folder)
}

fn state_folder() -> PathBuf {
    let state = variable("SHAKEDOWN_STATE")
        .or_else(|| variable("XDG_STATE_HOME").map(|folder| folder.join("shakedown")))
        .or_else(|| variable("HOME").map(|home| home.join(".local/state/shakedown")))
        .unwrap_or_else(|| std::env::temp_dir().join("shakedown"));
    std::path::absolute(&state).unwrap_or(state)
}

/// Letters of a session's name.
const NAME_MAX: usize = 64;
/// `sun_path` holds 108 bytes, and its last is NUL (unix(7)).
const SOCKET_PATH_MAX: usize = 107;
/// How long a session may take to answer who it is.
const PATIENCE: Duration = Duration::from_secs(2);
