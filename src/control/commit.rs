//! Changes of the running and the candidate configuration.
//!
//! Commits to running are serialised: an edit applies to the latest *submitted* root, validation runs
//! outside the sequencer and is done again when another commit came between; readers see the durable
//! root; a batch built on a failed one fails with it.
//!
//! ```text
//! head -> edit -> validate (blocking pool) -> [sequencer: head unchanged?] -> submit -> durable -> engine
//!   ^------------------------- no ----------------------/
//! ```

use std::collections::BTreeSet;

use super::error::ControlError;
use super::lock::Datastore;
use super::service::Control;
use crate::datastore::{DefaultOperation, EditTree, Error, ErrorOption, Tree};
use crate::engine::dispatcher::DesiredChange;
use crate::esc_model::desired;
use crate::esc_model::published::Published;
use crate::ids::{Revision, SessionId};
use crate::store::{Batch, Committed, Pending, Precondition, Table, Write};

/// Table of configuration units: one row each.
pub const UNITS: Table = Table("config");
/// Table of single values.
pub const META: Table = Table("meta");
/// Key of the running configuration's revision in [`META`].
pub const REVISION: &str = "revision";
/// Commits that may come between before the sequencer is held through validation.
const OPTIMISTIC_TRIES: u32 = 3;

/// The latest submitted root, durable or about to be.
#[derive(Debug)]
pub struct Running {
    head: Tree,
    revision: Revision,
}

impl Running {
    /// Starts from what is durable.
    pub fn new(published: &Published) -> Self {
        Self {
            head: published.config.clone(),
            revision: published.revision,
        }
    }
}

/// What edit-config does behind its parameters.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The decoded `<config>`.
    pub edit: EditTree,
    /// `default-operation`.
    pub default: DefaultOperation,
    /// `error-option`.
    pub option: ErrorOption,
    /// `test-option` test-only.
    pub test_only: bool,
}

impl Edit {
    /// Applies itself; with continue-on-error, errors come beside the tree that holds the rest.
    fn apply(&self, base: &Tree) -> Result<(Tree, Vec<Error>), ControlError> {
        let edited = base.edit_collect(&self.edit, self.default, self.option)?;
        Ok((edited.tree, edited.errors))
    }
}

impl Control {
    /// Edits the running configuration: applied, validated, durable, taken up by the engine.
    ///
    /// # Errors
    /// [`ControlError::Data`] when the edit or its result is wrong; nothing was changed then, except
    /// with continue-on-error.
    pub async fn edit_running(&self, session: SessionId, edit: Edit) -> Result<(), ControlError> {
        self.state()
            .locks
            .check_write(Datastore::Running, session)?;
        let mut left = Vec::new();
        let test_only = edit.test_only;
        self.change_running(test_only, |base| {
            let (tree, errors) = edit.apply(base)?;
            left = errors;
            Ok(tree)
        })
        .await?;
        match left.is_empty() {
            true => Ok(()),
            false => Err(ControlError::Data(left)),
        }
    }

    /// Edits the candidate: types and existence are checked, rules across nodes at commit.
    ///
    /// # Errors
    /// [`ControlError::Data`] when the edit is wrong.
    pub fn edit_candidate(&self, session: SessionId, edit: &Edit) -> Result<(), ControlError> {
        let running = self.running();
        let mut state = self.state();
        state.locks.check_write(Datastore::Candidate, session)?;
        let (tree, errors) = edit.apply(&state.candidate.tree(&running))?;
        if !edit.test_only {
            state.candidate.set(tree);
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(ControlError::Data(errors)),
        }
    }

    /// Makes the candidate the running configuration (RFC 6241 section 8.3.4.1).
    ///
    /// # Errors
    /// [`ControlError::Data`] when the candidate is not valid; it stays as it is then.
    pub async fn commit(&self, session: SessionId) -> Result<(), ControlError> {
        let candidate = {
            let running = self.running();
            let state = self.state();
            state.locks.check_write(Datastore::Running, session)?;
            state.locks.check_write(Datastore::Candidate, session)?;
            if !state.candidate.is_modified() {
                return Ok(());
            }
            state.candidate.tree(&running)
        };
        self.change_running(false, |_| Ok(candidate.clone()))
            .await?;
        let running = self.running();
        let mut state = self.state();
        // An edit that came meanwhile is not lost.
        if state.candidate.tree(&running).ptr_eq(&candidate) {
            state.candidate.discard();
        }
        Ok(())
    }

    /// Throws the candidate's changes away (RFC 6241 section 8.3.4.2).
    ///
    /// # Errors
    /// When somebody else holds the candidate's lock.
    pub fn discard_changes(&self, session: SessionId) -> Result<(), ControlError> {
        let mut state = self.state();
        state.locks.check_write(Datastore::Candidate, session)?;
        state.candidate.discard();
        Ok(())
    }

    /// Replaces a datastore's whole content (copy-config, RFC 6241 section 7.3).
    ///
    /// # Errors
    /// As for an edit.
    pub async fn replace(
        &self,
        session: SessionId,
        target: Datastore,
        content: Tree,
    ) -> Result<(), ControlError> {
        match target {
            Datastore::Running => {
                self.state()
                    .locks
                    .check_write(Datastore::Running, session)?;
                self.change_running(false, |_| Ok(content.clone())).await
            }
            Datastore::Candidate => {
                let mut state = self.state();
                state.locks.check_write(Datastore::Candidate, session)?;
                state.candidate.set(content);
                Ok(())
            }
        }
    }

    /// Checks a configuration as a commit would.
    ///
    /// # Errors
    /// [`ControlError::Data`] with what is wrong.
    pub async fn validate(&self, tree: Tree) -> Result<(), ControlError> {
        let running = self.running();
        validate(tree, running).await.map(|_| ())
    }

    async fn change_running(
        &self,
        test_only: bool,
        mut change: impl FnMut(&Tree) -> Result<Tree, ControlError>,
    ) -> Result<(), ControlError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut running = self.running.lock().await;
            let base = running.head.clone();
            let wanted = change(&base)?;
            if wanted.ptr_eq(&base) && !test_only {
                return Ok(());
            }
            let valid = if tries > OPTIMISTIC_TRIES {
                validate(wanted, base.clone()).await?
            } else {
                drop(running);
                let valid = validate(wanted, base.clone()).await?;
                running = self.running.lock().await;
                if !running.head.ptr_eq(&base) {
                    continue;
                }
                valid
            };
            if test_only {
                return Ok(());
            }
            let (pending, desired) = self.submit(&mut running, &base, valid)?;
            drop(running);
            if let Err(error) = pending.await {
                self.fall_back().await;
                return Err(error.into());
            }
            self.engine.desired(desired).await?;
            return Ok(());
        }
    }

    /// Enqueues the batch of a new root; the caller holds the sequencer, so batches keep commit order.
    fn submit(
        &self,
        running: &mut Running,
        base: &Tree,
        next: Tree,
    ) -> Result<(Pending, DesiredChange), ControlError> {
        let before = running.revision;
        let revision = Revision(before.0 + 1);
        let desired = self.desired_change(revision, base, &next)?;
        let mut writes: Vec<Write> = next
            .changed_units(base)
            .into_iter()
            .map(|unit| Write {
                table: UNITS,
                key: unit.path.to_string(),
                value: unit.bytes,
            })
            .collect();
        writes.push(Write {
            table: META,
            key: REVISION.to_owned(),
            value: Some(revision.to_string().into_bytes()),
        });
        let published = next.clone();
        let batch = Batch {
            // The row's version is the revision: a batch built on one that failed fails with it.
            preconditions: vec![Precondition {
                table: META,
                key: REVISION.to_owned(),
                version: (before.0 > 0).then_some(before.0),
            }],
            writes,
            events: Vec::new(),
            publish: Some(Box::new(move |state: &mut Published, _: &Committed| {
                state.config = published;
                state.revision = revision;
            })),
        };
        let pending = self.store.submit(batch);
        running.head = next;
        running.revision = revision;
        Ok((pending, desired))
    }

    /// After a failed batch the sequencer goes on from what is durable.
    async fn fall_back(&self) {
        let mut running = self.running.lock().await;
        // Batches queued behind the failed one are through after this, failed or not.
        self.barrier().await;
        *running = Running::new(&self.store.published());
    }

    fn desired_change(
        &self,
        revision: Revision,
        old: &Tree,
        new: &Tree,
    ) -> Result<DesiredChange, ControlError> {
        let changed = desired::changed(old, new, &self.default_vim);
        let mut deployments = Vec::with_capacity(changed.deployments.len());
        for key in changed.deployments {
            let wanted = desired::deployment(new, &key)?;
            deployments.push((key, desired::shared(wanted)));
        }
        let mut resources = Vec::with_capacity(changed.resources.len());
        for key in changed.resources {
            let wanted = desired::resource(new, &key, &self.default_vim)?;
            resources.push((key, wanted));
        }
        Ok(DesiredChange {
            revision,
            deployments,
            resources,
        })
    }

    /// All that shall exist, for the engine's start.
    ///
    /// # Errors
    /// When a configured value does not fit its type.
    pub fn whole_desired(
        published: &Published,
        default_vim: &str,
    ) -> Result<DesiredChange, ControlError> {
        let tree = &published.config;
        let mut deployments = Vec::new();
        for key in desired::deployment_keys(tree) {
            let wanted = desired::deployment(tree, &key)?;
            deployments.push((key, desired::shared(wanted)));
        }
        // What exists and is not configured any more is removed, as if the commit came now.
        let configured: BTreeSet<_> = deployments.iter().map(|(key, _)| key.clone()).collect();
        let gone = published
            .state
            .deployments
            .keys()
            .filter(|key| !configured.contains(*key));
        deployments.extend(gone.map(|key| (key.clone(), None)));
        let mut keys: BTreeSet<_> = desired::resource_keys(tree, default_vim)
            .into_iter()
            .collect();
        keys.extend(published.state.resources.keys().cloned());
        let mut resources = Vec::with_capacity(keys.len());
        for key in keys {
            let wanted = desired::resource(tree, &key, default_vim)?;
            resources.push((key, wanted));
        }
        Ok(DesiredChange {
            revision: published.revision,
            deployments,
            resources,
        })
    }
}

/// Validates off the I/O threads: libyang cannot be interrupted.
async fn validate(tree: Tree, validated: Tree) -> Result<Tree, ControlError> {
    let checked = tokio::task::spawn_blocking(move || tree.validate(Some(&validated))).await;
    match checked {
        Ok(result) => Ok(result?),
        Err(error) => Err(ControlError::Internal(format!("validation: {error}"))),
    }
}
