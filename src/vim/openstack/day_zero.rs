//! Day-0 configuration: user data, and files that Nova puts into the image.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::port::VimError;
use crate::model::deployment::DayZero;
use crate::proto::nova::Personality;
use crate::vim_http::{USER_DATA, content, refusal};

/// What goes with a new server.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Prepared {
    /// Base64 of the user data.
    pub user_data: Option<String>,
    /// Files.
    pub files: Vec<Personality>,
}

/// Prepares day-0 data for the VM at place `index` of its group.
///
/// # Errors
/// When something of it cannot be carried out: a VM is not made with half of its configuration.
pub fn prepare(configured: &[DayZero], index: usize) -> Result<Prepared, VimError> {
    let mut prepared = Prepared::default();
    for file in configured {
        let encoded = STANDARD.encode(content(file, index)?);
        if file.dst == USER_DATA {
            if prepared.user_data.replace(encoded).is_some() {
                return Err(refusal(file, "there can be only one"));
            }
        } else {
            prepared.files.push(Personality {
                path: file.dst.clone(),
                contents: encoded,
            });
        }
    }
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dst: &str, data: Option<&str>) -> DayZero {
        DayZero {
            dst: dst.to_owned(),
            file: data.is_none().then(|| "http://x/y".to_owned()),
            data: data.map(str::to_owned),
            variables: vec![
                ("NAME".to_owned(), vec!["one".to_owned(), "two".to_owned()]),
                ("GW".to_owned(), vec!["10.0.0.1".to_owned()]),
            ],
        }
    }

    #[test]
    fn user_data_and_files_are_told_apart() {
        let prepared = prepare(
            &[
                file("--user-data", Some("#!$NAME")),
                file("/etc/x", Some("y")),
            ],
            0,
        );
        let prepared = prepared.unwrap();
        assert_eq!(prepared.user_data.as_deref(), Some("IyFvbmU="));
        assert_eq!(prepared.files[0].path, "/etc/x");
        let two = [
            file("--user-data", Some("a")),
            file("--user-data", Some("b")),
        ];
        assert!(matches!(prepare(&two, 0), Err(VimError::Refused(_))));
        assert!(matches!(
            prepare(&[file("/etc/x", None)], 0),
            Err(VimError::Refused(_))
        ));
    }
}
