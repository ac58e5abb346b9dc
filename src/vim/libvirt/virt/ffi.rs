//! The part of libvirt's C interface that the driver uses, by hand (libvirt.h, virterror.h, libvirt-qemu.h).
//!
//! libvirt never changes a signature, a structure or a constant that it has published; each function here is in
//! libvirt 6.0 and newer. Why not the crates `virt` and `virt-sys`: docs/decisions/0021.

#![allow(non_camel_case_types, non_snake_case, reason = "libvirt's own names")]

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};
use std::marker::{PhantomData, PhantomPinned};

macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[repr(C)]
        pub struct $name {
            _data: (),
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}

opaque!(virConnect virDomain virNetwork virStoragePool virStorageVol virStream);

#[repr(C)]
pub struct virError {
    pub code: c_int,
    pub domain: c_int,
    pub message: *mut c_char,
    pub level: c_int,
    pub conn: *mut c_void,
    pub dom: *mut c_void,
    pub str1: *mut c_char,
    pub str2: *mut c_char,
    pub str3: *mut c_char,
    pub int1: c_int,
    pub int2: c_int,
    pub net: *mut c_void,
}

#[repr(C)]
pub struct virDomainIPAddress {
    pub kind: c_int,
    pub addr: *mut c_char,
    pub prefix: c_uint,
}

#[repr(C)]
pub struct virDomainInterface {
    pub name: *mut c_char,
    pub hwaddr: *mut c_char,
    pub naddrs: c_uint,
    pub addrs: *mut virDomainIPAddress,
}

#[repr(C)]
pub struct virNetworkDHCPLease {
    pub iface: *mut c_char,
    pub expirytime: i64,
    pub kind: c_int,
    pub mac: *mut c_char,
    pub iaid: *mut c_char,
    pub ipaddr: *mut c_char,
    pub prefix: c_uint,
    pub hostname: *mut c_char,
    pub clientid: *mut c_char,
}

pub type virFreeCallback = Option<unsafe extern "C" fn(opaque: *mut c_void)>;
pub type virErrorFunc = Option<unsafe extern "C" fn(data: *mut c_void, error: *mut virError)>;
pub type virConnectCloseFunc =
    unsafe extern "C" fn(conn: *mut virConnect, reason: c_int, opaque: *mut c_void);
/// Stands for callbacks of all kinds of events; `virConnectDomainEventRegisterAny` casts it back by the event's id.
pub type virConnectDomainEventGenericCallback = unsafe extern "C" fn();

pub const VIR_DOMAIN_EVENT_ID_LIFECYCLE: c_int = 0;
pub const VIR_DOMAIN_EVENT_ID_REBOOT: c_int = 1;
pub const VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE: c_int = 18;
pub const VIR_DOMAIN_METADATA_ELEMENT: c_int = 2;
pub const VIR_DOMAIN_AFFECT_LIVE: c_uint = 1;
pub const VIR_DOMAIN_AFFECT_CONFIG: c_uint = 2;
pub const VIR_DOMAIN_XML_SECURE: c_uint = 1;
pub const VIR_DOMAIN_XML_INACTIVE: c_uint = 2;
/// Power button, agent: the same bits for `virDomainReboot` and `virDomainShutdownFlags`.
pub const VIR_DOMAIN_ACPI_POWER_BTN: c_uint = 1;
pub const VIR_DOMAIN_GUEST_AGENT: c_uint = 2;
/// Saved state, snapshots' and checkpoints' metadata, NVRAM, TPM state.
pub const VIR_DOMAIN_UNDEFINE_ALL: c_uint = 1 | 2 | 4 | 16 | 32;
/// The same for drivers that know no NVRAM, checkpoints or TPM.
pub const VIR_DOMAIN_UNDEFINE_SOME: c_uint = 1 | 2;
pub const VIR_NETWORK_UPDATE_COMMAND_DELETE: c_uint = 2;
pub const VIR_NETWORK_UPDATE_COMMAND_ADD_LAST: c_uint = 3;
pub const VIR_NETWORK_SECTION_IP_DHCP_HOST: c_uint = 4;
pub const VIR_NETWORK_UPDATE_AFFECT_LIVE: c_uint = 1;
pub const VIR_NETWORK_UPDATE_AFFECT_CONFIG: c_uint = 2;
pub const VIR_UUID_STRING_BUFLEN: usize = 37;

#[link(name = "virt")]
unsafe extern "C" {
    pub fn virInitialize() -> c_int;
    pub fn virSetErrorFunc(data: *mut c_void, handler: virErrorFunc);
    pub fn virGetLastError() -> *mut virError;
    pub fn virEventRegisterDefaultImpl() -> c_int;
    pub fn virEventRunDefaultImpl() -> c_int;

    pub fn virConnectOpen(name: *const c_char) -> *mut virConnect;
    pub fn virConnectClose(conn: *mut virConnect) -> c_int;
    pub fn virConnectIsAlive(conn: *mut virConnect) -> c_int;
    pub fn virConnectSetKeepAlive(conn: *mut virConnect, interval: c_int, count: c_uint) -> c_int;
    pub fn virConnectRegisterCloseCallback(
        conn: *mut virConnect,
        cb: virConnectCloseFunc,
        opaque: *mut c_void,
        freecb: virFreeCallback,
    ) -> c_int;
    pub fn virConnectUnregisterCloseCallback(
        conn: *mut virConnect,
        cb: virConnectCloseFunc,
    ) -> c_int;
    pub fn virConnectDomainEventRegisterAny(
        conn: *mut virConnect,
        dom: *mut virDomain,
        eventID: c_int,
        cb: virConnectDomainEventGenericCallback,
        opaque: *mut c_void,
        freecb: virFreeCallback,
    ) -> c_int;
    pub fn virConnectDomainEventDeregisterAny(conn: *mut virConnect, callbackID: c_int) -> c_int;
    pub fn virConnectGetCapabilities(conn: *mut virConnect) -> *mut c_char;
    pub fn virConnectGetHostname(conn: *mut virConnect) -> *mut c_char;
    pub fn virConnectListAllDomains(
        conn: *mut virConnect,
        domains: *mut *mut *mut virDomain,
        flags: c_uint,
    ) -> c_int;
    pub fn virConnectListAllNetworks(
        conn: *mut virConnect,
        nets: *mut *mut *mut virNetwork,
        flags: c_uint,
    ) -> c_int;

    pub fn virDomainFree(domain: *mut virDomain) -> c_int;
    pub fn virDomainLookupByUUIDString(
        conn: *mut virConnect,
        uuid: *const c_char,
    ) -> *mut virDomain;
    pub fn virDomainGetUUIDString(domain: *mut virDomain, buf: *mut c_char) -> c_int;
    pub fn virDomainGetXMLDesc(domain: *mut virDomain, flags: c_uint) -> *mut c_char;
    pub fn virDomainGetState(
        domain: *mut virDomain,
        state: *mut c_int,
        reason: *mut c_int,
        flags: c_uint,
    ) -> c_int;
    pub fn virDomainIsActive(dom: *mut virDomain) -> c_int;
    pub fn virDomainDefineXML(conn: *mut virConnect, xml: *const c_char) -> *mut virDomain;
    pub fn virDomainGetMetadata(
        domain: *mut virDomain,
        kind: c_int,
        uri: *const c_char,
        flags: c_uint,
    ) -> *mut c_char;
    pub fn virDomainSetMetadata(
        domain: *mut virDomain,
        kind: c_int,
        metadata: *const c_char,
        key: *const c_char,
        uri: *const c_char,
        flags: c_uint,
    ) -> c_int;
    pub fn virDomainCreate(domain: *mut virDomain) -> c_int;
    pub fn virDomainResume(domain: *mut virDomain) -> c_int;
    pub fn virDomainShutdownFlags(domain: *mut virDomain, flags: c_uint) -> c_int;
    pub fn virDomainReboot(domain: *mut virDomain, flags: c_uint) -> c_int;
    pub fn virDomainReset(domain: *mut virDomain, flags: c_uint) -> c_int;
    pub fn virDomainDestroy(domain: *mut virDomain) -> c_int;
    pub fn virDomainUndefineFlags(domain: *mut virDomain, flags: c_uint) -> c_int;
    pub fn virDomainInterfaceAddresses(
        dom: *mut virDomain,
        ifaces: *mut *mut *mut virDomainInterface,
        source: c_uint,
        flags: c_uint,
    ) -> c_int;
    pub fn virDomainInterfaceFree(iface: *mut virDomainInterface);

    pub fn virNetworkFree(network: *mut virNetwork) -> c_int;
    pub fn virNetworkLookupByName(conn: *mut virConnect, name: *const c_char) -> *mut virNetwork;
    pub fn virNetworkLookupByUUIDString(
        conn: *mut virConnect,
        uuid: *const c_char,
    ) -> *mut virNetwork;
    pub fn virNetworkGetXMLDesc(network: *mut virNetwork, flags: c_uint) -> *mut c_char;
    pub fn virNetworkDefineXML(conn: *mut virConnect, xml: *const c_char) -> *mut virNetwork;
    pub fn virNetworkIsActive(net: *mut virNetwork) -> c_int;
    pub fn virNetworkCreate(network: *mut virNetwork) -> c_int;
    pub fn virNetworkDestroy(network: *mut virNetwork) -> c_int;
    pub fn virNetworkUndefine(network: *mut virNetwork) -> c_int;
    pub fn virNetworkSetAutostart(network: *mut virNetwork, autostart: c_int) -> c_int;
    pub fn virNetworkUpdate(
        network: *mut virNetwork,
        command: c_uint,
        section: c_uint,
        parentIndex: c_int,
        xml: *const c_char,
        flags: c_uint,
    ) -> c_int;
    pub fn virNetworkGetDHCPLeases(
        network: *mut virNetwork,
        mac: *const c_char,
        leases: *mut *mut *mut virNetworkDHCPLease,
        flags: c_uint,
    ) -> c_int;
    pub fn virNetworkDHCPLeaseFree(lease: *mut virNetworkDHCPLease);

    pub fn virStoragePoolFree(pool: *mut virStoragePool) -> c_int;
    pub fn virStoragePoolLookupByName(
        conn: *mut virConnect,
        name: *const c_char,
    ) -> *mut virStoragePool;
    pub fn virStoragePoolGetXMLDesc(pool: *mut virStoragePool, flags: c_uint) -> *mut c_char;
    pub fn virStoragePoolIsActive(pool: *mut virStoragePool) -> c_int;
    pub fn virStoragePoolCreate(pool: *mut virStoragePool, flags: c_uint) -> c_int;
    pub fn virStoragePoolRefresh(pool: *mut virStoragePool, flags: c_uint) -> c_int;
    pub fn virStoragePoolListAllVolumes(
        pool: *mut virStoragePool,
        vols: *mut *mut *mut virStorageVol,
        flags: c_uint,
    ) -> c_int;
    pub fn virStorageVolFree(vol: *mut virStorageVol) -> c_int;
    pub fn virStorageVolLookupByName(
        pool: *mut virStoragePool,
        name: *const c_char,
    ) -> *mut virStorageVol;
    pub fn virStorageVolGetName(vol: *mut virStorageVol) -> *const c_char;
    pub fn virStorageVolGetXMLDesc(vol: *mut virStorageVol, flags: c_uint) -> *mut c_char;
    pub fn virStorageVolCreateXML(
        pool: *mut virStoragePool,
        xml: *const c_char,
        flags: c_uint,
    ) -> *mut virStorageVol;
    pub fn virStorageVolCreateXMLFrom(
        pool: *mut virStoragePool,
        xml: *const c_char,
        clonevol: *mut virStorageVol,
        flags: c_uint,
    ) -> *mut virStorageVol;
    pub fn virStorageVolDelete(vol: *mut virStorageVol, flags: c_uint) -> c_int;
    pub fn virStorageVolResize(
        vol: *mut virStorageVol,
        capacity: c_ulonglong,
        flags: c_uint,
    ) -> c_int;
    pub fn virStorageVolUpload(
        vol: *mut virStorageVol,
        stream: *mut virStream,
        offset: c_ulonglong,
        length: c_ulonglong,
        flags: c_uint,
    ) -> c_int;

    pub fn virStreamNew(conn: *mut virConnect, flags: c_uint) -> *mut virStream;
    pub fn virStreamSend(st: *mut virStream, data: *const c_char, nbytes: usize) -> c_int;
    pub fn virStreamFinish(st: *mut virStream) -> c_int;
    pub fn virStreamAbort(st: *mut virStream) -> c_int;
    pub fn virStreamFree(st: *mut virStream) -> c_int;
}

#[link(name = "virt-qemu")]
unsafe extern "C" {
    pub fn virDomainQemuAgentCommand(
        domain: *mut virDomain,
        cmd: *const c_char,
        timeout: c_int,
        flags: c_uint,
    ) -> *mut c_char;
}
