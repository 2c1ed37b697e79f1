//! The puppet mode: any executable that calls [`enter`] first in its main can play a puppet script with real system calls.
//! So a real run needs no helper program: a world executes /proc/self/exe again, with the script in the environment.

mod answer;
mod cancel;
mod children;
mod exec;
mod family;
mod files;
mod fix;
mod handling;
mod io;
mod player;
mod process;
mod report;
mod signals;
mod sigset;
mod start;
mod threads;

pub use fix::fix;
pub(crate) use fix::makes_files;
pub use report::{Report, What, parse as parse_report};

use report::Reporter;
use shakedown_core::puppet::{Block, Script};
use std::ffi::OsString;

/// Holds the script; its presence makes a process a puppet.
pub const SCRIPT_VARIABLE: &str = "SHAKEDOWN_PUPPET_SCRIPT";
/// Holds the puppet's worker name; its processes are `name/main`, `name/helper`.
pub const NAME_VARIABLE: &str = "SHAKEDOWN_PUPPET_NAME";
/// Holds the abstract name of the datagram socket that a puppet's processes report to.
pub const REPORT_VARIABLE: &str = "SHAKEDOWN_PUPPET";
/// Holds the folder in which a puppet's processes make and lock files.
pub const FOLDER_VARIABLE: &str = "SHAKEDOWN_PUPPET_DIR";
/// Holds the number of the descriptor on which a puppet says that it is ready, where it has no `NOTIFY_SOCKET`.
pub const READY_FD_VARIABLE: &str = "SHAKEDOWN_PUPPET_READY_FD";
/// Holds what a process has taken through an `exec`; its presence makes a program the continuation of another.
pub const KEPT_VARIABLE: &str = "SHAKEDOWN_PUPPET_KEPT";
/// All of them: none of these is for a program that a puppet's process starts.
pub(crate) const VARIABLES: [&str; 6] =
    [SCRIPT_VARIABLE, NAME_VARIABLE, REPORT_VARIABLE, FOLDER_VARIABLE, READY_FD_VARIABLE, KEPT_VARIABLE];
/// What a puppet's processes are called, as long as Linux allows.
pub const PROCESS_NAME: &std::ffi::CStr = c"shakedown-pupp";

/// Plays the script and never returns, where this process was started as a puppet; otherwise returns at once.
/// To be called first in main, before any thread exists. What it calls for has happened by then, before main: the start-up of a Rust
/// program ignores PIPE, handles SEGV and opens closed standard descriptors, which would lose what is sent and closed meanwhile.
pub fn enter() {
    play_if_asked();
}

/// Run by the loader before main (the System V ABI's `.init_array`), and after the standard library's own entry, which knows the
/// arguments.
#[used]
// SAFETY: the section holds addresses of functions that take no more than argc, argv and envp; this one looks at none of them.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    play_if_asked();
}

fn play_if_asked() {
    let Some(script) = std::env::var_os(SCRIPT_VARIABLE) else { return };
    let script = script.into_string().unwrap_or_else(|_| refuse("the script is not UTF-8"));
    let block = match shakedown_core::puppet::parse(&script) {
        Ok(block) => block,
        Err(errors) => refuse(&errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    };
    let name = std::env::var(NAME_VARIABLE).unwrap_or_else(|_| "puppet".into());
    let reporter = match std::env::var(REPORT_VARIABLE) {
        Ok(address) => match Reporter::connect(&address) {
            Ok(reporter) => reporter,
            // The listener has gone since this process began: nobody is left to tell.
            Err(errno) if errno.raw() == libc::ECONNREFUSED && std::env::var_os(KEPT_VARIABLE).is_some() => {
                Reporter::silent()
            }
            Err(errno) => refuse(&format!("the socket {address} in {REPORT_VARIABLE} does not answer: {errno}")),
        },
        Err(_) => Reporter::silent(),
    };
    match std::env::var(KEPT_VARIABLE) {
        Ok(kept) => match exec::Kept::parse(&kept) {
            Some(kept) => exec::resume(kept, name, reporter, &block),
            None => refuse("what it kept over an exec makes no sense"),
        },
        Err(_) => start::begin(name, reporter, &block),
    }
}

/// The variables that make an execution of our own program play `block` as the puppet `name`.
pub(crate) fn environment(name: &str, block: &Block, reports: &str) -> [(OsString, OsString); 3] {
    [
        (SCRIPT_VARIABLE.into(), Script(block).to_string().into()),
        (NAME_VARIABLE.into(), name.into()),
        (REPORT_VARIABLE.into(), reports.into()),
    ]
}

/// A puppet that cannot play ends at once and says why, with a code that no script uses by chance.
fn refuse(why: &str) -> ! {
    eprintln!("shakedown puppet (pid {}): {why}; the script stands in {SCRIPT_VARIABLE}", std::process::id());
    std::process::exit(REFUSED)
}

/// The exit code of a puppet that could not play its script.
pub const REFUSED: i32 = 125;
