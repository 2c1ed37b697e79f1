//! Where a test plays: a folder of its own for sockets, journals and scenarios, and the command in it.

use shakedown::core::ids::Pid;
use shakedown::core::signal::Signal;
use shakedown::core::vocab::Errno;
use shakedown::real::pidfd::Pidfd;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

pub struct Stage(PathBuf);

/// What a command has come to.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Stage {
    /// Short, because the path of a socket is: unix(7).
    pub fn new(name: &str) -> Stage {
        // Pids begin anew in each namespace; the run's name is its own.
        let run = std::env::var("SHAKEDOWN_RUN").expect("we are in a namespace of our own");
        let folder = std::env::temp_dir().join(format!("sd-{run}-{name}"));
        fs::create_dir(&folder).expect("a new folder");
        Stage(folder)
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("written");
        name.to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn socket(&self, session: &str) -> PathBuf {
        self.0.join(format!("run/{session}.sock"))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
        // What the caller's environment says is not this test's business; where we are is.
        let own =
            |name: &str| name.starts_with("SHAKEDOWN_") && name != "SHAKEDOWN_NAMESPACE" && name != "SHAKEDOWN_RUN";
        for (name, _) in std::env::vars_os().filter(|(name, _)| own(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.args(args).current_dir(&self.0).stdin(Stdio::null());
        command.env("SHAKEDOWN_RUNTIME", self.0.join("run")).env("SHAKEDOWN_STATE", self.0.join("state"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().expect("it runs").into()
    }

    /// Runs it, and it ends with this code.
    pub fn runs(&self, args: &[&str], code: i32) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
        said
    }

    /// It goes on beside the test; its stdout can be read line by line.
    pub fn begin(&self, args: &[&str]) -> Running {
        self.begin_command(self.command(args))
    }

    pub fn begin_command(&self, mut command: Command) -> Running {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let err = BufReader::new(child.stderr.take().expect("it is piped"));
        Running { child, out, err, heard: String::new() }
    }

    /// Follows a session, and is there.
    pub fn follow(&self, args: &[&str]) -> Running {
        let mut running = self.begin(&[&["follow"], args].concat());
        let mut line = String::new();
        running.err.read_line(&mut line).expect("it is text");
        assert!(line.starts_with("following "), "{args:?}: {line}");
        running
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What a failed test has left is looked at by nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that runs.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
    heard: String,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its next line, without the newline; nothing at its end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.out.read_line(&mut line).expect("it is text");
        self.heard.push_str(&line);
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Reads until a line has this in it.
    pub fn hears(&mut self, what: &str) -> String {
        loop {
            match self.line() {
                Some(line) if line.contains(what) => return line,
                Some(_) => {}
                None => panic!("it has ended and never said `{what}`: {}", self.heard),
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        signal_to(self.pid(), signal);
    }

    /// It may have ended meanwhile: as long as nobody has reaped it, its number is its own.
    pub fn try_signal(&self, signal: Signal) -> Result<(), Errno> {
        let pid = Pid::new(self.pid() as i32).expect("a pid");
        Pidfd::open(pid).and_then(|held| held.send(signal))
    }

    /// Until it has a handler for this signal, and has worked for so long on its own account: proc_pid_status(5), proc_pid_stat(5).
    pub fn is_at_work(&self, handles: Signal, worked: Duration) {
        is_at_work(self.pid(), handles, worked);
    }

    /// What it has said until now.
    pub fn heard_so_far(&self) -> String {
        self.heard.clone()
    }

    /// Nobody reads what it goes on to say; how it ends.
    pub fn ends_unread(self) -> Option<i32> {
        let Running { mut child, out, .. } = self;
        drop(out);
        child.wait().expect("it is our child").code()
    }

    /// The rest of what it says, and how it ends.
    pub fn ends(mut self) -> Said {
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).expect("its output can be read");
        self.heard.push_str(&String::from_utf8_lossy(&rest));
        let mut err = String::new();
        self.err.read_to_string(&mut err).expect("it is text");
        let status: ExitStatus = self.child.wait().expect("it is our child");
        Said { code: status.code(), out: std::mem::take(&mut self.heard), err }
    }
}

pub fn signal_to(pid: u32, signal: Signal) {
    let pid = Pid::new(pid as i32).expect("a pid");
    Pidfd::open(pid).and_then(|held| held.send(signal)).unwrap_or_else(|errno| panic!("{pid}: {errno}"));
}

pub fn is_at_work(pid: u32, handles: Signal, worked: Duration) {
    let began = Instant::now();
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    loop {
        let status = read("status");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).map_or("0", str::trim);
        let caught = u64::from_str_radix(caught, 16).unwrap_or(0);
        // utime is the eleventh field behind the name, in ticks of ten milliseconds.
        let stat = read("stat");
        let ticks = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(11)?.parse::<u64>().ok()).unwrap_or(0);
        if caught >> (handles.number() - 1) & 1 == 1 && Duration::from_millis(ticks * 10) >= worked {
            return;
        }
        let is_over = status.contains("State:\tZ");
        assert!(!is_over && began.elapsed() < Duration::from_secs(30), "{pid} does not come so far: {status} {stat}");
        std::thread::yield_now();
    }
}

/// The pid that a text tells behind `pid `.
pub fn pid_in(text: &str) -> u32 {
    let digits = text.split("pid ").nth(1).unwrap_or_default();
    let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no pid in {text:?}"))
}

pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
