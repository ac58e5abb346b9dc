//! A few connections that only read; each is lent for one short read.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::{StoreError, sql};

#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Vec<Connection>>,
    back: Condvar,
}

impl Pool {
    pub fn open(path: &Path, count: usize) -> Result<Self, StoreError> {
        let idle = (0..count)
            .map(|_| sql::open_reader(path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            idle: Mutex::new(idle),
            back: Condvar::new(),
        })
    }

    /// Reads with one connection, waiting for one where all are lent.
    pub fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = loop {
            match idle.pop() {
                Some(conn) => break conn,
                None => idle = self.back.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(idle);
        // Goes back even if `read` panics.
        let lent = Lent {
            pool: self,
            conn: Some(conn),
        };
        match &lent.conn {
            Some(conn) => read(conn).map_err(StoreError::read),
            None => Err(StoreError::Stopped),
        }
    }
}

struct Lent<'a> {
    pool: &'a Pool,
    conn: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            let mut idle = self
                .pool
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            idle.push(conn);
            self.pool.back.notify_one();
        }
    }
}
