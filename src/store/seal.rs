//! Rows are sealed: who has the database and not its key reads no value, nor puts one in another's place. Table, key and
//! version of a row stand in clear; so do events, which hold no secret.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::StoreError;

/// Name of the key's file in the data directory.
pub(super) const FILE: &str = "store.key";

/// Octets of a key.
const KEY: usize = 32;

/// The key, and what it does (AES-256-GCM-SIV, RFC 8452, under a random nonce in front of the text).
pub(super) struct Seal {
    key: RandomizedNonceKey,
    file: PathBuf,
}

impl Seal {
    /// Reads the key; `None` when there is no such file.
    ///
    /// # Errors
    /// `File` when it cannot be read, is open to others or holds no key.
    pub fn load(file: &Path) -> Result<Option<Self>, StoreError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file(file, error)),
        };
        let mode = fs::metadata(file).map_err(|error| StoreError::file(file, error))?;
        let mode = mode.mode() & 0o777;
        if mode & 0o077 != 0 {
            let message = format!("may be read by others (mode {mode:o}); chmod 600 it");
            return Err(StoreError::file(file, message));
        }
        let octets = STANDARD.decode(text.trim()).unwrap_or_default();
        Self::new(&octets, file).map(Some)
    }

    /// Makes a key, which is durable when this returns.
    ///
    /// # Errors
    /// `File` when it cannot be written, or is there.
    pub fn make(file: &Path) -> Result<Self, StoreError> {
        let fail = |error: io::Error| StoreError::file(file, error);
        let mut octets = [0; KEY];
        rand::fill(&mut octets).map_err(|_| StoreError::file(file, "no randomness"))?;
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Whole or not at all, whenever the power goes.
        let new = file.with_extension("new");
        let mut out = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)
            .map_err(fail)?;
        writeln!(out, "{}", STANDARD.encode(octets)).map_err(fail)?;
        out.sync_all().map_err(fail)?;
        fs::rename(&new, file).map_err(fail)?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(fail)?;
        Self::new(&octets, file)
    }

    fn new(octets: &[u8], file: &Path) -> Result<Self, StoreError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, octets)
            .map_err(|_| StoreError::file(file, "holds no key of a store"))?;
        Ok(Self {
            key,
            file: file.to_owned(),
        })
    }

    /// Seals the value of a row.
    ///
    /// # Errors
    /// `Row` when there is no randomness.
    pub fn close(&self, table: &str, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let refused = |_| StoreError::Row {
            what: format!("{table}/{key}"),
            message: "it cannot be sealed".to_owned(),
        };
        let tag = AES_256_GCM_SIV.tag_len();
        let mut text = Vec::with_capacity(value.len() + tag);
        text.extend_from_slice(value);
        let sealed = self
            .key
            .seal_in_place_append_tag(place(table, key), &mut text);
        let nonce = sealed.map_err(refused)?;
        let mut all = Vec::with_capacity(NONCE_LEN + text.len());
        all.extend_from_slice(nonce.as_ref());
        all.append(&mut text);
        Ok(all)
    }

    /// Opens the value of a row.
    ///
    /// # Errors
    /// `File`, about the key, when it is not the one that sealed it, or the row is not as it was written.
    pub fn open(&self, table: &str, key: &str, mut sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let mut opened = || {
            let nonce = Nonce::try_assume_unique_for_key(sealed.get(..NONCE_LEN)?).ok()?;
            let text = sealed.get_mut(NONCE_LEN..)?;
            let length = self.key.open_in_place(nonce, place(table, key), text);
            length.ok().map(|text| text.len())
        };
        let Some(length) = opened() else {
            let message = format!(
                "does not open {table}/{key}: the key of another store, or a row that was changed"
            );
            return Err(StoreError::file(&self.file, message));
        };
        sealed.drain(..NONCE_LEN);
        sealed.truncate(length);
        Ok(sealed)
    }
}

/// What a value is bound to: its row.
fn place(table: &str, key: &str) -> Aad<Vec<u8>> {
    Aad::from([table.as_bytes(), b"\0", key.as_bytes()].concat())
}
