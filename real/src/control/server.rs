//! The session's side. It holds no more of a client than bounded queues, and the session never waits for it: what a client asks is posted
//! into the session's mailbox, what it follows is dropped and counted where it reads too slowly, and once the session is over each client
//! has [`DRAIN_MAX`] to hear so.

use super::codec::{encode_reply, greeting, heard_greeting};
use super::frame::{self, FRAME_BYTES_MAX, FrameError};
use super::message::{self, Command, Identity, Member, Page, Past, RECORDS_MAX, Reply, Request, Start};
use crate::handle::{About, Follower, Handle, News, Undone};
use crate::mailbox::{Bell, Mailbox};
use crate::world::Executor;
use shakedown_core::journal::{Entry, Filter, What};
use shakedown_core::runner::{TaskSpec, Which};
use shakedown_core::vocab::ProcessSpec;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
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
    let served = Rc::new(Served::<E> { open: RefCell::default(), bell: Bell::default() });
    let Ok(mut life) = handle.follow().await else { return };
    let mut number = 0;
    loop {
        tokio::select! {
            biased;
            news = life.next() => match news {
                Some(News::Fact(_) | News::Missed(_)) => {}
                None => break,
            },
            accepted = next_of::<E, _>(&mut clients) => {
                // One too many is sent away.
                if served.open.borrow().len() < CONNECTIONS_MAX {
                    number += 1;
                    let (guest, handle) = (Guest { served: served.clone(), number }, handle.clone());
                    let task = E::spawn(async move {
                        let guest = guest;
                        // Why it went does not matter to anybody who is left.
                        let _ = speak::<E, _>(accepted, &handle).await;
                        drop(guest);
                    });
                    served.open.borrow_mut().insert(number, task);
                }
            }
        }
    }
    tokio::select! {
        biased;
        () = served.all_gone() => {}
        () = E::sleep(DRAIN_MAX) => {}
    }
    served.open.borrow().values().for_each(E::abort);
}

/// The next client. One that is gone before it is accepted is no trouble of the others; and where none can be accepted, because no
/// descriptor is free (accept(2), EMFILE), the next attempt comes after a pause: the socket stays readable all the time.
async fn next_of<E: Executor, A: Accept>(clients: &mut A) -> A::Stream {
    loop {
        match clients.accept().await {
            Ok(stream) => return stream,
            Err(_) => E::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The clients that are served now, by the order in which they came. Nothing is kept of those that are gone.
struct Served<E: Executor> {
    open: RefCell<BTreeMap<u64, E::Task>>,
    bell: Bell,
}

impl<E: Executor> Served<E> {
    async fn all_gone(&self) {
        while !self.open.borrow().is_empty() {
            self.bell.rung().await;
        }
    }
}

/// One client; when it goes it is struck out.
struct Guest<E: Executor> {
    served: Rc<Served<E>>,
    number: u64,
}

impl<E: Executor> Drop for Guest<E> {
    fn drop(&mut self) {
        let _task = self.served.open.borrow_mut().remove(&self.number);
        self.served.bell.ring();
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

struct Outbox {
    letters: Mailbox<Out>,
    /// Whether something that was asked is being carried out.
    is_busy: Cell<bool>,
}

async fn speak<E: Executor, S: AsyncRead + AsyncWrite + Unpin>(stream: S, handle: &Handle) -> Result<(), Left> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let greet = async {
        frame::write(&mut writer, &greeting()).await?;
        let first = frame::read(&mut reader).await?.ok_or(Left)?;
        heard_greeting(&first).map_err(|_| Left)
    };
    tokio::select! {
        biased;
        greeted = greet => greeted?,
        () = E::sleep(GREETING_MAX) => return Err(Left),
    }
    let letters = Mailbox::new(Arc::new(Bell::default()), REPLIES_MAX);
    let out = Outbox { letters, is_busy: Cell::new(false) };
    // Either ends it: nothing more is asked and all is answered, or nothing can be written.
    let (asked, answered) = (ask(reader, &out, handle), answer(writer, &out, handle.about()));
    let (mut asked, mut answered) = (std::pin::pin!(asked), std::pin::pin!(answered));
    tokio::select! {
        biased;
        ended = &mut answered => ended,
        ended = &mut asked => {
            out.letters.finish();
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
                out.letters.post(Out::Reply(id.unwrap_or(0), told)).map_err(|_| Left)?;
                return Err(Left);
            }
        };
        out.is_busy.set(true);
        let said = match command {
            Command::Follow => match handle.follow().await {
                Ok(follower) => Out::Follow(id, follower),
                Err(undone) => Out::Reply(id, Reply::Refused(undone.to_string())),
            },
            other => Out::Reply(id, carry_out(other, handle).await),
        };
        let posted = out.letters.post(said);
        out.is_busy.set(false);
        posted.map_err(|_| Left)?;
    }
    Ok(())
}

async fn carry_out(command: Command, handle: &Handle) -> Reply {
    let done = match command {
        Command::Start(start) => return reply(begin(start, handle).await),
        Command::List => {
            let listed = handle.list(Which::Retained).await;
            return reply(listed.map(|workers| Reply::Listed(workers.iter().map(Member::of).collect())));
        }
        Command::History(past) => return history(past, handle).await,
        Command::Who => return Reply::Is(identity(handle.about())),
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
        Command::KillSession => handle.kill_session().await,
        // Its caller follows by itself.
        Command::Follow => Ok(()),
    };
    reply(done.map(|()| Reply::Done))
}

fn reply(done: Result<Reply, Undone>) -> Reply {
    done.unwrap_or_else(|undone| Reply::Refused(undone.to_string()))
}

async fn begin(start: Start, handle: &Handle) -> Result<Reply, Undone> {
    if let Some(fault) = start.fault() {
        return Ok(Reply::Refused(fault));
    }
    let spec = move || {
        let Start { name, argv, env, dir } = start;
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let task = TaskSpec::process(ProcessSpec::command(&name, &argv, None));
        let task = env.iter().fold(task, |task, (key, value)| task.env(key, value));
        dir.iter().fold(task, |task, dir| task.dir(dir))
    };
    handle.start(spec).await.map(Reply::Started)
}

/// As much of the journal as is asked for, and fits into a frame.
async fn history(past: Past, handle: &Handle) -> Reply {
    let filter = past.filter.iter().try_fold(Filter::all(), |filter, term| filter.and(term));
    let filter = match filter {
        Ok(filter) => filter,
        Err(unknown) => return Reply::Refused(unknown.to_string()),
    };
    let read = match handle.history(past.from, filter, past.max.min(RECORDS_MAX) as usize).await {
        Ok(read) => read,
        Err(trouble) => return Reply::Refused(trouble.to_string()),
    };
    let mut page = Page { next: read.next, passed_over: read.passed_over, ..Page::default() };
    let mut bytes = 0;
    for entry in read.entries {
        let cursor = entry.cursor;
        let pieces = message::pieces(entry);
        bytes += pieces.iter().map(size).sum::<usize>();
        // The first one is told however long it is, or nobody would come past it.
        let is_full = bytes > PAGE_BYTES_MAX || page.entries.len() + pieces.len() > RECORDS_MAX as usize;
        if is_full && !page.entries.is_empty() {
            page.next = cursor;
            break;
        }
        page.entries.extend(pieces);
    }
    Reply::Page(page)
}

/// Bytes of a record, near enough: what surrounds a line and its tags is small.
fn size(entry: &Entry) -> usize {
    let tags: usize = entry.tags.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
    let line = if let What::Line { bytes, .. } = &entry.what { bytes.len() } else { 512 };
    RECORD_BYTES + tags + line
}

fn identity(about: &About) -> Identity {
    Identity {
        session: about.session().to_string(),
        nonce: about.nonce(),
        pid: std::process::id(),
        began: about.began(),
        journal: about.journal().map(str::to_owned),
    }
}

/// Writes replies, and the facts that are followed in between. It goes on until nothing more is asked, or nothing can be told any more.
async fn answer<S: AsyncWrite>(mut writer: WriteHalf<S>, out: &Outbox, about: &About) -> Result<(), Left> {
    let mut followed: Option<(u64, Follower)> = None;
    loop {
        tokio::select! {
            biased;
            said = out.letters.next() => match said {
                Some(Out::Reply(id, reply)) => tell(&mut writer, id, &reply).await?,
                Some(Out::Follow(id, follower)) => {
                    followed = Some((id, follower));
                    tell(&mut writer, id, &Reply::Done).await?;
                }
                None => return Ok(()),
            },
            (id, news) = news_of(&mut followed) => match news {
                Some(News::Fact(fact)) => {
                    for piece in message::pieces(about.entry(&fact)) {
                        tell(&mut writer, id, &Reply::Fact(piece)).await?;
                    }
                }
                Some(News::Missed(count)) => tell(&mut writer, id, &Reply::Missed(count)).await?,
                // Whoever has followed to the end has heard all, once what was asked last is answered: it may be what has ended it.
                None => {
                    answer_the_last(&mut writer, out).await?;
                    return tell(&mut writer, id, &Reply::Over).await;
                }
            }
        }
    }
}

async fn answer_the_last<S: AsyncWrite>(writer: &mut WriteHalf<S>, out: &Outbox) -> Result<(), Left> {
    while out.is_busy.get() || !out.letters.is_empty() {
        match out.letters.next().await {
            Some(Out::Reply(id, reply)) => tell(writer, id, &reply).await?,
            Some(Out::Follow(id, _)) => tell(writer, id, &Reply::Done).await?,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Writes a reply. One that no frame can hold is refused instead.
async fn tell<S: AsyncWrite>(writer: &mut WriteHalf<S>, id: u64, reply: &Reply) -> Result<(), Left> {
    let mut bytes = encode_reply(id, reply);
    if bytes.len() > FRAME_BYTES_MAX as usize {
        let told = format!("the answer has {} bytes, and {FRAME_BYTES_MAX} fit into a frame", bytes.len());
        bytes = encode_reply(id, &Reply::Refused(told));
    }
    Ok(frame::write(writer, &bytes).await?)
}

/// The next piece of news of whom is followed; never, where nobody is.
async fn news_of(followed: &mut Option<(u64, Follower)>) -> (u64, Option<News>) {
    match followed {
        Some((id, follower)) => (*id, follower.next().await),
        None => std::future::pending().await,
    }
}

/// Clients at a time.
pub const CONNECTIONS_MAX: usize = 64;
/// After an accept that has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Replies that wait for a client that does not read, before it is left.
const REPLIES_MAX: usize = 64;
/// How long a client may take to greet.
pub const GREETING_MAX: Duration = Duration::from_secs(10);
/// Bytes of a page of history, about: less than a frame holds, so that one more record does no harm.
const PAGE_BYTES_MAX: usize = 128 * 1024;
/// What a record takes beside its line and tags.
const RECORD_BYTES: usize = 128;
/// How long clients may take to hear that the session is over.
pub const DRAIN_MAX: Duration = Duration::from_secs(1);
