//! An ISO 9660 image with Joliet names (ECMA-119, and Joliet's supplementary volume descriptor): what a
//! configuration drive is made of. Pure; the same files give the same bytes.
//!
//! ```text
//! 16 primary descriptor | 17 Joliet descriptor | 18 end | path tables | directories | files
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::link::Fault;

const SECTOR: usize = 2048;
/// ECMA-119 section 6.8.2.1: eight levels, the root counted.
const LEVELS: usize = 7;
/// Joliet: 64 characters of a name.
const NAME: usize = 64;

/// A file on the image; `/` parts its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IsoFile {
    /// Path from the root.
    pub path: String,
    /// Content.
    pub data: Vec<u8>,
}

#[derive(Default)]
struct Folder {
    folders: BTreeMap<String, Folder>,
    files: BTreeMap<String, usize>,
}

/// Makes the image.
///
/// # Errors
/// When a path cannot stand on such an image, or two files have the same.
pub fn image(label: &str, files: &[IsoFile]) -> Result<Vec<u8>, Fault> {
    let mut root = Folder::default();
    for (index, file) in files.iter().enumerate() {
        insert(&mut root, &file.path, index)?;
    }
    let primary = Hierarchy::new(&root, false);
    let joliet = Hierarchy::new(&root, true);
    let mut at = 19;
    let mut place = |bytes: usize| {
        let from = at;
        at += bytes.div_ceil(SECTOR).max(1);
        from
    };
    let tables: Vec<usize> = [&primary, &primary, &joliet, &joliet]
        .into_iter()
        .map(|tree| place(tree.path_table_len()))
        .collect();
    let primary_at: Vec<usize> = primary
        .folders
        .iter()
        .map(|folder| place(folder.len()))
        .collect();
    let joliet_at: Vec<usize> = joliet
        .folders
        .iter()
        .map(|folder| place(folder.len()))
        .collect();
    let files_at: Vec<usize> = files.iter().map(|file| place(file.data.len())).collect();
    let mut out = vec![0; at * SECTOR];
    let sizes: Vec<usize> = files.iter().map(|file| file.data.len()).collect();
    let trees = [(&primary, &primary_at), (&joliet, &joliet_at)];
    for (number, (tree, places)) in trees.into_iter().enumerate() {
        let tables = tables.get(number * 2..number * 2 + 2).unwrap_or_default();
        let descriptor = tree.descriptor(label, at, tables, places);
        write(&mut out, 16 + number, &descriptor);
        for (place, big) in tables.iter().zip([false, true]) {
            write(&mut out, *place, &tree.path_table(places, big));
        }
        for (index, place) in places.iter().enumerate() {
            write(
                &mut out,
                *place,
                &tree.directory(index, places, &files_at, &sizes),
            );
        }
    }
    let mut end = vec![255];
    end.extend_from_slice(b"CD001\x01");
    write(&mut out, 18, &end);
    for (file, place) in files.iter().zip(&files_at) {
        write(&mut out, *place, &file.data);
    }
    Ok(out)
}

fn insert(root: &mut Folder, path: &str, index: usize) -> Result<(), Fault> {
    let refuse = |why: &str| Fault::refused(format!("[{path}] {why}"));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let Some((name, folders)) = parts.split_last() else {
        return Err(refuse("names no file"));
    };
    if folders.len() > LEVELS - 1 {
        return Err(refuse("lies too deep for a configuration drive"));
    }
    for part in &parts {
        let bad = |c: char| c.is_control() || matches!(c, '*' | '/' | ':' | ';' | '?' | '\\');
        if part.chars().any(bad) || matches!(*part, "." | "..") {
            return Err(refuse("cannot stand on a configuration drive"));
        }
        if part.encode_utf16().count() > NAME {
            return Err(refuse("is too long for a configuration drive"));
        }
    }
    let mut here = root;
    for folder in folders {
        if here.files.contains_key(*folder) {
            return Err(refuse("lies under a file"));
        }
        here = here.folders.entry((*folder).to_owned()).or_default();
    }
    if here.folders.contains_key(*name) || here.files.insert((*name).to_owned(), index).is_some() {
        return Err(refuse("is there twice"));
    }
    Ok(())
}

enum Target {
    Folder(usize),
    File(usize),
}

struct Entry {
    /// The identifier's bytes.
    id: Vec<u8>,
    target: Target,
}

struct Flat {
    parent: usize,
    id: Vec<u8>,
    entries: Vec<Entry>,
}

impl Flat {
    /// Octets of its extent: records do not cross sectors (ECMA-119 section 6.8.1.1).
    fn len(&self) -> usize {
        let mut length = 34 * 2;
        for entry in &self.entries {
            let record = record_len(&entry.id);
            if length % SECTOR + record > SECTOR {
                length = length.next_multiple_of(SECTOR);
            }
            length += record;
        }
        length.next_multiple_of(SECTOR)
    }
}

fn record_len(id: &[u8]) -> usize {
    (33 + id.len()).next_multiple_of(2)
}

/// One of the two sets of names, its folders in path table order: level by level.
struct Hierarchy {
    joliet: bool,
    folders: Vec<Flat>,
}

impl Hierarchy {
    fn new(root: &Folder, joliet: bool) -> Self {
        let mut folders = vec![Flat {
            parent: 0,
            id: vec![0],
            entries: Vec::new(),
        }];
        let mut level = vec![(0, root)];
        while !level.is_empty() {
            let mut next = Vec::new();
            for (number, folder) in level {
                let mut taken = BTreeSet::new();
                let mut entries: Vec<(Vec<u8>, Result<&Folder, usize>)> = Vec::new();
                for (name, inner) in &folder.folders {
                    entries.push((identifier(name, true, joliet, &mut taken), Ok(inner)));
                }
                for (name, index) in &folder.files {
                    entries.push((identifier(name, false, joliet, &mut taken), Err(*index)));
                }
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                let mut done = Vec::new();
                for (id, target) in entries {
                    let target = match target {
                        Ok(inner) => {
                            folders.push(Flat {
                                parent: number,
                                id: id.clone(),
                                entries: Vec::new(),
                            });
                            next.push((folders.len() - 1, inner));
                            Target::Folder(folders.len() - 1)
                        }
                        Err(index) => Target::File(index),
                    };
                    done.push(Entry { id, target });
                }
                if let Some(flat) = folders.get_mut(number) {
                    flat.entries = done;
                }
            }
            level = next;
        }
        Self { joliet, folders }
    }

    fn path_table_len(&self) -> usize {
        let lengths = self
            .folders
            .iter()
            .map(|folder| (8 + folder.id.len()).next_multiple_of(2));
        lengths.sum()
    }

    /// ECMA-119 section 9.4.
    fn path_table(&self, places: &[usize], big: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for (folder, place) in self.folders.iter().zip(places) {
            out.push(folder.id.len() as u8);
            out.push(0);
            let (place, parent) = (*place as u32, (folder.parent + 1) as u16);
            match big {
                true => {
                    out.extend(place.to_be_bytes());
                    out.extend(parent.to_be_bytes());
                }
                false => {
                    out.extend(place.to_le_bytes());
                    out.extend(parent.to_le_bytes());
                }
            }
            out.extend(&folder.id);
            if folder.id.len() % 2 == 1 {
                out.push(0);
            }
        }
        out
    }

    fn directory(
        &self,
        index: usize,
        places: &[usize],
        files_at: &[usize],
        sizes: &[usize],
    ) -> Vec<u8> {
        let Some(folder) = self.folders.get(index) else {
            return Vec::new();
        };
        let extent = |number: usize| {
            let at = places.get(number).copied().unwrap_or_default();
            let len = self.folders.get(number).map_or(0, Flat::len);
            (at, len)
        };
        let mut out = record(&[0], extent(index), true);
        out.extend(record(&[1], extent(folder.parent), true));
        for entry in &folder.entries {
            let record = match entry.target {
                Target::Folder(number) => record(&entry.id, extent(number), true),
                Target::File(number) => {
                    let at = files_at.get(number).copied().unwrap_or_default();
                    let size = sizes.get(number).copied().unwrap_or_default();
                    record(&entry.id, (at, size), false)
                }
            };
            if out.len() % SECTOR + record.len() > SECTOR {
                out.resize(out.len().next_multiple_of(SECTOR), 0);
            }
            out.extend(record);
        }
        out
    }

    /// ECMA-119 sections 8.4 and 8.5.
    fn descriptor(
        &self,
        label: &str,
        sectors: usize,
        tables: &[usize],
        places: &[usize],
    ) -> Vec<u8> {
        let mut out = vec![if self.joliet { 2 } else { 1 }];
        out.extend_from_slice(b"CD001\x01\0");
        out.extend(self.text("LIFELINE", 32));
        out.extend(self.text(label, 32));
        out.extend([0; 8]);
        out.extend(both32(sectors));
        let mut escapes = [0; 32];
        if self.joliet {
            // UCS-2, level 3
            if let Some(place) = escapes.get_mut(..3) {
                place.copy_from_slice(b"%/E");
            }
        }
        out.extend(escapes);
        out.extend(both16(1));
        out.extend(both16(1));
        out.extend(both16(SECTOR));
        out.extend(both32(self.path_table_len()));
        let table = |at: usize| tables.get(at).copied().unwrap_or_default() as u32;
        out.extend(table(0).to_le_bytes());
        out.extend([0; 4]);
        out.extend(table(1).to_be_bytes());
        out.extend([0; 4]);
        let at = places.first().copied().unwrap_or_default();
        let len = self.folders.first().map_or(0, Flat::len);
        out.extend(record(&[0], (at, len), true));
        for length in [128, 128, 128, 128, 37, 37, 37] {
            out.extend(self.text("", length));
        }
        for _ in 0..4 {
            // no date (section 8.4.26.1)
            out.extend([b'0'; 16]);
            out.push(0);
        }
        out.push(1);
        out.resize(SECTOR, 0);
        out
    }

    /// Text padded with spaces, in the hierarchy's own characters.
    fn text(&self, text: &str, length: usize) -> Vec<u8> {
        let mut out = match self.joliet {
            true => ucs2(text),
            false => text.bytes().collect(),
        };
        out.truncate(length / 2 * 2 + if self.joliet { 0 } else { length % 2 });
        while out.len() < length {
            match self.joliet {
                true if length - out.len() >= 2 => out.extend([0, b' ']),
                true => out.push(0),
                false => out.push(b' '),
            }
        }
        out
    }
}

fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// A name as the hierarchy writes it: Joliet as it is, the other one as eight and three capitals.
fn identifier(name: &str, folder: bool, joliet: bool, taken: &mut BTreeSet<String>) -> Vec<u8> {
    if joliet {
        return ucs2(name);
    }
    let plain = |text: &str, length: usize| -> String {
        let letter = |c: char| match c.to_ascii_uppercase() {
            c @ ('A'..='Z' | '0'..='9' | '_') => c,
            _ => '_',
        };
        text.chars().map(letter).take(length).collect()
    };
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !folder && !stem.is_empty() => (stem, plain(extension, 3)),
        _ => (name, String::new()),
    };
    let whole = |stem: &str| match folder {
        true => stem.to_owned(),
        false => format!("{stem}.{extension};1"),
    };
    let mut id = whole(&plain(stem, 8));
    let mut number = 0u32;
    while !taken.insert(id.clone()) {
        number += 1;
        let digits = number.to_string();
        id = whole(&format!(
            "{}{digits}",
            plain(stem, 8usize.saturating_sub(digits.len()))
        ));
    }
    id.into_bytes()
}

/// A directory record (ECMA-119 section 9.1), dated 1 January 1980.
fn record(id: &[u8], (at, length): (usize, usize), folder: bool) -> Vec<u8> {
    let size = record_len(id);
    let mut out = vec![size as u8, 0];
    out.extend(both32(at));
    out.extend(both32(length));
    out.extend([80, 1, 1, 0, 0, 0, 0]);
    out.push(if folder { 2 } else { 0 });
    out.extend([0, 0]);
    out.extend(both16(1));
    out.push(id.len() as u8);
    out.extend(id);
    out.resize(size, 0);
    out
}

/// Both byte orders, low first (ECMA-119 sections 7.2.3 and 7.3.3).
fn both16(number: usize) -> Vec<u8> {
    let number = number as u16;
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

fn both32(number: usize) -> Vec<u8> {
    let number = number as u32;
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}

fn write(out: &mut [u8], sector: usize, bytes: &[u8]) {
    let from = sector * SECTOR;
    if let Some(place) = out.get_mut(from..from + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
#[path = "tests/iso.rs"]
mod tests;
