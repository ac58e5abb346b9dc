//! Volumes that are made with a server, as Nova shows them. There is no Cinder: no others can be attached.

use serde_json::{Value, json};

use super::super::http::Reply;
use super::super::world::World;
use super::access::nova;
use super::compute::{Ctx, add};
use super::server::note;
use crate::cloudsim::VmView;
use crate::proto::nova::{AttachedVolume, BlockDevice};

/// A volume of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    id: String,
    goes_along: bool,
    /// Whether the server boots from it.
    pub boots: bool,
}

/// Whether a disk is the one to boot from.
pub fn boots(disk: &BlockDevice) -> bool {
    match &disk.boot_index {
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(Value::String(text)) => text == "0",
        _ => false,
    }
}

/// The note that keeps the volumes of a new server; `None` when it has none.
pub fn made(world: &mut World, disks: &[BlockDevice]) -> Option<String> {
    let wanted = disks.iter().filter(|disk| is_volume(disk));
    let lines: Vec<String> = wanted
        .map(|disk| {
            let goes = disk.delete_on_termination == Some(true);
            format!("{} {} {}", world.uuid(), goes, boots(disk))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What is not local is a volume; an image is local unless it says otherwise.
fn is_volume(disk: &BlockDevice) -> bool {
    disk.destination_type.as_deref() == Some("volume")
}

/// The volumes of a server.
pub fn volumes(vm: &VmView) -> Vec<Volume> {
    let lines = note(vm, "volumes").unwrap_or_default().lines();
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some(Volume {
                id: words.next()?.to_owned(),
                goes_along: words.next()? == "true",
                boots: words.next()? == "true",
            })
        })
        .collect()
}

/// As the server shows them.
pub fn attached(ctx: &Ctx<'_>, vm: &VmView) -> Vec<AttachedVolume> {
    let all = volumes(vm).into_iter();
    all.map(|volume| AttachedVolume {
        id: volume.id,
        delete_on_termination: ctx.since(3).then_some(volume.goes_along),
    })
    .collect()
}

/// Answers below `/servers/{id}/os-volume_attachments`.
pub fn answer(ctx: &Ctx<'_>, vm: &VmView, path: &[&str]) -> Reply {
    let all = volumes(vm);
    let show = |(at, volume): (usize, &Volume)| {
        let letter = u8::try_from(at + usize::from(!volumes(vm).iter().any(|one| one.boots)));
        let letter = char::from(b'a'.saturating_add(letter.unwrap_or(25).min(25)));
        let mut shown = json!({
            "volumeId": volume.id, "serverId": vm.id.as_str(), "device": format!("/dev/vd{letter}"),
        });
        if !ctx.since(89) {
            add(&mut shown, &[("id", json!(volume.id))]);
        }
        if ctx.since(70) {
            add(&mut shown, &[("tag", Value::Null)]);
        }
        if ctx.since(79) {
            add(
                &mut shown,
                &[("delete_on_termination", json!(volume.goes_along))],
            );
        }
        shown
    };
    match (ctx.request.method.as_str(), path) {
        ("GET", []) => {
            let shown: Vec<Value> = all.iter().enumerate().map(show).collect();
            Reply::json(200, &json!({ "volumeAttachments": shown }))
        }
        ("GET", [id]) => match all.iter().enumerate().find(|(_, one)| one.id == *id) {
            Some(one) => Reply::json(200, &json!({ "volumeAttachment": show(one) })),
            None => nova(404, format!("volume_id not found: {id}")),
        },
        _ => nova(501, "Volumes are not simulated."),
    }
}
