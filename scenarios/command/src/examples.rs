//! What `--help` shows below the flags: whoever asks wants to see it done.

pub(crate) const ALL: &str = "\
Examples:
  shakedown init                                  a scenario, a test and a workflow to begin with
  shakedown sim                                   play every scenario below ./scenarios in the simulator
  shakedown sim stop.toml --seeds 100000          more seeds of one file
  shakedown sim stop.toml --case 4 --seed 42      exactly one run, as a report says it
  shakedown open                                  the last failure as a page, in the browser
  shakedown real stop.toml                        the same file with real processes
  shakedown compare stop.toml --runs 20           whether the simulator can do whatever Linux did in 20 runs
  shakedown explore stop.toml --delays 3          every order of events with up to three of them late
  shakedown replay shakedown-regressions/*.toml   failures that were found before
  shakedown check                                 only read the files, and say all of their mistakes

`shakedown COMMAND --help` shows examples of each command.

Exit codes: 0 all held, 1 an expectation or oracle failed, 2 usage, 3 bad scenario file, 4 nothing ran,
5 inconclusive (a `sometimes` was never seen, a budget ended, a comparison undecided), 6 not deterministic,
7 the machine lacks what `real` needs, 70 a bug of Shakedown, 130 interrupted (what was found is printed).";

pub(crate) const SIM: &str = "\
Examples:
  shakedown sim stop.toml --seed 42               exactly this run
  shakedown sim --seeds random:10000              seeds that nobody has played before
  shakedown sim --rerun                           only what failed the last time
  shakedown sim --set defaults.stop.grace=1s      another value than the files say
  shakedown sim --max-fail 1 --time-budget 5m     stop at the first failure, or after five minutes
  shakedown sim --shard 2/8 --report json=2.json  the second of eight machines; `merge` adds them up
  shakedown sim --format github --report junit=junit.xml,html=report
  shakedown sim stop.toml --strategy portfolio --out shakedown-regressions

GitHub has no number for the jobs of a matrix: SHAKEDOWN_SHARD=${{ matrix.shard }}/8 hands it over.
SHAKEDOWN_SHARD=auto asks GitLab, CircleCI, Buildkite and Slurm, auto/8 Kubernetes, which knows no total.";

pub(crate) const REAL: &str = "\
Examples:
  shakedown real stop.toml                        each case once, in a pid namespace of its own
  shakedown real stop.toml --runs 100 --seed 7    a hundred times, ranges drawn from this seed on
  shakedown real --require                        exit 7 where anything had to be skipped";

pub(crate) const COMPARE: &str = "\
Examples:
  shakedown compare stop.toml                     five real runs, and whether the simulator can come to each
  shakedown compare stop.toml --budget 1000000    a longer search before an outcome is called undecided";

pub(crate) const EXPLORE: &str = "\
Examples:
  shakedown explore stop.toml                     every schedule with at most two delays and one fault
  shakedown explore stop.toml --delays 4 --values 1 --crashes 1
  shakedown explore stop.toml --out shakedown-regressions   keep the smallest failure";

pub(crate) const REPLAY: &str = "\
Examples:
  shakedown replay shakedown-regressions/*.toml   all that was recorded
  shakedown replay found.toml --no-shrink         only whether it still fails";

pub(crate) const CHECK: &str = "\
Examples:
  shakedown check                                 every file below ./scenarios
  shakedown check stop.toml                       all mistakes of one file, with line, column and hint";

pub(crate) const MERGE: &str = "\
Examples:
  shakedown merge shard-*.json                    the report of all shards; a shard that is missing is told, exit 5
  shakedown merge shard-*.json --format github --report junit=junit.xml,html=report";

pub(crate) const SHOW: &str = "\
Examples:
  shakedown show                                  the first failure of the last sweep
  shakedown show --all                            all of them
  shakedown show found.toml                       a failure file, played again";

pub(crate) const OPEN: &str = "\
Examples:
  shakedown open                                  the first failure of the last sweep
  shakedown open latest --nth 2                   the second one
  shakedown open report.json --no-browser         only write the page, and say where";

pub(crate) const EXPORT: &str = "\
Examples:
  shakedown export latest --to perfetto -o trace.json    open it at ui.perfetto.dev
  shakedown export latest --to mermaid                   a diagram for an issue
  shakedown export found.toml --to html -o page.html     one page to send to somebody";

pub(crate) const GRAPH: &str = "\
Examples:
  shakedown graph stop.toml                       waves of starts and stops, and the critical chains
  shakedown graph stop.toml --to mermaid          a flowchart for Markdown";

pub(crate) const INIT: &str = "\
Examples:
  shakedown init                                  into this folder
  shakedown init service --schema                 into another one, with the schema for its editor";

pub(crate) const SCHEMA: &str = "\
Examples:
  shakedown schema > scenarios/shakedown.schema.json
Then the first line of a scenario names it, and editors with Taplo complete and complain:
  #:schema ./shakedown.schema.json";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  shakedown completions bash > ~/.local/share/bash-completion/completions/shakedown
  shakedown completions zsh > ~/.zfunc/_shakedown
  shakedown completions fish > ~/.config/fish/completions/shakedown.fish";

pub(crate) const MAN: &str = "\
Examples:
  shakedown man | man -l -                        read it
  shakedown man ~/.local/share/man/man1           a page for each command";

pub(crate) const EXPLAIN: &str = "\
Examples:
  shakedown explain no-orphan                     what it promises, and the bugs that break it
  shakedown explain                               all of them";
