//! What is asked of a live session about one worker: by its name, which the session resolves, and never by a pid.

use super::place::{Line, Place};
use super::{RestartArgs, SendArgs};
use crate::exit::Exit;
use shakedown::core::ids::WorkerId;
use shakedown::core::puppet::nearest;
use shakedown::core::signal::Signal;
use shakedown::real::control::{Command, Member, Reply};
use shakedown::real::host::block_on;
use shakedown::real::within;
use std::io::Read;
use std::time::Duration;

pub(crate) fn restart(args: &RestartArgs) -> Exit {
    let RestartArgs { session, worker, no_wait, timeout } = args;
    let asked = async {
        let mut line = Place::of(session)?.reach().await?.line;
        let before = find(&mut line, worker).await?;
        if !no_wait {
            done(&mut line, Command::Follow).await?;
        }
        done(&mut line, Command::Restart(before.id)).await?;
        if *no_wait {
            return Ok(Exit::Held);
        }
        let came =
            |member: &Member| member.incarnation > before.incarnation && (member.state == "ready" || member.is_over);
        let after = until(&mut line, before.id, Some(*timeout), came).await?;
        say!("{}", told(&after));
        Ok(if after.state == "ready" { Exit::Held } else { Exit::Failed })
    };
    talk(asked).unwrap_or_else(|exit| exit)
}

pub(crate) fn send(args: &SendArgs) -> Exit {
    let asked = async {
        let mut line = Place::of(&args.session)?.reach().await?.line;
        let member = find(&mut line, &args.worker).await?;
        if let Some(signal) = &args.signal {
            return signalled(&mut line, member.id, signal).await;
        }
        match &args.text {
            Some(text) => done(&mut line, Command::Send(member.id, format!("{text}\n").into_bytes())).await?,
            None if args.close => {}
            None => own_input(&mut line, member.id).await?,
        }
        if args.close {
            done(&mut line, Command::CloseInput(member.id)).await?;
        }
        Ok(Exit::Held)
    };
    talk(asked).unwrap_or_else(|exit| exit)
}

async fn signalled(line: &mut Line, id: WorkerId, name: &str) -> Result<Exit, Exit> {
    let upper = name.to_uppercase();
    let number = match Signal::parse(upper.strip_prefix("SIG").unwrap_or(&upper)) {
        Some(signal) => signal.number(),
        None => name.parse().map_err(|_| {
            let near = Signal::all().map(|signal| signal.to_string()).collect::<Vec<_>>();
            let hint = nearest(&upper, near.iter().map(String::as_str));
            let hint = hint.map_or(String::new(), |near| format!(", did you mean {near}?"));
            eprintln!("error: `{name}` is no signal{hint}");
            Exit::Usage
        })?,
    };
    done(line, Command::Signal(id, number)).await.map(|()| Exit::Held)
}

/// All of our own standard input, piece by piece.
async fn own_input(line: &mut Line, id: WorkerId) -> Result<(), Exit> {
    let mut piece = vec![0; PIECE];
    loop {
        match std::io::stdin().lock().read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => done(line, Command::Send(id, piece[..read].to_vec())).await?,
            Err(error) => {
                eprintln!("error: our standard input cannot be read: {error}");
                return Err(Exit::Failed);
            }
        }
    }
}

/// The worker of this name, or `#NUMBER`.
pub(super) async fn find(line: &mut Line, name: &str) -> Result<Member, Exit> {
    let members = members(line).await?;
    let by_number = name.strip_prefix('#').and_then(|number| number.parse().ok()).map(WorkerId);
    let fits = |member: &&Member| by_number.map_or(member.name == name, |id| member.id == id);
    let mut found = members.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(member), None) => Ok(member.clone()),
        (Some(_), Some(_)) => {
            let numbers: Vec<String> = members.iter().filter(fits).map(|member| format!("#{}", member.id.0)).collect();
            eprintln!("error: several workers are called `{name}`: say {}", numbers.join(" or "));
            Err(Exit::Usage)
        }
        (None, _) => {
            let near = nearest(name, members.iter().map(|member| member.name.as_str()));
            let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            eprintln!("error: the session has no worker `{name}`{hint}");
            Err(Exit::Usage)
        }
    }
}

pub(super) async fn members(line: &mut Line) -> Result<Vec<Member>, Exit> {
    match ask(line, Command::List).await? {
        Reply::Listed(members) => Ok(members),
        other => Err(odd(&other)),
    }
}

/// Waits until a worker is as wanted; its session has to be followed. A session that is over has no worker that would become anything.
pub(super) async fn until(
    line: &mut Line,
    id: WorkerId,
    patience: Option<Duration>,
    is_wanted: impl Fn(&Member) -> bool,
) -> Result<Member, Exit> {
    let waiting = async {
        loop {
            let all = members(line).await?;
            let Some(member) = all.into_iter().find(|member| member.id == id) else { return Err(gone()) };
            if is_wanted(&member) {
                return Ok(member);
            }
            // Whatever it is about: the next look tells.
            match line.news().await {
                Ok(Reply::Over) | Err(_) => return Err(gone()),
                Ok(_) => {}
            }
        }
    };
    match patience {
        Some(patience) => within(patience, waiting).await.unwrap_or_else(|| Err(late())),
        None => waiting.await,
    }
}

fn gone() -> Exit {
    eprintln!("error: the session is over");
    Exit::Failed
}

pub(super) fn late() -> Exit {
    eprintln!("error: it takes longer than we were told to wait, and goes on");
    Exit::Failed
}

/// Asks for what is answered by its being done.
pub(super) async fn done(line: &mut Line, command: Command) -> Result<(), Exit> {
    match ask(line, command).await? {
        Reply::Done => Ok(()),
        other => Err(odd(&other)),
    }
}

/// Asks; what is refused is told.
pub(super) async fn ask(line: &mut Line, command: Command) -> Result<Reply, Exit> {
    match line.ask(command).await {
        Ok(Reply::Refused(why)) => {
            eprintln!("error: {why}");
            Err(Exit::Failed)
        }
        Ok(reply) => Ok(reply),
        Err(lost) => {
            eprintln!("error: {lost}");
            Err(Exit::Failed)
        }
    }
}

/// An answer to another question: a bug of ours.
pub(super) fn odd(reply: &Reply) -> Exit {
    eprintln!("error: the session has answered what was not asked: {reply:?}");
    Exit::Bug
}

/// A worker in a line.
pub(super) fn told(member: &Member) -> String {
    let pid = member.pid.map_or(String::new(), |pid| format!(", pid {pid}"));
    let exit = member.exit.as_deref().filter(|_| member.is_over).map_or(String::new(), |exit| format!(", {exit}"));
    format!("{} is {} (incarnation {}{pid}{exit})", member.name, member.state, member.incarnation)
}

/// Runs a conversation to its end.
pub(super) fn talk(asked: impl Future<Output = Result<Exit, Exit>>) -> Result<Exit, Exit> {
    block_on(asked).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        Err(Exit::Lacking)
    })
}

/// Bytes that are sent at once.
const PIECE: usize = 64 * 1024;
