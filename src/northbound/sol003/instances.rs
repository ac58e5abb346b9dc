//! VNF instances: read, made, deleted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::gate::Call;
use super::map::{self, Known};
use super::reply::{Outcome, Problem, empty, json, put, value};
use crate::control::template::Template;
use crate::datastore::{Access, Keys, Location};
use crate::esc_model::desired;
use crate::esc_model::published::Published;
use crate::ids::{DeploymentId, DeploymentKey};
use crate::model::instance::{InstanceRecord, LcmRequest};
use crate::model::operation::{LcmOperation, LcmOperationState, OpRecord};
use crate::model::state::ServiceState;
use crate::proto::esc::ESC;
use crate::proto::sol003::{CreateVnfRequest, INSTANCES};
use crate::schema::Schema;

/// Attributes of `metadata` that name the deployment.
const TENANT: &str = "tenant";
const DEPLOYMENT: &str = "deployment";
/// How long a request waits for what a failed instantiation left.
const LEAVING: Duration = Duration::from_secs(20);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// One instance: as kept, or as its deployment makes it.
pub(super) struct Found {
    pub record: InstanceRecord,
    pub instantiated: bool,
    /// What a failed instantiation left is being removed.
    pub leaving: bool,
}

impl Call {
    /// What is there now.
    pub(super) fn published(&self) -> Arc<Published> {
        self.app.control.store().published()
    }

    /// Whether the user may see a deployment's state.
    pub(super) fn sees(&self, key: &DeploymentKey) -> bool {
        let schema = self.app.control.schema();
        let place = crate::esc_model::opdata::place(schema, key);
        place.is_none_or(|(deployment, _)| self.access.sees(&deployment))
    }

    /// Whether the user may change a deployment's configuration; refused with 403.
    pub(super) fn may_change(&self, key: &DeploymentKey) -> Result<(), Problem> {
        let schema = self.app.control.schema();
        let place = configured(schema, key);
        match place.is_none_or(|deployment| self.access.data(Access::Update, &deployment)) {
            true => Ok(()),
            false => Err(Problem::forbidden("your groups do not allow this change")),
        }
    }

    /// The instance of that id.
    pub(super) fn find(&self, id: &str, published: &Published) -> Result<Found, Problem> {
        let keys = keys(published);
        let found = keys
            .into_iter()
            .find(|(known, key)| known.as_str() == id && self.sees(key));
        let Some((id, key)) = found else {
            return Err(Problem::not_found("VNF instance", id));
        };
        let leaving = leaving(published).contains(&key);
        Ok(Found {
            record: record(published, &id, &key),
            instantiated: !leaving && published.state.deployments.contains_key(&key),
            leaving,
        })
    }

    /// The same, once what a failed instantiation left is gone. That takes a moment, of which nobody has to know.
    pub(super) async fn settled(&self, id: &str) -> Result<Found, Problem> {
        let clock = self.app.control.clock();
        let until = clock.mono() + LEAVING;
        loop {
            let found = self.find(id, &self.published())?;
            if !found.leaving {
                return Ok(found);
            }
            if clock.mono() > until {
                return Err(Problem::conflict(
                    "what a failed instantiation left is still being removed",
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// As it is shown.
    pub(super) fn shown(&self, record: &InstanceRecord, published: &Published) -> Shown {
        self.shown_with(record, published, &unfinished(published))
    }

    fn shown_with(
        &self,
        record: &InstanceRecord,
        published: &Published,
        unfinished: &BTreeSet<DeploymentKey>,
    ) -> Shown {
        let key = &record.key;
        let wanted = desired::deployment(&published.config, key).ok().flatten();
        let known = Known {
            record,
            deployment: published.state.deployments.get(key).map(Arc::as_ref),
            wanted: wanted.as_ref(),
            unfinished: unfinished.contains(key),
        };
        value(&map::instance(&known, &self.places))
    }

    /// `If-Match` against what is there: 412 when it is not that any more.
    pub(super) fn if_match(&self, shown: &Value) -> Result<(), Problem> {
        let Some(wanted) = self.headers.get(header::IF_MATCH) else {
            return Ok(());
        };
        let wanted = String::from_utf8_lossy(wanted.as_bytes()).into_owned();
        let now = etag(shown);
        let matches = wanted.split(',').map(str::trim);
        match matches.into_iter().any(|tag| tag == "*" || tag == now) {
            true => Ok(()),
            false => Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "the resource is not the one If-Match names",
            )),
        }
    }
}

type Shown = Result<Value, Problem>;

/// The place of a deployment in the configuration.
fn configured(schema: &Schema, key: &DeploymentKey) -> Option<Location> {
    let root = schema.top(ESC, "esc_datamodel")?;
    let step = |parent, name: &str| schema.child(parent, ESC, name);
    let tenants = step(root, "tenants")?;
    let tenant = step(tenants, "tenant")?;
    let deployments = step(tenant, "deployments")?;
    let deployment = step(deployments, "deployment")?;
    let keys = |name: &str| Some(Keys::new([name]));
    let place = Location::default().child(root, None).child(tenants, None);
    let place = place
        .child(tenant, keys(&key.tenant))
        .child(deployments, None);
    Some(place.child(deployment, keys(&key.name)))
}

/// Deployments that are left of a failed instantiation and on their way out.
fn leaving(published: &Published) -> BTreeSet<DeploymentKey> {
    use LcmOperation as O;
    let state = &published.state;
    let given_up = |op: &&Arc<OpRecord>| {
        let failed =
            op.occ.operation == O::Instantiate && op.occ.state == LcmOperationState::Failed;
        failed && op.awaits.is_some()
    };
    let waiting = state.operations.values().filter(given_up);
    let going = state.deployments.iter().filter(|(_, it)| {
        let undeploying = it.service_state == ServiceState::Undeploying || !it.leftovers.is_empty();
        it.operation
            .as_ref()
            .is_some_and(|occ| match occ.operation {
                // Nobody asked for it.
                O::Terminate => occ.automatic,
                O::Instantiate => undeploying && occ.state == LcmOperationState::Failed,
                _ => false,
            })
    });
    let waiting = waiting.map(|op| op.key.clone());
    waiting.chain(going.map(|(key, _)| key.clone())).collect()
}

/// Deployments whose instances are not instantiated: the instantiation is not through, or it failed for good.
fn unfinished(published: &Published) -> BTreeSet<DeploymentKey> {
    use LcmOperationState as S;
    let under_way = published.state.operations.values().filter(|op| {
        op.occ.operation == LcmOperation::Instantiate
            && matches!(
                op.occ.state,
                S::Starting | S::Processing | S::FailedTemp | S::RollingBack
            )
    });
    let mut all = leaving(published);
    all.extend(under_way.map(|op| op.key.clone()));
    all
}

/// Ids and deployments of all instances, kept and projected.
fn keys(published: &Published) -> Vec<(DeploymentId, DeploymentKey)> {
    let state = &published.state;
    let kept = state
        .instances
        .iter()
        .map(|(key, kept)| (kept.id.clone(), key.clone()));
    let others = state.deployments.iter();
    let others = others.filter(|(key, _)| !state.instances.contains_key(*key));
    let others = others.map(|(key, it)| (it.deployment_id.clone(), key.clone()));
    kept.chain(others).collect()
}

fn record(published: &Published, id: &DeploymentId, key: &DeploymentKey) -> InstanceRecord {
    if let Some(kept) = published.state.instances.get(key) {
        return InstanceRecord::clone(kept);
    }
    InstanceRecord::projected(key, id, crate::clock::Timestamp::default())
}

/// A tag of what is shown.
pub(super) fn etag(shown: &Value) -> String {
    let digest = Sha256::digest(shown.to_string().as_bytes());
    let text: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{text}\"")
}

/// GET of the list.
pub(super) fn list(call: &Call) -> Outcome {
    let published = call.published();
    let mut keys = keys(&published);
    keys.retain(|(_, key)| call.sees(key));
    keys.sort();
    let unfinished = unfinished(&published);
    let entries = keys
        .into_iter()
        .map(|(id, key)| (id.to_string(), (id, key)));
    let render = |(id, key): (DeploymentId, DeploymentKey)| {
        let record = record(&published, &id, &key);
        call.shown_with(&record, &published, &unfinished)
    };
    let size = call.app.settings.page_size.get();
    let here = call.places.instances();
    call.query.page(entries, render, INSTANCES, size, &here)
}

/// GET of one.
pub(super) fn read(call: &Call, id: &str) -> Outcome {
    call.query.only(&[])?;
    let published = call.published();
    let found = call.find(id, &published)?;
    let shown = call.shown(&found.record, &published)?;
    let mut reply = json(StatusCode::OK, &shown);
    put(&mut reply, header::ETAG, &etag(&shown));
    Ok(reply)
}

/// POST: an instance without deployment.
pub(super) async fn create(call: &Call) -> Outcome {
    let (request, _) = call.body.request::<CreateVnfRequest>()?;
    let published = call.published();
    let template = Template::find(&published.config, &request.vnfd_id)
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    let id = call.app.mint();
    let metadata = request.metadata.unwrap_or_default();
    let named = |name: &str| match metadata.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(Problem::bad(format!("metadata/{name} must be a name"))),
    };
    let tenant = named(TENANT)?.unwrap_or_else(|| call.app.settings.tenant.clone());
    let deployment = named(DEPLOYMENT)?.unwrap_or_else(|| format!("vnf-{id}"));
    let key = DeploymentKey::new(tenant, deployment);
    call.may_change(&key)?;
    let now = call.app.control.clock().wall();
    let record = InstanceRecord {
        id: DeploymentId::new(&id),
        key,
        name: request.vnf_instance_name,
        description: request.vnf_instance_description,
        vnfd_id: template.vnfd_id,
        provider: template.provider,
        product: template.product,
        software_version: template.software_version,
        vnfd_version: template.version,
        metadata,
        extensions: serde_json::Map::new(),
        properties: serde_json::Map::new(),
        flavour: None,
        created: now,
        modified: now,
    };
    let made = LcmRequest::Create(Box::new(record.clone()));
    call.app.control.lcm(made).await?;
    let shown = call.shown(&record, &call.published())?;
    let mut reply = json(StatusCode::CREATED, &shown);
    put(&mut reply, header::ETAG, &etag(&shown));
    put(&mut reply, header::LOCATION, &call.places.instance(&id));
    Ok(reply)
}

/// DELETE: only what has no deployment.
pub(super) async fn delete(call: &Call, id: &str) -> Outcome {
    let published = call.published();
    let found = call.find(id, &published)?;
    call.may_change(&found.record.key)?;
    call.if_match(&call.shown(&found.record, &published)?)?;
    let found = call.settled(id).await?;
    if found.instantiated {
        return Err(Problem::conflict(
            "the VNF instance is instantiated: terminate it first",
        ));
    }
    let request = LcmRequest::Delete(found.record.id);
    call.app.control.lcm(request).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
