//! Rows: which there are, how they are read back, what a step changed of them, and how that is taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::{CreateToken, DeploymentKey, OpId, VmName};
use crate::model::instance::InstanceRecord;
use crate::model::operation::OpRecord;
use crate::model::resource::ResourceKey;

use super::super::io::{Message, RecordChange, Report, RowWrite, Transaction};
use super::super::lifecycle::deployment::{Dep, Head, Resolution};
use super::super::lifecycle::vm::VmRow;
use super::super::resource::Thing;
use super::late::Late;
use super::state::State;

const DEPLOYMENT: &str = "engine_deployment";
const VM: &str = "engine_vm";
const RESOURCE: &str = "engine_resource";
const LATE: &str = "engine_late";
const OUTBOX: &str = "engine_outbox";
const SWITCH: &str = "engine_switch";
const OPERATION: &str = "engine_operation";
const INSTANCE: &str = "engine_instance";
const KILL_SWITCH: &str = "kill-switch";

/// Every table of the engine. Keys are text, values JSON.
pub const TABLES: [&str; 8] = [
    DEPLOYMENT, VM, RESOURCE, LATE, OUTBOX, SWITCH, OPERATION, INSTANCE,
];

/// A row that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its value is not what this table holds.
    #[error("row [{key}] of table [{table}] cannot be read")]
    Value {
        /// Table.
        table: String,
        /// Key.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A table the engine does not know.
    #[error("table [{0}] is not the engine's")]
    Table(String),
    /// A VM without its deployment.
    #[error("VM [{0}] belongs to no deployment")]
    Orphan(String),
}

/// What a transaction changed, as it was before: the cheap snapshot a failed batch falls back to.
#[derive(Debug, Default, Clone)]
pub struct Undo {
    pub(super) deps: BTreeMap<DeploymentKey, Option<Arc<Dep>>>,
    pub(super) things: BTreeMap<ResourceKey, Option<Arc<Thing>>>,
    pub(super) late: BTreeMap<CreateToken, Option<Arc<Late>>>,
    pub(super) outbox: BTreeMap<String, Option<Message>>,
    pub(super) kill_switch: bool,
    pub(super) ops: BTreeMap<OpId, Option<Arc<OpRecord>>>,
    pub(super) instances: BTreeMap<DeploymentKey, Option<Arc<InstanceRecord>>>,
    touched: bool,
}

impl Undo {
    pub(super) fn of(state: &State) -> Self {
        Self {
            kill_switch: state.kill_switch,
            touched: true,
            ..Self::default()
        }
    }
}

impl State {
    /// Puts back what the transaction changed.
    pub fn take_back(&mut self, undo: &Undo) {
        if !undo.touched {
            return;
        }
        put_back(&mut self.deps, &undo.deps);
        put_back(&mut self.things, &undo.things);
        put_back(&mut self.late, &undo.late);
        put_back(&mut self.outbox, &undo.outbox);
        put_back(&mut self.ops, &undo.ops);
        put_back(&mut self.instances, &undo.instances);
        self.kill_switch = undo.kill_switch;
    }
}

fn put_back<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, before: &BTreeMap<K, Option<V>>) {
    for (key, value) in before {
        match value {
            Some(value) => map.insert(key.clone(), value.clone()),
            None => map.remove(key),
        };
    }
}

/// Reads all rows back.
pub(super) fn read<'a>(
    rows: impl IntoIterator<Item = (&'a str, &'a str, &'a [u8])>,
) -> Result<State, RestoreError> {
    let mut state = State::default();
    let mut vms: Vec<VmRow> = Vec::new();
    for (table, key, value) in rows {
        match table {
            DEPLOYMENT => {
                let head: Head = decode(table, key, value)?;
                let key = head.key.clone();
                let vms = OrdMap::new();
                state.deps.insert(key, Arc::new(Dep { head, vms }));
            }
            VM => vms.push(decode(table, key, value)?),
            RESOURCE => {
                let thing: Thing = decode(table, key, value)?;
                state
                    .things
                    .insert(thing.record.key.clone(), Arc::new(thing));
            }
            LATE => {
                let late: Late = decode(table, key, value)?;
                state.late.insert(late.token.clone(), Arc::new(late));
            }
            OUTBOX => {
                let message: Message = decode(table, key, value)?;
                state.outbox.insert(message.id.clone(), message);
            }
            OPERATION => {
                let record: OpRecord = decode(table, key, value)?;
                state.ops.insert(record.occ.id.clone(), Arc::new(record));
            }
            INSTANCE => {
                let record: InstanceRecord = decode(table, key, value)?;
                state.instances.insert(record.key.clone(), Arc::new(record));
            }
            SWITCH => state.kill_switch = decode(table, key, value)?,
            _ => return Err(RestoreError::Table(table.to_owned())),
        }
    }
    for row in vms {
        let name = row.vm.name.clone();
        let Some(dep) = state.deps.get_mut(&row.key) else {
            return Err(RestoreError::Orphan(name.to_string()));
        };
        Arc::make_mut(dep).vms.insert(name, Arc::new(row));
    }
    find_users(&mut state);
    Ok(state)
}

/// Who needs a resource, and who waits for it, as the deployments' own rows say.
fn find_users(state: &mut State) {
    for (user, dep) in &state.deps {
        for reference in &dep.head.references {
            let thing = reference
                .actor
                .as_ref()
                .and_then(|key| state.things.get_mut(key));
            let Some(thing) = thing.map(Arc::make_mut) else {
                continue;
            };
            thing.users.insert(user.clone());
            // One whose answer is on its way is told twice, which is allowed.
            if reference.resolution == Resolution::Pending {
                thing.waiters.insert(user.clone());
            }
        }
    }
}

fn decode<T: DeserializeOwned>(table: &str, key: &str, value: &[u8]) -> Result<T, RestoreError> {
    serde_json::from_slice(value).map_err(|source| RestoreError::Value {
        table: table.to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// The rows and projections that differ from `undo`.
pub(super) fn changes(state: &State, undo: Undo) -> Transaction {
    let mut out = Changes::default();
    for (key, before) in &undo.deps {
        out.deployment(key, before.as_deref(), state.deps.get(key).map(Arc::as_ref));
    }
    for (key, before) in &undo.things {
        let after = state.things.get(key);
        if before.as_ref() == after {
            continue;
        }
        out.write(RESOURCE, resource_key(key), after.map(Arc::as_ref));
        if before.as_ref().map(|thing| &thing.record) != after.map(|thing| &thing.record) {
            let record = after.map(|thing| Arc::new(thing.record.clone()));
            out.records
                .push(RecordChange::Resource(key.clone(), record));
        }
    }
    for (token, before) in &undo.late {
        let after = state.late.get(token);
        if before.as_ref() != after {
            out.write(LATE, token.as_str().to_owned(), after.map(Arc::as_ref));
        }
    }
    for (id, before) in &undo.outbox {
        let after = state.outbox.get(id);
        if before.as_ref() != after {
            out.write(OUTBOX, id.clone(), after);
        }
    }
    for (id, before) in &undo.ops {
        let after = state.ops.get(id);
        if before.as_ref() != after {
            out.write(OPERATION, id.as_str().to_owned(), after.map(Arc::as_ref));
            let change = RecordChange::Operation(id.clone(), after.cloned());
            out.records.push(change);
        }
    }
    for (key, before) in &undo.instances {
        let after = state.instances.get(key);
        if before.as_ref() != after {
            out.write(INSTANCE, deployment_key(key), after.map(Arc::as_ref));
            let change = RecordChange::Instance(key.clone(), after.cloned());
            out.records.push(change);
        }
    }
    if undo.kill_switch != state.kill_switch {
        out.write(SWITCH, KILL_SWITCH.to_owned(), Some(&state.kill_switch));
    }
    Transaction {
        rows: out.rows,
        records: out.records,
        reports: out.reports,
        undo,
        ..Transaction::default()
    }
}

#[derive(Default)]
struct Changes {
    rows: Vec<RowWrite>,
    records: Vec<RecordChange>,
    reports: Vec<Report>,
}

impl Changes {
    fn write<T: Serialize>(&mut self, table: &'static str, key: String, value: Option<&T>) {
        match value.map(serde_json::to_vec).transpose() {
            Ok(value) => self.rows.push((table, key, value)),
            // Cannot happen with the types of this room: every map key is text. Said, not swallowed.
            Err(error) => {
                let text = format!("row [{key}] of [{table}] cannot be written: {error}");
                self.reports.push(Report::Ignored(text));
            }
        }
    }

    fn deployment(&mut self, key: &DeploymentKey, before: Option<&Dep>, after: Option<&Dep>) {
        let rows = self.rows.len();
        if before.map(|dep| &dep.head) != after.map(|dep| &dep.head) {
            self.write(DEPLOYMENT, deployment_key(key), after.map(|dep| &dep.head));
        }
        let empty: OrdMap<VmName, Arc<VmRow>> = OrdMap::new();
        let old = before.map_or(&empty, |dep| &dep.vms);
        let new = after.map_or(&empty, |dep| &dep.vms);
        let mut changed: Vec<(String, Option<&VmRow>)> = Vec::new();
        for item in old.diff(new) {
            match item {
                DiffItem::Add(name, row) => changed.push((name.to_string(), Some(row))),
                DiffItem::Update {
                    new: (name, row), ..
                } => {
                    changed.push((name.to_string(), Some(row)));
                }
                DiffItem::Remove(name, _) => changed.push((name.to_string(), None)),
            }
        }
        for (name, row) in changed {
            self.write(VM, name, row);
        }
        if self.rows.len() > rows {
            let record = after.map(|dep| Arc::new(dep.record()));
            self.records
                .push(RecordChange::Deployment(key.clone(), record));
        }
    }
}

/// Partition first, so that one partition's rows are one range.
fn deployment_key(key: &DeploymentKey) -> String {
    format!(
        "{:03}/{}/{}",
        key.partition().0,
        escape(&key.tenant),
        escape(&key.name)
    )
}

fn resource_key(key: &ResourceKey) -> String {
    let tenant = key.tenant.as_deref().map(escape).unwrap_or_default();
    let scope = if key.tenant.is_some() {
        "tenant"
    } else {
        "root"
    };
    format!(
        "{}/{:?}/{scope}/{tenant}/{}",
        escape(&key.vim),
        key.kind,
        escape(&key.name)
    )
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}
