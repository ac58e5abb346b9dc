//! Tasks of a VNF instance: each begins an operation.

use serde_json::Value;

use super::gate::Call;
use super::instances::Found;
use super::map;
use super::reply::{Outcome, Problem, accepted};
use super::resource::Task;
use crate::esc_model::desired;
use crate::ids::{OpId, VmName};
use crate::model::action::ActionType;
use crate::model::instance::LcmRequest;
use crate::model::operation::{Asked, LcmOperation};
use crate::proto::sol003::{
    HealVnfRequest, InstantiateVnfRequest, OperateVnfRequest, ScaleToLevelInfo, ScaleType,
    ScaleVnfRequest, ScaleVnfToLevelRequest, StopType, TargetState, TerminateVnfRequest,
    TerminationType,
};

/// Counts of groups.
type Counts = Vec<(String, u32)>;

impl Call {
    fn asked(&self, params: Value, before: Counts, after: Counts) -> Asked {
        Asked {
            user: self.user.clone(),
            params,
            before,
            after,
            grace_ms: None,
        }
    }

    async fn begun(&self, operation: &OpId, commits: bool) -> Outcome {
        if commits {
            self.app.control.carry_on(operation.clone());
        }
        Ok(accepted(&self.places.occurrence(operation.as_str())))
    }

    async fn begin(
        &self,
        found: &Found,
        operation: LcmOperation,
        flavour: Option<String>,
        asked: Asked,
    ) -> Outcome {
        self.app.control.may_change_running(&self.user)?;
        let request = LcmRequest::Begin {
            operation,
            instance: found.record.id.clone(),
            flavour,
            asked,
        };
        let operation = self.app.control.lcm(request).await?;
        self.begun(&operation, true).await
    }

    /// The group's count now, and the most it may have.
    fn counts(&self, found: &Found) -> Result<Vec<(String, u32, u32)>, Problem> {
        let published = self.published();
        let wanted = desired::deployment(&published.config, &found.record.key);
        let wanted = wanted.map_err(|error| Problem::conflict(error.to_string()))?;
        let wanted =
            wanted.ok_or_else(|| Problem::conflict("the VNF instance is not instantiated"))?;
        if !map::scales(&wanted) {
            return Err(Problem::no_task("this VNF instance cannot be scaled"));
        }
        let groups = wanted.vm_groups.into_iter();
        Ok(groups
            .map(|group| {
                let most = group.max_active.max(group.min_active);
                (group.name, group.min_active, most)
            })
            .collect())
    }

    /// What scaling to these levels changes.
    fn levels(
        &self,
        found: &Found,
        wanted: &[ScaleToLevelInfo],
    ) -> Result<(Counts, Counts), Problem> {
        let known = self.counts(found)?;
        let (mut before, mut after) = (Counts::new(), Counts::new());
        for level in wanted {
            let group = known.iter().find(|(name, ..)| *name == level.aspect_id);
            let Some((name, now, most)) = group else {
                let text = format!("there is no scaling aspect [{}]", level.aspect_id);
                return Err(Problem::unprocessable(text));
            };
            if level.scale_level < 1 || level.scale_level > *most {
                let text = format!(
                    "level {} of aspect [{name}] is not between 1 and {most}",
                    level.scale_level
                );
                return Err(Problem::unprocessable(text));
            }
            if after.iter().any(|(known, _)| known == name) {
                return Err(Problem::bad(format!("aspect [{name}] is given twice")));
            }
            before.push((name.clone(), *now));
            after.push((name.clone(), level.scale_level));
        }
        Ok((before, after))
    }

    /// Whether the user may carry out that operation of the ESC model.
    fn may_execute(&self, rpc: &str) -> Result<(), Problem> {
        let schema = self.app.control.schema();
        let id = schema.top(crate::proto::esc::ESC, rpc);
        match id.is_none_or(|id| self.access.exec(id)) {
            true => Ok(()),
            false => Err(Problem::forbidden(format!(
                "your groups do not allow {rpc}"
            ))),
        }
    }
}

/// POST of a task.
pub(super) async fn begin(call: &Call, id: &str, task: Task) -> Outcome {
    let published = call.published();
    let found = call.find(id, &published)?;
    if !task.is_served() {
        let text = format!("VNF instances here do not support {}", task.segment());
        return Err(Problem::no_task(text));
    }
    match task {
        Task::Instantiate => instantiate(call, &found).await,
        Task::Terminate => {
            let (request, params) = call.body.request::<TerminateVnfRequest>()?;
            let timeout = request.graceful_termination_timeout;
            let graceful = request.termination_type == TerminationType::Graceful;
            call.may_change(&found.record.key)?;
            there(&found)?;
            let mut asked = call.asked(params, Vec::new(), Vec::new());
            asked.grace_ms = graceful.then(|| milliseconds(timeout));
            call.begin(&found, LcmOperation::Terminate, None, asked)
                .await
        }
        Task::Scale => scale(call, &found).await,
        Task::ScaleToLevel => scale_to_level(call, &found).await,
        Task::Heal => heal(call, &found).await,
        _ => operate(call, &found).await,
    }
}

/// Without a time it is as long as the engine gives a step.
fn milliseconds(timeout: Option<u64>) -> u64 {
    timeout.map_or(u64::MAX, |seconds| seconds.saturating_mul(1000))
}

fn there(found: &Found) -> Result<(), Problem> {
    match found.instantiated {
        true => Ok(()),
        false => Err(Problem::conflict("the VNF instance is not instantiated")),
    }
}

async fn instantiate(call: &Call, found: &Found) -> Outcome {
    let (request, params) = call.body.request::<InstantiateVnfRequest>()?;
    call.may_change(&found.record.key)?;
    let found = &call.settled(found.record.id.as_str()).await?;
    if found.instantiated {
        return Err(Problem::conflict(
            "the VNF instance is instantiated already",
        ));
    }
    if request.instantiation_level_id.is_some() {
        let text = "templates have no instantiation levels: use targetScaleLevelInfo";
        return Err(Problem::unprocessable(text));
    }
    let levels = request.target_scale_level_info.into_iter();
    let after: Counts = levels.map(|it| (it.aspect_id, it.scale_level)).collect();
    let params = without_access(params);
    // What a lock refuses is a conflict, whatever else is wrong.
    call.app.control.may_change_running(&call.user)?;
    call.app
        .control
        .check_instantiation(&found.record, &call.user, &params, &after)
        .await?;
    let asked = call.asked(params, Vec::new(), after);
    let flavour = Some(request.flavour_id);
    call.begin(found, LcmOperation::Instantiate, flavour, asked)
        .await
}

/// Credentials of VIMs are not used here, and so not kept: who reads the operation would read them.
fn without_access(mut params: Value) -> Value {
    let each: Vec<&mut Value> = match params.get_mut("vimConnectionInfo") {
        Some(Value::Object(map)) => map.values_mut().collect(),
        Some(Value::Array(list)) => list.iter_mut().collect(),
        _ => Vec::new(),
    };
    for connection in each {
        if let Some(map) = connection.as_object_mut() {
            map.remove("accessInfo");
        }
    }
    params
}

async fn scale(call: &Call, found: &Found) -> Outcome {
    let (request, params) = call.body.request::<ScaleVnfRequest>()?;
    call.may_change(&found.record.key)?;
    there(found)?;
    let steps = request.number_of_steps.unwrap_or(1);
    if steps == 0 {
        return Err(Problem::bad("numberOfSteps must be at least 1"));
    }
    let known = call.counts(found)?;
    let now = known.iter().find(|(name, ..)| *name == request.aspect_id);
    let Some((_, now, _)) = now else {
        let text = format!("there is no scaling aspect [{}]", request.aspect_id);
        return Err(Problem::unprocessable(text));
    };
    let level = match request.kind {
        ScaleType::ScaleOut => now.saturating_add(steps),
        ScaleType::ScaleIn => now.saturating_sub(steps),
    };
    let wanted = ScaleToLevelInfo {
        aspect_id: request.aspect_id,
        scale_level: level,
    };
    let (before, after) = call.levels(found, &[wanted])?;
    let asked = call.asked(params, before, after);
    call.begin(found, LcmOperation::Scale, None, asked).await
}

async fn scale_to_level(call: &Call, found: &Found) -> Outcome {
    let (request, params) = call.body.request::<ScaleVnfToLevelRequest>()?;
    call.may_change(&found.record.key)?;
    there(found)?;
    if request.instantiation_level_id.is_some() {
        let text = "templates have no instantiation levels: use scaleInfo";
        return Err(Problem::unprocessable(text));
    }
    if request.scale_info.is_empty() {
        return Err(Problem::bad("scaleInfo must name an aspect"));
    }
    let (before, after) = call.levels(found, &request.scale_info)?;
    let asked = call.asked(params, before, after);
    call.begin(found, LcmOperation::ScaleToLevel, None, asked)
        .await
}

fn names(ids: Vec<String>) -> Vec<VmName> {
    ids.into_iter().map(VmName::new).collect()
}

async fn heal(call: &Call, found: &Found) -> Outcome {
    let (request, params) = call.body.request::<HealVnfRequest>()?;
    call.may_execute("recoveryVmAction")?;
    there(found)?;
    if request.heal_script.is_some() {
        return Err(Problem::unprocessable("there are no heal scripts here"));
    }
    let request = LcmRequest::Heal {
        instance: found.record.id.clone(),
        vms: names(request.vnfc_instance_id),
        asked: call.asked(params, Vec::new(), Vec::new()),
    };
    let operation = call.app.control.lcm(request).await?;
    call.begun(&operation, false).await
}

async fn operate(call: &Call, found: &Found) -> Outcome {
    let (request, params) = call.body.request::<OperateVnfRequest>()?;
    call.may_execute("serviceAction")?;
    there(found)?;
    let action = match request.change_state_to {
        TargetState::Started => ActionType::Start,
        TargetState::Stopped => ActionType::Stop,
    };
    // The note of clause 5.5.2.10; without stopType it is FORCEFUL.
    let timed = request.graceful_stop_timeout.is_some();
    if action == ActionType::Start && (request.stop_type.is_some() || timed) {
        let text = "stopType and gracefulStopTimeout go with changeStateTo STOPPED";
        return Err(Problem::bad(text));
    }
    if timed && request.stop_type != Some(StopType::Graceful) {
        let text = "gracefulStopTimeout goes with stopType GRACEFUL";
        return Err(Problem::bad(text));
    }
    let graceful = request.stop_type == Some(StopType::Graceful);
    let mut asked = call.asked(params, Vec::new(), Vec::new());
    asked.grace_ms = graceful.then(|| milliseconds(request.graceful_stop_timeout));
    let request = LcmRequest::Operate {
        instance: found.record.id.clone(),
        action,
        vms: names(request.vnfc_instance_id),
        asked,
    };
    let operation = call.app.control.lcm(request).await?;
    call.begun(&operation, false).await
}
