//! [`Service`]: admits sessions and answers their requests.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

use super::driver::Admitted;
use super::notify::Pump;
use super::settings::Settings;
use super::times::MessageTimes;
use super::transport::{Peer, Refused, Session as TransportSession, SessionHandler};
use super::{capabilities, map, monitoring, rpc, trace};
use crate::audit::{AuditRecord, Outcome};
use crate::clock::{Mono, Timestamp};
use crate::control::access::Denied;
use crate::control::error::ControlError;
use crate::control::service::Control;
use crate::control::session::SessionInfo;
use crate::control::simulator::Simulator;
use crate::datastore::{self, ErrorKind, FilterLimits, Location, Nacm, Tree};
use crate::ids::OpId;
use crate::model::action::Action;
use crate::proto::netconf::{
    EndReason, ErrorType, Operation, Rpc, RpcError, RpcReply, SessionEnd, SessionLimits,
};
use crate::schema::NodeKind;

/// What all NETCONF sessions share.
pub struct Service {
    control: Arc<Control>,
    simulator: Option<Arc<dyn Simulator>>,
    capabilities: Vec<String>,
    settings: Settings,
    started: Timestamp,
    library: OnceLock<Tree>,
}

/// The answer to a request, and the subscription it may have opened.
pub struct Answer {
    /// The reply.
    pub reply: RpcReply,
    /// The pump of a subscription, which starts once `<ok/>` is queued.
    pub subscribe: Option<Box<Pump>>,
}

impl From<RpcReply> for Answer {
    fn from(reply: RpcReply) -> Self {
        Self {
            reply,
            subscribe: None,
        }
    }
}

/// A request as its handler sees it.
pub(super) struct Request<'a> {
    /// What all sessions share.
    pub service: &'a Arc<Service>,
    /// Who asks.
    pub session: &'a SessionInfo,
    /// Whether the session has a subscription.
    pub subscribed: bool,
    /// What the user may do, as of now.
    pub access: Nacm,
}

impl Request<'_> {
    /// The control room.
    pub fn control(&self) -> &Control {
        &self.service.control
    }

    /// Whether the user may execute the operation of that name (RFC 8341 section 3.4.4); one that no
    /// module defines is refused elsewhere.
    ///
    /// # Errors
    /// `access-denied`.
    pub fn may_execute(&self, ns: &str, local: &str) -> Result<(), RpcError> {
        let control = self.control();
        let schema = control.schema();
        let rpc = schema.top(ns, local);
        let denied =
            rpc.is_some_and(|id| schema.node(id).kind == NodeKind::Rpc && !self.access.exec(id));
        match (denied, rpc) {
            (true, Some(id)) => {
                let path = format!("/nc:rpc{}", schema.data_path(id));
                Err(self.no_exec(&format!("<{local}>"), &path))
            }
            _ => Ok(()),
        }
    }

    /// Whether the user may execute the action at that place (RFC 8341 sections 3.1.3 and 3.4.4).
    ///
    /// # Errors
    /// `access-denied`.
    pub fn may_act(&self, action: &Location) -> Result<(), RpcError> {
        if self.access.exec_action(action) {
            return Ok(());
        }
        let schema = self.control().schema();
        let name = action.0.last().map(|step| schema.node(step.node));
        let name = name.map_or("action", |def| &*def.name);
        Err(self.no_exec(&format!("the action {name}"), &action.display(schema)))
    }

    /// The refusal of an operation, which is counted. Its path names the operation, as RFC 8341 section 3.4.4
    /// has it; both are the client's own words.
    fn no_exec(&self, what: &str, path: &str) -> RpcError {
        let control = self.control();
        Denied::count(&control.access.denied.operations);
        let text = format!("no exec access to {what}");
        let error = RpcError::access_denied(ErrorType::Protocol, text);
        map::at(control.schema(), error, path)
    }

    /// A failure of the control room as a reply.
    pub fn failed(&self, error: &ControlError) -> RpcReply {
        let control = self.control();
        let ControlError::Data(errors) = error else {
            return map::control(control.schema(), error);
        };
        if errors
            .iter()
            .any(|error| error.kind == ErrorKind::AccessDenied)
        {
            Denied::count(&control.access.denied.data_writes);
        }
        let told = errors
            .iter()
            .cloned()
            .map(|error| self.access.discreet(error));
        map::control(control.schema(), &ControlError::Data(told.collect()))
    }

    /// Asks the engine for an action, and has that recorded.
    pub async fn action(&self, action: Action) -> Result<OpId, ControlError> {
        let control = self.control();
        let underway = trace::action(control.audit(), self.session, &action);
        let result = control.action(action).await;
        trace::taken(underway, &result).await;
        result
    }

    /// `<ok/>`, or the failure.
    pub fn done(&self, result: Result<(), ControlError>) -> RpcReply {
        match result {
            Ok(()) => RpcReply::Ok,
            Err(error) => self.failed(&error),
        }
    }
}

impl Service {
    /// Makes the service.
    pub fn new(
        control: Arc<Control>,
        simulator: Option<Arc<dyn Simulator>>,
        settings: Settings,
    ) -> Self {
        Self {
            capabilities: capabilities::all(control.schema()),
            started: control.clock().wall(),
            control,
            simulator,
            settings,
            library: OnceLock::new(),
        }
    }

    /// The YANG library, built once.
    pub(super) fn library(&self) -> Result<&Tree, datastore::Error> {
        if let Some(built) = self.library.get() {
            return Ok(built);
        }
        let built = monitoring::yang_library(self)?;
        Ok(self.library.get_or_init(|| built))
    }

    /// The control room.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The control room, to be kept.
    pub(super) fn shared_control(&self) -> Arc<Control> {
        self.control.clone()
    }

    /// The simulated VIM's controls, when one is configured.
    pub(super) fn simulator(&self) -> Option<&Arc<dyn Simulator>> {
        self.simulator.as_ref()
    }

    /// What hello says.
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// When the service started.
    pub fn start_time(&self) -> Timestamp {
        self.started
    }

    pub(super) fn limits(&self) -> SessionLimits {
        self.settings.session_limits()
    }

    pub(super) fn filter_limits(&self) -> FilterLimits {
        self.settings.filter_limits()
    }

    pub(super) fn message_times(&self) -> MessageTimes {
        self.settings.message_times()
    }

    pub(super) fn now(&self) -> Mono {
        self.control.clock().mono()
    }

    pub(super) fn session_opened(&self, session: &SessionInfo) {
        tracing::info!(session = %session.id, user = session.user, "session opened");
        self.control.audit().note(trace::opened(session));
        self.control.tell_session_start(session);
    }

    pub(super) fn session_ended(&self, session: &SessionInfo, end: &SessionEnd) {
        let sessions = &self.control.sessions;
        match end.reason {
            EndReason::BadHello => drop(sessions.in_bad_hellos.fetch_add(1, Ordering::Relaxed)),
            EndReason::Closed | EndReason::Killed => {}
            _ => drop(sessions.dropped_sessions.fetch_add(1, Ordering::Relaxed)),
        }
        tracing::info!(
            session = %session.id,
            user = session.user,
            reason = end.reason.as_str(),
            detail = end.detail,
            "session ended"
        );
        self.control.audit().note(trace::ended(session, end));
        self.control.tell_session_end(session, end);
    }

    /// Answers one request.
    pub(super) async fn handle(
        self: &Arc<Self>,
        session: &SessionInfo,
        subscribed: bool,
        rpc: Rpc,
    ) -> Answer {
        let request = Request {
            service: self,
            session,
            subscribed,
            access: self.control.access_of(&session.user),
        };
        let (ns, name) = (rpc.operation.ns.clone(), rpc.operation.local.clone());
        tracing::debug!(session = %session.id, user = session.user, operation = &*name, "rpc");
        let operation = Operation::decode(rpc.operation);
        let audit = self.control.audit();
        let underway = trace::request(audit, session, &name, operation.as_ref().ok());
        let answer = match (request.may_execute(&ns, &name), operation) {
            (Err(denied), _) => RpcReply::from(denied).into(),
            (Ok(()), Ok(operation)) => match guarded(rpc::answer(&request, operation)).await {
                Ok(answer) => answer,
                Err(what) => fallen(session, &name, &what),
            },
            (Ok(()), Err(error)) => RpcReply::from(error).into(),
        };
        trace::answered(underway, &answer).await;
        answer
    }
}

/// A handler that panicked: its request fails, its session and all others go on.
fn fallen(session: &SessionInfo, operation: &str, what: &str) -> Answer {
    tracing::error!(session = %session.id, user = session.user, operation, what, "a handler panicked");
    let text = "internal failure; a change may have been made";
    RpcReply::from(RpcError::operation_failed(ErrorType::Application, text)).into()
}

/// Runs `work` to its end; a panic in it ends it alone, and what it said is the error. What handlers share with
/// others is locked for moments and put in place whole, so that nobody finds it half done.
async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(said(&*panic))),
        }
    })
    .await
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no text").to_owned()
}

/// Admits sessions to a service.
pub struct Sessions(pub Arc<Service>);

impl SessionHandler for Sessions {
    fn admit(&self, peer: &Peer) -> Result<Box<dyn TransportSession>, Refused> {
        let control = &self.0.control;
        let login = control.clock().wall();
        let (info, killed) = control
            .sessions
            .open(
                &peer.user,
                Some(peer.address),
                peer.transport.monitoring_identity(),
                login,
            )
            .map_err(|refused| {
                let mut record = AuditRecord::new(&*peer.user, "session-opened", Outcome::Refused);
                record.from = Some(peer.address.to_string());
                record.reason = Some(refused.to_string());
                control.audit().note(record);
                Refused(refused.to_string())
            })?;
        Ok(Box::new(Admitted::new(self.0.clone(), info, killed)))
    }
}

/// An operation that is not served, by its name.
pub(super) fn not_supported(what: &str) -> RpcReply {
    let kind = crate::proto::netconf::ErrorType::Protocol;
    RpcError::operation_not_supported(kind, what).into()
}
