//! Organisation, data centre, catalog, templates, networks.

use super::super::http::Reply;
use super::super::world::World;
use super::{Ctx, Done, Refusal, document, no, vapp};
use crate::cloudsim::NetworkView;
use crate::proto::vcloud::{
    Capacity, Catalog, CatalogItem, Link, Org, OrgList, OrgNetwork, Reference, VAppTemplate, Vdc,
};

/// What is not there, and what is another's, look the same.
pub fn no_access(path: &[&str]) -> Refusal {
    let words = format!("No access to entity \"{}\".", path.join("/"));
    no(403, "ACCESS_TO_RESOURCE_IS_FORBIDDEN", words)
}

/// Address of the caller's organisation.
pub fn org_href(ctx: &Ctx) -> String {
    format!("{}/org/{}", ctx.root, ctx.org)
}

/// Address of its data centre.
pub fn vdc_href(ctx: &Ctx) -> String {
    format!("{}/vdc/{}", ctx.root, ctx.org)
}

/// Address of such a thing.
pub fn catalog_href(ctx: &Ctx) -> String {
    format!("{}/catalog/{}", ctx.root, ctx.org)
}

/// Address of such a thing.
pub fn template_href(ctx: &Ctx, id: &str) -> String {
    format!("{}/vAppTemplate/vappTemplate-{id}", ctx.root)
}

/// Address of such a thing.
pub fn network_href(ctx: &Ctx, id: &str) -> String {
    format!("{}/network/{id}", ctx.root)
}

/// `GET /api/org`.
pub fn orgs(ctx: &Ctx) -> Reply {
    let list = OrgList {
        orgs: vec![Reference::to("org", &ctx.org_name, org_href(ctx))],
    };
    document(200, "orgList", ctx.version, &list)
}

/// The networks that an organisation may use.
pub fn usable(world: &World, ctx: &Ctx) -> Vec<NetworkView> {
    let mut all = world.cloud.networks();
    all.retain(|network| network.shared || network.tenant.as_ref() == Some(&ctx.org));
    all
}

/// `GET .../org/{id}`.
pub fn org(world: &World, ctx: &Ctx) -> Reply {
    let settings = &world.settings.vcloud;
    let kind = OrgNetwork::kind(ctx.version);
    let mut links = vec![
        Link::to("down", "vdc", Some(&settings.vdc), vdc_href(ctx)),
        Link::to(
            "down",
            "catalog",
            Some(&settings.catalog),
            catalog_href(ctx),
        ),
        Link::to(
            "down",
            "tasksList",
            None,
            format!("{}/tasksList/{}", ctx.root, ctx.org),
        ),
    ];
    let networks = usable(world, ctx);
    links.extend(networks.iter().map(|network| {
        Link::to(
            "down",
            kind,
            Some(&network.name),
            network_href(ctx, &network.id),
        )
    }));
    let org = Org {
        href: org_href(ctx),
        name: ctx.org_name.clone(),
        full_name: ctx.org_name.clone(),
        links,
    };
    document(200, "org", ctx.version, &org)
}

/// `GET .../vdc/{id}`.
pub fn vdc(world: &World, ctx: &Ctx) -> Reply {
    let kind = OrgNetwork::kind(ctx.version);
    let mut entities: Vec<Reference> = world
        .cloud
        .images()
        .iter()
        .map(|image| {
            Reference::to(
                "vAppTemplate",
                &image.spec.name,
                template_href(ctx, &image.id),
            )
        })
        .collect();
    let (mut cpus, mut memory) = (0, 0);
    for vm in world.cloud.all_vms() {
        if vm.tenant.as_ref() != Some(&ctx.org) {
            continue;
        }
        if let Some(flavor) = world.cloud.flavor(&vm.flavor) {
            cpus += u64::from(flavor.spec.vcpus);
            memory += flavor.spec.memory_mb;
        }
        let href = vapp::href(ctx, &vm.id);
        entities.push(Reference::to("vApp", vm.name.as_str(), href));
    }
    let networks = usable(world, ctx);
    let networks = networks
        .iter()
        .map(|network| Reference::to(kind, &network.name, network_href(ctx, &network.id)));
    let capacity = |units: &str, used| {
        Some(Capacity {
            units: units.to_owned(),
            limit: 0,
            used,
        })
    };
    let instantiate = format!("{}/action/instantiateVAppTemplate", vdc_href(ctx));
    let vdc = Vdc {
        href: vdc_href(ctx),
        name: world.settings.vcloud.vdc.clone(),
        links: vec![
            Link::to("up", "org", Some(&ctx.org_name), org_href(ctx)),
            Link::to("add", "instantiateVAppTemplateParams", None, instantiate),
        ],
        allocation_model: Some("AllocationVApp".to_owned()),
        cpu: capacity("MHz", cpus * 1000),
        memory: capacity("MB", memory),
        entities,
        networks: networks.collect(),
    };
    document(200, "vdc", ctx.version, &vdc)
}

/// `GET .../catalog/{id}`.
pub fn catalog(world: &World, ctx: &Ctx) -> Reply {
    let images = world.cloud.images();
    let items = images.iter().map(|image| {
        let href = format!("{}/catalogItem/{}", ctx.root, image.id);
        Reference::to("catalogItem", &image.spec.name, href)
    });
    let catalog = Catalog {
        href: catalog_href(ctx),
        name: world.settings.vcloud.catalog.clone(),
        items: items.collect(),
    };
    document(200, "catalog", ctx.version, &catalog)
}

/// `GET .../catalogItem/{id}`.
pub fn catalog_item(world: &World, ctx: &Ctx, id: &str) -> Done {
    let image = world.cloud.image(id).filter(|image| image.id == id);
    let image = image.ok_or_else(|| no_access(&["catalogItem", id]))?;
    let item = CatalogItem {
        href: format!("{}/catalogItem/{id}", ctx.root),
        name: image.spec.name.clone(),
        entity: Reference::to("vAppTemplate", &image.spec.name, template_href(ctx, id)),
    };
    Ok(document(200, "catalogItem", ctx.version, &item))
}

/// `GET .../vAppTemplate/{id}`.
pub fn template(world: &World, ctx: &Ctx, shown: &str) -> Done {
    let id = shown.strip_prefix("vappTemplate-").unwrap_or(shown);
    let image = world.cloud.image(id).filter(|image| image.id == id);
    let image = image.ok_or_else(|| no_access(&["vAppTemplate", shown]))?;
    let vdc = &world.settings.vcloud.vdc;
    let template = VAppTemplate {
        href: template_href(ctx, id),
        links: vec![Link::to("up", "vdc", Some(vdc), vdc_href(ctx))],
        vms: vec![Reference::to(
            "vm",
            &image.spec.name,
            format!("{}/vAppTemplate/vm-{id}", ctx.root),
        )],
        name: image.spec.name,
    };
    Ok(document(200, "vAppTemplate", ctx.version, &template))
}

/// `GET .../network/{id}`.
pub fn network(world: &World, ctx: &Ctx, id: &str) -> Done {
    let found = usable(world, ctx)
        .into_iter()
        .find(|network| network.id == id);
    let found = found.ok_or_else(|| no_access(&["network", id]))?;
    let subnet = found.subnets.first();
    let network = OrgNetwork {
        href: network_href(ctx, id),
        name: found.name.clone(),
        fence_mode: "bridged".to_owned(),
        gateway: subnet.map(|subnet| subnet.gateway.clone()),
        netmask: subnet.and_then(|subnet| netmask(&subnet.cidr)),
    };
    let kind = OrgNetwork::kind(ctx.version);
    Ok(document(200, kind, ctx.version, &network))
}

fn netmask(cidr: &str) -> Option<String> {
    let length: u32 = cidr.split_once('/')?.1.parse().ok()?;
    let bits = u32::MAX
        .checked_shl(32_u32.checked_sub(length)?)
        .unwrap_or(0);
    Some(std::net::Ipv4Addr::from(bits).to_string())
}
