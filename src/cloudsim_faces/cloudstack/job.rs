//! Async jobs: the cloud's records under CloudStack's name.

use super::super::world::World;
use super::list::{page, reply, required};
use super::state::{Account, Job};
use super::{Done, Refusal, no, vm};
use crate::cloudsim::{Accepted, Call, CallError};
use crate::model::vim::VimOpStatus;
use crate::proto::cloudstack::{
    ApiError, AsyncJob, Command, JobResult, JobStatus, Started, VirtualMachine, VmState, time_text,
};

/// A job's id: that of the record.
fn id_of(op: &str) -> &str {
    op.strip_prefix("req-").unwrap_or(op)
}

/// What the cloud says no to.
pub fn refused(error: CallError) -> Refusal {
    match error {
        CallError::Lost(_) | CallError::Down(_) => Refusal::Lost,
        CallError::Refused(lines) => {
            let line = lines.first().map_or("", String::as_str);
            let plain = line.strip_prefix("VIM Driver: ").unwrap_or(line);
            let code = match plain {
                words if words.starts_with("Quota exceeded") => 535,
                words if words.contains(" is busy") || words.contains("does not allow") => 530,
                _ => 431,
            };
            no(code, plain)
        }
    }
}

/// Asks the cloud for a change; answers with its job.
pub fn start(
    world: &mut World,
    who: &Account,
    command: &Command,
    call: Call,
    shown: Option<VirtualMachine>,
    about: Option<(&'static str, String)>,
) -> Done {
    let Accepted { op, id } = world.call(call).map_err(refused)?;
    world
        .cloud
        .annotate(&op, format!("{} {}", who.name, who.tenant));
    let makes = matches!(
        command.name().to_lowercase().as_str(),
        "deployvirtualmachine"
    );
    let job = Job {
        account: who.name.clone(),
        command: command.name().to_owned(),
        created: world.cloud.now(),
        about: about.or_else(|| Some(("VirtualMachine", id.clone()?))),
        vm: shown,
        done: None,
    };
    let keep = world.settings.cloudstack.jobs;
    let job_id = id_of(&op).to_owned();
    world.cloudstack.add_job(job_id.clone(), job, keep);
    let id = id.filter(|_| makes).map(|id| world.cloudstack.show(&id));
    let jobid = world.cloudstack.show(&job_id);
    reply(command, &Started { jobid, id })
}

/// A job that was done at once.
pub fn done(world: &mut World, who: &Account, command: &Command, result: JobResult) -> Done {
    let job = Job {
        account: who.name.clone(),
        command: command.name().to_owned(),
        created: world.cloud.now(),
        about: None,
        vm: None,
        done: Some(result),
    };
    let keep = world.settings.cloudstack.jobs;
    let id = world.uuid();
    world.cloudstack.add_job(id.clone(), job, keep);
    let jobid = world.cloudstack.show(&id);
    reply(command, &Started { jobid, id: None })
}

/// `queryAsyncJobResult`.
pub fn query(world: &mut World, who: &Account, command: &Command) -> Done {
    let shown = required(command, "jobid")?;
    let id = world.cloudstack.read(shown);
    let job = world.cloudstack.jobs.get(&id);
    let Some(job) = job
        .filter(|job| who.admin || job.account == who.name)
        .cloned()
    else {
        let words = format!("Unable to find async job by id {shown}");
        return Err(no(431, words));
    };
    let job = show(world, &id, &job);
    reply(command, &job)
}

/// `listAsyncJobs`.
pub fn list(world: &mut World, who: &Account, command: &Command) -> Done {
    let mine = world.cloudstack.jobs.clone();
    let mine = mine
        .iter()
        .filter(|(_, job)| who.admin || job.account == who.name);
    let all: Vec<AsyncJob> = mine.map(|(id, job)| show(world, id, job)).collect();
    page(command, "asyncjobs", all)
}

fn show(world: &mut World, id: &str, job: &Job) -> AsyncJob {
    let op = format!("req-{id}");
    let (status, result, progress) = match &job.done {
        Some(result) => (JobStatus::Succeeded, Some(result.clone()), 0),
        None => outcome(world, &op, job),
    };
    let (code, kind) = match (&status, &result) {
        (JobStatus::Pending, _) => (None, None),
        (_, Some(JobResult::Error(error))) => (Some(error.errorcode), Some("object")),
        // an old cloud's words, with an old cloud's code
        (_, Some(JobResult::Text(_))) => (Some(551), Some("text")),
        (_, _) => (Some(0), Some("object")),
    };
    let account = world
        .cloudstack
        .accounts
        .iter()
        .find(|account| account.name == job.account)
        .map(|account| account.tenant.to_string());
    let account = account.map(|id| world.cloudstack.show(&id));
    let about = job.about.clone();
    AsyncJob {
        jobid: world.cloudstack.show(id),
        jobstatus: status,
        jobprocstatus: Some(progress),
        jobresultcode: code,
        jobresulttype: kind.map(str::to_owned),
        jobresult: result,
        userid: account.clone(),
        accountid: account,
        cmd: Some(format!(
            "org.apache.cloudstack.api.command.user.vm.{}Cmd",
            job.command
        )),
        jobinstancetype: about.as_ref().map(|(kind, _)| (*kind).to_owned()),
        jobinstanceid: about.map(|(_, id)| world.cloudstack.show(&id)),
        created: Some(time_text(world.at(job.created))),
    }
}

/// Where an operation of the cloud stands, in a job's words.
fn outcome(world: &mut World, op: &str, job: &Job) -> (JobStatus, Option<JobResult>, i64) {
    let Some(record) = world.cloud.op(op) else {
        let error = ApiError::new(530, "the job's record is no longer kept");
        return (JobStatus::Failed, Some(JobResult::Error(error)), 0);
    };
    match record.status {
        VimOpStatus::Pending => (JobStatus::Pending, None, 0),
        VimOpStatus::Running => (JobStatus::Pending, None, 1),
        VimOpStatus::Succeeded => {
            let now = record.vm.as_ref().and_then(|vm| vm::shown(world, vm));
            let result = match (now, &job.vm) {
                (Some(vm), _) => JobResult::VirtualMachine(Box::new(vm)),
                (None, Some(before)) => JobResult::VirtualMachine(Box::new(VirtualMachine {
                    state: VmState::Destroyed,
                    ..before.clone()
                })),
                (None, None) => success(),
            };
            (JobStatus::Succeeded, Some(result), 0)
        }
        VimOpStatus::Failed(lines) => {
            let line = lines.first().map_or("", String::as_str);
            let words = line.strip_prefix("VIM Driver: ").unwrap_or(line).to_owned();
            let result = match world.cloudstack.is_old() {
                true => JobResult::Text(words),
                false if words.starts_with("No valid host") => {
                    JobResult::Error(ApiError::new(533, words))
                }
                false => JobResult::Error(ApiError::new(530, words)),
            };
            (JobStatus::Failed, Some(result), 0)
        }
        VimOpStatus::Unknown => {
            let error = ApiError::new(530, "the job was given up");
            (JobStatus::Failed, Some(JobResult::Error(error)), 0)
        }
    }
}

/// The result of what has no other.
pub fn success() -> JobResult {
    JobResult::Other(serde_json::Map::from_iter([(
        "success".to_owned(),
        serde_json::Value::Bool(true),
    )]))
}
