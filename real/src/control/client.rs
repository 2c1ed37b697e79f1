//! A client's side, for one caller at a time. Facts that arrive while a reply is awaited are kept in their order.

use super::codec::{decode_reply, greeting, heard_greeting};
use super::frame::{self, FrameError};
use super::message::{Command, Malformed, Reply, Request};
use std::collections::VecDeque;
use std::fmt;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection to a session.
pub struct Client<S> {
    stream: S,
    next: u64,
    news: VecDeque<Reply>,
}

/// Why the session is not heard any more.
#[derive(Debug)]
pub enum Lost {
    /// The connection has failed.
    Frame(FrameError),
    /// The session has closed it.
    Closed,
    /// It says what makes no sense.
    Malformed(Malformed),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Frame(error) => error.fmt(f),
            Lost::Closed => f.write_str("the session has closed the connection"),
            Lost::Malformed(malformed) => malformed.fmt(f),
        }
    }
}

impl std::error::Error for Lost {}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Greets, and is greeted.
    ///
    /// # Errors
    /// [`Lost`]; where the other side is no session, or one of another version, [`Lost::Malformed`].
    pub async fn greet(mut stream: S) -> Result<Client<S>, Lost> {
        frame::write(&mut stream, &greeting()).await.map_err(Lost::Frame)?;
        let first = frame::read(&mut stream).await.map_err(Lost::Frame)?.ok_or(Lost::Closed)?;
        heard_greeting(&first).map_err(Lost::Malformed)?;
        Ok(Client { stream, next: 1, news: VecDeque::new() })
    }

    /// Asks, and awaits the answer. A client whose call is dropped is of no more use: half a frame may have been read.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn ask(&mut self, command: Command) -> Result<Reply, Lost> {
        let id = self.next;
        self.next += 1;
        let request = Request { id, command };
        frame::write(&mut self.stream, &request.encode()).await.map_err(Lost::Frame)?;
        loop {
            let (answers, reply) = self.read().await?;
            if answers == id {
                return Ok(reply);
            }
            self.news.push_back(reply);
        }
    }

    /// The next piece of news, after [`Command::Follow`]; the last is [`Reply::Over`].
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn news(&mut self) -> Result<Reply, Lost> {
        match self.news.pop_front() {
            Some(news) => Ok(news),
            None => self.read().await.map(|(_, reply)| reply),
        }
    }

    async fn read(&mut self) -> Result<(u64, Reply), Lost> {
        let payload = frame::read(&mut self.stream).await.map_err(Lost::Frame)?.ok_or(Lost::Closed)?;
        decode_reply(&payload).map_err(Lost::Malformed)
    }
}
