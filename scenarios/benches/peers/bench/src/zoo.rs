//! `bench zoo [NAME…]`: the bugs of the zoo that need no process, on each peer: how many seeds until it shows.
use crate::measure::{self, Pin};
use crate::peers::{PEERS, Peer};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Prints the table: a line a bug, a column a peer.
pub fn main(words: &[String]) -> ExitCode {
    let (start, pin) = (Instant::now(), Pin::find());
    let peers: Vec<(&Peer, PathBuf)> = COLUMNS.iter().filter_map(|program| built(program)).collect();
    let Some((_, first)) = peers.first() else {
        eprintln!("no peer is built");
        return ExitCode::FAILURE;
    };
    let names = match ask(first, &pin, &["zoo"]) {
        Ok(names) => names,
        Err(trouble) => {
            eprintln!("error: {trouble}");
            return ExitCode::FAILURE;
        }
    };
    let is_asked_for = |name: &&str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let head: String = peers.iter().map(|(peer, _)| format!("{:>15}", peer.name)).collect();
    println!("{:NAMES$}{head}", "seeds until it shows, median over 20 bases");
    let (mut found, mut troubles) = (vec![0; peers.len()], Vec::new());
    let mut all = 0;
    for name in names.lines().filter(is_asked_for) {
        all += 1;
        let mut line = format!("{name:NAMES$}");
        for (at, (peer, path)) in peers.iter().enumerate() {
            let cell = match ask(path, &pin, &["zoo", name]) {
                Ok(answer) => Cell::of(&answer),
                Err(trouble) => {
                    troubles.push(format!("{}: {name}: {trouble}", peer.name));
                    Cell { text: "–".into(), is_found: false, twin: None }
                }
            };
            found[at] += u32::from(cell.is_found);
            troubles.extend(cell.twin.map(|seed| format!("{}: the twin of {name} is wrong at {seed}", peer.name)));
            line += &format!("{:>15}", cell.text);
        }
        println!("{line}");
    }
    let counts: String = found.iter().map(|found| format!("{:>15}", format!("{found} of {all}"))).collect();
    println!("{:NAMES$}{counts}", "found");
    println!("none: not within 10 000 seeds of two bases; {:.0} s in all", start.elapsed().as_secs_f64());
    troubles.iter().for_each(|trouble| println!("{trouble}"));
    if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn built(program: &str) -> Option<(&'static Peer, PathBuf)> {
    let peer = PEERS.iter().find(|peer| peer.program == program && peer.env.is_empty())?;
    let path = peer.path();
    if path.is_none() {
        println!("not built, so not asked: {} (`{program}`)", peer.name);
    }
    path.map(|path| (peer, path))
}

fn ask(path: &std::path::Path, pin: &Pin, args: &[&str]) -> Result<String, String> {
    measure::run(path, pin, args, &[], LIMIT)
}

/// What a peer answered for one bug.
struct Cell {
    text: String,
    is_found: bool,
    /// The seed at which its correct twin went wrong.
    twin: Option<u64>,
}

impl Cell {
    fn of(answer: &str) -> Cell {
        let number = |key: &str| {
            let words = answer.split_whitespace().filter_map(|word| word.split_once('='));
            words.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse::<u64>().ok())
        };
        let (found, bases) = (number("found").unwrap_or(0), number("bases").unwrap_or(0));
        let text = match number("median") {
            Some(median) => median.to_string(),
            None if found == 0 => "none".into(),
            None => format!("{found}/{bases}"),
        };
        Cell { text, is_found: found > 0, twin: number("twin") }
    }
}

/// The programs that are asked, from left to right.
const COLUMNS: [&str; 5] = ["peer-shakedown", "peer-tokio", "peer-turmoil", "peer-madsim", "peer-shuttle"];

/// How wide the names are.
const NAMES: usize = 43;

/// For one bug on one peer; turmoil plays some thousand seeds a second.
const LIMIT: Duration = Duration::from_secs(300);
