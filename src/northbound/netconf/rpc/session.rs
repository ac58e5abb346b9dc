//! close-session and kill-session (RFC 6241 sections 7.8 and 7.9).

use crate::ids::SessionId;
use crate::northbound::netconf::service::Request;
use crate::proto::netconf::RpcReply;

/// Frees what the session holds; the session ends once `<ok/>` has left.
pub fn close(request: &Request<'_>) -> RpcReply {
    request.control().release_locks(request.session.id);
    RpcReply::Ok
}

/// Ends another session.
pub fn kill(request: &Request<'_>, victim: SessionId) -> RpcReply {
    request.done(request.control().kill_session(victim, request.session.id))
}
