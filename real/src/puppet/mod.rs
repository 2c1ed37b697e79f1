//! The puppet mode: any executable that calls [`enter`] first in its main can play a puppet script with real system calls.
//! So a real run needs no helper program: a world executes /proc/self/exe again, with the script in the environment.

mod children;
mod fix;
mod player;
mod report;
mod signals;

pub use fix::fix;
pub use report::{Report, What, parse as parse_report};

use player::Player;
use report::Reporter;
use shakedown_core::puppet::{Block, Script};
use std::ffi::OsString;

/// Holds the script; its presence makes a process a puppet.
pub const SCRIPT_VARIABLE: &str = "SHAKEDOWN_PUPPET_SCRIPT";
/// Holds the puppet's worker name; its processes are `name/main`, `name/helper`.
pub const NAME_VARIABLE: &str = "SHAKEDOWN_PUPPET_NAME";
/// Holds the abstract name of the datagram socket that a puppet's processes report to.
pub const REPORT_VARIABLE: &str = "SHAKEDOWN_PUPPET";
/// What a puppet's processes are called, as long as Linux allows.
pub const PROCESS_NAME: &std::ffi::CStr = c"shakedown-pupp";

/// Plays the script and never returns, where this process was started as a puppet; otherwise returns at once.
/// To be called first in main, before any thread exists.
pub fn enter() {
    let Some(script) = std::env::var_os(SCRIPT_VARIABLE) else { return };
    let script = script.into_string().unwrap_or_else(|_| refuse("the script is not UTF-8"));
    let block = match shakedown_core::puppet::parse(&script) {
        Ok(block) => block,
        Err(errors) => refuse(&errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    };
    let name = std::env::var(NAME_VARIABLE).unwrap_or_else(|_| "puppet".into());
    let reporter = match std::env::var(REPORT_VARIABLE) {
        Ok(address) => Reporter::connect(&address).unwrap_or_else(|errno| {
            refuse(&format!("the socket {address} in {REPORT_VARIABLE} does not answer: {errno}"))
        }),
        Err(_) => Reporter::silent(),
    };
    Player::new(name, reporter).play_all(&block)
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
