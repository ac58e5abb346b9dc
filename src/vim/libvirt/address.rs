//! Interfaces of a new VM: what each is attached to, and which address it gets where libvirt hands them out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::core::Core;
use super::link::{Fault, FaultKind};
use super::network::BRIDGE;
use super::xml::{Attachment, Card, NetworkDoc, Nic, first_free, host_entry};
use crate::engine::port::InterfaceRequest;

/// A MAC address that is the same for the same interface of the same VM, from the range QEMU's own lie in.
fn mac_of(uuid: &str, nicid: u32) -> String {
    let name = format!("{uuid}/{nicid}");
    let made = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes());
    let [a, b, c, ..] = *made.as_bytes();
    format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
}

impl Core {
    /// Adds all reservations of a VM, or takes them away.
    pub async fn reserve_all(&self, card: &Card, add: bool) -> Result<(), Fault> {
        for nic in card.nics.iter().filter(|nic| nic.reserved) {
            let Ok(ip) = nic.ip.parse::<IpAddr>() else {
                continue;
            };
            let entry = host_entry(&nic.mac, ip);
            let network = nic.network.clone();
            let limit = self.settings.call_timeout();
            self.session
                .ask(limit, move |link| link.reserve(&network, &entry, add))
                .await?;
        }
        Ok(())
    }

    /// What each interface is attached to, and which address it gets.
    pub async fn nics(
        &self,
        uuid: &str,
        interfaces: &[InterfaceRequest],
    ) -> Result<(Vec<Nic>, Vec<(String, Attachment)>), Fault> {
        let mut interfaces: Vec<_> = interfaces.iter().collect();
        interfaces.sort_by_key(|interface| interface.nicid);
        let mut known: BTreeMap<String, (NetworkDoc, BTreeSet<IpAddr>)> = BTreeMap::new();
        let (mut nics, mut attached) = (Vec::new(), Vec::new());
        for wanted in interfaces {
            let mac = match &wanted.mac_address {
                Some(mac) => mac.to_ascii_lowercase(),
                None => mac_of(uuid, wanted.nicid),
            };
            let mut nic = Nic {
                nicid: wanted.nicid,
                kind: wanted.kind.clone(),
                mac: mac.clone(),
                network: String::new(),
                ip: wanted.ip_address.clone().unwrap_or_default(),
                reserved: false,
            };
            if let Some(bridge) = self.bridge(&wanted.network) {
                nic.network = format!("{BRIDGE}{bridge}");
                attached.push((mac, Attachment::Bridge(bridge)));
                nics.push(nic);
                continue;
            }
            if !known.contains_key(&wanted.network) {
                let found = self.network_and_leases(&wanted.network).await?;
                known.insert(wanted.network.clone(), found);
            }
            let Some((network, leased)) = known.get_mut(&wanted.network) else {
                continue;
            };
            nic.network.clone_from(&network.uuid);
            give_address(&mut nic, network, leased)?;
            attached.push((mac, Attachment::Network(network.name.clone())));
            nics.push(nic);
        }
        Ok((nics, attached))
    }

    /// The bridge of the host that a network's id or name stands for.
    pub fn bridge(&self, network: &str) -> Option<String> {
        let name = network.strip_prefix(BRIDGE).unwrap_or(network);
        self.connector
            .bridges
            .iter()
            .find(|bridge| *bridge == name)
            .cloned()
    }

    async fn network_and_leases(
        &self,
        network: &str,
    ) -> Result<(NetworkDoc, BTreeSet<IpAddr>), Fault> {
        let found = self.network_by(network).await?;
        let Some(doc) = found else {
            return Err(Fault::refused(format!("network [{network}] not found")));
        };
        let uuid = doc.uuid.clone();
        let leases = self.session.look(move |link| link.leases(&uuid)).await;
        let leases = match leases {
            Ok(leases) => leases,
            // not every hypervisor has a DHCP server of its own
            Err(fault) if matches!(fault.kind, FaultKind::Unsupported | FaultKind::NotNow) => {
                Vec::new()
            }
            Err(fault) => return Err(fault),
        };
        let leased = leases.iter().filter_map(|lease| lease.ip.parse().ok());
        Ok((doc, leased.collect()))
    }
}

/// Gives an interface the address it asks for, or a free one, where libvirt hands them out: it is known before
/// the guest runs, and the same after a redeploy.
fn give_address(
    nic: &mut Nic,
    network: &mut NetworkDoc,
    leased: &BTreeSet<IpAddr>,
) -> Result<(), Fault> {
    let name = network.name.clone();
    if nic.ip.is_empty() {
        let own = |block: &super::xml::Block| {
            let mut hosts = block.hosts.iter();
            let own = hosts.find(|(mac, _)| *mac == nic.mac).map(|(_, ip)| *ip);
            own.or_else(|| first_free(block, leased))
        };
        let serving = network.blocks.iter_mut().find(|block| block.reserves());
        let Some(block) = serving else {
            return Ok(());
        };
        let Some(ip) = own(block) else {
            return Err(Fault::refused(format!(
                "network [{name}] has no free address"
            )));
        };
        block.hosts.push((nic.mac.clone(), ip));
        nic.ip = ip.to_string();
        nic.reserved = true;
        return Ok(());
    }
    let ip: IpAddr = nic
        .ip
        .parse()
        .map_err(|_| Fault::refused(format!("[{}] is no address", nic.ip)))?;
    nic.ip = ip.to_string();
    let inside = network
        .block_of(ip)
        .map(|block| (block.address, block.prefix));
    let Some(block) = network
        .blocks
        .iter_mut()
        .find(|block| Some((block.address, block.prefix)) == inside)
    else {
        return Ok(());
    };
    let taken = block
        .hosts
        .iter()
        .any(|(mac, at)| *at == ip && *mac != nic.mac);
    if taken || ip == block.address {
        return Err(Fault::refused(format!(
            "address [{ip}] of network [{name}] is in use"
        )));
    }
    if block.reserves() {
        block.hosts.push((nic.mac.clone(), ip));
        nic.reserved = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::xml::read_network;
    use super::*;

    fn network() -> NetworkDoc {
        read_network(
            "<network><name>lan</name><uuid>u</uuid><ip address='10.0.0.1' prefix='29'><dhcp>
             <range start='10.0.0.2' end='10.0.0.4'/><host mac='52:54:00:00:00:01' ip='10.0.0.2'/></dhcp></ip>
             <ip address='10.9.0.1' prefix='24'/></network>",
        )
        .unwrap()
    }

    fn nic(mac: &str, ip: &str) -> Nic {
        Nic {
            nicid: 0,
            kind: "virtual".into(),
            mac: mac.into(),
            network: "u".into(),
            ip: ip.into(),
            reserved: false,
        }
    }

    #[test]
    fn addresses_are_given_once() {
        let mut network = network();
        let leased = BTreeSet::new();
        let mut give = |mac: &str, ip: &str| {
            let mut nic = nic(mac, ip);
            give_address(&mut nic, &mut network, &leased).map(|()| (nic.ip, nic.reserved))
        };
        assert_eq!(give("52:54:00:00:00:02", ""), Ok(("10.0.0.3".into(), true)));
        assert_eq!(
            give("52:54:00:00:00:01", ""),
            Ok(("10.0.0.2".into(), true)),
            "its own"
        );
        assert_eq!(
            give("52:54:00:00:00:03", "10.0.0.4"),
            Ok(("10.0.0.4".into(), true))
        );
        assert_eq!(
            give("52:54:00:00:00:05", "10.0.0.6"),
            Ok(("10.0.0.6".into(), true)),
            "beside the range"
        );
        assert_eq!(
            give("52:54:00:00:00:06", "10.9.0.9"),
            Ok(("10.9.0.9".into(), false)),
            "no DHCP there"
        );
        assert_eq!(
            give("52:54:00:00:00:06", "192.0.2.1"),
            Ok(("192.0.2.1".into(), false))
        );
        let no = |result: Result<_, Fault>| result.unwrap_err().text;
        assert!(no(give("52:54:00:00:00:07", "10.0.0.3")).contains("in use"));
        assert!(no(give("52:54:00:00:00:07", "10.0.0.1")).contains("in use"));
        assert!(no(give("52:54:00:00:00:07", "")).contains("no free address"));
        assert!(no(give("52:54:00:00:00:07", "x")).contains("no address"));
    }

    #[test]
    fn an_interface_has_the_same_mac_whenever_it_is_asked() {
        let mac = mac_of("u-1", 0);
        assert_eq!(mac, mac_of("u-1", 0));
        assert_ne!(mac, mac_of("u-1", 1));
        assert!(mac.starts_with("52:54:00:") && mac.len() == 17);
    }
}
