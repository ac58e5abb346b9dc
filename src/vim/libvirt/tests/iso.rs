use super::*;

/// Reads an image by its Joliet names: path and content of each file. An independent walk: by extents alone.
fn read(image: &[u8]) -> Vec<(String, Vec<u8>)> {
    let le32 = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    let root = 17 * SECTOR + 156;
    let mut found = Vec::new();
    let mut open = vec![(String::new(), le32(root + 2), le32(root + 10))];
    while let Some((path, sector, length)) = open.pop() {
        let (mut at, end) = (sector * SECTOR, sector * SECTOR + length);
        let mut number = 0;
        while at < end {
            let size = image[at] as usize;
            if size == 0 {
                at = (at + 1).next_multiple_of(SECTOR);
                continue;
            }
            let id = &image[at + 33..at + 33 + image[at + 32] as usize];
            let (place, length) = (le32(at + 2), le32(at + 10));
            if number > 1 {
                let units: Vec<u16> = id
                    .chunks(2)
                    .map(|two| u16::from_be_bytes([two[0], two[1]]))
                    .collect();
                let name = format!("{path}/{}", String::from_utf16(&units).unwrap());
                match image[at + 25] & 2 {
                    2 => open.push((name, place, length)),
                    _ => {
                        let data = image[place * SECTOR..place * SECTOR + length].to_vec();
                        found.push((name, data));
                    }
                }
            }
            number += 1;
            at += size;
        }
    }
    found.sort();
    found
}

fn file(path: &str, data: &[u8]) -> IsoFile {
    IsoFile {
        path: path.into(),
        data: data.into(),
    }
}

#[test]
fn files_come_back_under_their_own_names() {
    let files = [
        file("openstack/latest/meta_data.json", b"{}"),
        file("openstack/latest/user_data", &[7; 5000]),
        file("iosxe_config.txt", b"hostname x\n"),
        file("IOSXE-CONFIG.TXT", b"another"),
        file("a/b/c/d/e/f/g.conf", b"deep"),
        file("empty", b""),
        file("\u{fc}ber \u{1f980}.txt", b"umlaut"),
    ];
    let image = image("config-2", &files).unwrap();
    assert_eq!(image.len() % SECTOR, 0);
    let mut expected: Vec<_> = files
        .iter()
        .map(|f| (format!("/{}", f.path), f.data.clone()))
        .collect();
    expected.sort();
    assert_eq!(read(&image), expected);
    assert_eq!(&image[16 * SECTOR + 40..16 * SECTOR + 48], b"config-2");
    assert_eq!(&image[18 * SECTOR..18 * SECTOR + 6], b"\xffCD001");
}

#[test]
fn a_folder_larger_than_a_sector_is_whole() {
    let files: Vec<_> = (0..300)
        .map(|n| file(&format!("d/a name of some length {n}.cfg"), b"x"))
        .collect();
    let image = image("config-2", &files).unwrap();
    assert_eq!(read(&image).len(), 300);
}

#[test]
fn what_cannot_stand_there_is_refused() {
    let why = |files: &[IsoFile]| image("x", files).unwrap_err().text;
    assert!(why(&[file("/", b"")]).contains("names no file"));
    assert!(why(&[file("a/../b", b"")]).contains("cannot stand"));
    assert!(why(&[file("a:b", b"")]).contains("cannot stand"));
    assert!(why(&[file(&"n".repeat(65), b"")]).contains("too long"));
    assert!(why(&[file("1/2/3/4/5/6/7/8", b"")]).contains("too deep"));
    assert!(why(&[file("a", b""), file("/a", b"")]).contains("twice"));
    assert!(why(&[file("a", b""), file("a/b", b"")]).contains("under a file"));
    assert!(why(&[file("a/b", b""), file("a", b"")]).contains("twice"));
}
