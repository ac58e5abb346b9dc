//! State of the server itself: netconf-state (RFC 6022), streams (RFC 5277 section 3.2.5.1), counters of
//! access control (RFC 8341) and the YANG library (RFC 8525).

use std::sync::atomic::Ordering;

use super::service::Service;
use crate::control::lock::Datastore;
use crate::control::session::Counters;
use crate::control::subscription::StreamName;
use crate::datastore::{Builder, Error, Tree};
use crate::schema::Module;

const MONITORING: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
const STREAMS: &str = "urn:ietf:params:xml:ns:netmod:notification";
const NACM: &str = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm";
const LIBRARY: &str = "urn:ietf:params:xml:ns:yang:ietf-yang-library";

/// What of this file is `wanted`, by namespace and name of its top-level nodes, as one tree.
///
/// # Errors
/// When something does not fit the schema.
pub fn tree(service: &Service, wanted: impl Fn(&str, &str) -> bool) -> Result<Tree, Error> {
    let mut root = Builder::root(service.control().schema());
    if wanted(MONITORING, "netconf-state") {
        root.container("ietf-netconf-monitoring:netconf-state", |out| {
            state(out, service)
        });
    }
    if wanted(NACM, "nacm") {
        let denied = &service.control().access.denied;
        root.container("ietf-netconf-acm:nacm", |out| {
            for (name, counter) in [
                ("denied-operations", &denied.operations),
                ("denied-data-writes", &denied.data_writes),
                ("denied-notifications", &denied.notifications),
            ] {
                out.leaf(name, counter.load(Ordering::Relaxed).to_string());
            }
        });
    }
    if wanted(STREAMS, "netconf") {
        root.container("nc-notifications:netconf", |out| streams(out, service));
    }
    let tree = root.tree()?;
    match wanted(LIBRARY, "yang-library") || wanted(LIBRARY, "modules-state") {
        true => Ok(tree.overlay(service.library()?)),
        false => Ok(tree),
    }
}

/// The YANG library: what is loaded does not change while the process lives.
///
/// # Errors
/// When something does not fit the schema.
pub fn yang_library(service: &Service) -> Result<Tree, Error> {
    let mut root = Builder::root(service.control().schema());
    library(&mut root, service);
    root.tree()
}

fn state(out: &mut Builder, service: &Service) {
    let control = service.control();
    out.container("capabilities", |out| {
        out.leaf_list("capability", service.capabilities());
    });
    out.container("datastores", |out| {
        for (name, datastore) in [
            ("running", Datastore::Running),
            ("candidate", Datastore::Candidate),
        ] {
            out.entry("datastore", &[name], |out| {
                if let Some((holder, since)) = control.lock_since(datastore) {
                    out.container("locks", |out| {
                        out.container("global-lock", |out| {
                            out.leaf("locked-by-session", holder.to_string());
                            out.leaf("locked-time", since.to_string());
                        });
                    });
                }
            });
        }
    });
    out.container("schemas", |out| {
        for module in control.schema().modules() {
            let revision = module.revision.as_deref().unwrap_or("");
            let keys = [&*module.name, revision, "ietf-netconf-monitoring:yang"];
            out.entry("schema", &keys, |out| {
                out.leaf("namespace", &*module.namespace);
                out.leaf_list("location", ["NETCONF"]);
            });
        }
    });
    out.container("sessions", |out| {
        for session in control.sessions.list() {
            out.entry("session", &[&session.id.to_string()], |out| {
                let transport = format!("ietf-netconf-monitoring:{}", session.transport);
                out.leaf("transport", transport);
                out.leaf("username", &session.user);
                out.leaf_opt(
                    "source-host",
                    session.peer.map(|peer| peer.ip().to_string()),
                );
                out.leaf("login-time", session.login.to_string());
                counters(out, &session.counters);
            });
        }
    });
    out.container("statistics", |out| {
        let sessions = &control.sessions;
        out.leaf("netconf-start-time", service.start_time().to_string());
        let mut number = |name: &str, value: u64| {
            out.leaf(name, value.to_string());
        };
        number(
            "in-bad-hellos",
            sessions.in_bad_hellos.load(Ordering::Relaxed).into(),
        );
        number("in-sessions", sessions.in_sessions.load(Ordering::Relaxed));
        number(
            "dropped-sessions",
            sessions.dropped_sessions.load(Ordering::Relaxed).into(),
        );
        counters(out, &sessions.totals);
    });
}

fn counters(out: &mut Builder, counters: &Counters) {
    for (name, value) in [
        ("in-rpcs", &counters.in_rpcs),
        ("in-bad-rpcs", &counters.in_bad_rpcs),
        ("out-rpc-errors", &counters.out_rpc_errors),
        ("out-notifications", &counters.out_notifications),
    ] {
        out.leaf(name, value.load(Ordering::Relaxed).to_string());
    }
}

fn streams(out: &mut Builder, service: &Service) {
    let events = service.control().store().events();
    out.container("streams", |out| {
        for stream in StreamName::ALL {
            out.entry("stream", &[stream.as_str()], |out| {
                out.leaf("description", stream.description());
                out.leaf("replaySupport", "true");
                out.leaf("replayLogCreationTime", events.creation_time().to_string());
                out.leaf_opt(
                    "replayLogAgedTime",
                    events.aged_time().map(|time| time.to_string()),
                );
            });
        }
    });
}

fn library(out: &mut Builder, service: &Service) {
    let schema = service.control().schema();
    let id = schema.content_id();
    out.container("ietf-yang-library:yang-library", |out| {
        out.entry("module-set", &["complete"], |out| {
            for module in schema.modules() {
                match module.implemented {
                    true => out.entry("module", &[&module.name], |out| {
                        out.leaf_opt("revision", module.revision.as_deref());
                        details(out, module);
                    }),
                    false => {
                        let revision = module.revision.as_deref().unwrap_or("");
                        out.entry("import-only-module", &[&module.name, revision], |out| {
                            out.leaf("namespace", &*module.namespace);
                        })
                    }
                };
            }
        });
        out.entry("schema", &["complete"], |out| {
            out.leaf_list("module-set", ["complete"]);
        });
        for datastore in ["ietf-datastores:running", "ietf-datastores:candidate"] {
            out.entry("datastore", &[datastore], |out| {
                out.leaf("schema", "complete");
            });
        }
        out.leaf("content-id", &id);
    });
    out.container("ietf-yang-library:modules-state", |out| {
        out.leaf("module-set-id", &id);
        for module in schema.modules() {
            let revision = module.revision.as_deref().unwrap_or("");
            out.entry("module", &[&module.name, revision], |out| {
                details(out, module);
                let conformance = if module.implemented {
                    "implement"
                } else {
                    "import"
                };
                out.leaf("conformance-type", conformance);
            });
        }
    });
}

fn details(out: &mut Builder, module: &Module) {
    out.leaf("namespace", &*module.namespace);
    out.leaf_list("feature", &module.features);
}
