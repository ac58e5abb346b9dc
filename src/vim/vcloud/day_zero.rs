//! Day-0 configuration: OVF's properties, which a guest reads of its own environment, and the script that VMware's
//! tools run at the first start.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::port::VimError;
use crate::model::deployment::DayZero;
use crate::vim_http::{USER_DATA, content, refusal};

/// Destination that stands for the script.
const SCRIPT: &str = "--customization-script";
/// Destination of a property, with its key behind it.
const PROPERTY: &str = "ovfProperty:";

/// What a guest is told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// Keys and values.
    pub properties: Vec<(String, String)>,
    /// The script.
    pub script: Option<String>,
}

/// What the VM at place `index` of its group is told.
///
/// # Errors
/// When something of it cannot be carried out: a VM is not made with half of its configuration.
pub fn prepare(configured: &[DayZero], index: usize) -> Result<Told, VimError> {
    let mut told = Told::default();
    for file in configured {
        let content = content(file, index)?;
        let property = match (&*file.dst, file.dst.strip_prefix(PROPERTY)) {
            // The property of that name, in base64.
            (USER_DATA, _) => ("user-data".to_owned(), STANDARD.encode(content)),
            (_, Some(key)) if !key.is_empty() => (key.to_owned(), content),
            (SCRIPT, _) => match told.script.replace(content) {
                None => continue,
                Some(_) => return Err(refusal(file, "there can be only one")),
            },
            _ => {
                return Err(refusal(
                    file,
                    "vCloud gives a guest properties and a script, no files: the destination has to be --user-data, \
                     ovfProperty:KEY or --customization-script",
                ));
            }
        };
        if told.properties.iter().any(|(key, _)| *key == property.0) {
            return Err(refusal(file, "there can be only one"));
        }
        told.properties.push(property);
    }
    Ok(told)
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
    fn properties_and_a_script_are_filled_in_and_the_rest_is_refused() {
        let told = prepare(
            &[
                file(USER_DATA, Some("#!$NAME")),
                file("ovfProperty:Host", Some("$NAME")),
                file(SCRIPT, Some("echo ${NAME}")),
            ],
            0,
        )
        .unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            told.properties,
            [pair("user-data", "IyFvbmU="), pair("Host", "one")]
        );
        assert_eq!(told.script.as_deref(), Some("echo one"));
        for wrong in [
            vec![file("/etc/x", Some("y"))],
            vec![file(USER_DATA, None)],
            vec![file("ovfProperty:", Some("y"))],
            vec![file(USER_DATA, Some("a")), file(USER_DATA, Some("b"))],
            vec![file(SCRIPT, Some("a")), file(SCRIPT, Some("b"))],
        ] {
            assert!(matches!(prepare(&wrong, 0), Err(VimError::Refused(_))));
        }
    }
}
