//! What the driver asks of libvirt: a blocking port of its own, so that all above it is tested without libvirt.
//!
//! `virt.rs` (feature `libvirt`) is the real one. Every method may block for long: `session.rs` calls them on
//! threads of their own, with a time limit.

use std::path::Path;
use std::sync::Arc;

use crate::engine::port::VimError;

/// How a call failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// There is no such domain, network, pool or volume.
    NotFound,
    /// There is one already.
    Exists,
    /// Not in this state.
    NotNow,
    /// This hypervisor cannot do it.
    Unsupported,
    /// The guest's agent refused or does not answer.
    Agent,
    /// No, for any other reason.
    Refused,
    /// The connection broke, or no answer came in time: it may have happened.
    Lost,
    /// It did not reach libvirt.
    Down,
}

/// A failed call, in libvirt's own words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// How.
    pub kind: FaultKind,
    /// libvirt's message.
    pub text: String,
}

impl Fault {
    /// A fault.
    pub fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// A fault of ours, found before libvirt was asked.
    pub fn refused(text: impl Into<String>) -> Self {
        Self::new(FaultKind::Refused, text)
    }

    /// Whether nobody knows what happened.
    pub fn is_silence(&self) -> bool {
        matches!(self.kind, FaultKind::Lost | FaultKind::Down)
    }

    /// The line that events and histories show.
    pub fn line(&self) -> String {
        format!("libvirt: {}", self.text.trim())
    }
}

impl From<Fault> for VimError {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            FaultKind::Lost => Self::Unknown(fault.line()),
            FaultKind::Down => Self::Down(fault.line()),
            _ => Self::Refused(vec![fault.line()]),
        }
    }
}

/// What a failed call means, from libvirt's error number (`virErrorNumber`), its source (`virErrorDomain`) and
/// its message. Numbers are part of libvirt's stable interface (virterror.h).
pub fn classify(number: i32, source: i32, message: &str) -> FaultKind {
    const FROM_RPC: i32 = 7;
    const SYSTEM_ERROR: i32 = 38;
    match (number, source) {
        // The library's own client lost its socket.
        (39, _) | (SYSTEM_ERROR, FROM_RPC) | (6, _) => FaultKind::Lost,
        (1, _) if message.contains("client socket is closed") => FaultKind::Lost,
        (5 | 45 | 94, _) => FaultKind::Down,
        (42 | 43 | 49 | 50 | 80, _) => FaultKind::NotFound,
        (28 | 37 | 90, _) => FaultKind::Exists,
        (55 | 87, _) => FaultKind::NotNow,
        (3 | 67 | 74 | 84, _) => FaultKind::Unsupported,
        (86 | 97 | 111 | 112, _) => FaultKind::Agent,
        _ if message.contains("QEMU agent") || message.contains("guest agent") => FaultKind::Agent,
        _ => FaultKind::Refused,
    }
}

/// What libvirt tells by itself about one domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DomainEvent {
    /// Its life: `virDomainEventType` and its detail.
    Lifecycle(i32, i32),
    /// The guest was reset, from inside or outside.
    Reboot,
    /// The agent's channel is open (`true`) or closed.
    Agent(bool),
}

/// What libvirt tells by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkEvent {
    /// Something happened to a domain.
    Domain {
        /// Its UUID.
        uuid: String,
        /// What.
        event: DomainEvent,
    },
    /// The connection of this generation is closed.
    Closed {
        /// Which.
        generation: u64,
    },
}

/// Takes what libvirt tells; called from the event loop's thread, must not block.
pub type EventSink = Arc<dyn Fn(LinkEvent) + Send + Sync>;

/// How a guest is asked to go down or come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// By the agent inside the guest.
    Agent,
    /// By the power button.
    Acpi,
}

/// Who is asked for a guest's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressSource {
    /// libvirt's own DHCP servers.
    Leases,
    /// The agent.
    Agent,
    /// The host's neighbour table.
    Arp,
}

/// One address of a guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestAddress {
    /// MAC address of the interface, lower case.
    pub mac: String,
    /// Address.
    pub ip: String,
    /// Prefix length.
    pub prefix: u32,
}

/// A domain in the list of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its UUID.
    pub uuid: String,
    /// Its metadata of ours, `None` for somebody else's domain.
    pub card: Option<String>,
}

/// One connection to libvirt. UUIDs and names select what is meant; XML goes in and out as libvirt has it.
pub trait Link: Send + Sync {
    /// Whether the connection still stands; does not ask the other side.
    fn is_alive(&self) -> bool;
    /// The host and what it can run.
    fn capabilities(&self) -> Result<String, Fault>;
    /// The host's name.
    fn hostname(&self) -> Result<String, Fault>;

    /// All domains.
    fn domains(&self) -> Result<Vec<Listed>, Fault>;
    /// A domain's XML: of the running one, or of what will be started next.
    fn domain_xml(&self, uuid: &str, next_start: bool) -> Result<String, Fault>;
    /// A domain's state and reason.
    fn domain_state(&self, uuid: &str) -> Result<(i32, i32), Fault>;
    /// Defines or redefines a domain.
    fn define_domain(&self, xml: &str) -> Result<(), Fault>;
    /// Writes our metadata into a domain.
    fn set_card(&self, uuid: &str, xml: &str) -> Result<(), Fault>;
    /// Starts a domain that is off.
    fn start(&self, uuid: &str) -> Result<(), Fault>;
    /// Lets a paused domain go on.
    fn resume(&self, uuid: &str) -> Result<(), Fault>;
    /// Asks the guest to go down.
    fn shutdown(&self, uuid: &str, way: Way) -> Result<(), Fault>;
    /// Asks the guest to reboot.
    fn reboot(&self, uuid: &str, way: Way) -> Result<(), Fault>;
    /// Presses the reset button.
    fn reset(&self, uuid: &str) -> Result<(), Fault>;
    /// Takes the power away.
    fn destroy(&self, uuid: &str) -> Result<(), Fault>;
    /// Forgets a domain that is off, with its saved states.
    fn undefine(&self, uuid: &str) -> Result<(), Fault>;
    /// A guest's addresses.
    fn addresses(&self, uuid: &str, source: AddressSource) -> Result<Vec<GuestAddress>, Fault>;
    /// Asks the agent for a sign of life.
    fn agent_ping(&self, uuid: &str, seconds: i32) -> Result<(), Fault>;

    /// XML of all networks.
    fn networks(&self) -> Result<Vec<String>, Fault>;
    /// A network's XML, by UUID.
    fn network_xml(&self, uuid: &str) -> Result<String, Fault>;
    /// A network's XML, by name.
    fn network_by_name(&self, name: &str) -> Result<String, Fault>;
    /// Defines or redefines a network.
    fn define_network(&self, xml: &str) -> Result<(), Fault>;
    /// Whether a network is active.
    fn network_is_active(&self, uuid: &str) -> Result<bool, Fault>;
    /// Starts a network, and at each start of the host.
    fn start_network(&self, uuid: &str) -> Result<(), Fault>;
    /// Stops a network.
    fn stop_network(&self, uuid: &str) -> Result<(), Fault>;
    /// Forgets a network.
    fn undefine_network(&self, uuid: &str) -> Result<(), Fault>;
    /// Adds (or takes away) a DHCP reservation, now and for later.
    fn reserve(&self, network: &str, host_xml: &str, add: bool) -> Result<(), Fault>;
    /// Addresses that the network's DHCP server has given out.
    fn leases(&self, network: &str) -> Result<Vec<GuestAddress>, Fault>;

    /// A storage pool's XML; it is started when it is not active.
    fn pool_xml(&self, pool: &str) -> Result<String, Fault>;
    /// Looks again at what lies in a pool.
    fn refresh_pool(&self, pool: &str) -> Result<(), Fault>;
    /// Names of a pool's volumes.
    fn volumes(&self, pool: &str) -> Result<Vec<String>, Fault>;
    /// A volume's XML.
    fn volume_xml(&self, pool: &str, name: &str) -> Result<String, Fault>;
    /// Makes a volume.
    fn create_volume(&self, pool: &str, xml: &str) -> Result<(), Fault>;
    /// Makes a volume with another one's content.
    fn clone_volume(&self, pool: &str, xml: &str, source: &str) -> Result<(), Fault>;
    /// Makes a volume larger.
    fn resize_volume(&self, pool: &str, name: &str, bytes: u64) -> Result<(), Fault>;
    /// Fills a volume from a file.
    fn upload(&self, pool: &str, name: &str, file: &Path) -> Result<(), Fault>;
    /// Removes a volume.
    fn delete_volume(&self, pool: &str, name: &str) -> Result<(), Fault>;
}

/// Opens connections.
pub trait Opener: Send + Sync {
    /// Opens one; what it tells goes to `sink`, its end under `generation`.
    fn open(&self, generation: u64, sink: EventSink) -> Result<Arc<dyn Link>, Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libvirts_errors_keep_their_meaning() {
        use FaultKind as K;
        let cases = [
            (
                42,
                10,
                "Domain not found: no domain with matching uuid",
                K::NotFound,
            ),
            (
                43,
                19,
                "Network not found: no network with matching name 'x'",
                K::NotFound,
            ),
            (50, 18, "Storage volume not found", K::NotFound),
            (80, 10, "metadata not found", K::NotFound),
            (90, 18, "storage volume 'x' exists already", K::Exists),
            (
                55,
                10,
                "Requested operation is not valid: domain is not running",
                K::NotNow,
            ),
            (
                3,
                12,
                "this function is not supported by the connection driver",
                K::Unsupported,
            ),
            (
                86,
                10,
                "Guest agent is not responding: QEMU guest agent is not connected",
                K::Agent,
            ),
            (
                1,
                10,
                "internal error: unable to execute QEMU agent command 'guest-shutdown': child process has failed to shutdown",
                K::Agent,
            ),
            (39, 7, "connection reset", K::Lost),
            (38, 7, "Cannot write data: Broken pipe", K::Lost),
            (
                38,
                7,
                "End of file while reading data: Input/output error",
                K::Lost,
            ),
            (1, 7, "internal error: client socket is closed", K::Lost),
            (
                38,
                38,
                "Failed to connect socket to '/run/x': No such file or directory",
                K::Refused,
            ),
            (
                1,
                10,
                "internal error: process exited while connecting to monitor",
                K::Refused,
            ),
        ];
        for (number, source, message, kind) in cases {
            assert_eq!(
                classify(number, source, message),
                kind,
                "{number} {message}"
            );
        }
    }

    #[test]
    fn a_fault_is_refused_unknown_or_down() {
        let of = |kind| VimError::from(Fault::new(kind, " no \n"));
        assert_eq!(
            of(FaultKind::NotNow),
            VimError::Refused(vec!["libvirt: no".into()])
        );
        assert_eq!(of(FaultKind::Lost), VimError::Unknown("libvirt: no".into()));
        assert_eq!(of(FaultKind::Down), VimError::Down("libvirt: no".into()));
    }
}
