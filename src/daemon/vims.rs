//! The VIMs there are: drivers made from the connectors of the running configuration, which come, change and go
//! with it, and the embedded simulated one, which is always there.
//!
//! One match arm makes a kind of VIM ([`Registry::make`]). A connector that cannot be used (a secret that is not
//! there, a property nobody knows) refuses what is asked of it and says why; it is tried again from time to time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::settings::Settings;
use crate::clock::{Clock, Mono};
use crate::engine::port::{
    Accepted, Find, PortFuture, Prober, Probers, Vim, VimCall, VimError, VimResource, VimVm, Vims,
};
use crate::ids::{CreateToken, Minter, VmId};
use crate::model::connector::ConnectorSpec;
use crate::model::vim::{VimOpRef, VimOpStatus};
use crate::vim::cloudstack::{self, CloudstackVim};
use crate::vim::libvirt::{self, LibvirtVim};
use crate::vim::openstack::{Connector, OpenstackVim};
use crate::vim::sim::SimVim;
use crate::vim::vcloud::{self, VcloudVim};

/// Connector id of the embedded VIM, which needs no connector.
pub const SIM_VIM: &str = "sim";
/// Kinds of VIM there are drivers for.
pub const KINDS: [&str; 5] = ["CLOUDSTACK", "LIBVIRT", "OPENSTACK", "SIM", "VCLOUD"];
/// Pause between two attempts to make a driver of a connector that cannot be used.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Every VIM of the process.
pub struct Registry {
    settings: Settings,
    clock: Arc<dyn Clock>,
    data_dir: PathBuf,
    builtin: Arc<dyn Vim>,
    /// Stand before the VIMs' own probes; for tests.
    probers: BTreeMap<String, Arc<dyn Prober>>,
    inner: Mutex<Inner>,
}

struct Inner {
    seeds: Minter,
    entries: BTreeMap<String, Entry>,
    /// Simulated VIMs that were opened: their files stay theirs while the process lives.
    simulated: BTreeMap<String, Arc<SimVim>>,
}

struct Entry {
    spec: ConnectorSpec,
    made: Made,
}

/// What became of a connector.
enum Made {
    Usable(Arc<dyn Vim>, Option<Arc<dyn Prober>>),
    Unusable(String, Mono),
}

impl Registry {
    /// A registry with the embedded VIM alone. `data_dir`: where simulated VIMs keep their files.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        data_dir: PathBuf,
        builtin: Arc<dyn Vim>,
        probers: BTreeMap<String, Arc<dyn Prober>>,
        seed: u64,
    ) -> Self {
        Self {
            settings,
            clock,
            data_dir,
            builtin,
            probers,
            inner: Mutex::new(Inner {
                seeds: Minter::new(seed),
                entries: BTreeMap::new(),
                simulated: BTreeMap::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a driver; one arm for each kind.
    fn make(&self, spec: &ConnectorSpec, inner: &mut Inner) -> Made {
        let seed = inner.seeds.next_u64();
        let clock = self.clock.clone();
        let made = match spec.kind.to_ascii_uppercase().as_str() {
            "OPENSTACK" => Connector::new(spec.clone())
                .and_then(|connector| {
                    OpenstackVim::new(connector, self.settings.vim_openstack, clock, seed)
                })
                .map(|vim| (Arc::new(vim) as Arc<dyn Vim>, None))
                .map_err(|error| error.to_string()),
            "CLOUDSTACK" => cloudstack::Connector::new(spec.clone())
                .and_then(|connector| {
                    CloudstackVim::new(connector, self.settings.vim_cloudstack, clock, seed)
                })
                .map(|vim| (Arc::new(vim) as Arc<dyn Vim>, None))
                .map_err(|error| error.to_string()),
            "VCLOUD" => vcloud::Connector::new(spec.clone())
                .and_then(|connector| {
                    VcloudVim::new(connector, self.settings.vim_vcloud, clock, seed)
                })
                .map(|vim| (Arc::new(vim) as Arc<dyn Vim>, None))
                .map_err(|error| error.to_string()),
            "LIBVIRT" => self.libvirt(spec).map(|vim| {
                let prober: Arc<dyn Prober> = vim.clone();
                (vim as Arc<dyn Vim>, Some(prober))
            }),
            "SIM" => self.simulated(spec, inner).map(|vim| {
                let prober: Arc<dyn Prober> = vim.clone();
                (vim as Arc<dyn Vim>, Some(prober))
            }),
            _ => Err(format!(
                "type {} is none of {}",
                spec.kind,
                KINDS.join(", ")
            )),
        };
        match made {
            Ok((vim, prober)) => {
                tracing::info!(vim = spec.id, kind = spec.kind, "a VIM is configured");
                Made::Usable(vim, prober)
            }
            Err(why) => {
                tracing::warn!(vim = spec.id, why, "a VIM cannot be used");
                Made::Unusable(why, self.clock.mono())
            }
        }
    }

    fn libvirt(&self, spec: &ConnectorSpec) -> Result<Arc<LibvirtVim>, String> {
        let folder = self
            .data_dir
            .join(format!("libvirt-{}", file_name(&spec.id)));
        let (settings, clock) = (self.settings.vim_libvirt, self.clock.clone());
        let vim = libvirt::Connector::new(spec.clone())
            .map_err(libvirt::LibvirtError::from)
            .and_then(|connector| LibvirtVim::open(connector, settings, clock, &folder));
        vim.map(Arc::new).map_err(|error| error.to_string())
    }

    /// A simulated cloud of its own; it keeps its file, and its VMs, when its connector goes and comes back.
    fn simulated(&self, spec: &ConnectorSpec, inner: &mut Inner) -> Result<Arc<SimVim>, String> {
        if let Some(open) = inner.simulated.get(&spec.id) {
            return Ok(open.clone());
        }
        let name = file_name(&spec.id);
        let vim = SimVim::open(
            &spec.id,
            self.settings.vim_sim,
            self.settings.cloudsim.clone(),
            self.clock.clone(),
            &self.data_dir.join(format!("cloudsim-{name}.json")),
        );
        let vim = Arc::new(vim.map_err(|error| error.to_string())?);
        inner.simulated.insert(spec.id.clone(), vim.clone());
        Ok(vim)
    }
}

impl Vims for Registry {
    fn vim(&self, id: &str) -> Option<Arc<dyn Vim>> {
        let mut inner = self.lock();
        let again = match inner.entries.get(id) {
            None => return (id == SIM_VIM).then(|| self.builtin.clone()),
            Some(Entry {
                made: Made::Usable(vim, _),
                ..
            }) => return Some(vim.clone()),
            Some(Entry {
                made: Made::Unusable(why, tried),
                spec,
            }) => match self.clock.mono().saturating_sub(*tried) < TRY_AGAIN {
                true => return Some(unusable(id, why)),
                false => spec.clone(),
            },
        };
        let made = self.make(&again, &mut inner);
        let vim = match &made {
            Made::Usable(vim, _) => vim.clone(),
            Made::Unusable(why, _) => unusable(id, why),
        };
        inner
            .entries
            .insert(id.to_owned(), Entry { spec: again, made });
        Some(vim)
    }

    fn configure(&self, connectors: Vec<ConnectorSpec>) -> BTreeMap<String, Duration> {
        let mut inner = self.lock();
        let mut before = std::mem::take(&mut inner.entries);
        for spec in connectors {
            let entry = match before.remove(&spec.id) {
                // What did not change keeps its driver, with its connections and tokens.
                Some(entry) if entry.spec == spec => entry,
                // The embedded VIM may have a connector, for a locator or the default to name it.
                _ if spec.id == SIM_VIM && spec.kind.eq_ignore_ascii_case("SIM") => continue,
                _ => Entry {
                    made: self.make(&spec, &mut inner),
                    spec,
                },
            };
            inner.entries.insert(entry.spec.id.clone(), entry);
        }
        let usable = inner
            .entries
            .iter()
            .filter_map(|(id, entry)| match &entry.made {
                Made::Usable(vim, _) => Some((id.clone(), vim.landing_bound())),
                Made::Unusable(..) => None,
            });
        let mut bounds: BTreeMap<_, _> = usable.collect();
        bounds
            .entry(SIM_VIM.to_owned())
            .or_insert_with(|| self.builtin.landing_bound());
        bounds
    }
}

impl Probers for Registry {
    fn prober(&self, vim: &str) -> Option<Arc<dyn Prober>> {
        if let Some(prober) = self.probers.get(vim) {
            return Some(prober.clone());
        }
        match self.lock().entries.get(vim) {
            Some(Entry {
                made: Made::Usable(_, prober),
                ..
            }) => prober.clone(),
            _ => None,
        }
    }
}

/// A connector's id as a part of a file's name.
fn file_name(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => (byte as char).to_string(),
            other => format!("%{other:02x}"),
        })
        .collect()
}

fn unusable(id: &str, why: &str) -> Arc<dyn Vim> {
    Arc::new(Unusable {
        id: id.to_owned(),
        line: format!("VIM [{id}] cannot be used: {why}"),
    })
}

/// Stands in for a connector that cannot be used.
struct Unusable {
    id: String,
    line: String,
}

impl Unusable {
    fn refuse<T: Send + 'static>(&self) -> PortFuture<'_, Result<T, VimError>> {
        let line = self.line.clone();
        Box::pin(async move { Err(VimError::Refused(vec![line])) })
    }
}

impl Vim for Unusable {
    fn id(&self) -> &str {
        &self.id
    }

    fn call(&self, _: VimCall, _: String) -> PortFuture<'_, Result<Accepted, VimError>> {
        self.refuse()
    }

    fn status(&self, _: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        self.refuse()
    }

    fn describe(&self, _: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        self.refuse()
    }

    fn find_by_token(&self, _: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        self.refuse()
    }

    fn find(&self, _: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        self.refuse()
    }

    fn landing_bound(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::cloudsim;
    use crate::model::connector::SecretRef;
    use crate::vim::sim;

    fn registry(dir: &std::path::Path, clock: Arc<ManualClock>) -> Registry {
        let builtin = SimVim::in_memory(
            SIM_VIM,
            sim::Settings::default(),
            cloudsim::Settings::default(),
            clock.clone(),
        );
        Registry::new(
            Settings::default(),
            clock,
            dir.to_owned(),
            Arc::new(builtin.unwrap()),
            BTreeMap::new(),
            7,
        )
    }

    fn spec(id: &str, kind: &str) -> ConnectorSpec {
        ConnectorSpec {
            id: id.to_owned(),
            kind: kind.to_owned(),
            ..ConnectorSpec::default()
        }
    }

    fn cloud(id: &str, secret: &std::path::Path) -> ConnectorSpec {
        ConnectorSpec {
            url: Some("http://127.0.0.1:1/v3".to_owned()),
            user: Some("u".to_owned()),
            tenant: Some("t".to_owned()),
            secret: Some(SecretRef::File(secret.display().to_string())),
            ..spec(id, "OPENSTACK")
        }
    }

    async fn says(vim: &Arc<dyn Vim>) -> String {
        let answer = vim.find(Find::Image("x".to_owned())).await;
        answer.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn vims_come_change_and_go_with_their_connectors() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let registry = registry(dir.path(), clock.clone());
        assert!(registry.vim("sim").is_some() && registry.vim("other").is_none());
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "x").unwrap();
        let bounds = registry.configure(vec![spec("red", "SIM"), cloud("blue", &secret)]);
        assert_eq!(bounds.keys().collect::<Vec<_>>(), ["blue", "red", "sim"]);
        let red = registry.vim("red").unwrap();
        assert_eq!(red.id(), "red");
        assert!(
            red.find(Find::Image("cirros".to_owned()))
                .await
                .unwrap()
                .is_some()
        );
        assert!(registry.prober("red").is_some() && registry.prober("blue").is_none());
        assert!(
            says(&registry.vim("blue").unwrap())
                .await
                .contains("no answer from")
        );
        // unchanged: the same driver; changed: another
        registry.configure(vec![spec("red", "SIM"), cloud("blue", &secret)]);
        let blue = registry.vim("blue").unwrap();
        let mut moved = cloud("blue", &secret);
        moved.tenant = Some("other".to_owned());
        registry.configure(vec![spec("red", "SIM"), cloud("blue", &secret)]);
        assert!(Arc::ptr_eq(&blue, &registry.vim("blue").unwrap()));
        registry.configure(vec![moved]);
        assert!(!Arc::ptr_eq(&blue, &registry.vim("blue").unwrap()));
        assert!(registry.vim("red").is_none(), "its connector went");
        registry.configure(vec![spec("red", "sim")]);
        assert!(
            Arc::ptr_eq(&red, &registry.vim("red").unwrap()),
            "its VMs are still there"
        );
    }

    #[tokio::test]
    async fn a_connector_that_cannot_be_used_says_why_and_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let registry = registry(dir.path(), clock.clone());
        let secret = dir.path().join("secret");
        let bounds = registry.configure(vec![cloud("blue", &secret), spec("green", "ABACUS")]);
        assert_eq!(bounds.keys().collect::<Vec<_>>(), ["sim"]);
        let green = says(&registry.vim("green").unwrap()).await;
        assert_eq!(
            green,
            "VIM [green] cannot be used: type ABACUS is none of CLOUDSTACK, LIBVIRT, OPENSTACK, SIM, VCLOUD"
        );
        let why = says(&registry.vim("blue").unwrap()).await;
        assert!(
            why.starts_with("VIM [blue] cannot be used: ") && why.contains("secret"),
            "{why}"
        );
        std::fs::write(&secret, "x").unwrap();
        assert!(
            says(&registry.vim("blue").unwrap())
                .await
                .contains("cannot be used")
        );
        clock.advance(TRY_AGAIN);
        assert!(
            says(&registry.vim("blue").unwrap())
                .await
                .contains("no answer from")
        );
    }
}
