//! Day-0 configuration: user data, the one thing that CloudStack gives a guest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::port::VimError;
use crate::model::deployment::DayZero;
use crate::vim_http::{USER_DATA, content, refusal};

/// The user data of the VM at place `index` of its group, in base64.
///
/// # Errors
/// When something of it cannot be carried out: a VM is not made with half of its configuration.
pub fn prepare(configured: &[DayZero], index: usize) -> Result<Option<String>, VimError> {
    let mut prepared = None;
    for file in configured {
        if file.dst != USER_DATA {
            return Err(refusal(
                file,
                "CloudStack gives a VM its user data and no files: the destination has to be --user-data",
            ));
        }
        let encoded = STANDARD.encode(content(file, index)?);
        if prepared.replace(encoded).is_some() {
            return Err(refusal(file, "there can be only one"));
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
