//! The outcome of a submitted batch, to be awaited or waited for.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use super::{Committed, StoreError};

/// Resolves once the batch is durable and published, or failed. Dropping it does not recall the batch.
#[derive(Debug)]
#[must_use = "a batch that failed is only known here"]
pub struct Pending(State);

#[derive(Debug)]
enum State {
    Refused(Option<StoreError>),
    Waiting(oneshot::Receiver<Result<Committed, StoreError>>),
}

impl Pending {
    pub(super) fn refused(error: StoreError) -> Self {
        Self(State::Refused(Some(error)))
    }

    pub(super) fn waiting(reply: oneshot::Receiver<Result<Committed, StoreError>>) -> Self {
        Self(State::Waiting(reply))
    }

    /// Blocks the calling thread; for threads that carry no async tasks, tests and simulations.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(self) -> Result<Committed, StoreError> {
        block_on(self)
    }
}

impl Future for Pending {
    type Output = Result<Committed, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Refused(error) => Poll::Ready(Err(error.take().unwrap_or(StoreError::Stopped))),
            State::Waiting(reply) => Pin::new(reply)
                .poll(cx)
                .map(|outcome| outcome.unwrap_or(Err(StoreError::Stopped))),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs one future on this thread (tokio's own `blocking_recv` panics inside a runtime).
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
