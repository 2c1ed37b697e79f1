# What a contributor runs. `just` comes from PyPI (`pip install rust-just`), Debian or crates.io.
# CI (`.ci/run`) is made of these same recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]

peers := "scenarios/benches/peers"
rings := "real/rings"
target := env("CARGO_TARGET_DIR", justfile_directory() / "target")
# The programs of the rings have a workspace of their own, and a flag that changes all that they are built with.
ring := 'RUSTFLAGS="--cfg madsim" cargo run --profile ' + env("RINGS_PROFILE", "release") + " --manifest-path " + rings / "Cargo.toml --target-dir " + target / "rings/apart"

# what can be run
[private]
default:
    @just --list --unsorted

# every test of the workspace, those of the real machine included
test *args:
    cargo test --workspace {{ args }}

# formatting and lints, as CI holds them
lint: fmt clippy

# formatting only
fmt:
    cargo fmt --all -- --check
    cargo fmt --manifest-path fuzz/Cargo.toml -- --check
    # Not --all here: that would follow the path dependencies back into this workspace.
    cargo fmt --manifest-path {{ peers }}/Cargo.toml -p bench -p bench-real -p peer-bach -p peer-mini \
        -p peer-sansio -p peer-shakedown -p peer-shuttle -p peer-tokio -p peer-turmoil -- --check
    cargo fmt --manifest-path {{ peers }}/madsim/Cargo.toml -- --check
    cargo fmt --manifest-path {{ rings }}/Cargo.toml -p ring-loom -p ring-madsim -- --check

# clippy only
clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# play the scenarios in the simulator
sim *args:
    cargo run --release -- sim {{ args }}

# play the scenarios on this machine
real *args:
    cargo run --release -- real {{ args }}

# play N generated programs on Linux and hold each outcome against what the simulator can reach: `just conform 2000 seed=7`
conform n="2000" *args:
    cargo test --release --test conform -- {{ n }} {{ args }}

# stop, restart and natural exit at the same time, on this machine, a thousand times: `just races 5000`
races n="1000":
    SHAKEDOWN_RACES={{ n }} cargo test -p shakedown-real --test processes -- stop_and_restart_and_exit

# play the scenarios for real and in the simulator, and hold every real outcome against what can be simulated
compare *args:
    cargo run --release -- compare {{ args }}

# build the peers and measure all side by side (a minute once built)
bench *names: bench-build
    {{ target }}/peers/release/bench {{ names }}

# K1 beside itself built with a profile of its own run: what layout and inlining could still give (wants the component llvm-tools of rustup)
bench-guided:
    #!/usr/bin/env bash
    set -euo pipefail
    merge=$(find "$(rustc --print sysroot)" -name llvm-profdata -type f)
    [ -n "$merge" ] || { echo "no llvm-profdata: rustup component add llvm-tools" >&2; exit 1; }
    into="{{ target }}/guided"
    rm -rf "$into/profile"
    build() { RUSTFLAGS="$2" cargo build --quiet --release --manifest-path {{ peers }}/Cargo.toml -p peer-shakedown --target-dir "$into/$1"; }
    build plain ""
    build told "-Cprofile-generate=$into/profile"
    "$into/told/release/peer-shakedown" k1 20000 > "$into/told.out"
    "$merge" merge -o "$into/profile.data" "$into/profile"
    build guided "-Cprofile-use=$into/profile.data"
    for round in 1 2 3; do
        for which in plain guided; do
            "$into/$which/release/peer-shakedown" k1 60000 | sed -E "s/.*units=([0-9]+) wall_ns=([0-9]+).*/\1 \2/" \
                | awk -v which=$which '{ printf "%-7s %.0f sessions/s\n", which, 1e9 * $1 / $2 }'
        done
    done

# the same in ten seconds, for a first impression
bench-quick *names: bench-build
    {{ target }}/peers/release/bench --quick {{ names }}

# real processes, ours beside std, tokio, process-wrap and async-process, with each goal (three minutes once built; `just bench-real --quick`)
bench-real *words:
    cargo build --release --manifest-path {{ peers }}/Cargo.toml -p bench-real --target-dir {{ target }}/peers
    {{ target }}/peers/release/bench-real {{ words }}

# our proxy against a plain hyper one under wrk, half a minute once built
bench-proxy:
    cargo bench -p shakedown-real --features proxy --bench proxy

# build the peers and our own programs; madsim wants a flag for all it depends on, and so a folder of its own
bench-build:
    cargo build --release
    cargo build --release -p shakedown-zoo
    cargo build --release --manifest-path {{ peers }}/Cargo.toml --target-dir {{ target }}/peers
    RUSTFLAGS="--cfg madsim" cargo build --release --manifest-path {{ peers }}/madsim/Cargo.toml --target-dir {{ target }}/peers/madsim

# each fuzz target for a moment, on stable Rust; what it finds interesting stays out of the tree
fuzz-smoke runs="20000":
    #!/usr/bin/env bash
    set -euo pipefail
    command -v cargo-fuzz >/dev/null || { echo "needs cargo-fuzz: cargo install --locked cargo-fuzz"; exit 1; }
    for name in $(cargo fuzz list); do
        found="{{ target }}/fuzz-found/$name"
        mkdir -p "$found"
        cargo fuzz run "$name" --sanitizer none --target-dir "{{ target }}/fuzz" "$found" "fuzz/corpus/$name" -- \
            -runs={{ runs }} -verbosity=0 -print_final_stats=1
    done

# planted bugs found by the fuzzer within a minute each, and a scenario's crash played again by `shakedown replay` (words choose)
fuzz-finds *words:
    fuzz/finds/run {{ words }}

# six formats of one failing run, each read back by a tool that nobody here wrote: npm, jq, Chromium, actionlint, xmllint (what is missing is told)
formats:
    scenarios/command/tests/formats

# every state of a worker under every policy, by any order of events (half a minute)
exhaustive:
    SHAKEDOWN_EXHAUSTIVE=1 cargo test --release -p shakedown-core --test ring0 -- --nocapture

# ring 0 by properties, twenty times as many cases as `cargo test` has (two minutes): `just properties 100`
properties times="20":
    SHAKEDOWN_RING0={{ times }} cargo test --release -p shakedown-core --test ring0 -- properties

# what explorations and searches take for granted, over the corpus: states of one digest have one future (`cargo test` does a twentieth)
futures times="20":
    SHAKEDOWN_FUTURES={{ times }} cargo test --release -p shakedown --test suite -- --nocapture futures

# break the machines in one place after the other: the scenarios of the bug must turn red (ten minutes; words choose)
breaks *words:
    cargo test --workspace --test mutants -- breaks {{ words }}

# break the simulated kernel in one place after the other, and see who notices (an hour; words choose)
mutants *words:
    cargo test --release -p shakedown --test mutants -- run {{ words }}

# every order in which other threads can meet a session's mailbox and wakers (claims choose)
loom *claims:
    {{ ring }} --bin ring-loom -- {{ claims }}

# schedules of the shipped glue on madsim, processes simulated: `just madsim 20000`, `just madsim from=5000`, `just madsim seed=7`
madsim *args:
    {{ ring }} --bin ring-madsim -- {{ args }}

# the simulated kernel, lent to a test on madsim and to one on turmoil: a bug of each is found
lent:
    cargo test --workspace --example turmoil
    {{ ring }} --example lent

# the control protocol on turmoil's network: `just turmoil 5000`
turmoil seeds="500":
    SHAKEDOWN_NETWORK_SEEDS={{ seeds }} cargo test -p shakedown-real --features proxy --test network -- --nocapture no_

# one planted bug a ring: found by its own ring, and by none inside it (long; words choose)
rings *words:
    {{ rings }}/show {{ words }}

# the bugs of the zoo that need no process, as the same text on tokio, turmoil, madsim, shuttle and here (a minute once built; words choose)
zoo-peers *words: bench-build
    {{ target }}/peers/release/bench zoo {{ words }}

# hunt the planted bugs: how many seeds each strategy needs until each of them shows (words choose)
zoo *words:
    cargo run --release -p shakedown-zoo -- {{ words }}

# play the correct twins of the planted bugs, a hundred thousand seeds each: nobody may object
zoo-twins *words:
    cargo run --release -p shakedown-zoo -- --twins {{ words }}

# dependencies: duplicates, licences, where they come from
deny:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v cargo-deny >/dev/null || { echo "needs cargo-deny: cargo install --locked cargo-deny"; exit 1; }
    cargo deny check bans licenses sources

# the documentation, without a warning
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# what CI runs
ci:
    .ci/run

# CI and what takes longer: dependencies, fuzzers, peers
ci-full:
    .ci/run full
