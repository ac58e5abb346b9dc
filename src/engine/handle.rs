//! How other rooms talk to the engine: a queue that the dispatcher drains.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::caller::VimInfo;
use super::io::{Input, ReplyId};
use super::port::Vims;
use crate::ids::{DeploymentKey, OpId, Revision};
use crate::model::action::{Action, Refusal};
use crate::model::connector::ConnectorSpec;
use crate::model::deployment::Deployment;
use crate::model::instance::LcmRequest;
use crate::model::resource::{ResourceKey, ResourceSpec};

/// What a commit changed, for the engine.
#[derive(Clone, Debug, Default)]
pub struct DesiredChange {
    /// Revision of the running configuration.
    pub revision: Revision,
    /// Changed deployments; `None` is a removal.
    pub deployments: Vec<(DeploymentKey, Option<Arc<Deployment>>)>,
    /// Changed shared resources; `None` is a removal.
    pub resources: Vec<(ResourceKey, Option<ResourceSpec>)>,
    /// New position of the kill switch, when it was turned: on, no new recovery begins.
    pub kill_switch: Option<bool>,
    /// The operation that asked for the commit, and its deployment.
    pub operation: Option<(OpId, DeploymentKey)>,
    /// All connectors, when one came, changed or went.
    pub connectors: Option<Vec<ConnectorSpec>>,
}

/// How other rooms talk to the engine; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    queue: mpsc::Sender<Item>,
    replies: Arc<AtomicU64>,
    vims: Arc<dyn Vims>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// The engine has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the engine has stopped")]
pub struct Stopped;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) input: Input,
    pub(super) done: Done,
}

/// Who hears of an input once it is durable.
#[derive(Debug)]
pub(super) enum Done {
    Nobody,
    Durable(oneshot::Sender<()>),
    Action(ReplyId, oneshot::Sender<Result<OpId, Refusal>>),
}

impl Handle {
    /// The way into `queue`, to the engine that drives `vims`.
    pub(super) fn new(queue: mpsc::Sender<Item>, vims: Arc<dyn Vims>) -> Self {
        Self {
            queue,
            replies: Arc::default(),
            vims,
        }
    }

    /// Tells the engine what a commit changed; returns when it has taken it up durably.
    ///
    /// # Errors
    /// When the engine has stopped.
    pub async fn desired(&self, change: DesiredChange) -> Result<(), Stopped> {
        let (done, durable) = oneshot::channel();
        let switch = change.kill_switch.map(|on| plain(Input::KillSwitch { on }));
        // Drivers first: what is desired may be meant for a VIM that comes with the same change.
        let known = change.connectors.map(|connectors| {
            let bounds = self.vims.configure(connectors).into_iter();
            let infos = bounds.map(|(id, landing_bound)| (id, VimInfo { landing_bound }));
            plain(Input::Vims(infos.collect()))
        });
        let (revision, mut deployments) = (change.revision, change.deployments);
        let asked = change.operation.and_then(|(operation, of)| {
            let at = deployments.iter().position(|(key, _)| *key == of)?;
            let (key, desired) = deployments.remove(at);
            Some(plain(Input::Asked {
                operation,
                revision,
                key,
                desired,
            }))
        });
        let input = Input::Desired {
            revision,
            deployments,
            resources: change.resources,
            more: false,
        };
        let done = Done::Durable(done);
        // Resources first: what was asked for may need them.
        let (last, first) = match asked {
            None => (Item { input, done }, None),
            Some(asked) => (
                Item {
                    input: asked.input,
                    done,
                },
                Some(plain(input)),
            ),
        };
        let items: Vec<Item> = known
            .into_iter()
            .chain(switch)
            .chain(first)
            .chain([last])
            .collect();
        // All places at once: no other change comes between.
        let count = items.len();
        let places = self.queue.reserve_many(count).await.map_err(|_| Stopped)?;
        for (place, item) in places.zip(items) {
            place.send(item);
        }
        durable.await.map_err(|_| Stopped)
    }

    /// Asks for something through SOL003; the answer means validated and stored.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn lcm(&self, request: LcmRequest) -> Result<OpId, Refusal> {
        let request = Box::new(request);
        self.ask(|reply| Input::Lcm { reply, request }).await
    }

    /// Asks for an action; the answer means validated, stored and queued.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn action(&self, action: Action) -> Result<OpId, Refusal> {
        self.ask(|reply| Input::Action { reply, action }).await
    }

    async fn ask(&self, input: impl FnOnce(ReplyId) -> Input) -> Result<OpId, Refusal> {
        let unavailable = || Refusal::Unavailable(Stopped.to_string());
        let reply = ReplyId(self.replies.fetch_add(1, Ordering::Relaxed));
        let (done, answer) = oneshot::channel();
        let input = input(reply);
        let done = Done::Action(reply, done);
        let sent = self.queue.send(Item { input, done }).await;
        sent.map_err(|_| unavailable())?;
        answer.await.map_err(|_| unavailable())?
    }
}

pub(super) fn plain(input: Input) -> Item {
    Item {
        input,
        done: Done::Nobody,
    }
}
