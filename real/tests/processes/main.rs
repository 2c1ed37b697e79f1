//! Real processes in a private pid namespace: what the backend starts, signals, waits for and reaps, against the kernel itself.
//! Without a harness of libtest's, because the namespace has to be entered before any thread exists (house rule 11).

mod cases;
mod clients;
mod crash;
mod descriptors;
mod files;
mod handles;
mod hosted;
mod http;
mod notify;
#[cfg(feature = "proxy")]
mod proxies;
mod recovery;
mod rig;
mod scopes;
mod sessions;
mod verbs;

use shakedown_real::{host, namespace, puppet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    puppet::enter();
    rig::play_leaver();
    crash::play_writer();
    recovery::play_supervisor();
    if rig::play_doomed_parent() {
        return ExitCode::SUCCESS;
    }
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    #[cfg_attr(not(feature = "proxy"), expect(unused_mut))]
    let mut all = [
        cases::ALL,
        scopes::ALL,
        verbs::ALL,
        hosted::ALL,
        notify::ALL,
        http::ALL,
        sessions::ALL,
        files::ALL,
        handles::ALL,
        clients::ALL,
        crash::ALL,
        descriptors::ALL,
        recovery::ALL,
    ]
    .concat();
    #[cfg(feature = "proxy")]
    all.extend([proxies::ALL, proxies::curl::ALL].concat());
    let chosen: Vec<_> =
        all.iter().filter(|(name, _)| filter.as_ref().is_none_or(|f| name.contains(f.as_str()))).collect();
    if std::env::args().any(|a| a == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let left_out = all.len() - chosen.len();
    // As cargo-nextest and go test call it: what is broken in one place may be so in all, each of which then waits for its time limit.
    let fail_fast = std::env::args().any(|a| a == "--fail-fast");
    match namespace::enter_private_pid_namespace() {
        Ok(inside) => run(&chosen, left_out, &inside.run, fail_fast),
        Err(refused) => {
            println!("\nrunning {} tests\nskipped: {refused}", chosen.len());
            summary("ok", 0, 0, chosen.len(), left_out, Duration::ZERO);
            ExitCode::SUCCESS
        }
    }
}

fn run(chosen: &[&(&str, cases::Case)], mut left_out: usize, run: &str, fail_fast: bool) -> ExitCode {
    println!("\nrunning {} tests", chosen.len());
    let began = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in chosen {
        if failed > 0 && fail_fast {
            left_out += 1;
            continue;
        }
        let result = catch_unwind(AssertUnwindSafe(|| host::block_on(case())));
        let left = rig::nobody_left(run);
        match (result, left) {
            (Ok(Ok(())), Ok(())) => {
                println!("test {name} ... ok");
                passed += 1;
            }
            (Ok(Ok(())), Err(left)) => {
                println!("test {name} ... FAILED (left behind: {left})");
                failed += 1;
            }
            (Ok(Err(_)) | Err(_), _) => {
                println!("test {name} ... FAILED");
                failed += 1;
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    summary(verdict, passed, failed, 0, left_out, began.elapsed());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn summary(verdict: &str, passed: usize, failed: usize, ignored: usize, filtered: usize, took: Duration) {
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered} filtered out; \
         finished in {:.2}s\n",
        took.as_secs_f64()
    );
}
