//! The texts of the modules, part of the program.

use std::borrow::Cow;

/// One module's text, and how it is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct SourceModule {
    /// Module name.
    pub name: &'static str,
    /// YANG text.
    pub text: &'static str,
    /// True: its nodes are served; false: only what other modules import from it.
    pub implement: bool,
    /// Features that are on.
    pub features: &'static [&'static str],
}

/// What libyang knows the type `node-instance-identifier` as.
pub(super) const NODE_PATH_TYPE: &str = "lifeline-node-path";
/// The definition of the type, as it is and as libyang is given it.
const NODE_PATH_TYPEDEF: [&str; 2] = [
    "typedef node-instance-identifier {\n    type yang:xpath1.0;",
    "typedef node-instance-identifier {\n    type string;",
];

impl SourceModule {
    /// The text as libyang is given it. libyang judges `node-instance-identifier` by a reading of its own,
    /// which takes all keys of a list entry or none, and prints `$USER` of the type below it,
    /// `yang:xpath1.0`, as `USER`. Under a name that it does not know the type is any string to it, and
    /// [`super::node_path`] judges it. Clients get [`Self::text`].
    pub(super) fn text_for_libyang(&self) -> Cow<'static, str> {
        if self.name != "ietf-netconf-acm" {
            return Cow::Borrowed(self.text);
        }
        let [theirs, ours] = NODE_PATH_TYPEDEF;
        let text = self.text.replace(theirs, ours);
        Cow::Owned(text.replace("node-instance-identifier", NODE_PATH_TYPE))
    }
}

/// Shortens the table below: name, file, features; `import` for imported-only modules.
macro_rules! module {
    ($name:literal, $dir:literal) => {
        module!($name, $dir, [])
    };
    ($name:literal, $dir:literal, import) => {
        SourceModule { implement: false, ..module!($name, $dir, []) }
    };
    ($name:literal, $dir:literal, [$($feature:literal),*]) => {
        SourceModule {
            name: $name,
            text: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/yang/", $dir, "/", $name, ".yang"
            )),
            implement: true,
            features: &[$($feature),*],
        }
    };
}

/// The standard modules, those of `yang/ietf`.
const STANDARD: [SourceModule; 13] = [
    module!("ietf-yang-types", "ietf", import),
    module!("ietf-inet-types", "ietf", import),
    module!("ietf-yang-metadata", "ietf", import),
    module!("ietf-datastores", "ietf", import),
    module!("ietf-yang-library", "ietf"),
    module!("ietf-netconf-acm", "ietf"),
    module!(
        "ietf-netconf",
        "ietf",
        [
            "writable-running",
            "candidate",
            "confirmed-commit",
            "rollback-on-error",
            "validate",
            "xpath"
        ]
    ),
    module!("ietf-netconf-with-defaults", "ietf"),
    module!("ietf-netconf-monitoring", "ietf"),
    module!("ietf-netconf-notifications", "ietf"),
    module!("notifications", "ietf"),
    module!("nc-notifications", "ietf"),
    module!("lifeline-unit", "lifeline", import),
];

/// Our own modules.
const OWN: [SourceModule; 2] = [module!("esc", "esc"), module!("lifeline", "lifeline")];

/// The controls of the simulated VIM.
const SIMULATOR: SourceModule = module!("lifeline-sim", "lifeline");

/// The modules of the product.
pub(super) fn product(simulator: bool) -> Vec<SourceModule> {
    let mut modules = standard();
    modules.extend(OWN);
    if simulator {
        modules.push(SIMULATOR);
    }
    modules
}

/// The standard modules and the unit extension: what every schema starts from.
pub(super) fn standard() -> Vec<SourceModule> {
    STANDARD.to_vec()
}
