//! Day-0 configuration: variables in it, and what no driver behind HTTP carries out.

use crate::engine::port::VimError;
use crate::model::deployment::DayZero;

/// Destination that stands for what cloud-init reads.
pub const USER_DATA: &str = "--user-data";

/// Why a part of it is not carried out.
pub fn refusal(part: &DayZero, why: &str) -> VimError {
    VimError::Refused(vec![format!("config_data [{}]: {why}", part.dst)])
}

/// A part as the VM at place `index` of its group gets it.
///
/// # Errors
/// When it stands behind an address.
pub fn content(part: &DayZero, index: usize) -> Result<String, VimError> {
    let text = part.data.as_ref().ok_or_else(|| {
        refusal(
            part,
            "its content stands behind an address, which this driver does not fetch: give it as data",
        )
    })?;
    Ok(fill(text, &part.variables, index))
}

/// Puts the variables' values in place of `$NAME` and `${NAME}`; of several values the VM takes that of its place.
pub fn fill(text: &str, variables: &[(String, Vec<String>)], index: usize) -> String {
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

    #[test]
    fn variables_are_filled_in_by_the_vms_place() {
        let variables = vec![
            ("NAME".to_owned(), vec!["one".to_owned(), "two".to_owned()]),
            ("GW".to_owned(), vec!["10.0.0.1".to_owned()]),
        ];
        let text = "host $NAME gw ${GW} cost $5 $OTHER ${OTHER} $NAMES end$";
        assert_eq!(
            fill(text, &variables, 1),
            "host two gw 10.0.0.1 cost $5 $OTHER ${OTHER} $NAMES end$"
        );
        assert_eq!(fill("$NAME$GW", &variables, 0), "one10.0.0.1");
        assert_eq!(fill("$NAME", &variables, 9), "two");
    }
}
