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
  shakedown start shop.toml                       run a file's session for real, in the background …
  shakedown follow shop                           … and from any terminal: list, follow, restart, stop, history

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
  shakedown compare stop.toml --budget 1000000    a longer search before an outcome is called undecided
  shakedown compare --report junit=compare.xml,html=compare   a page for each outcome that is in question";

pub(crate) const EXPLORE: &str = "\
Examples:
  shakedown explore stop.toml                     every schedule with at most two delays and one fault
  shakedown explore stop.toml --delays 4 --values 1 --crashes 1
  shakedown explore stop.toml --out shakedown-regressions   keep the smallest failure";

pub(crate) const REPLAY: &str = "\
Examples:
  shakedown replay shakedown-regressions/*.toml   all that was recorded
  shakedown replay found.toml --no-shrink         only whether it still fails
  shakedown replay crash-1f0a --of stop.toml      what a fuzzer has found (target scenario_choices)";

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

pub(crate) const RUN: &str = "\
Examples:
  shakedown run shop.toml                         the session of this file; its stimuli and faults are not played
  shakedown run shop.toml --format json           facts as one JSON object a line
  shakedown run shop.toml --set defaults.stop.grace=1s --case 2
  shakedown run -- npm run dev                    one command, and nobody of it is left behind
  shakedown run --name web -- python3 -m http.server

Ctrl-C, TERM and HUP ask it to stop, each by the file's stop policy; a second one kills (second-stop = \"join\" joins).
Exit codes: of a file 0 if all workers ended in order, 1 if one failed or had to be killed, 3 bad file, 4 the name is
taken; of a command its own code, 128+n for signal n, 127 not found, 126 not executable, 125 a failure of our own.";

pub(crate) const START: &str = "\
Examples:
  shakedown start shop.toml                       returns when all workers are ready
  shakedown start --name web -- python3 -m http.server 8080
  shakedown start shop.toml --stay                goes on without workers until it is stopped
  shakedown start --into shop --name job --env N=3 --dir /srv -- ./migrate   one more worker of a live session

Exit codes: 0 all are ready, 1 one has failed or is not ready in time, 3 bad file, 4 the name is taken.";

pub(crate) const LIST: &str = "\
Examples:
  shakedown list                                  live sessions; dead ones were killed and could not clear away
  shakedown list shop                             its workers, with their numbers
  shakedown list --format json | jq -r .name

A session lives if it answers at its socket as the one that its card names; SHAKEDOWN_RUNTIME is where they are.";

pub(crate) const FOLLOW: &str = "\
Examples:
  shakedown follow shop                           from now on; a reader that is slow misses lines, never events
  shakedown follow shop --from 0                  all of its journal, then what comes; misses nothing
  shakedown follow shop --filter worker=api,worker=db --filter event=failed,event=exited
  shakedown follow shop --format json --filter stream=stderr";

pub(crate) const SEND: &str = "\
Examples:
  shakedown send shop repl 'print(1)'             a line for its standard input
  shakedown send shop sort --close < words.txt    a file, and the end
  shakedown send shop api --signal HUP            a signal, as its stop policy addresses them";

pub(crate) const STOP: &str = "\
Examples:
  shakedown stop shop                             the whole session, in its order; waits until it is over
  shakedown stop shop api                         one worker; it stays stopped
  shakedown stop shop --no-wait                   only ask

Exit codes: 0 all ended in order, 1 one had to be killed or failed, or it takes too long, 4 no such session.";

pub(crate) const KILL: &str = "\
Examples:
  shakedown kill shop                             KILL to everything of it, at once
  shakedown kill shop '#3'                        one worker, by its number in `shakedown list shop`";

pub(crate) const RESTART: &str = "\
Examples:
  shakedown restart shop api                      waits until it is ready again
  shakedown restart shop api --timeout 5s";

pub(crate) const HISTORY: &str = "\
Examples:
  shakedown history shop                          all that its journal holds, of earlier sessions of this name too
  shakedown history shop --last 20 --filter worker=api
  shakedown history shop --format json | jq 'select(.event == \"failed\")'";
