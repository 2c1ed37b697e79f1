//! Signals by name and number, and what each does by default (signal(7), Linux on x86-64 and arm64).

use core::fmt;

/// A signal number from 1 to 64. Zero, the pure probe of kill(2), is not a signal: see `Probe` acts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// What a signal does to a process that has installed nothing for it (signal(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultAction {
    /// Ends the process.
    Terminate,
    /// Ends the process and, where limits allow, dumps core.
    Core,
    /// Stops the process until CONT or KILL.
    Stop,
    /// Continues a stopped process, else nothing.
    Continue,
    /// Nothing.
    Ignore,
}

macro_rules! signals {
    ($($name:ident = $n:literal $action:ident),* $(,)?) => {
        impl Signal {
            $(#[doc = concat!("SIG", stringify!($name), ", number ", stringify!($n), ".")]
            pub const $name: Signal = Signal($n);)*
            const NAMES: &'static [(&'static str, u8)] = &[$((stringify!($name), $n)),*];

            /// What it does by default.
            pub const fn default_action(self) -> DefaultAction {
                match self.0 {
                    $($n => DefaultAction::$action,)*
                    _ => DefaultAction::Terminate,
                }
            }
        }
    };
}

signals! {
    HUP = 1 Terminate, INT = 2 Terminate, QUIT = 3 Core, ILL = 4 Core, TRAP = 5 Core, ABRT = 6 Core, BUS = 7 Core,
    FPE = 8 Core, KILL = 9 Terminate, USR1 = 10 Terminate, SEGV = 11 Core, USR2 = 12 Terminate, PIPE = 13 Terminate,
    ALRM = 14 Terminate, TERM = 15 Terminate, STKFLT = 16 Terminate, CHLD = 17 Ignore, CONT = 18 Continue,
    STOP = 19 Stop, TSTP = 20 Stop, TTIN = 21 Stop, TTOU = 22 Stop, URG = 23 Ignore, XCPU = 24 Core, XFSZ = 25 Core,
    VTALRM = 26 Terminate, PROF = 27 Terminate, WINCH = 28 Ignore, IO = 29 Terminate, PWR = 30 Terminate, SYS = 31 Core,
}

impl Signal {
    /// The signal with this number, if it is 1 to 64.
    pub const fn from_number(n: i32) -> Option<Signal> {
        if n >= 1 && n <= 64 { Some(Signal(n as u8)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// Whether instances of it queue instead of coalescing (signal(7)): those from 32 on, of which the C library keeps the first two.
    pub const fn is_real_time(self) -> bool {
        self.number() >= 32
    }

    /// Reads `TERM` or `SIGTERM`, in any case. Numbers are not names.
    pub fn parse(name: &str) -> Option<Signal> {
        let bare = match name.get(..3) {
            Some(prefix) if prefix.eq_ignore_ascii_case("SIG") => &name[3..],
            _ => name,
        };
        Self::NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(bare)).map(|&(_, n)| Signal(n))
    }

    /// Reads what [`Display`](fmt::Display) writes: a name, or the number of a real-time one, which has none.
    pub fn from_display(text: &str) -> Option<Signal> {
        Signal::parse(text).or_else(|| Signal::from_number(text.parse().ok()?))
    }

    /// Every named signal, in the order of its number.
    pub fn all() -> impl Iterator<Item = Signal> {
        Self::NAMES.iter().map(|&(_, n)| Signal(n))
    }

    /// Whether a program may catch, block or ignore it (not KILL, not STOP).
    pub const fn can_be_caught(self) -> bool {
        self.0 != 9 && self.0 != 19
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|&&(_, n)| n == self.0) {
            Some((name, _)) => f.pad(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        assert_eq!(Signal::parse("sigterm"), Some(Signal::TERM));
        assert_eq!(Signal::parse("9"), None);
        assert!(
            (1..=64).filter_map(Signal::from_number).all(|s| Signal::from_display(&alloc::format!("{s}")) == Some(s))
        );
        assert_eq!((Signal::from_display("65"), Signal::from_display("")), (None, None));
        assert_eq!(Signal::from_number(0), None);
        for s in Signal::all() {
            assert_eq!(Signal::parse(&alloc::format!("{s}")), Some(s));
        }
    }
}
