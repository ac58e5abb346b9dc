//! What all parts of the driver share: the connection, the table of operations, the records.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OnceCell};
use uuid::Uuid;

use super::connector::Connector;
use super::error::LibvirtError;
use super::link::{Fault, FaultKind, Opener};
use super::records::{Book, Records};
use super::session::{Check, Session};
use super::settings::Settings;
use super::table::Table;
use super::watch::Watchers;
use super::xml::{Host, read_capabilities, read_pool};
use crate::clock::Clock;
use crate::engine::port::{Accepted, VimError};
use crate::model::vim::{VimOpRef, VimOpStatus};

/// All names made by this driver are UUIDs under this one.
const OURS: Uuid = Uuid::from_u128(0x6c69_6665_6c69_4e65_a1b2_6c69_6276_6972);

/// How an operation did not end well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It failed; libvirt's lines, newest first.
    Failed(Vec<String>),
    /// Nobody knows.
    Unknown,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault.is_silence() {
            true => Self::Unknown,
            false => Self::Failed(vec![fault.line()]),
        }
    }
}

/// Whether a connection leads to the libvirt that VMs were made on, by its pool's UUID. Elsewhere "no such domain"
/// would be taken for the proof that a VM is gone, and it would be made a second time.
fn same_libvirt(pool: String, records: Arc<Records>) -> Check {
    Arc::new(move |link| {
        let known = records.look(|book| book.pool.clone());
        let found = match link.pool_xml(&pool) {
            Ok(text) => read_pool(&text)?.uuid,
            Err(fault) if fault.kind == FaultKind::NotFound && known.is_empty() => return Ok(()),
            Err(fault) => return Err(fault),
        };
        if known.is_empty() {
            return records.change(|book| book.pool = found);
        }
        match found == known {
            true => Ok(()),
            false => Err(Fault::new(
                FaultKind::Down,
                format!(
                    "another libvirt answers, or another pool [{pool}]: {found}, and VMs were made in {known}"
                ),
            )),
        }
    })
}

/// The shared parts.
pub struct Core {
    pub connector: Connector,
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    pub session: Session,
    pub watchers: Arc<Watchers>,
    pub records: Arc<Records>,
    /// Folder of the driver's own files.
    pub folder: PathBuf,
    /// Held while networks are changed or addresses are given out.
    pub networks: tokio::sync::Mutex<()>,
    table: Mutex<Table>,
    changed: Notify,
    host: OnceCell<(Host, String)>,
}

impl Core {
    /// A driver that is not connected yet.
    pub fn new(
        connector: Connector,
        settings: Settings,
        clock: Arc<dyn Clock>,
        opener: Arc<dyn Opener>,
        folder: &Path,
    ) -> Result<Self, LibvirtError> {
        let watchers = Arc::new(Watchers::default());
        let records = Records::open(folder)?;
        let same = same_libvirt(connector.pool.clone(), records.clone());
        Ok(Self {
            session: Session::new(opener, same, clock.clone(), settings, watchers.clone()),
            records,
            folder: folder.to_owned(),
            connector,
            settings,
            clock,
            watchers,
            networks: tokio::sync::Mutex::new(()),
            table: Mutex::default(),
            changed: Notify::new(),
            host: OnceCell::new(),
        })
    }

    /// A UUID that is the same for the same purpose, always.
    pub fn uuid(&self, purpose: &str) -> String {
        let name = format!("{}/{purpose}", self.connector.id);
        Uuid::new_v5(&OURS, name.as_bytes()).to_string()
    }

    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host and its name; asked once.
    pub async fn host(&self) -> Result<&(Host, String), Fault> {
        let (kind, arch) = (
            self.connector.domain_type.clone(),
            self.connector.arch.clone(),
        );
        let ask = || {
            self.session.look(move |link| {
                let host =
                    read_capabilities(&link.capabilities()?, kind.as_deref(), arch.as_deref())?;
                Ok((host, link.hostname().unwrap_or_default()))
            })
        };
        self.host.get_or_try_init(ask).await
    }

    /// Changes the records, off the threads of the runtime.
    pub async fn record(
        &self,
        change: impl FnOnce(&mut Book) + Send + 'static,
    ) -> Result<(), Fault> {
        let records = self.records.clone();
        let done = tokio::task::spawn_blocking(move || records.change(change)).await;
        done.unwrap_or_else(|error| Err(Fault::refused(error.to_string())))
    }

    /// The answer to a call that was repeated.
    pub fn repeated(&self, op: &str) -> Option<Accepted> {
        self.table().get(op).map(|entry| entry.accepted.clone())
    }

    /// Begins an operation: its work goes on by itself and its end is recorded.
    pub fn begin(
        self: &Arc<Self>,
        op: String,
        id: Option<String>,
        makes: Option<String>,
        work: impl Future<Output = Result<(), End>> + Send + 'static,
    ) -> Accepted {
        let accepted = Accepted {
            op: VimOpRef {
                vim: self.connector.id.clone(),
                id: op.clone(),
                about: String::new(),
            },
            id,
        };
        self.table().begin(accepted.clone(), makes);
        let ending = Ending {
            core: self.clone(),
            op,
            status: VimOpStatus::Unknown,
        };
        tokio::spawn(async move {
            let mut ending = ending;
            ending.status = match work.await {
                Ok(()) => VimOpStatus::Succeeded,
                Err(End::Failed(lines)) => VimOpStatus::Failed(lines),
                Err(End::Unknown) => VimOpStatus::Unknown,
            };
        });
        accepted
    }

    /// An operation that is done already.
    pub fn done(self: &Arc<Self>, op: String, id: Option<String>) -> Accepted {
        self.begin(op, id, None, async { Ok(()) })
    }

    /// Reads the record of an operation; waits for its end, at most the long poll's time.
    pub async fn follow(&self, op: &str) -> Result<VimOpStatus, VimError> {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // counts from here on, so that no change between look and wait is missed
                changed.as_mut().enable();
                match self.read(op) {
                    VimOpStatus::Running => changed.await,
                    status => return status,
                }
            }
        };
        match tokio::time::timeout(self.settings.long_poll(), wait).await {
            Ok(status) => Ok(status),
            Err(_) => Ok(self.read(op)),
        }
    }

    /// How an operation stands now.
    pub(super) fn read(&self, op: &str) -> VimOpStatus {
        let table = self.table();
        table
            .get(op)
            .map_or(VimOpStatus::Unknown, |entry| entry.status.clone())
    }
}

/// Records how an operation ended, also when its work fell.
struct Ending {
    core: Arc<Core>,
    op: String,
    status: VimOpStatus,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let status = std::mem::replace(&mut self.status, VimOpStatus::Unknown);
        tracing::debug!(
            vim = self.core.connector.id,
            op = self.op,
            ?status,
            "libvirt: ended"
        );
        let remembered = self.core.settings.remembered;
        self.core.table().end(&self.op, status, remembered);
        self.core.changed.notify_waiters();
    }
}
