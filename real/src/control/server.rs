//! The session's side. It holds no more of a client than bounded queues, and the session never waits for it: what a client asks is posted
//! into the session's mailbox, what it follows is dropped and counted where it reads too slowly, and once the session is over each client
//! has [`DRAIN_MAX`] to hear so.

use super::frame::{self, FrameError};
use super::message::{self, Command, Entry, Reply, Request};
use crate::handle::{Follower, Handle, News, Undone};
use crate::mailbox::{Bell, Mailbox};
use crate::world::Executor;
use shakedown_core::runner::{TaskSpec, Which};
use shakedown_core::vocab::ProcessSpec;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};

/// Where clients come in: a Unix socket, or whatever a test puts there.
pub trait Accept {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// The next client.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>>;
}

/// Serves a session until it is over. Ends at [`DRAIN_MAX`] after that at the latest, whatever clients do.
pub async fn serve<E: Executor>(mut clients: impl Accept, handle: Handle) {
    let served = Rc::new(Served { open: Cell::new(0), bell: Bell::default() });
    let Ok(mut life) = handle.follow().await else { return };
    let mut tasks = Vec::new();
    loop {
        tokio::select! {
            biased;
            news = life.next() => match news {
                Some(News::Fact(_) | News::Missed(_)) => {}
                None => break,
            },
            accepted = clients.accept() => {
                // A client that is gone before it is accepted is no trouble of the others. One too many is sent away.
                if let Ok(stream) = accepted && served.open.get() < CONNECTIONS_MAX {
                    served.open.set(served.open.get() + 1);
                    let (guest, handle) = (Guest(served.clone()), handle.clone());
                    tasks.push(E::spawn(async move {
                        let guest = guest;
                        // Why it went does not matter to anybody who is left.
                        let _ = speak(stream, &handle).await;
                        drop(guest);
                    }));
                }
            }
        }
    }
    tokio::select! {
        biased;
        () = served.all_gone() => {}
        () = E::sleep(DRAIN_MAX) => {}
    }
    tasks.iter().for_each(E::abort);
}

/// How many clients are served now.
struct Served {
    open: Cell<usize>,
    bell: Bell,
}

impl Served {
    async fn all_gone(&self) {
        while self.open.get() > 0 {
            self.bell.rung().await;
        }
    }
}

/// One client; when it goes it is counted out.
struct Guest(Rc<Served>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.bell.ring();
    }
}

/// A client is left: its connection has failed, it has said what makes no sense (and was told so), or it asks and asks and does not read.
struct Left;

impl From<FrameError> for Left {
    fn from(_: FrameError) -> Left {
        Left
    }
}

/// What is to be written to a client.
enum Out {
    Reply(u64, Reply),
    /// From now on this, too, under this number.
    Follow(u64, Follower),
}

type Outbox = Mailbox<Out>;

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(stream: S, handle: &Handle) -> Result<(), Left> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    frame::write(&mut writer, &message::greeting()).await?;
    let Some(first) = frame::read(&mut reader).await? else { return Ok(()) };
    message::heard_greeting(&first).map_err(|_| Left)?;
    let out: Outbox = Mailbox::new(Arc::new(Bell::default()), REPLIES_MAX);
    // Either ends it: nothing more is asked and all is answered, or nothing can be written.
    let (asked, answered) = (ask(reader, &out, handle), answer(writer, &out));
    let (mut asked, mut answered) = (std::pin::pin!(asked), std::pin::pin!(answered));
    tokio::select! {
        biased;
        ended = &mut answered => ended,
        ended = &mut asked => {
            out.finish();
            let written = answered.await;
            ended.and(written)
        }
    }
}

/// Reads requests one after the other, and posts what is to be said of each.
async fn ask<S: AsyncRead>(mut reader: ReadHalf<S>, out: &Outbox, handle: &Handle) -> Result<(), Left> {
    while let Some(payload) = frame::read(&mut reader).await? {
        let Request { id, command } = match Request::decode(&payload) {
            Ok(request) => request,
            Err((id, malformed)) => {
                let told = Reply::Refused(format!("{malformed}; the connection is closed"));
                out.post(Out::Reply(id.unwrap_or(0), told)).map_err(|_| Left)?;
                return Err(Left);
            }
        };
        let said = match command {
            Command::Follow => match handle.follow().await {
                Ok(follower) => Out::Follow(id, follower),
                Err(undone) => Out::Reply(id, Reply::Refused(undone.to_string())),
            },
            other => Out::Reply(id, carry_out(other, handle).await),
        };
        out.post(said).map_err(|_| Left)?;
    }
    Ok(())
}

async fn carry_out(command: Command, handle: &Handle) -> Reply {
    let done = match command {
        Command::Start { name, argv } => {
            let start = move || {
                let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                TaskSpec::process(ProcessSpec::command(&name, &argv, None))
            };
            return reply(handle.start(start).await.map(Reply::Started));
        }
        Command::List => {
            let listed = handle.list(Which::Retained).await;
            return reply(listed.map(|workers| Reply::Listed(workers.iter().map(Entry::of).collect())));
        }
        Command::Stop(id) => handle.stop(id).await,
        Command::Kill(id) => handle.kill(id).await,
        Command::Restart(id) => handle.restart(id).await,
        Command::Signal(id, number) => handle.signal(id, number).await,
        Command::Send(id, bytes) => match handle.with(move |runner| runner.send_input(id, &bytes)).await {
            Ok(sent) => sent.map_err(Undone::Refused),
            Err(undone) => Err(undone),
        },
        Command::CloseInput(id) => match handle.with(move |runner| runner.close_input(id)).await {
            Ok(closed) => closed.map_err(Undone::Refused),
            Err(undone) => Err(undone),
        },
        Command::StopSession => handle.stop_session().await,
        // Its caller follows by itself.
        Command::Follow => Ok(()),
    };
    reply(done.map(|()| Reply::Done))
}

fn reply(done: Result<Reply, Undone>) -> Reply {
    done.unwrap_or_else(|undone| Reply::Refused(undone.to_string()))
}

/// Writes replies, and the facts that are followed in between. It goes on until nothing more is asked, or nothing can be told any more.
async fn answer<S: AsyncWrite>(mut writer: WriteHalf<S>, out: &Outbox) -> Result<(), Left> {
    let mut followed: Option<(u64, Follower)> = None;
    loop {
        let (id, reply) = tokio::select! {
            biased;
            said = out.next() => match said {
                Some(Out::Reply(id, reply)) => (id, reply),
                Some(Out::Follow(id, follower)) => {
                    followed = Some((id, follower));
                    (id, Reply::Done)
                }
                None => return Ok(()),
            },
            (id, reply) = news_of(&mut followed) => {
                if reply == Reply::Over {
                    followed = None;
                }
                (id, reply)
            }
        };
        frame::write(&mut writer, &message::encode_reply(id, &reply)).await?;
        if reply == Reply::Over {
            // Whoever has followed to the end has heard all.
            return Ok(());
        }
    }
}

/// The next piece of news of whom is followed; never, where nobody is.
async fn news_of(followed: &mut Option<(u64, Follower)>) -> (u64, Reply) {
    match followed {
        Some((id, follower)) => match follower.next().await {
            Some(News::Fact(fact)) => (*id, Reply::fact(&fact)),
            Some(News::Missed(count)) => (*id, Reply::Missed(count)),
            None => (*id, Reply::Over),
        },
        None => std::future::pending().await,
    }
}

/// Clients at a time.
pub const CONNECTIONS_MAX: usize = 64;
/// Replies that wait for a client that does not read, before it is left.
const REPLIES_MAX: usize = 64;
/// How long clients may take to hear that the session is over.
pub const DRAIN_MAX: Duration = Duration::from_secs(1);
