//! The query service, from 1.5 on: records of a type, filtered, sorted, in pages.

use super::super::http::{Reply, Request};
use super::super::world::World;
use super::org::{catalog_href, network_href, no_access, template_href, usable, vdc_href};
use super::{Ctx, Done, Refusal, no, vapp};
use crate::cloudsim::VmView;
use crate::proto::vcloud::{ApiVersion, media_type};
use crate::xml::escape_attr;

/// Records on one page at most, and when no number is said.
const MOST: usize = 128;

/// A record: its attributes, in the order in which they are written.
type Record = Vec<(&'static str, String)>;

fn bad(why: impl Into<String>) -> Refusal {
    no(400, "BAD_REQUEST", why)
}

/// The type that a typed query is of: `/api/vms/query` and others.
pub fn type_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "vApps" => "vApp",
        "vms" => "vm",
        "vAppTemplates" => "vAppTemplate",
        "catalogs" => "catalog",
        _ => return None,
    })
}

/// The element of a type's records.
fn element(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "vApp" => "VAppRecord",
        "vm" => "VMRecord",
        "vAppTemplate" => "VAppTemplateRecord",
        "orgVdc" => "OrgVdcRecord",
        "orgNetwork" => "OrgNetworkRecord",
        "catalog" => "CatalogRecord",
        _ => return None,
    })
}

fn of_vm(world: &World, ctx: &Ctx, vm: &VmView, of_vapp: bool) -> Record {
    let spec = world.cloud.flavor(&vm.flavor).map(|flavor| flavor.spec);
    let spec = spec.unwrap_or_default();
    let busy = vm.op.is_some().to_string();
    let deployed = vapp::is_deployed(vm).to_string();
    let vdc = &world.settings.vcloud.vdc;
    let own = vapp::href(ctx, &vm.id);
    let mut record: Record = vec![
        ("name", vm.name.to_string()),
        ("status", vapp::record_status(world, vm).to_owned()),
        ("isBusy", busy),
        ("isDeployed", deployed),
        ("vdc", vdc_href(ctx)),
        ("numberOfCpus", spec.vcpus.to_string()),
    ];
    if of_vapp {
        record.extend([
            ("vdcName", vdc.clone()),
            ("ownerName", ctx.user.clone()),
            ("creationDate", world.at(vm.created).to_string()),
            ("isEnabled", "true".to_owned()),
            ("isPublic", "false".to_owned()),
            ("isExpired", "false".to_owned()),
            ("isInMaintenanceMode", "false".to_owned()),
            ("numberOfVMs", "1".to_owned()),
            ("memoryAllocationMB", spec.memory_mb.to_string()),
            (
                "storageKB",
                spec.root_disk_mb.saturating_mul(1024).to_string(),
            ),
            ("container", own.clone()),
            ("href", own),
        ]);
    } else {
        let nic = vm.interfaces.first();
        let networks = usable(world, ctx);
        let network = nic.and_then(|nic| networks.iter().find(|known| known.id == nic.network));
        record.extend([
            ("container", own),
            ("containerName", vm.name.to_string()),
            ("memoryMB", spec.memory_mb.to_string()),
            ("guestOs", "Other Linux (64-bit)".to_owned()),
            ("hardwareVersion", "8".to_owned()),
            ("isVAppTemplate", "false".to_owned()),
            ("isDeleted", "false".to_owned()),
            ("isPublished", "false".to_owned()),
            (
                "networkName",
                network.map(|known| known.name.clone()).unwrap_or_default(),
            ),
            (
                "ipAddress",
                nic.map(|nic| nic.ip_address.clone()).unwrap_or_default(),
            ),
            ("href", vapp::vm_href(ctx, &vm.id)),
        ]);
    }
    record
}

fn records(world: &World, ctx: &Ctx, kind: &str) -> Vec<Record> {
    let vdc = &world.settings.vcloud.vdc;
    let catalog = &world.settings.vcloud.catalog;
    let images = || world.cloud.images().into_iter();
    match kind {
        "vApp" | "vm" => {
            let mine = world.cloud.all_vms();
            let mine = mine.filter(|vm| vm.tenant.as_ref() == Some(&ctx.org));
            mine.map(|vm| of_vm(world, ctx, &vm, kind == "vApp"))
                .collect()
        }
        "vAppTemplate" => images()
            .map(|image| {
                vec![
                    ("name", image.spec.name),
                    ("status", "RESOLVED".to_owned()),
                    ("vdc", vdc_href(ctx)),
                    ("vdcName", vdc.clone()),
                    ("catalogName", catalog.clone()),
                    ("ownerName", "system".to_owned()),
                    ("isPublished", image.spec.public.to_string()),
                    ("isEnabled", "true".to_owned()),
                    ("isExpired", "false".to_owned()),
                    ("isBusy", "false".to_owned()),
                    ("href", template_href(ctx, &image.id)),
                ]
            })
            .collect(),
        "orgVdc" => vec![vec![
            ("name", vdc.clone()),
            ("orgName", ctx.org_name.clone()),
            ("status", "READY".to_owned()),
            ("isEnabled", "true".to_owned()),
            ("href", vdc_href(ctx)),
        ]],
        "catalog" => vec![vec![
            ("name", catalog.clone()),
            ("orgName", ctx.org_name.clone()),
            ("isPublished", "false".to_owned()),
            ("isShared", "false".to_owned()),
            ("numberOfVAppTemplates", images().count().to_string()),
            ("href", catalog_href(ctx)),
        ]],
        _ => usable(world, ctx)
            .into_iter()
            .map(|network| {
                let href = network_href(ctx, &network.id);
                let subnet = network.subnets.first();
                vec![
                    ("name", network.name.clone()),
                    (
                        "gateway",
                        subnet
                            .map(|subnet| subnet.gateway.clone())
                            .unwrap_or_default(),
                    ),
                    ("isBusy", "false".to_owned()),
                    ("isIpScopeInherited", "false".to_owned()),
                    ("href", href),
                ]
            })
            .collect(),
    }
}

fn value<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let mut attributes = record.iter();
    attributes
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.as_str())
}

/// `*` stands for anything.
fn alike(text: &str, wanted: &str) -> bool {
    let mut parts = wanted.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// One comparison: `name==a*`, `memoryMB=gt=512`.
fn compares(record: &Record, text: &str) -> Result<bool, Refusal> {
    // the longer signs first: `=ge=` holds no other
    for sign in ["=lt=", "=le=", "=gt=", "=ge=", "==", "!="] {
        let Some((name, wanted)) = text.split_once(sign) else {
            continue;
        };
        let Some(own) = value(record, name) else {
            return Err(bad(format!(
                "The filter attribute '{name}' does not exist."
            )));
        };
        let order = match (own.parse::<f64>(), wanted.parse::<f64>()) {
            (Ok(own), Ok(wanted)) => own.total_cmp(&wanted),
            _ => own.cmp(wanted),
        };
        return Ok(match sign {
            "==" => alike(own, wanted),
            "!=" => !alike(own, wanted),
            "=lt=" => order.is_lt(),
            "=le=" => order.is_le(),
            "=gt=" => order.is_gt(),
            _ => order.is_ge(),
        });
    }
    Err(bad(format!("The filter '{text}' is not well formed.")))
}

/// Without the parentheses around all of it.
fn plain(text: &str) -> &str {
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let Some(inner) = inner else {
        return text;
    };
    let mut depth = 0_i32;
    for c in inner.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return text;
        }
    }
    inner
}

/// Alternatives by `,`, of conditions that all hold by `;`; parentheses around all of it, or around one.
fn fits(record: &Record, filter: &str) -> Result<bool, Refusal> {
    let whole = plain(filter);
    for part in whole.split(',') {
        let mut all = true;
        for one in part.split(';') {
            let one = plain(one);
            if one.contains(['(', ')']) {
                return Err(bad(format!("The filter '{filter}' is not simulated.")));
            }
            all &= compares(record, one)?;
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

fn number(request: &Request, name: &str, otherwise: usize) -> Result<usize, Refusal> {
    match request.param(name) {
        None => Ok(otherwise),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| {
                bad(format!(
                    "The value '{text}' of {name} is not a number above 0."
                ))
            }),
    }
}

/// `GET /api/query?type=...`, and the typed ones.
pub fn answer(world: &World, request: &Request, ctx: &Ctx, kind: &str) -> Done {
    if ctx.version == ApiVersion::V1_0 {
        return Err(no_access(&["query"]));
    }
    let Some(element) = element(kind) else {
        let words = format!("The query type '{kind}' is not simulated.");
        return Err(bad(words));
    };
    let mut all = records(world, ctx, kind);
    if let Some(filter) = request.param("filter").filter(|filter| !filter.is_empty()) {
        let mut kept = Vec::new();
        for record in all {
            if fits(&record, filter)? {
                kept.push(record);
            }
        }
        all = kept;
    }
    for (param, up) in [("sortAsc", true), ("sortDesc", false)] {
        let Some(name) = request.param(param) else {
            continue;
        };
        if all
            .first()
            .is_some_and(|first| value(first, name).is_none())
        {
            return Err(bad(format!("The sort attribute '{name}' does not exist.")));
        }
        all.sort_by(|a, b| match up {
            true => value(a, name).cmp(&value(b, name)),
            false => value(b, name).cmp(&value(a, name)),
        });
    }
    let size = number(request, "pageSize", 25)?.min(MOST);
    let page = number(request, "page", 1)?;
    let total = all.len();
    let skipped = (page - 1).saturating_mul(size);
    let part = all.into_iter().skip(skipped).take(size);
    let references = match request.param("format") {
        None | Some("records" | "idrecords") => false,
        Some("references") => true,
        Some(other) => return Err(bad(format!("The format '{other}' does not exist."))),
    };
    let fields: Option<Vec<&str>> = request
        .param("fields")
        .map(|text| text.split(',').collect());
    let name = element.trim_end_matches("Record");
    let (root, media) = match references {
        true => (format!("{name}References"), "query.references"),
        false => ("QueryResultRecords".to_owned(), "query.records"),
    };
    let media = media_type(media);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{}\" total=\"{total}\" page=\"{page}\" pageSize=\"{size}\" name=\"{kind}\" type=\"{media}\">",
        ctx.version.namespace(),
    );
    for (rel, to) in [("previousPage", page - 1), ("nextPage", page + 1)] {
        if to == 0 || (to > page && skipped.saturating_add(size) >= total) {
            continue;
        }
        let href = address(request, kind, to, size);
        text.push_str(&format!(
            "<Link rel=\"{rel}\" type=\"{media}\" href=\"{}\"/>",
            escape_attr(&href)
        ));
    }
    for record in part {
        let kept = |name: &str| match (references, &fields) {
            (true, _) => matches!(name, "name" | "href"),
            (false, Some(fields)) => name == "href" || fields.contains(&name),
            (false, None) => true,
        };
        let tag = if references {
            format!("{name}Reference")
        } else {
            element.to_owned()
        };
        text.push_str(&format!("<{tag}"));
        for (name, value) in record.iter().filter(|(name, _)| kept(name)) {
            text.push_str(&format!(" {name}=\"{}\"", escape_attr(value)));
        }
        text.push_str("/>");
    }
    text.push_str(&format!("</{root}>"));
    Ok(Reply::text(
        200,
        &format!("{media};version={}", ctx.version),
        text,
    ))
}

/// The address of another page.
fn address(request: &Request, kind: &str, page: usize, size: usize) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let kept = request.query.iter();
    let kept = kept.filter(|(key, _)| !matches!(key.as_str(), "type" | "page" | "pageSize"));
    let kept: String = kept
        .map(|(key, value)| format!("&{}={}", encode(key), encode(value)))
        .collect();
    format!(
        "{}/api/query?type={kind}&page={page}&pageSize={size}{kept}",
        request.base
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_compare_and_combine() {
        let record: Record = vec![
            ("name", "web-1".to_owned()),
            ("memoryMB", "2048".to_owned()),
        ];
        for (filter, wanted) in [
            ("name==web-1", true),
            ("(name==web-1)", true),
            ("name==web*", true),
            ("name==*-1", true),
            ("name==w*b*1", true),
            ("name==w*c*1", false),
            ("name==web", false),
            ("name!=web", true),
            ("memoryMB=gt=512", true),
            ("memoryMB=lt=512", false),
            ("memoryMB=ge=2048;name==x", false),
            ("name==x,memoryMB=le=2048", true),
            ("(name==x,name==web-1)", true),
            ("(name==web-1);(memoryMB==2048)", true),
        ] {
            assert_eq!(fits(&record, filter).unwrap(), wanted, "{filter}");
        }
        for bad in ["color==red", "name", "((name==a);(name==b)),name==c"] {
            assert!(fits(&record, bad).is_err(), "{bad}");
        }
    }
}
