//! One open connection, and how its objects are looked up.

use std::ffi::c_int;

use super::super::link::Fault;
use super::events::on_close;
use super::ffi;
use super::handle::{Handle, check, text};

/// An open connection.
pub struct Connection {
    pub conn: *mut ffi::virConnect,
    pub callbacks: Vec<c_int>,
}

// SAFETY: libvirt's objects may be used from several threads at once (libvirt-host.h, "thread safe").
unsafe impl Send for Connection {}
// SAFETY: as above.
unsafe impl Sync for Connection {}

impl Connection {
    pub fn domain(&self, uuid: &str) -> Result<Handle<ffi::virDomain>, Fault> {
        let uuid = text(uuid)?;
        // SAFETY: an open connection, a string that lives during the call.
        let domain = unsafe { ffi::virDomainLookupByUUIDString(self.conn, uuid.as_ptr()) };
        Handle::new(domain, ffi::virDomainFree)
    }

    pub fn network(&self, uuid: &str) -> Result<Handle<ffi::virNetwork>, Fault> {
        let uuid = text(uuid)?;
        // SAFETY: as above.
        let network = unsafe { ffi::virNetworkLookupByUUIDString(self.conn, uuid.as_ptr()) };
        Handle::new(network, ffi::virNetworkFree)
    }

    pub fn pool(&self, name: &str) -> Result<Handle<ffi::virStoragePool>, Fault> {
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

    pub fn volume(&self, pool: &str, name: &str) -> Result<Handle<ffi::virStorageVol>, Fault> {
        let pool = self.pool(pool)?;
        let name = text(name)?;
        // SAFETY: an object of ours, a string that lives during the call.
        let volume = unsafe { ffi::virStorageVolLookupByName(pool.object, name.as_ptr()) };
        Handle::new(volume, ffi::virStorageVolFree)
    }

    pub fn with_domain(
        &self,
        uuid: &str,
        call: impl FnOnce(*mut ffi::virDomain) -> c_int,
    ) -> Result<c_int, Fault> {
        let domain = self.domain(uuid)?;
        check(call(domain.object))
    }

    pub fn with_network(
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
