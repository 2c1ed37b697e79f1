//! Frames on a stream of bytes: a length, then so many bytes. A length beyond the bound is an error before anything is allocated for it.

use std::fmt;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why no frame came.
#[derive(Debug)]
pub enum FrameError {
    /// The stream has failed, or has ended within a frame.
    Io(io::Error),
    /// Its length is beyond [`FRAME_BYTES_MAX`]: this is not our protocol, or somebody means harm.
    TooLong(u32),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Io(error) => write!(f, "the connection has failed: {error}"),
            FrameError::TooLong(length) => {
                write!(
                    f,
                    "a frame of {length} bytes was announced, and {FRAME_BYTES_MAX} are allowed: is this our protocol?"
                )
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// The next frame; `None` where the stream has ended between two.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    let first = stream.read(&mut length).await.map_err(FrameError::Io)?;
    if first == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[first..]).await.map_err(FrameError::Io)?;
    let length = u32::from_be_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await.map_err(FrameError::Io)?;
    Ok(Some(payload))
}

/// Writes a frame. One that is too long is refused, and nothing of it is written.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), payload: &[u8]) -> Result<(), FrameError> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(length));
    }
    let mut whole = Vec::with_capacity(4 + payload.len());
    whole.extend(length.to_be_bytes());
    whole.extend(payload);
    stream.write_all(&whole).await.map_err(FrameError::Io)?;
    stream.flush().await.map_err(FrameError::Io)
}

/// Bytes of a frame at most.
pub const FRAME_BYTES_MAX: u32 = 256 * 1024;
