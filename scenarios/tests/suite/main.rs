//! Tests of the library through its public face, and of the workspace: what users write, the corpus, the book, layers, house rules, the table
//! of semantics. One program, because each would link the whole workspace anew. `cargo test -p shakedown --test suite semantics` runs one
//! subject.

mod attribute;
mod book;
mod compare;
mod corpus;
mod escapes;
mod futures;
mod fuzz_corpus;
mod house_rules;
mod layers;
mod oracles;
mod process;
mod regressions;
mod semantics;
mod sessions;
mod snapshot;
mod template;
mod users;
