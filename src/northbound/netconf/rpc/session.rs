//! close-session and kill-session (RFC 6241 sections 7.8 and 7.9).

use crate::ids::SessionId;
use crate::northbound::netconf::service::Request;
use crate::proto::netconf::RpcReply;

/// Frees what the session holds; the session ends once `<ok/>` has left.
pub async fn close(request: &Request<'_>) -> RpcReply {
    request.control().close_session(request.session.id).await;
    RpcReply::Ok
}

/// Ends another session.
pub async fn kill(request: &Request<'_>, victim: SessionId) -> RpcReply {
    let own = request.session.id;
    request.done(request.control().kill_session(victim, own).await)
}
