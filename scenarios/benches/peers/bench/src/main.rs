//! `bench [--quick] [NAME…]`: measures all built peers side by side and prints one table with ratios.
//! It builds nothing. Absolute figures drift from machine to machine; the ratios are of one run, whose rounds interleave.
mod kernel;
mod measure;
mod peers;
mod programs;
mod report;
mod zoo;

use measure::{Answer, Pin};
use peers::{PEERS, Peer, Role, Workload};
use report::Row;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some((word, names)) = args.split_first()
        && word == "zoo"
    {
        return zoo::main(names);
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    if args.iter().any(|arg| arg.starts_with("--") && arg != "--quick") {
        eprintln!("usage: bench [--quick] [NAME…]   or   bench zoo [BUG…]   (part of a row's name)");
        return ExitCode::from(2);
    }
    let (rounds, target_ns) = if quick { (3, 30e6) } else { (5, 250e6) };
    let start = Instant::now();
    let pin = Pin::find();
    let wanted = |peer: &&Peer| names.is_empty() || names.iter().any(|name| peer.name.contains(name.as_str()));
    let mut rows = Vec::new();
    let mut jobs = Vec::new();
    for peer in PEERS.iter().filter(wanted) {
        let mut row = Row::new(peer);
        match peer.path() {
            Some(path) => jobs.extend(probe(&mut row, rows.len(), &path, &pin, target_ns)),
            None => println!("not built, so not measured: {} (`{}`)", peer.name, peer.program),
        }
        rows.push(row);
    }
    compare_work(&mut rows, &jobs);
    let is_ours = |row: &Row<'_>| row.peer.role == Role::Ours;
    let is_measured = rows.iter().any(is_ours);
    let mut sessions = if is_measured { kernel::Sessions::new(target_ns) } else { None };
    let mut programs = if is_measured { programs::Programs::new(quick) } else { None };
    for _ in 0..rounds {
        for job in &jobs {
            measure_once(&mut rows[job.row], job, &pin);
        }
        if let Some(sessions) = &mut sessions {
            sessions.round(&pin);
        }
        if let Some(programs) = &mut programs {
            programs.round();
        }
    }
    for row in rows.iter_mut().filter(|row| row.peer.whole) {
        if let Some(path) = row.peer.path() {
            match measure::sameness(row.peer, &path, &pin) {
                Ok(same) => row.sameness = Some(same),
                Err(trouble) => row.troubles.push(format!("traces: {trouble}")),
            }
        }
    }
    let mut whole = report::print(&rows);
    if let Some(sessions) = &sessions {
        whole &= sessions.print();
    }
    match &mut programs {
        Some(programs) => {
            programs.shrink(&pin);
            whole &= programs.print();
        }
        None if is_measured => {
            println!("not built, so not measured: scaling and shrink (`shakedown`, `shakedown-zoo`)")
        }
        None => {}
    }
    println!("medians of {rounds} rounds, {}, {:.0} s in all", pin.describe(), start.elapsed().as_secs_f64());
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One cell of the table: what to run in every round.
struct Job {
    row: usize,
    path: PathBuf,
    workload: Workload,
    n: u64,
    probed: Answer,
}

/// Runs the small piece of each workload; what fails here is not asked again.
fn probe(row: &mut Row<'_>, at: usize, path: &std::path::Path, pin: &Pin, target_ns: f64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for workload in Workload::ALL {
        if !row.peer.whole && !matches!(workload, Workload::W0 | Workload::W1) {
            continue;
        }
        match measure::workload(row.peer, path, pin, workload, workload.probe()) {
            Ok(probed) => {
                let n = workload.count(probed.unit_ns, target_ns);
                jobs.push(Job { row: at, path: path.to_path_buf(), workload, n, probed });
            }
            Err(trouble) => row.troubles.push(format!("{}: {trouble}", workload.word())),
        }
    }
    jobs
}

fn measure_once(row: &mut Row<'_>, job: &Job, pin: &Pin) {
    match measure::workload(row.peer, &job.path, pin, job.workload, job.n) {
        Ok(answer) => {
            row.unit_ns[job.workload as usize].push(answer.unit_ns);
            if job.workload == Workload::W5 {
                row.parked_bytes = Some(answer.parked_bytes_a_unit);
            }
        }
        Err(trouble) => row.troubles.push(format!("{}: {trouble}", job.workload.word())),
    }
}

/// All peers must have done the floor's work. In W1 a scheduler may decide races within one millisecond otherwise, so
/// its sums agree nearly; everything else agrees exactly.
fn compare_work(rows: &mut [Row<'_>], jobs: &[Job]) {
    for job in jobs {
        let is_floor = |other: &&Job| rows[other.row].peer.role == Role::Floor && other.workload == job.workload;
        let Some(floor) = jobs.iter().find(is_floor) else { continue };
        for (name, expected) in &floor.probed.sums {
            let found = job.probed.sums.get(name).copied().unwrap_or(0);
            let allowed = match (job.workload, name.as_str()) {
                (Workload::W1, "ticks" | "end_ms") => 0.01,
                (Workload::W1, "kills" | "drain_timeouts") => 0.06,
                (_, _) => 0.0,
            };
            if found.abs_diff(*expected) as f64 > allowed * *expected as f64 {
                let word = job.workload.word();
                rows[job.row].troubles.push(format!("{word}: other work: {name} {found}, the floor's {expected}"));
            }
        }
    }
}
