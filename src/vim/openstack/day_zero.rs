//! Day-0 configuration: user data, and files that Nova puts into the image.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::port::VimError;
use crate::model::deployment::DayZero;
use crate::proto::nova::Personality;

/// Destination that stands for what cloud-init reads.
const USER_DATA: &str = "--user-data";

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
        let refuse =
            |why: &str| VimError::Refused(vec![format!("config_data [{}]: {why}", file.dst)]);
        let Some(text) = &file.data else {
            return Err(refuse(
                "its content stands behind an address, which this driver does not fetch: give it as data",
            ));
        };
        let content = STANDARD.encode(fill(text, &file.variables, index));
        if file.dst == USER_DATA {
            if prepared.user_data.replace(content).is_some() {
                return Err(refuse("there can be only one"));
            }
        } else {
            prepared.files.push(Personality {
                path: file.dst.clone(),
                contents: content,
            });
        }
    }
    Ok(prepared)
}

/// Puts the variables' values in place of `$NAME` and `${NAME}`; of several values the VM takes that of its place.
fn fill(text: &str, variables: &[(String, Vec<String>)], index: usize) -> String {
    let value = |name: &str| {
        let (_, values) = variables.iter().find(|(known, _)| known == name)?;
        values.get(index).or(values.last())
    };
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let braced = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let end = after
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(after.len());
        let plain = after.split_at_checked(end);
        rest = match braced.and_then(|(name, left)| Some((value(name)?, left))) {
            Some((value, left)) => {
                filled.push_str(value);
                left
            }
            None => match plain.and_then(|(name, left)| Some((value(name)?, left))) {
                Some((value, left)) => {
                    filled.push_str(value);
                    left
                }
                // Not one of ours: it belongs to the text.
                None => {
                    filled.push('$');
                    after
                }
            },
        };
    }
    filled.push_str(rest);
    filled
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
    fn variables_are_filled_in_by_the_vms_place() {
        let variables = file("", None).variables;
        let text = "host $NAME gw ${GW} cost $5 $OTHER ${OTHER} $NAMES end$";
        assert_eq!(
            fill(text, &variables, 1),
            "host two gw 10.0.0.1 cost $5 $OTHER ${OTHER} $NAMES end$"
        );
        assert_eq!(fill("$NAME$GW", &variables, 0), "one10.0.0.1");
        assert_eq!(fill("$NAME", &variables, 9), "two");
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
