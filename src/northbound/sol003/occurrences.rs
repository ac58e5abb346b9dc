//! Operation occurrences: everybody's, read; those asked for here, handled.

use std::sync::Arc;

use axum::http::StatusCode;

use super::gate::Call;
use super::map;
use super::reply::{Outcome, Problem, accepted, json, value};
use super::resource::OccurrenceTask;
use crate::ids::OpId;
use crate::model::instance::LcmRequest;
use crate::model::operation::{CancelMode, LcmOperation, LcmOperationState, OpRecord};
use crate::proto::sol003::{CancelMode as WireMode, CancelRequest, OCCURRENCES};

/// GET of the list, oldest first.
pub(super) fn list(call: &Call) -> Outcome {
    let published = call.published();
    let seen = published.state.operations.values();
    let mut entries = Vec::new();
    for record in seen.filter(|record| call.sees(&record.key)) {
        let key = format!(
            "{:020}/{}",
            record.occ.start_time.as_micros(),
            record.occ.id
        );
        entries.push((key, record.clone()));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let render = |record: Arc<OpRecord>| value(&map::occurrence(&record, &call.places));
    let size = call.app.settings.page_size.get();
    let here = call.places.occurrences();
    call.query.page(entries, render, OCCURRENCES, size, &here)
}

fn find(call: &Call, id: &str) -> Result<Arc<OpRecord>, Problem> {
    let published = call.published();
    let found = published.state.operations.get(&OpId::new(id)).cloned();
    found
        .filter(|record| call.sees(&record.key))
        .ok_or_else(|| Problem::not_found("VNF LCM operation occurrence", id))
}

/// GET of one.
pub(super) fn read(call: &Call, id: &str) -> Outcome {
    call.query.only(&[])?;
    let record = find(call, id)?;
    Ok(json(
        StatusCode::OK,
        &map::occurrence(&record, &call.places),
    ))
}

/// POST of a task: 404 for one it can never have, 409 for one it does not have now.
pub(super) async fn task(call: &Call, id: &str, task: OccurrenceTask) -> Outcome {
    let record = find(call, id)?;
    call.may_change(&record.key)?;
    let op = record.occ.id.clone();
    let rests = record.occ.state == LcmOperationState::FailedTemp;
    if task == OccurrenceTask::Cancel {
        // A task that it never has (SOL003 5.4.17.3.1: 404); at its end it is the state that forbids it.
        if record.asked.is_none() && !record.occ.state.is_terminal() {
            return Err(Problem::no_task(
                "it was not asked for through this interface, and cannot be cancelled",
            ));
        }
    } else if !rests {
        return Err(Problem::conflict(format!(
            "the operation is in {}, not in FAILED_TEMP",
            map::state(record.occ.state).as_str()
        )));
    }
    let control = &call.app.control;
    let here = accepted(&call.places.occurrence(id));
    match task {
        OccurrenceTask::Retry => {
            control.lcm(LcmRequest::Retry(op)).await?;
            Ok(here)
        }
        OccurrenceTask::Rollback => {
            if !map::rolls_back(record.occ.operation) {
                let word = map::operation(record.occ.operation).as_str();
                return Err(Problem::no_task(format!("{word} cannot be rolled back")));
            }
            control.may_change_running(&call.user)?;
            let operation = control.lcm(LcmRequest::Rollback(op)).await?;
            control.carry_on(operation);
            Ok(here)
        }
        OccurrenceTask::Fail => {
            // What a failed instantiation left has to go from the configuration.
            if record.occ.operation == LcmOperation::Instantiate {
                control.may_change_running(&call.user)?;
            }
            let operation = control.lcm(LcmRequest::Fail(op)).await?;
            control.carry_on(operation);
            let record = find(call, id)?;
            Ok(json(
                StatusCode::OK,
                &map::occurrence(&record, &call.places),
            ))
        }
        OccurrenceTask::Cancel => {
            let (request, _) = call.body.request::<CancelRequest>()?;
            let mode = match request.cancel_mode {
                WireMode::Graceful => CancelMode::Graceful,
                WireMode::Forceful => CancelMode::Forceful,
            };
            control.lcm(LcmRequest::Cancel(op, mode)).await?;
            Ok(here)
        }
    }
}
