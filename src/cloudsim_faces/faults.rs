//! The control endpoint that all faces share, below `/-/`: faults, time, and the truth about the VMs.
//!
//! ```text
//! GET    /-/            what is served, the cloud's time, how often two copies of one VM ran
//! GET    /-/faults      what is wrong at the moment
//! POST   /-/faults      {"fault": "...", ...}: make something go wrong
//! DELETE /-/faults      make all well again; ?vm=NAME or ?host=NAME: of one
//! GET    /-/vms         every VM: what the API believes, and what is true
//! POST   /-/time        {"advance-ms": N}: let time pass (with the setting time = "explicit")
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::world::{Sim, World};
use crate::clock::Mono;
use crate::cloudsim::{GuestAnswer, Injection, Power, Target};

/// Faults of the wire that may be armed at one time.
const MOST: usize = 1000;

/// A face of the cloud.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Face {
    /// Keystone, Glance, Neutron, Nova.
    Nova,
    /// vCloud.
    Vcloud,
    /// CloudStack.
    Cloudstack,
}

/// What goes wrong with requests, whatever they ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WireFault {
    /// The face's port refuses connections, and those that exist are cut.
    FaceDown,
    /// A request is answered with a status of one's choice, and not carried out.
    HttpError,
    /// The same, and it is carried out.
    ErrorAfter,
    /// A request is carried out twice, as by a proxy that sends it again; the second answer is given.
    Twice,
    /// A request is carried out twice; then the connection is cut.
    TwiceCut,
    /// A request is not answered, and not carried out, until the fault ends or the client gives up.
    Hang,
    /// A request is carried out; then as with `hang`.
    HangAfter,
    /// The connection is cut instead of carrying a request out.
    Cut,
    /// A request is carried out; then the connection is cut.
    CutAfter,
    /// A request is answered late.
    Late,
}

/// One of them, armed.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Armed {
    /// What.
    pub fault: WireFault,
    /// On which face; all of them when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face: Option<Face>,
    /// Of which method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Whose path and query contain this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// So many requests; without end when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Status, for `http-error` and `error-after`.
    pub status: u16,
    /// Body, for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How late, for `late`.
    pub delay_ms: u64,
    /// Until when.
    #[serde(skip)]
    until: Option<Mono>,
    #[serde(skip)]
    era: u64,
}

/// Faults of the wire.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Armed>,
    /// How often they were cleared.
    era: u64,
}

impl Faults {
    /// What happens to a request; uses one shot up.
    pub fn take(&mut self, face: Face, method: &str, target: &str, now: Mono) -> Option<Armed> {
        self.forget(now);
        let hit = self.armed.iter_mut().find(|armed| {
            armed.fault != WireFault::FaceDown
                && armed.face.is_none_or(|own| own == face)
                && armed.method.as_deref().is_none_or(|own| own == method)
                && armed.path.as_deref().is_none_or(|own| target.contains(own))
        })?;
        if let Some(times) = &mut hit.times {
            *times = times.saturating_sub(1);
        }
        Some(hit.clone())
    }

    /// Whether the face's port refuses connections.
    pub fn is_down(&mut self, face: Face, now: Mono) -> bool {
        self.forget(now);
        let own = |armed: &Armed| armed.face.is_none_or(|own| own == face);
        let mut armed = self.armed.iter();
        armed.any(|armed| armed.fault == WireFault::FaceDown && own(armed))
    }

    /// Whether a request that hangs goes on hanging.
    pub fn still(&self, hit: &Armed, now: Mono) -> bool {
        hit.era == self.era && hit.until.is_none_or(|until| until > now)
    }

    fn forget(&mut self, now: Mono) {
        self.armed
            .retain(|armed| armed.times != Some(0) && armed.until.is_none_or(|until| until > now));
    }
}

/// What a person wants to go wrong.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Wanted {
    fault: String,
    #[serde(default)]
    vm: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    times: Option<u32>,
    #[serde(default)]
    messages: Vec<String>,
    #[serde(default)]
    duration_ms: Option<u64>,
    #[serde(default)]
    landing_ms: Option<u64>,
    #[serde(default)]
    face: Option<Face>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    delay_ms: Option<u64>,
}

/// Answers a request below `/-/`.
pub fn control(sim: &Sim, request: &Request) -> Reply {
    let reply = carry_out(sim, request);
    if request.method != "GET" {
        sim.tell();
    }
    reply
}

fn carry_out(sim: &Sim, request: &Request) -> Reply {
    let (method, path) = request.route();
    match (method, path.as_slice()) {
        ("GET", ["-"]) => overview(sim),
        ("GET", ["-", "faults"]) => Reply::json(200, &list(&sim.now())),
        ("POST", ["-", "faults"]) => match request.json::<Wanted>() {
            Ok(wanted) => inject(&mut sim.now(), wanted),
            Err(why) => refuse(400, &why),
        },
        ("DELETE", ["-", "faults"]) => clear(&mut sim.now(), request),
        ("GET", ["-", "vms"]) => Reply::json(200, &truth(&sim.now())),
        ("POST", ["-", "time"]) => pass(sim, request),
        (_, ["-", "faults" | "vms" | "time"] | ["-"]) => refuse(405, "no such method here"),
        _ => refuse(404, "no such thing below /-/"),
    }
}

fn refuse(status: u16, why: &str) -> Reply {
    Reply::json(status, &json!({ "error": why }))
}

fn overview(sim: &Sim) -> Reply {
    let world = sim.now();
    Reply::json(
        200,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "time": sim.time(),
            "now": world.at(world.cloud.now()).to_string(),
            "now-ms": millis(world.cloud.now()),
            "vms": world.cloud.all_vms().count(),
            "open-operations": world.cloud.open_ops(),
            "breaches": world.cloud.breaches(),
        }),
    )
}

fn millis(moment: Mono) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or(u64::MAX)
}

fn list(world: &World) -> Value {
    let of_cloud = world.cloud.faults().into_iter().map(|fault| {
        let mut shown = json!({
            "fault": fault.fault.name(),
            "times": fault.left,
            "messages": fault.messages,
            "until-ms": fault.until.map(millis),
        });
        if let Some(shown) = shown.as_object_mut() {
            match fault.target {
                Target::Vim => {}
                Target::Host(host) => {
                    shown.insert("host".to_owned(), json!(host));
                }
                Target::Vm(vm) => {
                    shown.insert("vm".to_owned(), json!(vm));
                }
            }
            shown.retain(|_, value| !value.is_null());
        }
        shown
    });
    let armed = world.faults.armed.iter();
    let of_wire = armed.filter_map(|armed| serde_json::to_value(armed).ok());
    json!({ "faults": of_cloud.chain(of_wire).collect::<Vec<_>>() })
}

fn inject(world: &mut World, wanted: Wanted) -> Reply {
    if wanted.fault == "tokens-expired" {
        world.expire_tokens();
        return Reply::json(201, &json!({ "fault": wanted.fault }));
    }
    let wire = serde_json::from_value::<WireFault>(json!(wanted.fault));
    let done = match (wire, wanted.fault.parse()) {
        (Ok(fault), _) => arm(world, fault, &wanted),
        (Err(_), Ok(fault)) => {
            let target = match (&wanted.vm, &wanted.host) {
                (Some(_), Some(_)) => return refuse(400, "vm and host exclude each other"),
                (Some(vm), None) => Target::Vm(vm.clone()),
                (None, Some(host)) => Target::Host(host.clone()),
                (None, None) => Target::Vim,
            };
            if let Some(landing) = wanted.landing_ms {
                world.cloud.set_lost_landing(landing);
            }
            let injection = Injection {
                target,
                fault,
                times: wanted.times.unwrap_or(1),
                messages: wanted.messages,
                duration: wanted.duration_ms.map(Duration::from_millis),
            };
            world
                .cloud
                .inject(injection)
                .map_err(|error| error.to_string())
        }
        (Err(_), Err(error)) => Err(error.to_string()),
    };
    match done {
        Ok(()) => Reply::json(201, &json!({ "fault": wanted.fault })),
        Err(why) => refuse(400, &why),
    }
}

fn arm(world: &mut World, fault: WireFault, wanted: &Wanted) -> Result<(), String> {
    let of_cloud = [
        ("vm", wanted.vm.is_some()),
        ("host", wanted.host.is_some()),
        ("messages", !wanted.messages.is_empty()),
        ("landing-ms", wanted.landing_ms.is_some()),
    ];
    if let Some((name, _)) = of_cloud.into_iter().find(|(_, given)| *given) {
        return Err(format!("the fault '{}' takes no {name}", wanted.fault));
    }
    if wanted.times == Some(0) || wanted.duration_ms == Some(0) {
        return Err("times and duration-ms must be greater than zero".to_owned());
    }
    if world.faults.armed.len() >= MOST {
        return Err(format!("{MOST} faults are armed already"));
    }
    let status = wanted.status.unwrap_or(500);
    if !(200..=599).contains(&status) {
        return Err("status must be from 200 to 599".to_owned());
    }
    let until = wanted.duration_ms.map(Duration::from_millis);
    world.faults.armed.push(Armed {
        fault,
        face: wanted.face,
        method: wanted.method.clone(),
        path: wanted.path.clone(),
        times: wanted.times,
        status,
        body: wanted.body.clone(),
        delay_ms: wanted.delay_ms.unwrap_or(1000),
        until: until.map(|duration| world.cloud.now() + duration),
        era: world.faults.era,
    });
    Ok(())
}

fn clear(world: &mut World, request: &Request) -> Reply {
    let target = match (request.param("vm"), request.param("host")) {
        (Some(vm), None) => Some(Target::Vm(vm.to_owned())),
        (None, Some(host)) => Some(Target::Host(host.to_owned())),
        (None, None) => None,
        (Some(_), Some(_)) => return refuse(400, "vm and host exclude each other"),
    };
    if target.is_none() {
        world.faults.armed.clear();
        world.faults.era += 1;
    }
    match world.cloud.clear(target) {
        Ok(()) => Reply::empty(204),
        Err(error) => refuse(400, &error.to_string()),
    }
}

fn truth(world: &World) -> Value {
    let none = std::collections::BTreeSet::new();
    let seen: Vec<_> = world.cloud.all_vms().map(|vm| vm.id).collect();
    // also those that the API knows nothing of any more
    let all = world.cloud.orphans(&none).into_iter().map(|vm| {
        json!({
            "id": vm.id.as_str(),
            "name": vm.name.as_str(),
            "tenant": vm.tenant.as_ref().map(|tenant| tenant.as_str()),
            "host": vm.host_name,
            "runs": vm.actual == Power::Running,
            "answers": world.cloud.probe(&vm.id) != GuestAnswer::Silence,
            "known-to-the-api": seen.contains(&vm.id),
            "host-reachable": vm.reachable,
        })
    });
    json!({ "vms": all.collect::<Vec<_>>() })
}

fn pass(sim: &Sim, request: &Request) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Pass {
        advance_ms: u64,
    }
    match request.json::<Pass>() {
        Err(why) => refuse(400, &why),
        Ok(by) => match sim.pass(Duration::from_millis(by.advance_ms)) {
            Some(now) => Reply::json(200, &json!({ "now-ms": millis(now) })),
            None => refuse(
                409,
                "time passes by itself: the setting time is 'automatic'",
            ),
        },
    }
}
