//! Changes of the running and the candidate configuration.
//!
//! Commits to running are serialised: an edit applies to the latest *submitted* root, validation runs
//! outside the sequencer and is done again when another commit came between; readers see the durable
//! root; a batch built on a failed one fails with it.
//!
//! ```text
//! head -> edit -> validate (blocking pool) -> [sequencer: head unchanged?] -> submit -> follower
//!   ^------------------------- no ----------------------/
//! ```
//! Until it is submitted a change is dropped with the request that wants it; after that it is carried
//! through by the follower, whoever waits for it.

use std::collections::BTreeSet;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

use super::base_event::Edits;
use super::confirmed::CommitRequest;
use super::error::ControlError;
use super::lock::Datastore;
use super::running::{Change, Next, What};
pub use super::running::{META, REVISION, UNITS};
use super::service::Control;
use super::undo::Confirming;
use crate::datastore::{DefaultOperation, EditTree, Error, ErrorKind, ErrorOption, Nacm, Tree};
use crate::engine::handle::DesiredChange;
use crate::esc_model::published::Published;
use crate::esc_model::{connectors, desired};
use crate::ids::{Revision, SessionId};

/// Commits that may come between before the sequencer is held through validation.
const OPTIMISTIC_TRIES: u32 = 3;

/// Nodes of an edit above which it is not applied on the thread that serves other sessions too.
const LARGE_EDIT: usize = 1_000;

/// Units of a change above which its batch is not made there either.
const LARGE_CHANGE: usize = 32;

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
    /// `test-option` test-then-set, in so many words: of the candidate, too, only what is valid is set.
    pub test_first: bool,
    /// What the user may do.
    pub access: Nacm,
}

/// What a datastore is to hold.
#[derive(Clone, Debug)]
pub enum Content {
    /// This.
    Given(Tree),
    /// What the other datastore holds: running for the candidate, the candidate for running.
    OtherDatastore,
}

impl Edit {
    /// Applies itself; with continue-on-error, errors come beside the tree that holds the rest.
    /// Access is asked for first: what is refused for want of it is not looked for.
    pub(super) fn apply(&self, base: &Tree) -> Result<(Tree, Vec<Error>), ControlError> {
        self.access.check_edit(base, &self.edit, self.default)?;
        let edited = base.edit_collect(&self.edit, self.default, self.option)?;
        self.access.check_order(base, &edited.tree)?;
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
        let change = Change {
            who: self.who(session),
            what: What::Edit,
        };
        let mut left = Vec::new();
        let large = edit.edit.is_larger_than(LARGE_EDIT);
        self.change_running(&change, edit.test_only, |base, _| {
            let apply = || edit.apply(base);
            let (tree, errors) = match large {
                true => aside(apply)?,
                false => apply()?,
            };
            left = errors;
            Ok(tree)
        })
        .await?;
        all_applied(left)
    }

    /// Edits the candidate: types and existence are checked, rules across nodes at commit, or now when
    /// the test is asked for (RFC 6241 section 8.6.4.1).
    ///
    /// # Errors
    /// [`ControlError::Data`] when the edit is wrong.
    pub async fn edit_candidate(&self, session: SessionId, edit: Edit) -> Result<(), ControlError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let running = self.running();
            let base = {
                let state = self.state();
                state.locks.check_write(Datastore::Candidate, session)?;
                state.candidate.tree(&running)
            };
            let tested = edit.test_only || edit.test_first;
            let applied = match tries > OPTIMISTIC_TRIES && !tested {
                true => None,
                false => {
                    let (edit, base) = (edit.clone(), base.clone());
                    Some(blocking("edit", move || edit.apply(&base)).await??)
                }
            };
            if let (Some((tree, _)), true) = (&applied, tested) {
                validate(tree.clone(), running).await?;
            }
            if let (Some((_, errors)), true) = (&applied, edit.test_only) {
                return all_applied(errors.clone());
            }
            if let Some(errors) = self.put_candidate(session, &edit, &base, applied)? {
                return all_applied(errors);
            }
        }
    }

    /// Puts the edited candidate in its place; `None` when it is not `base` any more. What was not
    /// `applied` yet is applied here, under the lock.
    fn put_candidate(
        &self,
        session: SessionId,
        edit: &Edit,
        base: &Tree,
        applied: Option<(Tree, Vec<Error>)>,
    ) -> Result<Option<Vec<Error>>, ControlError> {
        let mut state = self.state();
        state.locks.check_write(Datastore::Candidate, session)?;
        // Running may have moved too, and a candidate that follows it with it.
        let running = self.running();
        let now = state.candidate.tree(&running);
        let (tree, errors) = match applied {
            Some(applied) if now.ptr_eq(base) => applied,
            Some(_) => return Ok(None),
            None => edit.apply(&now)?,
        };
        state.candidate.set(tree, &running);
        Ok(Some(errors))
    }

    /// Makes the candidate the running configuration (RFC 6241 section 8.3.4.1); for good, or until it is
    /// taken back for want of a confirmation (section 8.4).
    ///
    /// # Errors
    /// [`ControlError::Data`] when the candidate is not valid; it stays as it is then.
    /// [`ControlError::Confirm`] when a confirmed commit waits that this one has no right to follow.
    pub async fn commit(
        &self,
        session: SessionId,
        request: CommitRequest,
        access: &Nacm,
    ) -> Result<(), ControlError> {
        let change = Change {
            who: self.who(session),
            what: What::Commit(request),
        };
        // A candidate that follows running changes nothing; a confirmation may be in it all the same.
        self.change_running(&change, false, |base, candidate| {
            let candidate = candidate.unwrap_or(base);
            aside(|| access.check_change(base, candidate))?;
            Ok(candidate.clone())
        })
        .await
    }

    /// Throws the candidate's changes away (RFC 6241 section 8.3.4.2).
    ///
    /// # Errors
    /// When somebody else holds the candidate's lock.
    pub fn discard_changes(&self, session: SessionId) -> Result<(), ControlError> {
        let mut state = self.state();
        state.locks.check_write(Datastore::Candidate, session)?;
        let discarded = state.candidate.discard();
        drop(state);
        aside(|| drop(discarded));
        Ok(())
    }

    /// Replaces a datastore's whole content (copy-config, RFC 6241 section 7.3). Of the other datastore it gets what
    /// that holds when its turn comes, as far as the user may read it (RFC 8341 section 3.2.6).
    ///
    /// # Errors
    /// As for an edit.
    pub async fn replace(
        &self,
        session: SessionId,
        target: Datastore,
        content: Content,
        access: &Nacm,
    ) -> Result<(), ControlError> {
        let copy_of = |other: &Tree| match &content {
            Content::Given(tree) => tree.clone(),
            Content::OtherDatastore => access.readable(other),
        };
        match target {
            Datastore::Running => {
                let change = Change {
                    who: self.who(session),
                    what: What::Edit,
                };
                let copied = |base: &Tree, candidate: Option<&Tree>| {
                    aside(|| {
                        let content = copy_of(candidate.unwrap_or(base));
                        access.check_change(base, &content)?;
                        Ok(content)
                    })
                };
                self.change_running(&change, false, copied).await
            }
            Datastore::Candidate => self.replace_candidate(session, copy_of, access),
        }
    }

    fn replace_candidate(
        &self,
        session: SessionId,
        copy_of: impl Fn(&Tree) -> Tree,
        access: &Nacm,
    ) -> Result<(), ControlError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let running = self.running();
            let judged = {
                let state = self.state();
                state.locks.check_write(Datastore::Candidate, session)?;
                state.candidate.tree(&running)
            };
            // Not under the lock, which every session needs.
            let content = aside(|| {
                let content = copy_of(&running);
                access.check_change(&judged, &content)?;
                Ok::<_, ControlError>(content)
            })?;
            let mut state = self.state();
            state.locks.check_write(Datastore::Candidate, session)?;
            let now = self.running();
            let same = now.ptr_eq(&running) && state.candidate.tree(&now).ptr_eq(&judged);
            if same {
                state.candidate.set(content, &now);
                return Ok(());
            }
            if tries > OPTIMISTIC_TRIES {
                let content = copy_of(&now);
                access.check_change(&state.candidate.tree(&now), &content)?;
                state.candidate.set(content, &now);
                return Ok(());
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

    /// Changes running by what `edit` makes of it and of the candidate, if that was modified. Both are looked at anew
    /// when another change came between: what was committed by then is not committed once more.
    pub(super) async fn change_running(
        &self,
        change: &Change,
        test_only: bool,
        mut edit: impl FnMut(&Tree, Option<&Tree>) -> Result<Tree, ControlError>,
    ) -> Result<(), ControlError> {
        let mut tries = 0;
        loop {
            tries += 1;
            change.allowed(self, &self.state())?;
            let mut running = self.running.lock().await;
            let base = running.head.clone();
            let candidate = self.state().candidate.modified().cloned();
            let wanted = edit(&base, candidate.as_ref())?;
            let candidate = candidate.filter(|_| matches!(change.what, What::Commit(_)));
            let same = wanted.ptr_eq(&base) && !test_only;
            if same && change.allowed(self, &self.state())? == Confirming::Pass {
                drop(running);
                // What it agrees with may be submitted and not yet durable.
                self.settled(&base).await;
                self.committed(candidate.as_ref());
                return Ok(());
            }
            let next = if same {
                Next {
                    tree: wanted,
                    edits: Edits::default(),
                    units: 0,
                }
            } else if tries > OPTIMISTIC_TRIES {
                self.judge(wanted, base.clone()).await?
            } else {
                drop(running);
                let next = self.judge(wanted, base.clone()).await?;
                running = self.running.lock().await;
                if !running.head.ptr_eq(&base) {
                    continue;
                }
                next
            };
            if test_only {
                return Ok(());
            }
            let done = match next.units > LARGE_CHANGE {
                true => aside(|| self.submit(&mut running, next, change, candidate))?,
                false => self.submit(&mut running, next, change, candidate)?,
            };
            drop(running);
            return outcome(done).await;
        }
    }

    /// Validates a root and lists what it changes, off the I/O threads: libyang cannot be interrupted.
    async fn judge(&self, wanted: Tree, base: Tree) -> Result<Next, ControlError> {
        let (limit, most) = (self.change_edits, self.change_units());
        let judged = blocking("validation", move || {
            let units = wanted.units_changed_since(&base);
            if units > most {
                return Err(vec![too_many(units, most)]);
            }
            let tree = wanted.validate(Some(&base))?;
            let edits = Edits::between(&base, &tree, limit);
            Ok::<_, Vec<Error>>(Next { tree, edits, units })
        });
        Ok(judged.await??)
    }

    /// The candidate has become running: unless an edit came meanwhile, it follows running again.
    pub(super) fn committed(&self, candidate: Option<&Tree>) {
        let Some(candidate) = candidate else { return };
        let running = self.running();
        let mut state = self.state();
        if state.candidate.tree(&running).ptr_eq(candidate) {
            // The caller has it still: nothing is freed under the lock.
            drop(state.candidate.discard());
        }
    }

    pub(super) fn desired_change(
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
        let recovery = desired::automatic_recovery(new);
        let switched = recovery != desired::automatic_recovery(old);
        Ok(DesiredChange {
            revision,
            deployments,
            resources,
            kill_switch: switched.then_some(!recovery),
            operation: None,
            connectors: connectors::changed(old, new),
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
            kill_switch: Some(!desired::automatic_recovery(tree)),
            operation: None,
            connectors: Some(connectors::connectors(tree)),
        })
    }
}

/// A change that is legal and too much at once.
fn too_many(units: usize, most: usize) -> Error {
    let text = format!(
        "the change touches {units} units (tenants and deployments), more than the {most} that the setting \
         change-units allows at once"
    );
    Error::new(ErrorKind::TooBig, "", text)
}

/// With continue-on-error the rest was done, and what was refused is told.
fn all_applied(errors: Vec<Error>) -> Result<(), ControlError> {
    match errors.is_empty() {
        true => Ok(()),
        false => Err(ControlError::Data(errors)),
    }
}

/// Validates off the I/O threads: libyang cannot be interrupted.
async fn validate(tree: Tree, validated: Tree) -> Result<Tree, ControlError> {
    Ok(blocking("validation", move || tree.validate(Some(&validated))).await??)
}

/// What became of a change that was submitted.
pub(super) async fn outcome(
    done: oneshot::Receiver<Result<(), ControlError>>,
) -> Result<(), ControlError> {
    done.await.unwrap_or_else(|_| {
        let text = "nobody is left to carry the change through";
        Err(ControlError::Internal(text.to_owned()))
    })
}

/// Runs what may take long where the other tasks of this thread do not wait for it.
pub fn aside<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Runs what takes long off the I/O threads.
pub(super) async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ControlError::Internal(format!("{what}: {error}")))
}
