//! The real libvirt behind [`Link`], and its event loop on a thread of its own.
//!
//! Every unsafe block is one C call with pointers that are alive by construction: a [`Handle`] holds one
//! reference and gives it back; a connection lives as long as its [`Connection`].

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::io::Read;
use std::path::Path;
use std::ptr;
use std::sync::{Arc, OnceLock};

use super::ffi;
use super::link::{
    AddressSource, DomainEvent, EventSink, Fault, FaultKind, GuestAddress, Link, LinkEvent, Listed,
    Opener, Way, classify,
};
use super::settings::Settings;
use super::xml::{NAMESPACE, PREFIX};

/// Unanswered signs of life after which a connection is closed.
const KEEPALIVES: c_uint = 5;

/// Opens connections to one URI.
pub struct Virt {
    uri: String,
    keepalive_s: c_int,
}

impl Virt {
    /// Nothing is opened yet.
    pub fn new(uri: &str, settings: &Settings) -> Self {
        let seconds = settings.keepalive_ms.div_ceil(1000);
        Self {
            uri: uri.to_owned(),
            keepalive_s: c_int::try_from(seconds).unwrap_or(c_int::MAX),
        }
    }
}

/// Starts the library and its event loop, once in the process. Connections opened after it tell by themselves.
fn library() -> Result<(), Fault> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    unsafe extern "C" fn quiet(_data: *mut c_void, _error: *mut ffi::virError) {}
    let started = STARTED.get_or_init(|| {
        // SAFETY: no arguments but a function that does nothing; errors are read where they happen.
        unsafe {
            ffi::virSetErrorFunc(ptr::null_mut(), Some(quiet));
            if ffi::virInitialize() < 0 || ffi::virEventRegisterDefaultImpl() < 0 {
                return Err("libvirt does not start".to_owned());
            }
        }
        let events = || {
            loop {
                // SAFETY: the default implementation was registered above.
                if unsafe { ffi::virEventRunDefaultImpl() } < 0 {
                    tracing::warn!("libvirt: the event loop stumbled");
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            }
        };
        let thread = std::thread::Builder::new().name("libvirt-events".to_owned());
        thread
            .spawn(events)
            .map(drop)
            .map_err(|error| format!("no thread for events: {error}"))
    });
    started
        .clone()
        .map_err(|why| Fault::new(FaultKind::Down, why))
}

/// The last error of this thread.
fn last_error() -> Fault {
    // SAFETY: the pointer is this thread's own and valid until its next call into libvirt.
    unsafe {
        let error = ffi::virGetLastError().as_ref();
        let Some(error) = error else {
            return Fault::refused("failed without saying why");
        };
        let message = match error.message.is_null() {
            true => String::new(),
            false => CStr::from_ptr(error.message).to_string_lossy().into_owned(),
        };
        Fault::new(classify(error.code, error.domain, &message), message)
    }
}

fn check(code: c_int) -> Result<c_int, Fault> {
    match code {
        0.. => Ok(code),
        _ => Err(last_error()),
    }
}

fn text(text: &str) -> Result<CString, Fault> {
    CString::new(text).map_err(|_| Fault::refused("a text with a zero octet"))
}

/// Takes over a string that libvirt allocated.
fn taken(text: *mut c_char) -> Result<String, Fault> {
    if text.is_null() {
        return Err(last_error());
    }
    // SAFETY: not null, ends with a zero, allocated by malloc for us.
    unsafe {
        let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
        libc::free(text.cast());
        Ok(owned)
    }
}

/// Copies a string that stays libvirt's.
fn copied(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: not null, ends with a zero, alive while its owner is.
        false => unsafe { CStr::from_ptr(text).to_string_lossy().into_owned() },
    }
}

/// One reference to an object of libvirt, given back at its end.
struct Handle<T> {
    object: *mut T,
    free: unsafe extern "C" fn(*mut T) -> c_int,
}

impl<T> Handle<T> {
    fn new(object: *mut T, free: unsafe extern "C" fn(*mut T) -> c_int) -> Result<Self, Fault> {
        match object.is_null() {
            true => Err(last_error()),
            false => Ok(Self { object, free }),
        }
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and given back once.
        unsafe { (self.free)(self.object) };
    }
}

/// A list that libvirt allocated, of objects that are ours now.
fn list<T>(
    free: unsafe extern "C" fn(*mut T) -> c_int,
    fill: impl FnOnce(*mut *mut *mut T) -> c_int,
) -> Result<Vec<Handle<T>>, Fault> {
    let mut all: *mut *mut T = ptr::null_mut();
    let length = check(fill(&raw mut all))?;
    let mut handles = Vec::new();
    for at in 0..usize::try_from(length).unwrap_or(0) {
        // SAFETY: libvirt filled `length` places.
        let object = unsafe { *all.add(at) };
        handles.push(Handle::new(object, free)?);
    }
    // SAFETY: the list itself was allocated by malloc for us.
    unsafe { libc::free(all.cast()) };
    Ok(handles)
}

/// An open connection.
struct Connection {
    conn: *mut ffi::virConnect,
    callbacks: Vec<c_int>,
}

// SAFETY: libvirt's objects may be used from several threads at once (libvirt-host.h, "thread safe").
unsafe impl Send for Connection {}
// SAFETY: as above.
unsafe impl Sync for Connection {}

/// What callbacks are given.
struct Told {
    generation: u64,
    sink: EventSink,
}

unsafe extern "C" fn free_told(opaque: *mut c_void) {
    // SAFETY: made by `Box::into_raw` for this callback alone, freed by libvirt once.
    drop(unsafe { Box::from_raw(opaque.cast::<Told>()) });
}

unsafe fn tell(opaque: *mut c_void, domain: *mut ffi::virDomain, event: DomainEvent) {
    // SAFETY: the box lives until `free_told`, the domain during the callback.
    let (told, uuid) = unsafe { (opaque.cast::<Told>().as_ref(), uuid_of(domain)) };
    if let (Some(told), Ok(uuid)) = (told, uuid) {
        (told.sink)(LinkEvent::Domain { uuid, event });
    }
}

unsafe extern "C" fn on_lifecycle(
    _conn: *mut ffi::virConnect,
    domain: *mut ffi::virDomain,
    event: c_int,
    detail: c_int,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: called by libvirt with what was registered.
    unsafe { tell(opaque, domain, DomainEvent::Lifecycle(event, detail)) };
    0
}

unsafe extern "C" fn on_reboot(
    _conn: *mut ffi::virConnect,
    domain: *mut ffi::virDomain,
    opaque: *mut c_void,
) {
    // SAFETY: as above.
    unsafe { tell(opaque, domain, DomainEvent::Reboot) };
}

unsafe extern "C" fn on_agent(
    _conn: *mut ffi::virConnect,
    domain: *mut ffi::virDomain,
    state: c_int,
    _reason: c_int,
    opaque: *mut c_void,
) {
    // SAFETY: as above.
    unsafe { tell(opaque, domain, DomainEvent::Agent(state == 1)) };
}

unsafe extern "C" fn on_close(_conn: *mut ffi::virConnect, _reason: c_int, opaque: *mut c_void) {
    // SAFETY: the box lives until `free_told`.
    if let Some(told) = unsafe { opaque.cast::<Told>().as_ref() } {
        (told.sink)(LinkEvent::Closed {
            generation: told.generation,
        });
    }
}

fn uuid_of(domain: *mut ffi::virDomain) -> Result<String, Fault> {
    let mut buffer = [0 as c_char; ffi::VIR_UUID_STRING_BUFLEN];
    // SAFETY: the buffer has the length libvirt asks for.
    check(unsafe { ffi::virDomainGetUUIDString(domain, buffer.as_mut_ptr()) })?;
    Ok(copied(buffer.as_ptr()))
}

impl Opener for Virt {
    fn open(&self, generation: u64, sink: EventSink) -> Result<Arc<dyn Link>, Fault> {
        library()?;
        let uri = text(&self.uri)?;
        // SAFETY: a string that lives during the call.
        let conn = unsafe { ffi::virConnectOpen(uri.as_ptr()) };
        if conn.is_null() {
            return Err(last_error());
        }
        let mut connection = Connection {
            conn,
            callbacks: Vec::new(),
        };
        if self.keepalive_s > 0 {
            // SAFETY: an open connection. One inside this process needs no signs of life and says so.
            unsafe { ffi::virConnectSetKeepAlive(conn, self.keepalive_s, KEEPALIVES) };
        }
        connection.listen(generation, &sink)?;
        Ok(Arc::new(connection))
    }
}

impl Connection {
    fn listen(&mut self, generation: u64, sink: &EventSink) -> Result<(), Fault> {
        let told = || {
            let sink = sink.clone();
            Box::into_raw(Box::new(Told { generation, sink })).cast::<c_void>()
        };
        type Generic = ffi::virConnectDomainEventGenericCallback;
        type Lifecycle = unsafe extern "C" fn(
            *mut ffi::virConnect,
            *mut ffi::virDomain,
            c_int,
            c_int,
            *mut c_void,
        ) -> c_int;
        type Reboot = unsafe extern "C" fn(*mut ffi::virConnect, *mut ffi::virDomain, *mut c_void);
        type Agent = unsafe extern "C" fn(
            *mut ffi::virConnect,
            *mut ffi::virDomain,
            c_int,
            c_int,
            *mut c_void,
        );
        // SAFETY: libvirt casts each back to the type that belongs to its event (libvirt-domain.h).
        let wanted: [(c_int, Generic); 3] = unsafe {
            [
                (
                    ffi::VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                    std::mem::transmute::<Lifecycle, Generic>(on_lifecycle),
                ),
                (
                    ffi::VIR_DOMAIN_EVENT_ID_REBOOT,
                    std::mem::transmute::<Reboot, Generic>(on_reboot),
                ),
                (
                    ffi::VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
                    std::mem::transmute::<Agent, Generic>(on_agent),
                ),
            ]
        };
        for (event, callback) in wanted {
            let opaque = told();
            // SAFETY: the callback takes what this event hands out, the box is freed by `free_told`.
            let id = unsafe {
                ffi::virConnectDomainEventRegisterAny(
                    self.conn,
                    ptr::null_mut(),
                    event,
                    callback,
                    opaque,
                    Some(free_told),
                )
            };
            match check(id) {
                Ok(id) => self.callbacks.push(id),
                Err(fault) => {
                    // SAFETY: not registered, so still ours.
                    unsafe { free_told(opaque) };
                    return Err(fault);
                }
            }
        }
        let opaque = told();
        // SAFETY: as above.
        let code = unsafe {
            ffi::virConnectRegisterCloseCallback(self.conn, on_close, opaque, Some(free_told))
        };
        if code < 0 {
            // A connection that cannot break has no such callback.
            // SAFETY: not registered, so still ours.
            unsafe { free_told(opaque) };
        }
        Ok(())
    }

    fn domain(&self, uuid: &str) -> Result<Handle<ffi::virDomain>, Fault> {
        let uuid = text(uuid)?;
        // SAFETY: an open connection, a string that lives during the call.
        let domain = unsafe { ffi::virDomainLookupByUUIDString(self.conn, uuid.as_ptr()) };
        Handle::new(domain, ffi::virDomainFree)
    }

    fn network(&self, uuid: &str) -> Result<Handle<ffi::virNetwork>, Fault> {
        let uuid = text(uuid)?;
        // SAFETY: as above.
        let network = unsafe { ffi::virNetworkLookupByUUIDString(self.conn, uuid.as_ptr()) };
        Handle::new(network, ffi::virNetworkFree)
    }

    fn pool(&self, name: &str) -> Result<Handle<ffi::virStoragePool>, Fault> {
        let name = text(name)?;
        // SAFETY: as above.
        let pool = unsafe { ffi::virStoragePoolLookupByName(self.conn, name.as_ptr()) };
        let pool = Handle::new(pool, ffi::virStoragePoolFree)?;
        // SAFETY: an object of ours.
        if check(unsafe { ffi::virStoragePoolIsActive(pool.object) })? == 0 {
            // SAFETY: as above.
            check(unsafe { ffi::virStoragePoolCreate(pool.object, 0) })?;
        }
        Ok(pool)
    }

    fn volume(&self, pool: &str, name: &str) -> Result<Handle<ffi::virStorageVol>, Fault> {
        let pool = self.pool(pool)?;
        let name = text(name)?;
        // SAFETY: an object of ours, a string that lives during the call.
        let volume = unsafe { ffi::virStorageVolLookupByName(pool.object, name.as_ptr()) };
        Handle::new(volume, ffi::virStorageVolFree)
    }

    fn with_domain(
        &self,
        uuid: &str,
        call: impl FnOnce(*mut ffi::virDomain) -> c_int,
    ) -> Result<c_int, Fault> {
        let domain = self.domain(uuid)?;
        check(call(domain.object))
    }

    fn with_network(
        &self,
        uuid: &str,
        call: impl FnOnce(*mut ffi::virNetwork) -> c_int,
    ) -> Result<c_int, Fault> {
        let network = self.network(uuid)?;
        check(call(network.object))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: an open connection; callbacks that run now end before their boxes are freed by libvirt.
        unsafe {
            for id in &self.callbacks {
                ffi::virConnectDomainEventDeregisterAny(self.conn, *id);
            }
            ffi::virConnectUnregisterCloseCallback(self.conn, on_close);
            ffi::virConnectClose(self.conn);
        }
    }
}

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
                let doc = super::xml::read_network(&there)?;
                let mut hosts = doc.blocks.iter().flat_map(|block| &block.hosts);
                match hosts.any(|(mac, ip)| super::xml::host_entry(mac, *ip) == host_xml) {
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
