//! What SOL003 asks for: the commits of its operations, the same way as everybody's.
//!
//! ```text
//! request -> engine: STARTING, durable -> (answered) -> edit -> commit -> engine: PROCESSING
//!                                                          \-> refused: ROLLED_BACK, or FAILED_TEMP on the way back
//! ```
//! What a crash leaves between the two is found at the next start and carried on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::commit::Edit;
use super::error::ControlError;
use super::running::{Change, What};
use super::service::Control;
use super::template::{self, Template, TemplateError};
use super::who::Who;
use crate::datastore::{DefaultOperation, EditTree, ErrorOption, Nacm, Tree};
use crate::engine::handle::DesiredChange;
use crate::esc_model::desired;
use crate::ids::{DeploymentKey, OpId, SessionId};
use crate::model::action::Refusal;
use crate::model::instance::{InstanceRecord, LcmRequest};
use crate::model::operation::{Direction, LcmOperation, LcmOperationState, OpRecord};
use crate::model::vim::FailureReason;
use crate::xml::Element;

/// Pause before an engine that takes nothing is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Why an operation's commit was not made.
#[derive(Debug, thiserror::Error)]
pub enum LcmError {
    /// The control room refused it.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The template gives no deployment.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Control {
    /// What a user may do; who has no name may do everything (`--http-insecure`).
    pub fn rights(&self, user: &str) -> Nacm {
        match user {
            "" => Nacm::everything(self.schema()),
            user => self.access_of(user),
        }
    }

    /// Asks the engine for something through SOL003; success means validated and stored. An operation that
    /// waits for a commit is carried on by [`Control::carry_on`].
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn lcm(&self, request: LcmRequest) -> Result<OpId, ControlError> {
        Ok(self.engine.lcm(request).await?)
    }

    /// Whether the running configuration could be changed now by who is no NETCONF session.
    ///
    /// # Errors
    /// When somebody holds the lock, or a confirmed commit waits.
    pub fn may_change_running(&self, user: &str) -> Result<(), ControlError> {
        let change = asked(user, None);
        let state = self.state();
        change.allowed(self, &state).map(|_| ())
    }

    /// Whether the edit of an instantiation would be taken.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_instantiation(
        &self,
        instance: &InstanceRecord,
        user: &str,
        params: &Value,
        counts: &[(String, u32)],
    ) -> Result<(), LcmError> {
        let running = self.running();
        let edit = instantiation(&running, instance, params, counts)?;
        let next = self.applied(&running, &edit, self.rights(user))?;
        self.validate(next).await?;
        Ok(())
    }

    /// Commits for an operation that waits for it; returns at once.
    pub fn carry_on(self: &Arc<Self>, operation: OpId) {
        let room = self.clone();
        tokio::spawn(async move { room.carry(&operation).await });
    }

    /// Carries on what a stop left waiting.
    pub fn carry_on_all(self: &Arc<Self>) {
        let published = self.store.published();
        let all = published.state.operations.values();
        for op in all.filter(|op| op.awaits.is_some()) {
            self.carry_on(op.occ.id.clone());
        }
    }

    async fn carry(&self, id: &OpId) {
        while let Some(pause) = self.carry_once(id).await {
            tokio::time::sleep(pause).await;
        }
    }

    /// One try; `Some`: the next one after that pause.
    async fn carry_once(&self, id: &OpId) -> Option<Duration> {
        let record = self.store.published().state.operations.get(id).cloned();
        let record = record.filter(|record| record.awaits.is_some())?;
        let starting = record.occ.state == LcmOperationState::Starting;
        let result = match record.cancel.is_some() && starting {
            true => Err(FailureReason {
                code: "cancelled".to_owned(),
                text: "the operation was cancelled".to_owned(),
            }),
            false => self.commit_for(&record).await.map_err(|error| why(&error)),
        };
        let reason = result.err()?;
        tracing::info!(%id, code = reason.code, reason = reason.text, "an operation was not committed");
        if record.occ.state.is_terminal() {
            // What it left has to go, whoever holds a lock now.
            return Some(PAUSE);
        }
        loop {
            let told = LcmRequest::NotCommitted(id.clone(), reason.clone());
            match self.engine.lcm(told).await {
                Err(Refusal::Unavailable(_)) => tokio::time::sleep(PAUSE).await,
                Ok(_) => return None,
                Err(error) => {
                    tracing::debug!(%error, %id, "an operation does not wait any more");
                    return None;
                }
            }
        }
    }

    async fn commit_for(&self, record: &OpRecord) -> Result<(), LcmError> {
        let id = record.occ.id.clone();
        let user = record.asked.as_ref().map_or("", |asked| &asked.user);
        let change = asked(user, Some((id.clone(), record.key.clone())));
        let mut refused = None;
        let changed = self.change_running(&change, false, |base, _| {
            let edit = self.edit_of(record, base).map_err(|error| {
                let text = error.to_string();
                refused = Some(error);
                ControlError::Internal(text)
            })?;
            // That it may be done was asked when it was given up.
            let access = match record.occ.state.is_terminal() {
                true => Nacm::everything(self.schema()),
                false => self.rights(user),
            };
            self.applied(base, &edit, access)
        });
        match (changed.await, refused) {
            (Err(_), Some(error)) => return Err(error.into()),
            (Err(error), None) => return Err(error.into()),
            (Ok(()), _) => {}
        }
        // An edit that changed nothing told the engine nothing.
        let published = self.store.published();
        let waits = published.state.operations.get(&id);
        if waits.is_none_or(|op| op.awaits.is_none()) {
            return Ok(());
        }
        let wanted = desired::deployment(&published.config, &record.key);
        let wanted = wanted.map_err(ControlError::from)?;
        let told = self.engine.desired(DesiredChange {
            revision: published.revision,
            deployments: vec![(record.key.clone(), desired::shared(wanted))],
            operation: Some((id, record.key.clone())),
            ..DesiredChange::default()
        });
        told.await.map_err(ControlError::from)?;
        Ok(())
    }

    fn edit_of(&self, record: &OpRecord, base: &Tree) -> Result<Element, TemplateError> {
        let none = Map::new();
        let asked = record.asked.as_ref();
        match (record.occ.operation, record.awaits) {
            (LcmOperation::Instantiate, Some(Direction::Forward)) => {
                let published = self.store.published();
                let instance = published.state.instances.get(&record.key);
                let instance =
                    instance.ok_or_else(|| TemplateError::Unknown(record.key.to_string()))?;
                let params = asked.map_or(Value::Object(none), |asked| asked.params.clone());
                let after = asked.map(|asked| asked.after.clone()).unwrap_or_default();
                instantiation(base, instance, &params, &after)
            }
            (LcmOperation::Scale | LcmOperation::ScaleToLevel, Some(Direction::Forward)) => {
                let after = asked.map(|asked| asked.after.clone()).unwrap_or_default();
                template::counts(&record.key, &after)
            }
            (LcmOperation::Scale | LcmOperation::ScaleToLevel, _) => {
                let before = asked.map(|asked| asked.before.clone()).unwrap_or_default();
                template::counts(&record.key, &before)
            }
            _ => template::removal(&record.key),
        }
    }

    fn applied(&self, base: &Tree, edit: &Element, access: Nacm) -> Result<Tree, ControlError> {
        let edit = Edit {
            edit: EditTree::decode_elements(self.schema(), [edit])?,
            default: DefaultOperation::Merge,
            option: ErrorOption::Rollback,
            test_only: false,
            test_first: false,
            access,
        };
        let (tree, errors) = edit.apply(base)?;
        match errors.is_empty() {
            true => Ok(tree),
            false => Err(errors.into()),
        }
    }
}

fn instantiation(
    config: &Tree,
    instance: &InstanceRecord,
    params: &Value,
    counts: &[(String, u32)],
) -> Result<Element, TemplateError> {
    let none = Map::new();
    let template = Template::find(config, &instance.vnfd_id)?;
    let flavour = params.get("flavourId").and_then(Value::as_str);
    let values = params.get("additionalParams").and_then(Value::as_object);
    template.instantiate(
        &instance.key,
        flavour.unwrap_or_default(),
        values.unwrap_or(&none),
        counts,
    )
}

/// A change by a user without NETCONF session.
fn asked(user: &str, operation: Option<(OpId, DeploymentKey)>) -> Change {
    Change {
        who: Who::Session {
            id: SessionId(0),
            user: user.to_owned(),
            peer: None,
        },
        what: match operation {
            Some((operation, key)) => What::Asked(operation, key),
            None => What::Edit,
        },
    }
}

/// Why a commit was refused, for the operation's error.
fn why(error: &LcmError) -> FailureReason {
    let code = match error {
        LcmError::Template(_) => "template",
        LcmError::Control(ControlError::Lock(_)) => "locked",
        LcmError::Control(ControlError::Confirm(_)) => "confirmed-commit",
        LcmError::Control(ControlError::Data(_)) => "invalid-configuration",
        LcmError::Control(ControlError::Store(_)) => "not-stored",
        LcmError::Control(_) => "internal",
    };
    FailureReason {
        code: code.to_owned(),
        text: error.to_string(),
    }
}
