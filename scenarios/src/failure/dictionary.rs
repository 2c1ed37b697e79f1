//! Whom a label names: choices are keyed by hashes of names, and a person wants the names back.

use shakedown_core::host::Flown;
use shakedown_core::site::{Label, mix};
use shakedown_core::vocab::Fault;
use shakedown_sim::kernel::fault_keys;
use std::collections::BTreeMap;

/// Names by labels.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    names: BTreeMap<Label, String>,
    /// Their keys and names.
    faults: Vec<(u64, &'static str)>,
}

impl Dictionary {
    /// With the faults that may strike, in their order.
    pub fn with_faults(faults: &[Fault]) -> Dictionary {
        let names = faults.iter().map(|fault| fault.kind.name());
        Dictionary { names: BTreeMap::new(), faults: fault_keys(faults).into_iter().zip(names).collect() }
    }

    /// Adds a name.
    pub fn add(&mut self, label: Label, name: &str) {
        self.names.entry(label).or_insert_with(|| name.to_owned());
    }

    /// Adds those that took these steps.
    pub fn add_flight(&mut self, flight: &[Flown]) {
        for flown in flight {
            self.add(flown.site.label, &flown.who);
        }
    }

    /// Whom it names.
    pub fn name(&self, label: Label) -> &str {
        self.names.get(&label).map_or("somebody", |name| if name.is_empty() { "a task" } else { name })
    }

    /// Which fault strikes whom, for the label of a question about faults.
    pub fn fault(&self, label: Label) -> Option<(&'static str, &str)> {
        let anywhere = (Label::ROOT, "the machine");
        let all = self.names.iter().map(|(label, name)| (*label, name.as_str())).chain([anywhere]);
        all.flat_map(|(who, name)| self.faults.iter().map(move |(key, fault)| (Label(mix(who.0 ^ key)), *fault, name)))
            .find(|(asked, _, _)| *asked == label)
            .map(|(_, fault, name)| (fault, name))
    }
}
