//! Who may depend on whom, read from the manifests: core on nobody, sim and real on core, the zoo on core and sim, the facade on all but
//! the zoo, the command on the facade.
//! An edge is easy to add and hard to take back, so it fails here before anything is built upon it. Dev-dependencies do not count.
use std::fmt::Write as _;
use std::path::Path;
use toml::{Table, Value};

#[test]
fn no_manifest_has_a_forbidden_edge() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut complaints = String::new();
    for layer in LAYERS {
        let path = root.join(layer.folder).join("Cargo.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for complaint in layer.complaints(&text) {
            let _ = writeln!(complaints, "{}/Cargo.toml: {complaint}", layer.folder);
        }
    }
    assert!(complaints.is_empty(), "forbidden edges:\n{complaints}");
}

#[test]
fn a_planted_edge_is_found() {
    #[track_caller]
    fn check(folder: &str, manifest: &str, expected: &[&str]) {
        let layer = LAYERS.iter().find(|layer| layer.folder == folder).expect("a layer");
        assert_eq!(layer.complaints(manifest), expected, "{folder}: {manifest}");
    }
    check("core", "[dependencies]\nlibm = '0.2'", &["core must not depend on libm"]);
    check("core", "[dependencies]\nserde = '1'", &["core must not depend on serde unless it is optional"]);
    check("core", "[dependencies]\nserde = { version = '1', optional = true }", &[]);
    check("core", "[build-dependencies]\ncc = '1'", &["core must not depend on cc"]);
    check("core", "[target.'cfg(unix)'.dependencies]\nlibc = '0.2'", &["core must not depend on libc"]);
    check("core", "[dev-dependencies]\nshakedown-sim.workspace = true", &[]);
    check("sim", "[dependencies]\nshakedown-real.workspace = true", &["sim must not depend on shakedown-real"]);
    check("sim", "[dependencies]\ntokio = '1'", &["sim must not depend on tokio: it belongs to real"]);
    check("sim", "[dependencies]\ntokio = { version = '1', optional = true }", &[]);
    check("sim", "[dependencies]\nshakedown-core.workspace = true\nsmallvec = '1'", &[]);
    check(
        "sim",
        "[dependencies]\nhidden = { package = 'shakedown-real', path = '../real' }",
        &["sim must not depend on shakedown-real"],
    );
    check("real", "[dependencies]\nshakedown-sim.workspace = true", &["real must not depend on shakedown-sim"]);
    check("real", "[dependencies]\nshakedown = { path = '../scenarios' }", &["real must not depend on shakedown"]);
    check("sim/macros", "[dependencies]\nsyn = '2'", &[]);
    check(
        "sim/macros",
        "[dependencies]\nshakedown-core.workspace = true",
        &["sim/macros must not depend on shakedown-core"],
    );
    check("scenarios", "[dependencies]\nnix = '0.30'", &["scenarios must not depend on nix: it belongs to real"]);
    check(
        "scenarios",
        "[dependencies]\nshakedown-real.workspace = true",
        &["scenarios must not depend on shakedown-real unless it is optional"],
    );
    check("scenarios", "[dependencies]\nclap = '4'", &["scenarios must not depend on clap: it belongs to the command"]);
    check(
        "scenarios/command",
        "[dependencies]\nshakedown-core.workspace = true",
        &["scenarios/command must not depend on shakedown-core"],
    );
    check(
        "scenarios/zoo",
        "[dependencies]\nshakedown = { path = '..' }",
        &["scenarios/zoo must not depend on shakedown"],
    );
    check("fuzz", "[dependencies]\nshakedown-real = { path = '../real' }", &["fuzz must not depend on shakedown-real"]);
    check("real", "[dev-dependencies]\nany = '*'", &["any: a version must be named"]);
    check("real", "[dependencies]\nany = { version = '*' }", &["any: a version must be named"]);
}

/// One crate and what it may name.
struct Layer {
    folder: &'static str,
    /// Crates of ours.
    ours: &'static [&'static str],
    others: Others,
}

/// Crates that are not ours.
enum Others {
    /// None but these, and those only as optional features.
    Optional(&'static [&'static str]),
    /// Any that does not touch the operating system.
    Pure,
    Any,
}

const LAYERS: &[Layer] = &[
    Layer { folder: "core", ours: &[], others: Others::Optional(&["serde"]) },
    Layer { folder: "sim", ours: &["shakedown-core"], others: Others::Pure },
    Layer { folder: "sim/macros", ours: &[], others: Others::Pure },
    Layer { folder: "real", ours: &["shakedown-core"], others: Others::Any },
    Layer {
        folder: "scenarios",
        ours: &["shakedown-core", "shakedown-sim", "shakedown-macros", "shakedown-real"],
        others: Others::Pure,
    },
    Layer { folder: "scenarios/command", ours: &["shakedown"], others: Others::Pure },
    Layer { folder: "scenarios/zoo", ours: &["shakedown-core", "shakedown-sim"], others: Others::Pure },
    Layer {
        folder: "fuzz",
        ours: &["shakedown-core", "shakedown-sim", "shakedown-zoo", "shakedown"],
        others: Others::Pure,
    },
];

/// Crates that reach the operating system; only real may name them.
const SYSTEM: &[&str] = &["async-io", "libc", "mio", "nix", "rustix", "signal-hook", "smol", "tokio"];

/// Crates of the command line, which the tests of a user need not build.
const COMMAND: &[&str] = &["clap", "ctrlc", "indicatif"];

/// What lends the simulated kernel to tests on another simulator's clock, and whose traits the pipes of `shakedown::process` have.
const TRAITS: &[&str] = &["tokio"];

impl Layer {
    fn complaints(&self, manifest: &str) -> Vec<String> {
        let manifest: Table = manifest.parse().unwrap_or_else(|error| panic!("{}: {error}", self.folder));
        let mut complaints = Vec::new();
        for section in sections(&manifest, &["dependencies", "build-dependencies"]) {
            for (key, value) in section {
                let name = field(value, "package").and_then(Value::as_str).unwrap_or(key);
                let optional = field(value, "optional").and_then(Value::as_bool).unwrap_or(false);
                complaints.extend(self.edge(name, optional));
            }
        }
        for section in sections(&manifest, &["dependencies", "build-dependencies", "dev-dependencies"]) {
            let any = |value: &&Value| field(value, "version").unwrap_or(value).as_str() == Some("*");
            let wild = section.iter().filter(|(_, value)| any(value));
            complaints.extend(wild.map(|(key, _)| format!("{key}: a version must be named")));
        }
        complaints
    }

    fn edge(&self, name: &str, optional: bool) -> Option<String> {
        let folder = self.folder;
        if folder == "scenarios" && name == "shakedown-real" && !optional {
            return Some(format!("{folder} must not depend on {name} unless it is optional"));
        }
        if folder == "scenarios" && COMMAND.contains(&name) {
            return Some(format!("{folder} must not depend on {name}: it belongs to the command"));
        }
        if name == "shakedown" || name.starts_with("shakedown-") {
            return (!self.ours.contains(&name)).then(|| format!("{folder} must not depend on {name}"));
        }
        match self.others {
            Others::Optional(allowed) if !allowed.contains(&name) => {
                Some(format!("{folder} must not depend on {name}"))
            }
            Others::Optional(_) if !optional => {
                Some(format!("{folder} must not depend on {name} unless it is optional"))
            }
            Others::Pure if ["sim", "scenarios"].contains(&folder) && optional && TRAITS.contains(&name) => None,
            Others::Pure if SYSTEM.contains(&name) => {
                Some(format!("{folder} must not depend on {name}: it belongs to real"))
            }
            Others::Optional(_) | Others::Pure | Others::Any => None,
        }
    }
}

/// The sections of these names, those of `[target.….dependencies]` too.
fn sections<'a>(manifest: &'a Table, names: &[&str]) -> Vec<&'a Table> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|table| names.iter().filter_map(|name| table.get(*name)).filter_map(Value::as_table))
        .collect()
}

fn field<'a>(dependency: &'a Value, name: &str) -> Option<&'a Value> {
    dependency.as_table().and_then(|table| table.get(name))
}
