//! create-subscription (RFC 5277 section 2.1.1).

use std::sync::Arc;

use crate::control::access::Denied;
use crate::control::error::ControlError;
use crate::control::subscription::{Cursor, StreamName, SubscribeError, Window};
use crate::northbound::netconf::filter;
use crate::northbound::netconf::notify::{Barrier, Permit, Pump};
use crate::northbound::netconf::service::{Answer, Request};
use crate::proto::netconf::{CreateSubscription, ErrorType, RpcError, RpcReply};
use crate::xml;

/// Opens a subscription. Its head is read here, before `<ok/>` leaves; the pump starts after it.
pub async fn create(request: &Request<'_>, wanted: CreateSubscription) -> Answer {
    match open(request, &wanted).await {
        Ok(pump) => Answer {
            reply: RpcReply::Ok,
            subscribe: Some(Box::new(pump)),
        },
        Err(reply) => reply.into(),
    }
}

async fn open(request: &Request<'_>, wanted: &CreateSubscription) -> Result<Pump, RpcReply> {
    let control = request.control();
    let failed = |error: SubscribeError| request.failed(&ControlError::Subscribe(error));
    if request.subscribed {
        return Err(failed(SubscribeError::Active));
    }
    let stream = match &wanted.stream {
        None => StreamName::Netconf,
        Some(name) => StreamName::find(name).ok_or_else(|| {
            let text = format!("there is no stream '{name}'");
            RpcReply::from(RpcError::bad_element(ErrorType::Protocol, "stream", text))
        })?,
    };
    let window = Window {
        start: wanted.start_time,
        stop: wanted.stop_time,
    };
    let events = control.store().events().clone();
    window
        .check(control.clock().wall(), events.last_time())
        .map_err(failed)?;
    let limits = request.service.filter_limits();
    let filter = wanted.filter.as_ref();
    let filter = filter.map(|filter| filter::of_events(filter, &limits));
    let filter = filter.transpose().map_err(RpcReply::from)?;
    // What came before the request, such as this session's own start, is told by replay alone.
    control.barrier().await;
    let head = events.head();
    let first = match window.start {
        None => None,
        Some(start) => {
            let log = events.clone();
            let found = tokio::task::spawn_blocking(move || {
                log.first_at_or_after(start)
                    .map(|first| first.max(crate::ids::JournalSeq(log.start().0 + 1)))
            });
            let found = found.await.map_err(|error| {
                request.failed(&ControlError::Internal(format!("replay: {error}")))
            })?;
            Some(found.map_err(|error| request.failed(&ControlError::Store(error)))?)
        }
    };
    let cursor = Cursor::new(stream, window, head, first);
    let room = request.service.shared_control();
    let barrier: Barrier = Arc::new(move || {
        let room = room.clone();
        Box::pin(async move { room.barrier().await })
    });
    Ok(Pump::new(
        cursor,
        filter.map(|filter| (filter, limits.event_visits)),
        events,
        control.clock().clone(),
        barrier,
        permit(request),
    ))
}

/// Asks the rules in force for the event's type (RFC 8341 section 3.4.6), and counts what they drop.
fn permit(request: &Request<'_>) -> Permit {
    let (room, user) = (
        request.service.shared_control(),
        request.session.user.clone(),
    );
    Arc::new(move |body| {
        let access = room.access_of(&user);
        if access.permits_everything() {
            return true;
        }
        let schema = room.schema();
        let permitted = match xml::parse(body, &xml::Limits::default()) {
            Ok(event) => {
                let kind = schema.top(&event.ns, &event.local);
                kind.is_some_and(|kind| access.notification(kind))
            }
            Err(error) => {
                tracing::error!(%error, "a stored event cannot be read");
                false
            }
        };
        if !permitted {
            Denied::count(&room.access.denied.notifications);
        }
        permitted
    })
}
