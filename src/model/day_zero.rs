//! Day-0 files: their variables filled in for one VM.

use crate::ids::CreateToken;

/// Puts the variables' values in place of `$NAME` and `${NAME}`; of several values the VM takes that of its
/// place in its group, or the last one. What is no variable of ours belongs to the text.
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
        let found = braced
            .and_then(|(name, left)| Some((value(name)?, left)))
            .or_else(|| {
                let (name, left) = after.split_at_checked(end)?;
                Some((value(name)?, left))
            });
        rest = match found {
            Some((value, left)) => {
                filled.push_str(value);
                left
            }
            None => {
                filled.push('$');
                after
            }
        };
    }
    filled.push_str(rest);
    filled
}

/// A VM's place in its group, from its create's token, `<deployment>_<group>_<index>_<id>.<generation>`; 0 for a
/// token of another form.
pub fn index_of(token: &CreateToken) -> usize {
    let name = match token.as_str().rsplit_once('.') {
        Some((name, _)) => name,
        None => token.as_str(),
    };
    let index = name.rsplit('_').nth(1);
    index.and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_by_the_vms_place() {
        let variables = [
            ("NAME".to_owned(), vec!["one".to_owned(), "two".to_owned()]),
            ("GW".to_owned(), vec!["10.0.0.1".to_owned()]),
            ("NONE".to_owned(), Vec::new()),
        ];
        let text = "host $NAME gw ${GW} cost $5 $OTHER ${OTHER} $NAMES $NONE end$";
        assert_eq!(
            fill(text, &variables, 1),
            "host two gw 10.0.0.1 cost $5 $OTHER ${OTHER} $NAMES $NONE end$"
        );
        assert_eq!(fill("$NAME$GW", &variables, 0), "one10.0.0.1");
        assert_eq!(fill("$NAME", &variables, 9), "two");
        assert_eq!(fill("${NAME", &variables, 0), "${NAME");
    }

    #[test]
    fn a_vms_place_is_in_its_token() {
        for (token, index) in [
            ("dep_g1_3_5f0c-1.2", 3),
            ("a_b_c_12_id.1", 12),
            ("odd", 0),
            ("token of a", 0),
        ] {
            assert_eq!(index_of(&CreateToken::new(token)), index, "{token}");
        }
    }
}
