//! Strings, errors, references: what every call into libvirt needs.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use super::super::link::{Fault, classify};
use super::ffi;

/// The last error of this thread.
pub fn last_error() -> Fault {
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

pub fn check(code: c_int) -> Result<c_int, Fault> {
    match code {
        0.. => Ok(code),
        _ => Err(last_error()),
    }
}

pub fn text(text: &str) -> Result<CString, Fault> {
    CString::new(text).map_err(|_| Fault::refused("a text with a zero octet"))
}

/// Takes over a string that libvirt allocated.
pub fn taken(text: *mut c_char) -> Result<String, Fault> {
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
pub fn copied(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: not null, ends with a zero, alive while its owner is.
        false => unsafe { CStr::from_ptr(text).to_string_lossy().into_owned() },
    }
}

/// One reference to an object of libvirt, given back at its end.
pub struct Handle<T> {
    pub object: *mut T,
    free: unsafe extern "C" fn(*mut T) -> c_int,
}

impl<T> Handle<T> {
    pub fn new(object: *mut T, free: unsafe extern "C" fn(*mut T) -> c_int) -> Result<Self, Fault> {
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
pub fn list<T>(
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
