//! Generated conformance: small programs are drawn, played on real Linux, and every real outcome must be one that the simulated
//! kernel can reach. `cargo test` tests the generator and plays a few dozen; `just conform N` plays N and holds their coverage.
//! Without a harness of libtest's, because a private pid namespace has to be entered before any thread exists (house rule 11).

mod args;
mod call;
mod calm;
mod checks;
mod coverage;
mod crew;
mod draw;
mod flight;
mod generate;
mod judge;
mod meeting;
mod program;
mod race;
mod racy;
mod reach;
mod recorded;
mod rows;
mod share;
mod sight;
mod tidy;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    shakedown::real::puppet::enter();
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) => {
            eprintln!("error: {wrong}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    if args.show {
        show(&args);
        return ExitCode::SUCCESS;
    }
    if let Some(file) = &args.decide {
        return share::decide_again(file);
    }
    if let Some(share) = args.share {
        return ExitCode::from(share::play(&args, share));
    }
    if args.programs.is_some() || args.only.is_some() {
        return ExitCode::from(crew::play(&args).code());
    }
    checks::all(&args)
}

fn show(args: &args::Args) {
    let generator = generate::Generator::new();
    let numbers = args.only.map_or(0..args.programs.unwrap_or(10), |only| only..only + 1);
    for number in numbers {
        println!("# program {number} of seed {}\n{}", args.seed, generator.tree(args.seed, number).current());
    }
}
