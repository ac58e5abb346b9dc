//! Fetching what an address names: images and day-0 files, by http and https, and by `file:` below one folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::core::Core;

/// Magic and header of qcow2 (its specification, "Header").
const QCOW2: &[u8] = b"QFI\xfb";

/// What an image file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// No header: the bytes of the disk.
    Raw,
    /// qcow2.
    Qcow2,
}

impl Core {
    /// What the address names, at most `limit` octets.
    ///
    /// # Errors
    /// Why it cannot be had, in words.
    pub async fn fetch(&self, address: &str, limit: u64) -> Result<Vec<u8>, String> {
        let file = self.folder.join(format!("fetch-{}", self.uuid(address)));
        let fetched = self.fetch_to(address, &file, limit).await;
        let read = match fetched {
            Ok(()) => tokio::fs::read(&file)
                .await
                .map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        remove(&file).await;
        read
    }

    /// The same, into a file.
    ///
    /// # Errors
    /// As [`Core::fetch`].
    pub async fn fetch_to(&self, address: &str, to: &Path, limit: u64) -> Result<(), String> {
        let mut how = tokio::fs::OpenOptions::new();
        how.write(true).create(true).truncate(true).mode(0o600);
        let mut out = how
            .open(to)
            .await
            .map_err(|error| format!("{}: {error}", to.display()))?;
        match address.split_once(':') {
            Some(("file", path)) => {
                let from = self.local(path)?;
                copy(&from, &mut out, limit).await?;
            }
            Some(("http" | "https", _)) => {
                let all = self.settings.transfer_timeout();
                let first = self.settings.connect_timeout();
                let fetched = tokio::time::timeout(all, download(address, &mut out, limit, first));
                let late = |_| format!("{address}: not here within {} s", all.as_secs());
                fetched.await.map_err(late)??;
            }
            _ => return Err(format!("[{address}] is no http, https or file address")),
        }
        out.sync_all().await.map_err(|error| error.to_string())
    }

    fn local(&self, path: &str) -> Result<PathBuf, String> {
        let path = path.strip_prefix("//").unwrap_or(path);
        self.connector.local_file(path).ok_or_else(|| {
            format!("[{path}] does not lie below the connector's folder for files (property files)")
        })
    }
}

async fn copy(from: &Path, out: &mut tokio::fs::File, limit: u64) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", from.display());
    let file = tokio::fs::File::open(from).await.map_err(told)?;
    let length = file.metadata().await.map_err(told)?.len();
    if length > limit {
        return Err(format!(
            "{} has {length} octets, more than {limit}",
            from.display()
        ));
    }
    let mut file = tokio::io::AsyncReadExt::take(file, limit);
    tokio::io::copy(&mut file, out).await.map_err(told)?;
    Ok(())
}

async fn download(
    address: &str,
    out: &mut tokio::fs::File,
    limit: u64,
    connect: Duration,
) -> Result<(), String> {
    let told = |error: reqwest::Error| format!("{address}: {}", error.without_url());
    // What an address leads on to was not configured.
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .build()
        .map_err(told)?;
    let mut response = client.get(address).send().await.map_err(told)?;
    if !response.status().is_success() {
        return Err(format!("{address}: {}", response.status()));
    }
    let mut length = 0;
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        length += chunk.len() as u64;
        if length > limit {
            return Err(format!("{address} has more than {limit} octets"));
        }
        out.write_all(&chunk)
            .await
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Removes a file of ours.
pub async fn remove(file: &Path) {
    if let Err(error) = tokio::fs::remove_file(file).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, file = %file.display(), "libvirt: left behind");
    }
}

/// What an image is by its first octets. One that names other files (a backing file, an external data file) is
/// refused: it would show the guest any file of libvirt's host.
///
/// # Errors
/// Why it is refused.
pub fn format_of(head: &[u8]) -> Result<Format, String> {
    if !head.starts_with(QCOW2) {
        return Ok(Format::Raw);
    }
    let be = |at: usize, length: usize| {
        let bytes = head.get(at..at + length)?;
        Some(
            bytes
                .iter()
                .fold(0u64, |number, byte| number << 8 | u64::from(*byte)),
        )
    };
    let version = be(4, 4).ok_or("the image is cut off")?;
    let backing = be(8, 8).ok_or("the image is cut off")?;
    let incompatible = match version {
        2 => 0,
        3 => be(72, 8).ok_or("the image is cut off")?,
        _ => return Err(format!("qcow2 version {version} is not known")),
    };
    if backing != 0 {
        return Err("the image has a backing file".to_owned());
    }
    // bit 2: external data file
    if incompatible & 4 != 0 {
        return Err("the image keeps its data in another file".to_owned());
    }
    Ok(Format::Qcow2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_names_other_files_is_refused() {
        let mut head = vec![0; 104];
        assert_eq!(format_of(&head), Ok(Format::Raw));
        head[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        assert_eq!(format_of(&head), Ok(Format::Qcow2));
        head[79] = 4;
        assert!(format_of(&head).unwrap_err().contains("another file"));
        head[79] = 0;
        head[15] = 0x70;
        assert!(format_of(&head).unwrap_err().contains("backing file"));
        head[7] = 2;
        head[15] = 0;
        assert_eq!(format_of(&head), Ok(Format::Qcow2));
        head[7] = 9;
        assert!(format_of(&head).unwrap_err().contains("version 9"));
        assert!(
            format_of(b"QFI\xfb\0\0\0\x03")
                .unwrap_err()
                .contains("cut off")
        );
        assert_eq!(format_of(b""), Ok(Format::Raw));
    }
}
