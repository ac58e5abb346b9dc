//! libvirt's XML, both ways, pure: domains, networks, volumes, capabilities, and our metadata in them.
//!
//! Format references: formatdomain, formatnetwork, formatstorage, formatcaps of libvirt's documentation.

mod capabilities;
mod card;
mod domain;
mod network;
mod volume;

pub use capabilities::{Host, read_capabilities};
pub use card::{Build, Card, Nic};
#[cfg(feature = "libvirt")]
pub use card::{NAMESPACE, PREFIX};
pub use domain::{Attachment, Disk, DiskKind, Domain, NewDomain, new_domain, read_domain, resized};
pub use network::{
    Block, Forward, NetworkCard, NetworkDoc, SubnetCard, first_free, host_entry, network_xml,
    read_network, subnet_card,
};
pub use volume::{Volume, bytes_of, read_pool, read_volume, volume_xml};

use super::link::Fault;
use crate::xml::{Element, parse_str};

/// Parses what libvirt gave.
///
/// # Errors
/// When it is no XML.
pub fn document(text: &str) -> Result<Element, Fault> {
    parse_str(text).map_err(|error| Fault::refused(format!("unreadable XML from libvirt: {error}")))
}

/// The trimmed text of a child element.
fn text_of(element: &Element, child: &str) -> Option<String> {
    let text = element.child("", child)?.text();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
pub(crate) fn golden(name: &str, actual: &str) {
    let path = format!(
        "{}/src/vim/libvirt/golden/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let actual = pretty(actual);
    if std::env::var_os("LIFELINE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        actual, expected,
        "{path} (LIFELINE_UPDATE_GOLDEN=1 writes it)"
    );
}

/// One element a line, so that a golden file can be read.
#[cfg(test)]
fn pretty(xml: &str) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    for part in xml.split_inclusive('>') {
        let (text, tag) = part.split_at(part.find('<').unwrap_or(0));
        depth -= usize::from(tag.starts_with("</"));
        match text.is_empty() {
            true => {
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
            }
            false => out.push_str(text),
        }
        out.push_str(tag);
        depth += usize::from(!tag.starts_with("</") && !tag.ends_with("/>"));
    }
    out.push('\n');
    out.trim_start().to_owned()
}
