//! Live sessions and interrupted sweeps, as a user at a shell meets them. Whatever is signalled here is a child of the test and held by a
//! pidfd, and all of it lives in a private pid namespace (house rule 11), which has to be entered before any thread exists: there is no
//! harness of libtest's.

mod interrupts;
mod own;
mod run;
mod sessions;
mod stage;

use shakedown::core::ids::Pid;
use shakedown::real::namespace::{end_leftover, enter_private_pid_namespace, leftovers};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The tests of a module, by their names.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub const ALL: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use tests;

fn main() -> ExitCode {
    if let Some(exit) = own::users_main() {
        return exit;
    }
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let all = [sessions::ALL, run::ALL, interrupts::ALL, own::ALL].concat();
    let chosen: Vec<_> =
        all.iter().filter(|(name, _)| filter.as_ref().is_none_or(|f| name.contains(f.as_str()))).collect();
    let run = match enter_private_pid_namespace() {
        Ok(inside) => inside.run,
        Err(refused) => {
            let skipped = chosen.len();
            println!("\nskipped: {refused}\n\ntest result: ok. 0 passed; 0 failed; {skipped} ignored; 0 measured");
            return ExitCode::SUCCESS;
        }
    };
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    let mut patience = Patience::default();
    for (name, test) in &chosen {
        patience.begins(name);
        let held = catch_unwind(test).is_ok();
        let left = settled(&run);
        left.iter().for_each(|(pid, _)| assert!(end_leftover(&run, *pid), "{pid} cannot be ended"));
        failed += usize::from(!held || !left.is_empty());
        match (held, left.as_slice()) {
            (true, []) => println!("test {name} ... ok"),
            (_, left) => println!("test {name} ... FAILED (left behind: {left:?})"),
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured", chosen.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// A test that waits for what never comes ends all of them, with its name: what it has started goes with our namespace.
#[derive(Default)]
struct Patience(Option<mpsc::Sender<()>>);

impl Patience {
    fn begins(&mut self, name: &'static str) {
        let (begins, next) = mpsc::channel();
        self.0 = Some(begins);
        std::thread::spawn(move || {
            if next.recv_timeout(TEST_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
                println!("test {name} ... FAILED (not over within {TEST_MAX:?})");
                std::process::exit(101);
            }
        });
    }
}

/// Who is left once those that were on their way out have had time to go.
fn settled(run: &str) -> Vec<(Pid, String)> {
    let began = Instant::now();
    loop {
        let left = leftovers(run).expect("/proc can be read");
        if left.is_empty() || began.elapsed() > SETTLE {
            return left;
        }
        std::thread::yield_now();
    }
}

const TEST_MAX: Duration = Duration::from_secs(60);
const SETTLE: Duration = Duration::from_secs(3);
