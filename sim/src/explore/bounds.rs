//! How far runs may depart from the calm one, and how far one has.

use std::fmt;

/// What a run may have at most of each kind of surprise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bounds {
    /// Delays: of the actions that are enabled the first goes next, and each one that is passed over for once is a delay
    /// (delay-bounded scheduling, Emmi, Qadeer and Rakamarić, POPL 2011).
    pub delays: u32,
    /// Faults that strike, of those that may.
    pub faults: u32,
    /// Moments at which a process crashes instead of taking its next step.
    pub crashes: u32,
    /// Values that are not the calm one: the longest of a range instead of the shortest, a tie, another alternative.
    pub values: u32,
}

/// A kind of surprise that is bounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Class {
    Delay,
    Fault,
    Crash,
    Value,
}

impl Bounds {
    /// All of them together.
    pub const fn total(&self) -> u32 {
        self.delays + self.faults + self.crashes + self.values
    }

    pub(super) const fn of(&self, class: Class) -> u32 {
        match class {
            Class::Delay => self.delays,
            Class::Fault => self.faults,
            Class::Crash => self.crashes,
            Class::Value => self.values,
        }
    }

    pub(super) const fn of_mut(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Delay => &mut self.delays,
            Class::Fault => &mut self.faults,
            Class::Crash => &mut self.crashes,
            Class::Value => &mut self.values,
        }
    }
}

impl fmt::Display for Bounds {
    /// `2 delays, 1 fault`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = [(self.delays, "delay"), (self.faults, "fault"), (self.crashes, "crash"), (self.values, "value")];
        let plural = |n: u32, word: &str| match (n, word) {
            (1, word) => format!("1 {word}"),
            (n, "crash") => format!("{n} crashes"),
            (n, word) => format!("{n} {word}s"),
        };
        let told: Vec<String> = each.iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(*n, word)).collect();
        f.write_str(&if told.is_empty() { "no surprise at all".to_owned() } else { told.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_told_in_words() {
        let bounds = Bounds { delays: 2, faults: 1, crashes: 2, values: 0 };
        assert_eq!(bounds.to_string(), "2 delays, 1 fault, 2 crashes");
        assert_eq!(Bounds::default().to_string(), "no surprise at all");
    }
}
