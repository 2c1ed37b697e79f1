//! The strategies by name, and one chooser that is any of them.

use super::{Bytes, Delays, Pct, Pilot, Pos, Seeded, Surw, Trace, Walk, Weather};
use shakedown_core::choose::{Ask, Choose, Crowd};
use shakedown_core::site::{Label, Site};
use std::fmt;
use std::str::FromStr;

/// How the runs of a sweep are chosen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Strategy {
    /// Ranks by seed and site: [`Seeded`].
    #[default]
    Random,
    /// [`Walk`].
    Walk,
    /// [`Pct`].
    Pct,
    /// [`Pos`].
    Pos,
    /// [`Surw`].
    Surw,
    /// [`Delays`].
    Delays,
    /// [`Weather`].
    Weather,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Strategy; 7] = [
        Strategy::Random,
        Strategy::Walk,
        Strategy::Pct,
        Strategy::Pos,
        Strategy::Surw,
        Strategy::Delays,
        Strategy::Weather,
    ];

    /// Its name, as `--strategy` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Strategy::Random => "random",
            Strategy::Walk => "walk",
            Strategy::Pct => "pct",
            Strategy::Pos => "pos",
            Strategy::Surw => "surw",
            Strategy::Delays => "delays",
            Strategy::Weather => "weather",
        }
    }

    /// Whether it wants to know a calm run first.
    pub const fn needs_pilot(self) -> bool {
        match self {
            Strategy::Pct | Strategy::Surw | Strategy::Delays => true,
            Strategy::Random | Strategy::Walk | Strategy::Pos | Strategy::Weather => false,
        }
    }

    /// The chooser of this seed. Without a pilot's run its strategy guesses.
    pub fn chooser(self, seed: u64, pilot: &Pilot) -> Chooser {
        match self {
            Strategy::Random => Chooser::Random(Seeded::new(seed)),
            Strategy::Walk => Chooser::Walk(Walk::new(seed)),
            Strategy::Pct => Chooser::Pct(Box::new(Pct::new(seed, pilot))),
            Strategy::Pos => Chooser::Pos(Box::new(Pos::new(seed))),
            Strategy::Surw => Chooser::Surw(Box::new(Surw::new(seed, pilot))),
            Strategy::Delays => Chooser::Delays(Box::new(Delays::new(seed, pilot))),
            Strategy::Weather => Chooser::Weather(Weather::new(seed)),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no strategy of that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownStrategy(String);

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Strategy::ALL.iter().map(|strategy| strategy.name()).collect();
        write!(f, "there is no strategy `{}`: it is one of {}", self.0, known.join(", "))
    }
}

impl std::error::Error for UnknownStrategy {}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Strategy, UnknownStrategy> {
        Strategy::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| UnknownStrategy(name.into()))
    }
}

/// A chooser of any strategy.
#[derive(Clone, Debug)]
pub enum Chooser {
    /// Of [`Strategy::Random`].
    Random(Seeded),
    /// Of [`Strategy::Walk`].
    Walk(Walk),
    /// Of [`Strategy::Pct`].
    Pct(Box<Pct>),
    /// Of [`Strategy::Pos`].
    Pos(Box<Pos>),
    /// Of [`Strategy::Surw`].
    Surw(Box<Surw>),
    /// Of [`Strategy::Delays`].
    Delays(Box<Delays>),
    /// Of [`Strategy::Weather`].
    Weather(Weather),
    /// The calm run that is played first.
    Pilot(Box<Pilot>),
    /// A recorded run.
    Trace(Trace),
    /// A run that bytes decide, as a fuzzer gives them.
    Bytes(Bytes),
}

impl Chooser {
    /// The recorded run, if it is one.
    pub fn as_trace(&self) -> Option<&Trace> {
        if let Chooser::Trace(trace) = self { Some(trace) } else { None }
    }

    /// What the calm run has told, if it is one.
    pub fn into_pilot(self) -> Pilot {
        match self {
            Chooser::Pilot(pilot) => *pilot,
            Chooser::Random(_) | Chooser::Walk(_) | Chooser::Pct(_) | Chooser::Pos(_) => Pilot::default(),
            Chooser::Surw(_) | Chooser::Delays(_) | Chooser::Weather(_) => Pilot::default(),
            Chooser::Trace(_) | Chooser::Bytes(_) => Pilot::default(),
        }
    }
}

impl Default for Chooser {
    /// Of the first seed.
    fn default() -> Self {
        Chooser::Random(Seeded::new(0))
    }
}

macro_rules! each {
    ($self:expr, $chooser:ident => $body:expr) => {
        match $self {
            Chooser::Random($chooser) => $body,
            Chooser::Walk($chooser) => $body,
            Chooser::Pct($chooser) => $body,
            Chooser::Pos($chooser) => $body,
            Chooser::Surw($chooser) => $body,
            Chooser::Delays($chooser) => $body,
            Chooser::Weather($chooser) => $body,
            Chooser::Pilot($chooser) => $body,
            Chooser::Trace($chooser) => $body,
            Chooser::Bytes($chooser) => $body,
        }
    };
}

impl Choose for Chooser {
    #[inline(always)]
    fn rank(&mut self, action: Site) -> u16 {
        each!(self, chooser => chooser.rank(action))
    }

    fn rank_in_crowd(&mut self, action: Site, crowd: Crowd) -> u16 {
        each!(self, chooser => chooser.rank_in_crowd(action, crowd))
    }

    #[inline(always)]
    fn draw(&mut self, site: Site, ask: Ask) -> u32 {
        each!(self, chooser => chooser.draw(site, ask))
    }

    fn picks(&self) -> bool {
        match self {
            Chooser::Random(_) | Chooser::Delays(_) | Chooser::Weather(_) => false,
            Chooser::Trace(_) | Chooser::Bytes(_) => false,
            Chooser::Walk(_) | Chooser::Pct(_) | Chooser::Pos(_) | Chooser::Surw(_) | Chooser::Pilot(_) => true,
        }
    }

    /// In a sweep nothing is late that could be in time.
    fn may_be_late(&self) -> bool {
        false
    }

    fn pick(&mut self, enabled: &[Site]) -> usize {
        each!(self, chooser => chooser.pick(enabled))
    }

    #[inline]
    fn touched(&mut self, label: Label) {
        match self {
            Chooser::Pos(chooser) => chooser.touched(label),
            Chooser::Pilot(chooser) => chooser.touched(label),
            // The others do not ask whom an action has to do with.
            Chooser::Random(_) | Chooser::Walk(_) | Chooser::Pct(_) | Chooser::Surw(_) => {}
            Chooser::Delays(_) | Chooser::Weather(_) | Chooser::Trace(_) | Chooser::Bytes(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_is_found_by_its_name() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.name().parse(), Ok(strategy));
        }
        let error = "pcr".parse::<Strategy>().unwrap_err().to_string();
        assert_eq!(error, "there is no strategy `pcr`: it is one of random, walk, pct, pos, surw, delays, weather");
    }
}
