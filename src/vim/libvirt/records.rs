//! What libvirt has no place for: flavors, tenants, which volume an image is. One file per connector.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Serialize};

use super::error::LibvirtError;
use super::link::Fault;
use crate::model::resource::FlavorSpec;

/// All records.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Book {
    /// Flavors by name.
    pub flavors: BTreeMap<String, FlavorSpec>,
    /// Tenants.
    pub tenants: BTreeSet<String>,
    /// Images of ours: name, volume.
    pub images: BTreeMap<String, String>,
    /// UUID of the pool in which VMs were made, empty before the first connection.
    pub pool: String,
    /// Volumes of removed domains that could not be removed yet.
    pub leftovers: BTreeSet<String>,
}

/// The book and its file.
pub struct Records {
    path: PathBuf,
    book: Mutex<Book>,
}

impl Records {
    /// Opens the book of a folder, or begins a new one.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn open(folder: &Path) -> Result<Arc<Self>, LibvirtError> {
        // A connector that changed has a new driver while the old one still works: they share the book.
        static OPEN: Mutex<BTreeMap<PathBuf, Weak<Records>>> = Mutex::new(BTreeMap::new());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, records| records.strong_count() > 0);
        if let Some(records) = open.get(folder).and_then(Weak::upgrade) {
            return Ok(records);
        }
        let records = Arc::new(Self::read(folder)?);
        open.insert(folder.to_owned(), Arc::downgrade(&records));
        Ok(records)
    }

    fn read(folder: &Path) -> Result<Self, LibvirtError> {
        let path = folder.join("records.json");
        let file = |source| LibvirtError::File {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(file)?;
        let book = match fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| file(io::Error::from(error)))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Book::default(),
            Err(error) => return Err(file(error)),
        };
        Ok(Self {
            path,
            book: Mutex::new(book),
        })
    }

    /// Reads.
    pub fn look<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes, on disk before in memory. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// When it cannot be written: nothing is changed.
    pub fn change(&self, change: impl FnOnce(&mut Book)) -> Result<(), Fault> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = book.clone();
        change(&mut next);
        if next == *book {
            return Ok(());
        }
        write(&self.path, &next)
            .map_err(|error| Fault::refused(format!("{}: {error}", self.path.display())))?;
        *book = next;
        Ok(())
    }
}

fn write(path: &Path, book: &Book) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec(book)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_outlive_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("lab");
        let records = Records::open(&folder).unwrap();
        records
            .change(|book| {
                book.tenants.insert("acme".into());
            })
            .unwrap();
        let same = Records::open(&folder).unwrap();
        assert!(Arc::ptr_eq(&records, &same));
        drop((records, same));
        let records = Records::open(&folder).unwrap();
        assert!(records.look(|book| book.tenants.contains("acme")));
        drop(records);
        fs::write(folder.join("records.json"), b"{").unwrap();
        assert!(matches!(
            Records::open(&folder),
            Err(LibvirtError::File { .. })
        ));
    }

    #[test]
    fn what_cannot_be_written_is_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(&dir.path().join("lab")).unwrap();
        fs::remove_dir_all(dir.path().join("lab")).unwrap();
        assert!(
            records
                .change(|book| {
                    book.tenants.insert("acme".into());
                })
                .is_err()
        );
        assert!(records.look(|book| book.tenants.is_empty()));
    }
}
