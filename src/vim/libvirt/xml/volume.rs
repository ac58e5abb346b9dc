//! Storage pools and volumes.

use super::super::link::Fault;
use super::{document, text_of};
use crate::xml::Writer;

/// A pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pool {
    /// UUID.
    pub uuid: String,
    /// `dir`, `logical`, ...
    pub kind: String,
}

impl Pool {
    /// Whether its volumes are files, so that one can lie over another.
    pub fn has_files(&self) -> bool {
        matches!(&*self.kind, "dir" | "fs" | "netfs")
    }
}

/// A volume.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Volume {
    /// Name.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// `raw`, `qcow2`, ...
    pub format: String,
    /// Size the guest sees, in bytes.
    pub capacity: u64,
    /// What it lies over: path and format.
    pub backing: Option<(String, String)>,
}

/// Reads a pool's XML.
///
/// # Errors
/// When it is none.
pub fn read_pool(text: &str) -> Result<Pool, Fault> {
    let root = document(text)?;
    Ok(Pool {
        uuid: text_of(&root, "uuid").unwrap_or_default(),
        kind: root.attr("", "type").unwrap_or_default().to_owned(),
    })
}

/// Reads a volume's XML.
///
/// # Errors
/// When it is none.
pub fn read_volume(text: &str) -> Result<Volume, Fault> {
    let root = document(text)?;
    let format = |of: &crate::xml::Element| {
        let format = of
            .child("", "format")
            .and_then(|format| format.attr("", "type"));
        format.unwrap_or("raw").to_owned()
    };
    let target = root.child("", "target");
    let backing = root.child("", "backingStore").and_then(|backing| {
        let path = text_of(backing, "path")?;
        Some((path, format(backing)))
    });
    let capacity = root.child("", "capacity");
    Ok(Volume {
        name: text_of(&root, "name").unwrap_or_default(),
        path: target
            .and_then(|target| text_of(target, "path"))
            .unwrap_or_default(),
        format: target.map_or_else(|| "raw".to_owned(), format),
        capacity: capacity
            .and_then(|it| bytes_of(it.text().trim().parse().ok()?, it.attr("", "unit")))
            .unwrap_or_default(),
        backing,
    })
}

/// The XML a volume is made from.
pub fn volume_xml(volume: &Volume) -> String {
    let mut out = Writer::new();
    out.start("volume");
    out.leaf("name", &volume.name);
    out.start("capacity");
    out.attr("unit", "bytes");
    out.text(&volume.capacity.to_string());
    out.end();
    if volume.format != "raw" || volume.backing.is_some() {
        // thin: only what is written takes room
        out.leaf("allocation", "0");
    }
    out.start("target");
    out.start("format");
    out.attr("type", &volume.format);
    out.end();
    out.end();
    if let Some((path, format)) = &volume.backing {
        out.start("backingStore");
        out.leaf("path", path);
        out.start("format");
        out.attr("type", format);
        out.end();
        out.end();
    }
    out.finish()
}

/// A size in bytes; units as libvirt and ESC's volumes write them, MiB for GiB and so on being powers of 1024.
pub fn bytes_of(number: u64, unit: Option<&str>) -> Option<u64> {
    let factor: u64 = match unit.unwrap_or("bytes").to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => 1,
        "kb" => 1000,
        "k" | "kib" => 1 << 10,
        "mb" => 1_000_000,
        "m" | "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "g" | "gib" => 1 << 30,
        "tb" => 1_000_000_000_000,
        "t" | "tib" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn a_volume_over_an_image_is_thin() {
        let volume = Volume {
            name: "lifeline.u-1.root".into(),
            path: String::new(),
            format: "qcow2".into(),
            capacity: 1 << 30,
            backing: Some(("/pool/edge os.img".into(), "raw".into())),
        };
        golden("volume-overlay.xml", &volume_xml(&volume));
        let again = read_volume(&volume_xml(&volume)).unwrap();
        assert_eq!(again, volume);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes_of(2, Some("GiB")), Some(2 << 30));
        assert_eq!(bytes_of(2, Some("G")), Some(2 << 30));
        assert_eq!(bytes_of(2, Some("MB")), Some(2_000_000));
        assert_eq!(bytes_of(2, None), Some(2));
        assert_eq!(bytes_of(2, Some("furlong")), None);
        assert_eq!(bytes_of(u64::MAX, Some("TiB")), None);
        let text = "<volume><name>v</name><capacity unit='KiB'>4</capacity><target><path>/v</path></target></volume>";
        let volume = read_volume(text).unwrap();
        assert_eq!((volume.capacity, &*volume.format), (4096, "raw"));
        assert!(read_pool("<pool type='netfs'/>").unwrap().has_files());
        assert!(!read_pool("<pool type='logical'/>").unwrap().has_files());
    }
}
