//! A proxy as a unit: what it is made of, which connections live, and what a stop does to each of them. No socket is touched here.
//!
//! Graceful shutdowns of servers hang on the one connection that nobody thought of: one that is kept alive and idle, one that never sent
//! a byte, a tunnel. So the decisions stand here once, and the simulator's network and the real sockets only carry them out.
//!
//! ```text
//!            accepted           a head came            answered
//! (nobody) ───────────▶ Fresh ───────────────▶ Active ──────────▶ Idle ──a head came──▶ Active
//!                         │                     │  │ └─upgraded──▶ Upgraded              │
//!   the drain begins: ────┴── closed at once ───│──┼──────────────── │ ──closed at once──┘
//!                                               │  └─answered: then closed
//!   its time is over, or it is killed: ─────────┴── cut ────────────┘
//! ```

mod desk;
mod drain;
mod exchange;
mod spec;

pub use desk::Desk;
pub use drain::{Admission, ConnId, Drain, Order};
pub use exchange::{Cutter, Exchange, Stage, Traffic, target_shown};
pub use spec::{Limits, Listen, ProxySpec, RETRY, Retry, Role, Upstream, Visit};
