//! What a host can run.

use super::super::link::Fault;
use super::document;
use crate::xml::Element;

/// A host, and what domains on it are made as.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Host {
    /// Its UUID, empty when not told.
    pub uuid: String,
    /// `kvm`, `qemu`, `test`, ...
    pub domain_type: String,
    /// Architecture of the guests.
    pub arch: String,
}

/// Reads capabilities; `domain_type` and `arch`: what the connector insists on.
///
/// # Errors
/// When the host offers nothing that fits.
pub fn read_capabilities(
    text: &str,
    domain_type: Option<&str>,
    arch: Option<&str>,
) -> Result<Host, Fault> {
    let root = document(text)?;
    let host = root.child("", "host");
    let own = host
        .and_then(|host| host.child("", "cpu"))
        .and_then(|cpu| super::text_of(cpu, "arch"))
        .unwrap_or_default();
    let mut offers: Vec<(String, String)> = Vec::new();
    let guests = root.elements().filter(|guest| guest.is("", "guest"));
    for guest in guests.filter(|guest| super::text_of(guest, "os_type").as_deref() == Some("hvm")) {
        let Some(of) = guest.child("", "arch") else {
            continue;
        };
        let name = of.attr("", "name").unwrap_or_default();
        let types = of.elements().filter(|child| child.is("", "domain"));
        offers.extend(types.filter_map(|kind: &Element| {
            Some((name.to_owned(), kind.attr("", "type")?.to_owned()))
        }));
    }
    offers.retain(|(name, kind)| {
        arch.is_none_or(|arch| arch == name) && domain_type.is_none_or(|wanted| wanted == kind)
    });
    // The host's own architecture first, then the faster way to run it.
    let rank = |(name, kind): &(String, String)| {
        let speed = ["kvm", "hvf", "qemu"]
            .iter()
            .position(|known| known == kind);
        (*name != own, speed.unwrap_or(usize::MAX))
    };
    offers.sort_by_key(rank);
    let uuid = host
        .and_then(|host| super::text_of(host, "uuid"))
        .unwrap_or_default();
    match offers.into_iter().next() {
        Some((arch, domain_type)) => Ok(Host {
            uuid,
            domain_type,
            arch,
        }),
        None => Err(Fault::refused(format!(
            "the host runs no guests of type {} and architecture {}",
            domain_type.unwrap_or("any"),
            arch.unwrap_or("any")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QEMU: &str = "<capabilities><host><uuid>u-1</uuid><cpu><arch>x86_64</arch></cpu></host>
        <guest><os_type>hvm</os_type><arch name='i686'><wordsize>32</wordsize><domain type='qemu'/><domain type='kvm'/></arch></guest>
        <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
        <guest><os_type>xenpv</os_type><arch name='x86_64'><domain type='xen'/></arch></guest></capabilities>";

    #[test]
    fn the_hosts_own_architecture_and_the_faster_type_come_first() {
        let host = read_capabilities(QEMU, None, None).unwrap();
        assert_eq!(
            (&*host.uuid, &*host.arch, &*host.domain_type),
            ("u-1", "x86_64", "kvm")
        );
        let host = read_capabilities(QEMU, Some("qemu"), None).unwrap();
        assert_eq!((&*host.arch, &*host.domain_type), ("x86_64", "qemu"));
        let host = read_capabilities(QEMU, None, Some("i686")).unwrap();
        assert_eq!((&*host.arch, &*host.domain_type), ("i686", "kvm"));
        for (kind, arch) in [(Some("xen"), None), (None, Some("s390x"))] {
            let fault = read_capabilities(QEMU, kind, arch).unwrap_err();
            assert!(fault.text.starts_with("the host runs no guests"), "{fault}");
        }
        assert!(read_capabilities("<x", None, None).is_err());
    }
}
