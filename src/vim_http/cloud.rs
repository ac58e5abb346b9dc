//! The port's manners that every cloud behind HTTP has: each call limited in time, a repeated one answered as before.

use std::future::Future;
use std::time::Duration;

use super::Recent;
use crate::engine::port::{Accepted, Find, PortFuture, Vim, VimCall, VimError, VimResource, VimVm};
use crate::ids::{CreateToken, VmId};
use crate::model::vim::{VimOpRef, VimOpStatus};

/// What a driver of such a cloud has to say; [`Vim`] follows from it. Errors are the port's.
pub trait Cloud: Send + Sync {
    /// The connector's id.
    fn connector(&self) -> &str;

    /// Longest time a question to the cloud may take, with everything it needs.
    fn call_timeout(&self) -> Duration;

    /// As [`Vim::landing_bound`].
    fn lands_within(&self) -> Duration;

    /// Calls by the engine's key: a repeated one gets the same answer.
    fn accepted(&self) -> &Recent<Accepted>;

    /// Asks for what the call says; `key`: the engine's.
    fn issue(
        &self,
        call: VimCall,
        key: &str,
    ) -> impl Future<Output = Result<Accepted, VimError>> + Send;

    /// How an operation of this connector stands.
    fn follow(&self, op: VimOpRef) -> impl Future<Output = Result<VimOpStatus, VimError>> + Send;

    /// As [`Vim::describe`].
    fn look(&self, vm: &VmId) -> impl Future<Output = Result<Option<VimVm>, VimError>> + Send;

    /// As [`Vim::find_by_token`].
    fn with_token(
        &self,
        token: &CreateToken,
    ) -> impl Future<Output = Result<Vec<VimVm>, VimError>> + Send;

    /// As [`Vim::find`].
    fn thing(
        &self,
        what: Find,
    ) -> impl Future<Output = Result<Option<VimResource>, VimError>> + Send;
}

/// Nobody waits for ever: what has no answer in time has none.
async fn limited<T>(
    cloud: &impl Cloud,
    asked: impl Future<Output = Result<T, VimError>>,
) -> Result<T, VimError> {
    let limit = cloud.call_timeout();
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(VimError::Unknown(format!(
            "VIM [{}] did not answer within {} s",
            cloud.connector(),
            limit.as_secs()
        ))),
    }
}

impl<C: Cloud> Vim for C {
    fn id(&self) -> &str {
        self.connector()
    }

    fn call(
        &self,
        call: VimCall,
        idempotency: String,
    ) -> PortFuture<'_, Result<Accepted, VimError>> {
        Box::pin(async move {
            if let Some(accepted) = self.accepted().get(&idempotency) {
                return Ok(accepted);
            }
            let accepted = limited(self, self.issue(call, &idempotency)).await?;
            self.accepted().put(&idempotency, accepted.clone());
            Ok(accepted)
        })
    }

    fn status(&self, op: VimOpRef) -> PortFuture<'_, Result<VimOpStatus, VimError>> {
        Box::pin(async move {
            match op.vim == self.connector() {
                true => limited(self, self.follow(op)).await,
                false => Ok(VimOpStatus::Unknown),
            }
        })
    }

    fn describe(&self, vm: VmId) -> PortFuture<'_, Result<Option<VimVm>, VimError>> {
        Box::pin(async move { limited(self, self.look(&vm)).await })
    }

    fn find_by_token(&self, token: CreateToken) -> PortFuture<'_, Result<Vec<VimVm>, VimError>> {
        Box::pin(async move { limited(self, self.with_token(&token)).await })
    }

    fn find(&self, what: Find) -> PortFuture<'_, Result<Option<VimResource>, VimError>> {
        Box::pin(async move { limited(self, self.thing(what)).await })
    }

    fn landing_bound(&self) -> Duration {
        self.lands_within()
    }
}
