//! Every call of the port.

use std::ffi::c_uint;
use std::io::Read;
use std::path::Path;
use std::ptr;

use super::super::link::{AddressSource, Fault, FaultKind, GuestAddress, Link, Listed, Way};
use super::super::xml::{NAMESPACE, PREFIX, host_entry, read_network};
use super::connection::Connection;
use super::events::uuid_of;
use super::ffi;
use super::handle::{Handle, check, copied, list, taken, text};

/// One way's bit.
fn bit(way: Way) -> c_uint {
    match way {
        Way::Agent => ffi::VIR_DOMAIN_GUEST_AGENT,
        Way::Acpi => ffi::VIR_DOMAIN_ACPI_POWER_BTN,
    }
}

// SAFETY of all calls below: the connection is open, handles are ours, strings live during the call.
impl Link for Connection {
    fn is_alive(&self) -> bool {
        unsafe { ffi::virConnectIsAlive(self.conn) == 1 }
    }

    fn capabilities(&self) -> Result<String, Fault> {
        taken(unsafe { ffi::virConnectGetCapabilities(self.conn) })
    }

    fn hostname(&self) -> Result<String, Fault> {
        taken(unsafe { ffi::virConnectGetHostname(self.conn) })
    }

    fn domains(&self) -> Result<Vec<Listed>, Fault> {
        let all = list(ffi::virDomainFree, |place| unsafe {
            ffi::virConnectListAllDomains(self.conn, place, 0)
        })?;
        let namespace = text(NAMESPACE)?;
        let mut listed = Vec::new();
        for domain in all {
            let uuid = uuid_of(domain.object)?;
            let card = taken(unsafe {
                ffi::virDomainGetMetadata(
                    domain.object,
                    ffi::VIR_DOMAIN_METADATA_ELEMENT,
                    namespace.as_ptr(),
                    0,
                )
            });
            let card = match card {
                Ok(card) => Some(card),
                // no metadata of ours; or it went between list and look
                Err(fault) if fault.kind == FaultKind::NotFound => None,
                Err(fault) => return Err(fault),
            };
            listed.push(Listed { uuid, card });
        }
        Ok(listed)
    }

    fn domain_xml(&self, uuid: &str, next_start: bool) -> Result<String, Fault> {
        let domain = self.domain(uuid)?;
        let flags = match next_start {
            true => ffi::VIR_DOMAIN_XML_INACTIVE | ffi::VIR_DOMAIN_XML_SECURE,
            false => 0,
        };
        taken(unsafe { ffi::virDomainGetXMLDesc(domain.object, flags) })
    }

    fn domain_state(&self, uuid: &str) -> Result<(i32, i32), Fault> {
        let (mut state, mut reason) = (0, 0);
        self.with_domain(uuid, |domain| unsafe {
            ffi::virDomainGetState(domain, &raw mut state, &raw mut reason, 0)
        })?;
        Ok((state, reason))
    }

    fn define_domain(&self, xml: &str) -> Result<(), Fault> {
        let xml = text(xml)?;
        let domain = unsafe { ffi::virDomainDefineXML(self.conn, xml.as_ptr()) };
        Handle::new(domain, ffi::virDomainFree).map(drop)
    }

    fn set_card(&self, uuid: &str, xml: &str) -> Result<(), Fault> {
        let (xml, key, namespace) = (text(xml)?, text(PREFIX)?, text(NAMESPACE)?);
        let domain = self.domain(uuid)?;
        let live = check(unsafe { ffi::virDomainIsActive(domain.object) })? == 1;
        let flags = match live {
            true => ffi::VIR_DOMAIN_AFFECT_LIVE | ffi::VIR_DOMAIN_AFFECT_CONFIG,
            false => ffi::VIR_DOMAIN_AFFECT_CONFIG,
        };
        check(unsafe {
            ffi::virDomainSetMetadata(
                domain.object,
                ffi::VIR_DOMAIN_METADATA_ELEMENT,
                xml.as_ptr(),
                key.as_ptr(),
                namespace.as_ptr(),
                flags,
            )
        })?;
        Ok(())
    }

    fn start(&self, uuid: &str) -> Result<(), Fault> {
        self.with_domain(uuid, |domain| unsafe { ffi::virDomainCreate(domain) })
            .map(drop)
    }

    fn resume(&self, uuid: &str) -> Result<(), Fault> {
        self.with_domain(uuid, |domain| unsafe { ffi::virDomainResume(domain) })
            .map(drop)
    }

    fn shutdown(&self, uuid: &str, way: Way) -> Result<(), Fault> {
        let call = |domain| unsafe { ffi::virDomainShutdownFlags(domain, bit(way)) };
        self.with_domain(uuid, call).map(drop)
    }

    fn reboot(&self, uuid: &str, way: Way) -> Result<(), Fault> {
        let call = |domain| unsafe { ffi::virDomainReboot(domain, bit(way)) };
        self.with_domain(uuid, call).map(drop)
    }

    fn reset(&self, uuid: &str) -> Result<(), Fault> {
        self.with_domain(uuid, |domain| unsafe { ffi::virDomainReset(domain, 0) })
            .map(drop)
    }

    fn destroy(&self, uuid: &str) -> Result<(), Fault> {
        self.with_domain(uuid, |domain| unsafe { ffi::virDomainDestroy(domain) })
            .map(drop)
    }

    fn undefine(&self, uuid: &str) -> Result<(), Fault> {
        let undefine = |flags| {
            self.with_domain(uuid, |domain| unsafe {
                ffi::virDomainUndefineFlags(domain, flags)
            })
        };
        match undefine(ffi::VIR_DOMAIN_UNDEFINE_ALL) {
            Err(fault) if fault.kind != FaultKind::NotFound && !fault.is_silence() => {
                undefine(ffi::VIR_DOMAIN_UNDEFINE_SOME).map(drop)
            }
            result => result.map(drop),
        }
    }

    fn addresses(&self, uuid: &str, source: AddressSource) -> Result<Vec<GuestAddress>, Fault> {
        let source = match source {
            AddressSource::Leases => 0,
            AddressSource::Agent => 1,
            AddressSource::Arp => 2,
        };
        let domain = self.domain(uuid)?;
        let mut all: *mut *mut ffi::virDomainInterface = ptr::null_mut();
        let length = check(unsafe {
            ffi::virDomainInterfaceAddresses(domain.object, &raw mut all, source, 0)
        })?;
        let mut found = Vec::new();
        for at in 0..usize::try_from(length).unwrap_or(0) {
            // SAFETY: libvirt filled `length` places, each with `naddrs` addresses.
            unsafe {
                let place = *all.add(at);
                if let Some(interface) = place.as_ref() {
                    for number in 0..interface.naddrs as usize {
                        let address = &*interface.addrs.add(number);
                        found.push(GuestAddress {
                            mac: copied(interface.hwaddr).to_ascii_lowercase(),
                            ip: copied(address.addr),
                            prefix: address.prefix,
                        });
                    }
                }
                ffi::virDomainInterfaceFree(place);
            }
        }
        // SAFETY: the list itself was allocated by malloc for us.
        unsafe { libc::free(all.cast()) };
        Ok(found)
    }

    fn agent_ping(&self, uuid: &str, seconds: i32) -> Result<(), Fault> {
        let command = text(r#"{"execute":"guest-ping"}"#)?;
        let domain = self.domain(uuid)?;
        taken(unsafe {
            ffi::virDomainQemuAgentCommand(domain.object, command.as_ptr(), seconds, 0)
        })
        .map(drop)
    }

    fn networks(&self) -> Result<Vec<String>, Fault> {
        let all = list(ffi::virNetworkFree, |place| unsafe {
            ffi::virConnectListAllNetworks(self.conn, place, 0)
        })?;
        let mut texts = Vec::new();
        for network in all {
            match taken(unsafe { ffi::virNetworkGetXMLDesc(network.object, 0) }) {
                Ok(text) => texts.push(text),
                // it went between list and look
                Err(fault) if fault.kind == FaultKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(texts)
    }

    fn network_xml(&self, uuid: &str) -> Result<String, Fault> {
        let network = self.network(uuid)?;
        taken(unsafe { ffi::virNetworkGetXMLDesc(network.object, 0) })
    }

    fn network_by_name(&self, name: &str) -> Result<String, Fault> {
        let name = text(name)?;
        let network = unsafe { ffi::virNetworkLookupByName(self.conn, name.as_ptr()) };
        let network = Handle::new(network, ffi::virNetworkFree)?;
        taken(unsafe { ffi::virNetworkGetXMLDesc(network.object, 0) })
    }

    fn define_network(&self, xml: &str) -> Result<(), Fault> {
        let xml = text(xml)?;
        let network = unsafe { ffi::virNetworkDefineXML(self.conn, xml.as_ptr()) };
        Handle::new(network, ffi::virNetworkFree).map(drop)
    }

    fn network_is_active(&self, uuid: &str) -> Result<bool, Fault> {
        let active = self.with_network(uuid, |network| unsafe { ffi::virNetworkIsActive(network) });
        Ok(active? == 1)
    }

    fn start_network(&self, uuid: &str) -> Result<(), Fault> {
        self.with_network(uuid, |network| unsafe { ffi::virNetworkCreate(network) })?;
        self.with_network(uuid, |network| unsafe {
            ffi::virNetworkSetAutostart(network, 1)
        })?;
        Ok(())
    }

    fn stop_network(&self, uuid: &str) -> Result<(), Fault> {
        self.with_network(uuid, |network| unsafe { ffi::virNetworkDestroy(network) })
            .map(drop)
    }

    fn undefine_network(&self, uuid: &str) -> Result<(), Fault> {
        self.with_network(uuid, |network| unsafe { ffi::virNetworkUndefine(network) })
            .map(drop)
    }

    fn reserve(&self, network: &str, host_xml: &str, add: bool) -> Result<(), Fault> {
        let entry = text(host_xml)?;
        let live = self.network_is_active(network)?;
        let flags = match live {
            true => ffi::VIR_NETWORK_UPDATE_AFFECT_LIVE | ffi::VIR_NETWORK_UPDATE_AFFECT_CONFIG,
            false => ffi::VIR_NETWORK_UPDATE_AFFECT_CONFIG,
        };
        let command = match add {
            true => ffi::VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
            false => ffi::VIR_NETWORK_UPDATE_COMMAND_DELETE,
        };
        let update = |network| unsafe {
            ffi::virNetworkUpdate(
                network,
                command,
                ffi::VIR_NETWORK_SECTION_IP_DHCP_HOST,
                -1,
                entry.as_ptr(),
                flags,
            )
        };
        match self.with_network(network, update) {
            Ok(_) => Ok(()),
            // The very same is there already.
            Err(fault) if add && fault.text.contains("there is an existing dhcp host entry") => {
                let there = self.network_xml(network)?;
                let doc = read_network(&there)?;
                let mut hosts = doc.blocks.iter().flat_map(|block| &block.hosts);
                match hosts.any(|(mac, ip)| host_entry(mac, *ip) == host_xml) {
                    true => Ok(()),
                    false => Err(fault),
                }
            }
            Err(fault) => Err(fault),
        }
    }

    fn leases(&self, network: &str) -> Result<Vec<GuestAddress>, Fault> {
        let network = self.network(network)?;
        let mut all: *mut *mut ffi::virNetworkDHCPLease = ptr::null_mut();
        let length = check(unsafe {
            ffi::virNetworkGetDHCPLeases(network.object, ptr::null(), &raw mut all, 0)
        })?;
        let mut found = Vec::new();
        for at in 0..usize::try_from(length).unwrap_or(0) {
            // SAFETY: libvirt filled `length` places.
            unsafe {
                let place = *all.add(at);
                if let Some(lease) = place.as_ref() {
                    found.push(GuestAddress {
                        mac: copied(lease.mac).to_ascii_lowercase(),
                        ip: copied(lease.ipaddr),
                        prefix: lease.prefix,
                    });
                }
                ffi::virNetworkDHCPLeaseFree(place);
            }
        }
        // SAFETY: the list itself was allocated by malloc for us.
        unsafe { libc::free(all.cast()) };
        Ok(found)
    }

    fn pool_xml(&self, pool: &str) -> Result<String, Fault> {
        let pool = self.pool(pool)?;
        taken(unsafe { ffi::virStoragePoolGetXMLDesc(pool.object, 0) })
    }

    fn refresh_pool(&self, pool: &str) -> Result<(), Fault> {
        let pool = self.pool(pool)?;
        check(unsafe { ffi::virStoragePoolRefresh(pool.object, 0) }).map(drop)
    }

    fn volumes(&self, pool: &str) -> Result<Vec<String>, Fault> {
        let pool = self.pool(pool)?;
        let all = list(ffi::virStorageVolFree, |place| unsafe {
            ffi::virStoragePoolListAllVolumes(pool.object, place, 0)
        })?;
        let name = |volume: &Handle<_>| copied(unsafe { ffi::virStorageVolGetName(volume.object) });
        Ok(all.iter().map(name).collect())
    }

    fn volume_xml(&self, pool: &str, name: &str) -> Result<String, Fault> {
        let volume = self.volume(pool, name)?;
        taken(unsafe { ffi::virStorageVolGetXMLDesc(volume.object, 0) })
    }

    fn create_volume(&self, pool: &str, xml: &str) -> Result<(), Fault> {
        let pool = self.pool(pool)?;
        let xml = text(xml)?;
        let volume = unsafe { ffi::virStorageVolCreateXML(pool.object, xml.as_ptr(), 0) };
        Handle::new(volume, ffi::virStorageVolFree).map(drop)
    }

    fn clone_volume(&self, pool: &str, xml: &str, source: &str) -> Result<(), Fault> {
        let source = self.volume(pool, source)?;
        let pool = self.pool(pool)?;
        let xml = text(xml)?;
        let volume =
            unsafe { ffi::virStorageVolCreateXMLFrom(pool.object, xml.as_ptr(), source.object, 0) };
        Handle::new(volume, ffi::virStorageVolFree).map(drop)
    }

    fn resize_volume(&self, pool: &str, name: &str, bytes: u64) -> Result<(), Fault> {
        let volume = self.volume(pool, name)?;
        check(unsafe { ffi::virStorageVolResize(volume.object, bytes, 0) }).map(drop)
    }

    fn upload(&self, pool: &str, name: &str, file: &Path) -> Result<(), Fault> {
        let told = |error: std::io::Error| Fault::refused(format!("{}: {error}", file.display()));
        let mut from = std::fs::File::open(file).map_err(told)?;
        let length = from.metadata().map_err(told)?.len();
        let volume = self.volume(pool, name)?;
        let stream = unsafe { ffi::virStreamNew(self.conn, 0) };
        let stream = Handle::new(stream, ffi::virStreamFree)?;
        check(unsafe { ffi::virStorageVolUpload(volume.object, stream.object, 0, length, 0) })?;
        let mut send = || {
            let mut buffer = vec![0; 256 * 1024];
            loop {
                let read = from.read(&mut buffer).map_err(told)?;
                let mut rest = buffer.get(..read).unwrap_or_default();
                if rest.is_empty() {
                    return Ok(());
                }
                while !rest.is_empty() {
                    let sent = check(unsafe {
                        ffi::virStreamSend(stream.object, rest.as_ptr().cast(), rest.len())
                    })?;
                    rest = rest
                        .get(usize::try_from(sent).unwrap_or(0)..)
                        .unwrap_or_default();
                }
            }
        };
        match send() {
            Ok(()) => check(unsafe { ffi::virStreamFinish(stream.object) }).map(drop),
            Err(fault) => {
                unsafe { ffi::virStreamAbort(stream.object) };
                Err(fault)
            }
        }
    }

    fn delete_volume(&self, pool: &str, name: &str) -> Result<(), Fault> {
        let volume = self.volume(pool, name)?;
        check(unsafe { ffi::virStorageVolDelete(volume.object, 0) }).map(drop)
    }
}
