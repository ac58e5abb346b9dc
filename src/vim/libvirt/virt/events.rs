//! The library's event loop on a thread of its own, and what it tells of domains and of a connection's end.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use super::super::link::{DomainEvent, EventSink, Fault, FaultKind, LinkEvent};
use super::ffi;
use super::handle::{check, copied};

/// Starts the library and its event loop, once in the process. Connections opened after it tell by themselves.
pub fn library() -> Result<(), Fault> {
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

pub unsafe extern "C" fn on_close(
    _conn: *mut ffi::virConnect,
    _reason: c_int,
    opaque: *mut c_void,
) {
    // SAFETY: the box lives until `free_told`.
    if let Some(told) = unsafe { opaque.cast::<Told>().as_ref() } {
        (told.sink)(LinkEvent::Closed {
            generation: told.generation,
        });
    }
}

pub fn uuid_of(domain: *mut ffi::virDomain) -> Result<String, Fault> {
    let mut buffer = [0 as c_char; ffi::VIR_UUID_STRING_BUFLEN];
    // SAFETY: the buffer has the length libvirt asks for.
    check(unsafe { ffi::virDomainGetUUIDString(domain, buffer.as_mut_ptr()) })?;
    Ok(copied(buffer.as_ptr()))
}

/// Registers for everything that is told of domains and of the connection; returns what to deregister.
///
/// # Safety
/// The connection is open, and the ids are deregistered before it is closed.
pub unsafe fn listen(
    conn: *mut ffi::virConnect,
    generation: u64,
    sink: &EventSink,
) -> Result<Vec<c_int>, Fault> {
    let mut callbacks = Vec::new();
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
    type Agent =
        unsafe extern "C" fn(*mut ffi::virConnect, *mut ffi::virDomain, c_int, c_int, *mut c_void);
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
                conn,
                ptr::null_mut(),
                event,
                callback,
                opaque,
                Some(free_told),
            )
        };
        match check(id) {
            Ok(id) => callbacks.push(id),
            Err(fault) => {
                // SAFETY: not registered, so still ours.
                unsafe { free_told(opaque) };
                return Err(fault);
            }
        }
    }
    let opaque = told();
    // SAFETY: as above.
    let code =
        unsafe { ffi::virConnectRegisterCloseCallback(conn, on_close, opaque, Some(free_told)) };
    if code < 0 {
        // A connection that cannot break has no such callback.
        // SAFETY: not registered, so still ours.
        unsafe { free_told(opaque) };
    }
    Ok(callbacks)
}
