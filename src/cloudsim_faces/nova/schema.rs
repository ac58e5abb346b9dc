//! Which members a body may have, by microversion: Nova's schemas take no others.

use serde_json::Value;

use super::super::http::Reply;
use super::access::nova;
use super::compute::Ctx;

/// A member, and the first and the last minor microversion that has it.
pub type Member = (&'static str, u16, u16);

/// For good.
const EVER: u16 = u16::MAX - 1;

/// Of `server` in `POST /servers`.
pub const SERVER: &[Member] = &[
    ("name", 1, EVER),
    ("imageRef", 1, EVER),
    ("flavorRef", 1, EVER),
    ("adminPass", 1, EVER),
    ("metadata", 1, EVER),
    ("networks", 1, EVER),
    ("OS-DCF:diskConfig", 1, EVER),
    ("accessIPv4", 1, EVER),
    ("accessIPv6", 1, EVER),
    ("personality", 1, 56),
    ("block_device_mapping", 1, EVER),
    ("block_device_mapping_v2", 1, EVER),
    ("config_drive", 1, EVER),
    ("min_count", 1, EVER),
    ("max_count", 1, EVER),
    ("return_reservation_id", 1, EVER),
    ("user_data", 1, EVER),
    ("security_groups", 1, EVER),
    ("availability_zone", 1, EVER),
    ("key_name", 1, EVER),
    ("description", 19, EVER),
    ("tags", 52, EVER),
    ("trusted_image_certificates", 63, EVER),
    ("host", 74, EVER),
    ("hypervisor_hostname", 74, EVER),
    ("hostname", 90, EVER),
];

/// Of the whole body of `POST /servers`.
pub const NEW_SERVER: &[Member] = &[
    ("server", 1, EVER),
    ("os:scheduler_hints", 1, EVER),
    ("OS-SCH-HNT:scheduler_hints", 1, EVER),
];

/// Refuses members that the request's microversion does not have. The legacy form drops them instead.
pub fn closed(
    ctx: &Ctx<'_>,
    name: &str,
    value: Option<&Value>,
    members: &[Member],
) -> Result<(), Reply> {
    let object = value.and_then(Value::as_object);
    let known = |key: &str| {
        members
            .iter()
            .any(|(known, from, to)| *known == key && ctx.since(*from) && !ctx.since(to + 1))
    };
    let strange = object.and_then(|object| object.keys().find(|key| !known(key)));
    match strange.filter(|_| !ctx.legacy) {
        None => Ok(()),
        Some(key) => Err(nova(
            400,
            format!(
                "Invalid input for field/attribute {name}. Additional properties are not allowed ('{key}' was unexpected)"
            ),
        )),
    }
}
