//! Configuration tree -> the VIMs there are ([`ConnectorSpec`]).

use crate::datastore::{NodeRef, Tree};
use crate::model::connector::{ConnectorSpec, SecretRef};

/// Every connector, in order of id.
pub fn connectors(tree: &Tree) -> Vec<ConnectorSpec> {
    let Some(list) = container(tree) else {
        return Vec::new();
    };
    list.entries("vim_connector").map(read).collect()
}

/// The same, if it is not what it was; costs nothing when nobody touched it (P1).
pub fn changed(old: &Tree, new: &Tree) -> Option<Vec<ConnectorSpec>> {
    let same = match (container(old), container(new)) {
        (None, None) => true,
        (Some(old), Some(new)) => old.node().ptr_eq(new.node()),
        _ => false,
    };
    (!same).then(|| connectors(new))
}

fn container(tree: &Tree) -> Option<NodeRef<'_>> {
    tree.view()
        .container("esc_datamodel")?
        .container("vim_connectors")
}

fn read(view: NodeRef<'_>) -> ConnectorSpec {
    let text = |name: &str| view.explicit(name).map(str::to_owned);
    let file = text("lifeline:password-file").map(SecretRef::File);
    let properties = view.container("properties");
    let pairs = properties
        .into_iter()
        .flat_map(|properties| properties.entries("property"))
        .filter_map(|pair| {
            let name = pair.text("name")?.to_owned();
            Some((name, pair.text("value").unwrap_or_default().to_owned()))
        });
    ConnectorSpec {
        id: text("id").unwrap_or_default(),
        kind: text("type").unwrap_or_default(),
        url: text("lifeline:url"),
        user: text("lifeline:user"),
        tenant: text("lifeline:tenant"),
        secret: file.or_else(|| text("lifeline:password-environment").map(SecretRef::Environment)),
        properties: pairs.collect(),
    }
}
