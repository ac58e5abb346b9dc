//! One connection, opened when it is needed, at most once a second while libvirt is away; calls on threads of
//! their own, so many at once, each with a time limit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::link::{EventSink, Fault, FaultKind, Link, LinkEvent, Opener};
use super::settings::Settings;
use super::watch::Watchers;
use crate::clock::{Clock, Mono};

/// Looks at a connection before it is used.
pub type Check = Arc<dyn Fn(&dyn Link) -> Result<(), Fault> + Send + Sync>;

/// The connection and its rules.
pub struct Session {
    opener: Arc<dyn Opener>,
    check: Check,
    clock: Arc<dyn Clock>,
    settings: Settings,
    places: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
    opening: tokio::sync::Mutex<()>,
    watchers: Arc<Watchers>,
}

#[derive(Default)]
struct State {
    link: Option<(u64, Arc<dyn Link>)>,
    generation: u64,
    /// Attempts that ended.
    attempts: u64,
    next_attempt: Mono,
    why: String,
}

impl State {
    fn forget(&mut self, generation: u64) {
        if let Some((_, link)) = self.link.take_if(|(current, _)| *current == generation) {
            "the connection broke".clone_into(&mut self.why);
            close(link);
        }
    }
}

/// Lets go of a connection on a thread of its own: closing may take long, and libvirt tells of an end from
/// inside, where closing would wait for itself.
fn close(link: Arc<dyn Link>) {
    let thread = std::thread::Builder::new().name("libvirt-close".to_owned());
    if let Err(error) = thread.spawn(move || drop(link)) {
        tracing::warn!(%error, "libvirt: no thread to close a connection on");
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some((_, link)) = lock(&self.state).link.take() {
            close(link);
        }
    }
}

impl Session {
    /// A session that is not connected yet.
    pub fn new(
        opener: Arc<dyn Opener>,
        check: Check,
        clock: Arc<dyn Clock>,
        settings: Settings,
        watchers: Arc<Watchers>,
    ) -> Self {
        Self {
            opener,
            check,
            clock,
            settings,
            places: Arc::new(Semaphore::new(
                settings.calls.clamp(1, Semaphore::MAX_PERMITS),
            )),
            state: Arc::default(),
            opening: tokio::sync::Mutex::new(()),
            watchers,
        }
    }

    /// Calls libvirt.
    ///
    /// # Errors
    /// As the call; [`FaultKind::Down`] when it was not made, [`FaultKind::Lost`] when nobody knows.
    pub async fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&dyn Link) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (generation, link) = self.link().await?;
        let result = self
            .run(limit, move || match call(&*link) {
                // Whatever it says: the connection died under the call.
                Err(fault) if !fault.is_silence() && !link.is_alive() => {
                    Err(Fault::new(FaultKind::Lost, fault.text))
                }
                result => result,
            })
            .await;
        if let Err(fault) = &result
            && fault.kind == FaultKind::Lost
        {
            lock(&self.state).forget(generation);
        }
        result
    }

    /// Calls libvirt without changing anything: asked once more when the connection broke.
    ///
    /// # Errors
    /// As [`Session::ask`].
    pub async fn look<T: Send + 'static>(
        &self,
        call: impl Fn(&dyn Link) -> Result<T, Fault> + Clone + Send + 'static,
    ) -> Result<T, Fault> {
        let limit = self.settings.call_timeout();
        let again = call.clone();
        match self.ask(limit, call).await {
            Err(fault) if fault.kind == FaultKind::Lost => self.ask(limit, again).await,
            result => result,
        }
    }

    fn current(&self) -> Option<(u64, Arc<dyn Link>)> {
        let mut state = lock(&self.state);
        let (generation, link) = state.link.clone()?;
        if link.is_alive() {
            return Some((generation, link));
        }
        state.forget(generation);
        None
    }

    /// The open connection, or a new one.
    async fn link(&self) -> Result<(u64, Arc<dyn Link>), Fault> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let seen = lock(&self.state).attempts;
        let _one_at_a_time = self.opening.lock().await;
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let generation = {
            let mut state = lock(&self.state);
            // Who waited for an attempt that failed does not begin the next one.
            if state.attempts != seen || self.clock.mono() < state.next_attempt {
                return Err(Fault::new(FaultKind::Down, state.why.clone()));
            }
            state.generation += 1;
            state.generation
        };
        let (opener, check) = (self.opener.clone(), self.check.clone());
        let sink = self.sink();
        let opened = self
            .run(self.settings.connect_timeout(), move || {
                let link = opener.open(generation, sink)?;
                check(&*link)?;
                Ok(link)
            })
            .await;
        let mut state = lock(&self.state);
        state.attempts += 1;
        state.next_attempt = self.clock.mono() + self.settings.down_pause();
        match opened {
            Ok(link) => {
                state.link = Some((generation, link.clone()));
                Ok((generation, link))
            }
            Err(fault) => {
                tracing::debug!(%fault, "libvirt: not connected");
                state.why.clone_from(&fault.text);
                Err(Fault::new(FaultKind::Down, fault.text))
            }
        }
    }

    fn sink(&self) -> EventSink {
        let state = Arc::downgrade(&self.state);
        let watchers = self.watchers.clone();
        Arc::new(move |event| match event {
            LinkEvent::Domain { uuid, event } => watchers.tell(&uuid, event),
            LinkEvent::Closed { generation } => {
                if let Some(state) = state.upgrade() {
                    lock(&state).forget(generation);
                }
            }
        })
    }

    /// Runs a blocking call on a thread of its own. One that passes its limit keeps its place until it returns.
    async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let down = |why: String| Fault::new(FaultKind::Down, why);
        let place = tokio::time::timeout(limit, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(down("all calls to libvirt hang".to_owned()));
        };
        let (done, result) = oneshot::channel();
        std::thread::Builder::new()
            .name("libvirt-call".to_owned())
            .spawn(move || {
                let result = call();
                drop(place);
                // Nobody waits any more: the limit has passed.
                let _ = done.send(result);
            })
            .map_err(|error| down(format!("no thread for a call: {error}")))?;
        match tokio::time::timeout(limit, result).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Fault::new(FaultKind::Lost, "a call into libvirt fell")),
            Err(_) => Err(Fault::new(
                FaultKind::Lost,
                format!("no answer within {} ms", limit.as_millis()),
            )),
        }
    }
}
