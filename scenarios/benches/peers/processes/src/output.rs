//! What a child writes to its output, read to the end and thrown away.
use crate::Workload;
use crate::measure::{Answer, Found, Scale};
use crate::peer::{OURS, on_tokio, silent};
use crate::system;
use crate::table::{Goal, line};
use shakedown_core::vocab::{ProcessSpec, Stream};
use std::io;
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::time::Instant;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStdout;

pub const WORKLOAD: Workload = Workload {
    word: "output",
    title: "a child's output through a pipe to a sink",
    rows: &[OURS, COPY, LARGE],
    measure,
    report,
};

const COPY: &str = "tokio, io::copy";
const LARGE: &str = "tokio, 64 KiB, 1 MiB pipe";

fn measure(row: &str, scale: Scale) -> Result<Answer, String> {
    let wanted: u64 = scale.of(512 << 20, 2 << 30);
    let argv = [system::child()?, "w".to_string(), wanted.to_string()];
    let began = Instant::now();
    let read = match row {
        OURS => ours(&argv)?,
        COPY | LARGE => on_tokio(tokios(&argv, row == LARGE)).map_err(|error| error.to_string())?,
        other => return Err(format!("nobody is called {other}")),
    };
    let seconds = began.elapsed().as_secs_f64();
    if read == wanted {
        Ok(vec![("gb_a_second", read as f64 / seconds / 1e9)])
    } else {
        Err(format!("{read} bytes came"))
    }
}

fn ours(argv: &[String; 3]) -> Result<u64, String> {
    let spec = ProcessSpec::command("child", &argv.each_ref().map(String::as_str), None);
    let ran = shakedown_real::run(move |cx| async move {
        let process = cx.process().start(spec).await.map_err(|error| error.to_string())?;
        let (mut read, mut piece) = (0, Vec::new());
        loop {
            piece.clear();
            match process.read(Stream::Stdout, &mut piece).await {
                0 => break,
                bytes => read += bytes as u64,
            }
        }
        process.wait().await;
        Ok(read)
    });
    let ran = ran.map_err(|error| error.to_string())?;
    silent(&ran.findings)?;
    ran.output.unwrap_or_else(|| Err("a signal has ended it".into()))
}

async fn tokios(argv: &[String; 3], is_large: bool) -> io::Result<u64> {
    let mut command = tokio::process::Command::new(&argv[0]);
    let mut child = command.args(&argv[1..]).stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let read = match is_large {
        true => read_large(&mut output).await?,
        false => tokio::io::copy(&mut output, &mut tokio::io::sink()).await?,
    };
    child.wait().await?;
    Ok(read)
}

async fn read_large(output: &mut ChildStdout) -> io::Result<u64> {
    // SAFETY: the descriptor is open, and the call takes a number.
    if unsafe { libc::fcntl(output.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let (mut read, mut piece) = (0, vec![0; 64 << 10]);
    loop {
        match output.read(&mut piece).await? {
            0 => return Ok(read),
            bytes => read += bytes as u64,
        }
    }
}

fn report(found: &Found) {
    for row in WORKLOAD.rows {
        let Some(speed) = found.median(row, "gb_a_second") else { continue };
        let mut cells = vec![format!("{speed:.2} GB/s")];
        if *row == OURS {
            cells.extend(found.ratio("gb_a_second", row, COPY).map(|ratio| format!("{ratio:.2}× io::copy")));
            cells.push(Goal::AtLeast(4.0).judge(speed, " GB/s"));
        }
        line(row, &cells);
    }
    // `Redirect` knows a pipe, /dev/null and our own descriptor; the journal keeps facts, line by line.
    line("shakedown, to a file", &["not offered".to_string(), "goal ≥ 5 GB/s: missed".to_string()]);
}
