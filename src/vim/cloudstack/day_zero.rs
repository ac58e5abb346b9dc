//! Day-0 configuration: user data, the one thing that CloudStack gives a guest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::port::VimError;
use crate::model::deployment::DayZero;
use crate::vim_http::fill;

/// Destination that stands for what cloud-init reads.
const USER_DATA: &str = "--user-data";

/// The user data of the VM at place `index` of its group, in base64.
///
/// # Errors
/// When something of it cannot be carried out: a VM is not made with half of its configuration.
pub fn prepare(configured: &[DayZero], index: usize) -> Result<Option<String>, VimError> {
    let mut prepared = None;
    for file in configured {
        let refuse =
            |why: &str| VimError::Refused(vec![format!("config_data [{}]: {why}", file.dst)]);
        if file.dst != USER_DATA {
            return Err(refuse(
                "CloudStack gives a VM its user data and no files: the destination has to be --user-data",
            ));
        }
        let Some(text) = &file.data else {
            return Err(refuse(
                "its content stands behind an address, which this driver does not fetch: give it as data",
            ));
        };
        let content = STANDARD.encode(fill(text, &file.variables, index));
        if prepared.replace(content).is_some() {
            return Err(refuse("there can be only one"));
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
            variables: vec![("NAME".to_owned(), vec!["one".to_owned()])],
        }
    }

    #[test]
    fn user_data_is_filled_in_and_the_rest_is_refused() {
        let prepared = prepare(&[file(USER_DATA, Some("#!$NAME"))], 0).unwrap();
        assert_eq!(prepared.as_deref(), Some("IyFvbmU="));
        for wrong in [
            vec![file("/etc/x", Some("y"))],
            vec![file(USER_DATA, None)],
            vec![file(USER_DATA, Some("a")), file(USER_DATA, Some("b"))],
        ] {
            assert!(matches!(prepare(&wrong, 0), Err(VimError::Refused(_))));
        }
    }
}
