//! [`Event`] -> the bodies that are stored and sent: pure ESC on `escEvent`, with our elements on `NETCONF`.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::words;
use crate::model::event::{Event, EventStatus, InterfaceInfo, VmRef};
use crate::proto::esc::{EscEvent, EscInterface, EscStatus, EscVm};
use crate::store::NewEvent;
use crate::xml::Writer;

/// Our own namespace, of everything that augments the ESC model.
pub const LIFELINE_NS: &str = "urn:lifeline:yang:lifeline";

/// Events written since the process began.
static ENCODINGS: AtomicU64 = AtomicU64::new(0);

/// How many events this process has written; one for each event, however many subscribers there are (P3).
pub fn encodings() -> u64 {
    ENCODINGS.load(Ordering::Relaxed)
}

/// Writes events, once each, before they are stored (P3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Encoder {
    /// Whether stream `escEvent` carries our elements too (setting `esc-extensions`).
    pub esc_extensions: bool,
}

impl Encoder {
    /// Both bodies of an event.
    pub fn encode(self, event: &Event) -> NewEvent {
        ENCODINGS.fetch_add(1, Ordering::Relaxed);
        let mut wire = wire(event);
        let plain = Bytes::from(wire.encode());
        wire.extensions = extensions(event);
        let netconf = match wire.extensions {
            None => plain.clone(),
            Some(_) => Bytes::from(wire.encode()),
        };
        let esc = match self.esc_extensions {
            true => netconf.clone(),
            false => plain,
        };
        NewEvent {
            esc: Some(esc),
            netconf: Some(netconf),
            lcm: None,
        }
    }
}

fn wire(event: &Event) -> EscEvent {
    EscEvent {
        status: match event.status {
            EventStatus::Success => EscStatus::Success,
            EventStatus::Failure => EscStatus::Failure,
        },
        status_code: event.code,
        status_message: event.message.clone(),
        network: event.resource.network.clone(),
        subnet: event.resource.subnet.clone(),
        image: event.resource.image.clone(),
        flavor: event.resource.flavor.clone(),
        depname: event.deployment.clone(),
        tenant: event.tenant.clone(),
        tenant_id: event.tenant_id.as_ref().map(ToString::to_string),
        svcid: event.deployment.as_ref().map(|_| "NULL".to_owned()),
        depid: event.deployment_id.as_ref().map(ToString::to_string),
        vm_group: event.vm_group.clone(),
        vm_source: vm(event.source.as_ref()),
        vm_target: vm(event.target.as_ref()),
        event_type: words::event_type(event.kind).to_owned(),
        extensions: None,
    }
}

fn vm(vm: Option<&VmRef>) -> EscVm {
    let Some(vm) = vm else {
        return EscVm::default();
    };
    EscVm {
        vmid: filled(vm.vm_id.as_str()),
        hostid: filled(&vm.host_id),
        hostname: filled(&vm.host_name),
        interfaces: vm.interfaces.iter().map(interface).collect(),
    }
}

fn interface(interface: &InterfaceInfo) -> EscInterface {
    EscInterface {
        nicid: interface.nicid,
        kind: filled(&interface.kind),
        port_id: filled(&interface.port_id),
        network: filled(&interface.network),
        subnet: filled(&interface.subnet),
        ip_address: filled(&interface.ip_address),
        mac_address: filled(&interface.mac_address),
        netmask: filled(&interface.netmask),
        gateway: filled(&interface.gateway),
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn extensions(event: &Event) -> Option<String> {
    let mut out = Writer::new();
    if let Some(id) = &event.op_id {
        out.open(LIFELINE_NS, "operation-id");
        out.text(id.as_str());
        out.end();
    }
    let mut pair = |element: &str, leaves: [(&str, &str); 2]| {
        out.open(LIFELINE_NS, element);
        leaves
            .iter()
            .for_each(|(name, value)| out.leaf(name, value));
        out.end();
    };
    if let Some(op) = &event.vim_op {
        pair("vim-operation", [("vim", &op.vim), ("id", &op.id)]);
    }
    if let Some(reason) = &event.reason {
        pair(
            "failure-reason",
            [("code", &reason.code), ("text", &reason.text)],
        );
    }
    let text = out.finish();
    (!text.is_empty()).then_some(text)
}
