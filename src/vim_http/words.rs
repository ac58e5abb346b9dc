//! Between the engine's words and those that several clouds share.

use crate::ids::CreateToken;
use crate::model::deployment::VolumeSpec;

/// Begins the description of what is made for a token.
const MADE_FOR: &str = "lifeline: ";
/// Longest name of a host (RFC 1035 section 2.3.1).
const LONGEST: usize = 63;

/// The description of a port or network made for a token.
pub fn made_for(token: &CreateToken) -> String {
    format!("{MADE_FOR}{token}")
}

/// Whether a description says that we made it.
pub fn is_ours(description: &str) -> bool {
    description.starts_with(MADE_FOR)
}

/// A create's token is `<logical name>.<generation>`.
pub fn logical(token: &CreateToken) -> &str {
    match token.as_str().rsplit_once('.') {
        Some((name, generation)) if generation.parse::<u32>().is_ok() => name,
        _ => token.as_str(),
    }
}

/// The place of a VM in its group, from its logical name `<deployment>_<group>_<index>_<uuid>`.
pub fn place(token: &CreateToken) -> usize {
    let place = logical(token).rsplit('_').nth(1);
    place.and_then(|place| place.parse().ok()).unwrap_or(0)
}

/// The netmask of an IPv4 network, the prefix length of an IPv6 one.
pub fn netmask(cidr: &str) -> String {
    let Some((address, length)) = cidr.split_once('/') else {
        return String::new();
    };
    match length.parse::<u32>() {
        Ok(length @ 0..=32) if !address.contains(':') => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            std::net::Ipv4Addr::from(mask).to_string()
        }
        _ => length.to_owned(),
    }
}

/// The prefix length of a netmask in either form.
pub fn prefix_length(netmask: &str) -> Option<u32> {
    if let Ok(length) = netmask.parse::<u32>() {
        return (length <= 128).then_some(length);
    }
    let mask = u32::from(netmask.parse::<std::net::Ipv4Addr>().ok()?);
    let length = mask.leading_ones();
    (mask.checked_shl(length).unwrap_or(0) == 0).then_some(length)
}

/// A volume's size in whole gibibytes.
pub fn gibibytes(volume: &VolumeSpec) -> u64 {
    let size = volume.size.unwrap_or(1);
    let gibibytes = match volume.size_unit.as_deref() {
        Some("MiB" | "MB") => size.div_ceil(1024),
        Some("TiB" | "TB") => size.saturating_mul(1024),
        _ => size,
    };
    gibibytes.max(1)
}

/// A name as a host may have it: letters, digits and hyphens, 63 at most; the end is kept, which tells VMs apart.
pub fn host_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let over = plain.len().saturating_sub(LONGEST - "vm-".len());
    let kept = plain.get(over..).unwrap_or_default().trim_matches('-');
    match kept.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => kept.to_owned(),
        _ => format!("vm-{kept}").trim_end_matches('-').to_owned(),
    }
}
