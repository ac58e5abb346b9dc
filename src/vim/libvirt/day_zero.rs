//! The configuration drive: day-0 data as an OpenStack config drive, which cloud-init and most network
//! functions read, and each file under its own name for those that look there.

use serde_json::json;

use super::iso::{IsoFile, image};
use super::link::Fault;

/// Destination that stands for what cloud-init reads.
const USER_DATA: &str = "--user-data";
/// Label of the drive: cloud-init looks for it.
const LABEL: &str = "config-2";

/// A day-0 file with its variables filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// Destination.
    pub dst: String,
    /// Content.
    pub data: Vec<u8>,
}

/// The drive of a VM; `None` when it has no day-0 data.
///
/// # Errors
/// When a destination cannot stand on it, or all of it is larger than `limit` octets.
pub fn drive(
    uuid: &str,
    name: &str,
    contents: &[Content],
    limit: usize,
) -> Result<Option<Vec<u8>>, Fault> {
    if contents.is_empty() {
        return Ok(None);
    }
    let total: usize = contents.iter().map(|content| content.data.len()).sum();
    if total > limit {
        return Err(Fault::refused(format!(
            "config_data has {total} octets, more than {limit}"
        )));
    }
    let mut files = Vec::new();
    let mut listed = Vec::new();
    let mut user_data = false;
    for content in contents {
        if content.dst == USER_DATA {
            if user_data {
                return Err(Fault::refused(format!(
                    "config_data [{USER_DATA}]: there can be only one"
                )));
            }
            user_data = true;
            files.push(file("openstack/latest/user_data", &content.data));
            continue;
        }
        let place = format!("content/{:04}", listed.len());
        files.push(file(&format!("openstack/{place}"), &content.data));
        files.push(file(&content.dst, &content.data));
        listed.push(json!({"path": content.dst, "content_path": format!("/{place}")}));
    }
    let meta = json!({"uuid": uuid, "name": name, "hostname": hostname(name), "files": listed});
    files.push(file(
        "openstack/latest/meta_data.json",
        meta.to_string().as_bytes(),
    ));
    image(LABEL, &files)
        .map(Some)
        .map_err(|fault| Fault::refused(format!("config_data {}", fault.text)))
}

fn file(path: &str, data: &[u8]) -> IsoFile {
    IsoFile {
        path: path.to_owned(),
        data: data.to_owned(),
    }
}

/// A name that a host may have (RFC 1123 section 2.1): letters, digits, hyphens, 63 at most.
fn hostname(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(letter).take(63).collect();
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(dst: &str, data: &str) -> Content {
        Content {
            dst: dst.into(),
            data: data.into(),
        }
    }

    #[test]
    fn a_vm_without_day_zero_data_has_no_drive() {
        assert_eq!(drive("u", "n", &[], 10), Ok(None));
    }

    #[test]
    fn user_data_files_and_their_own_names_stand_on_the_drive() {
        let contents = [
            content("--user-data", "#!/bin/sh"),
            content("/etc/iosxe_config.txt", "hostname x"),
        ];
        let drive = drive("u-1", "dep_g1_0_u", &contents, 1000)
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&drive);
        assert!(text.contains(
            r#"{"files":[{"content_path":"/content/0000","path":"/etc/iosxe_config.txt"}],"hostname":"dep-g1-0-u","name":"dep_g1_0_u","uuid":"u-1"}"#
        ));
        assert_eq!(text.matches("hostname x").count(), 2);
        assert_eq!(text.matches("#!/bin/sh").count(), 1);
    }

    #[test]
    fn half_a_configuration_is_none() {
        let why = |contents: &[Content]| drive("u", "n", contents, 10).unwrap_err().text;
        let twice = [content("--user-data", "a"), content("--user-data", "b")];
        assert!(why(&twice).contains("only one"));
        assert!(why(&[content("a", "12345678901")]).contains("more than 10"));
        assert!(why(&[content("a/../b", "x")]).contains("cannot stand"));
        assert!(why(&[content("x", "1"), content("x", "2")]).contains("twice"));
    }
}
