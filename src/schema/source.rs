//! The texts of the modules, part of the program.

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
