//! RFC 8341 sections 3.4.4 to 3.4.6, step by step, on the XML of `/nacm`; knows nothing of the room.

use super::super::Access;
use super::{G, H, NACM};
use crate::xml::Element;

/// A step of a requested instance: module, name, keys.
pub(super) type Step = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Operation(&'static str, &'static str),
    Event(&'static str, &'static str),
    Data(Access, Vec<Step>),
}

fn text(element: &Element, name: &str) -> Option<String> {
    let child = element.child(NACM, name)?;
    Some(child.text().trim().to_owned())
}

fn all<'e>(element: &'e Element, name: &'e str) -> impl Iterator<Item = &'e Element> {
    element.elements().filter(move |child| child.is(NACM, name))
}

/// What modules say of their nodes, written down again.
fn default_deny_all(asked: &Asked) -> bool {
    match asked {
        Asked::Operation(module, name) => {
            matches!(
                (*module, *name),
                ("g", "danger") | ("ietf-netconf", "kill-session" | "delete-config")
            )
        }
        Asked::Event(module, name) => (*module, *name) == ("g", "quiet"),
        Asked::Data(_, steps) => steps
            .iter()
            .any(|(module, name, _)| *module == "g" && matches!(*name, "hidden" | "vault")),
    }
}

fn default_deny_write(steps: &[Step]) -> bool {
    steps.iter().any(|(_, name, _)| *name == "fixed")
}

pub(super) fn permits(nacm: &Element, user: &str, external: &[&str], asked: &Asked) -> bool {
    // 3.4.4 step 1, 3.4.5 step 1, 3.4.6 step 1
    if text(nacm, "enable-nacm").as_deref() == Some("false") {
        return true;
    }
    // 3.4.4 step 3; 3.4.6: replayComplete and notificationComplete
    match asked {
        Asked::Operation("ietf-netconf", "close-session") => return true,
        Asked::Event("nc-notifications", "replayComplete" | "notificationComplete") => return true,
        _ => {}
    }
    // step 4: the user's groups
    let mut groups: Vec<String> = Vec::new();
    for container in all(nacm, "groups") {
        for group in all(container, "group") {
            if all(group, "user-name").any(|name| name.text().trim() == user) {
                groups.push(text(group, "name").unwrap());
            }
        }
    }
    if text(nacm, "enable-external-groups").as_deref() != Some("false") {
        groups.extend(external.iter().map(|group| (*group).to_owned()));
    }
    // step 5: without groups, go on behind the rules
    if !groups.is_empty() {
        // step 6: rule-lists in order
        for list in all(nacm, "rule-list") {
            let matches = all(list, "group").any(|group| {
                let group = group.text().trim().to_owned();
                group == "*" || groups.contains(&group)
            });
            if !matches {
                continue;
            }
            // step 7: rules in order
            for rule in all(list, "rule") {
                if rule_matches(rule, user, asked) {
                    // step 8
                    return text(rule, "action").unwrap() == "permit";
                }
            }
        }
    }
    // steps 10 and 11
    if default_deny_all(asked) {
        return false;
    }
    if let Asked::Data(Access::Create | Access::Update | Access::Delete, steps) = asked
        && default_deny_write(steps)
    {
        return false;
    }
    // step 12
    let (leaf, otherwise) = match asked {
        Asked::Operation(..) | Asked::Data(Access::Exec, _) => ("exec-default", "permit"),
        Asked::Event(..) | Asked::Data(Access::Read, _) => ("read-default", "permit"),
        Asked::Data(..) => ("write-default", "deny"),
    };
    text(nacm, leaf).as_deref().unwrap_or(otherwise) == "permit"
}

fn rule_matches(rule: &Element, user: &str, asked: &Asked) -> bool {
    let module = text(rule, "module-name").unwrap_or("*".to_owned());
    let operations = text(rule, "access-operations").unwrap_or("*".to_owned());
    let rpc = text(rule, "rpc-name");
    let event = text(rule, "notification-name");
    let path = text(rule, "path");
    let (defined_in, operation) = match asked {
        Asked::Operation(module, _) => (*module, "exec"),
        Asked::Event(module, _) => (*module, "read"),
        Asked::Data(access, steps) => (steps.last().unwrap().0, access.as_str()),
    };
    if module != "*" && module != defined_in {
        return false;
    }
    if operations != "*" && !operations.split(' ').any(|word| word == operation) {
        return false;
    }
    // "the rule does not have a rule-type defined, or it is of the kind asked for and matches"
    match (rpc, event, path, asked) {
        (None, None, None, _) => true,
        (Some(rpc), _, _, Asked::Operation(_, name)) => rpc == "*" || rpc == *name,
        (_, Some(event), _, Asked::Event(_, name)) => event == "*" || event == *name,
        (_, _, Some(path), Asked::Data(_, steps)) => path_matches(&path, user, steps),
        _ => false,
    }
}

/// "A path is considered to match if the requested node is the node specified by the path or is a
/// descendant node of the path."
fn path_matches(path: &str, user: &str, steps: &[Step]) -> bool {
    if path == "/" {
        return true;
    }
    let wanted: Vec<&str> = path.split('/').skip(1).collect();
    if wanted.len() > steps.len() {
        return false;
    }
    wanted
        .iter()
        .zip(steps)
        .all(|(wanted, (module, name, keys))| {
            let (head, predicates) = wanted.split_once('[').unwrap_or((wanted, ""));
            let (prefix, local) = head.split_once(':').unwrap();
            assert!([G, H].iter().any(|ns| ns.ends_with(prefix)));
            if prefix != *module || local != *name {
                return false;
            }
            predicates
                .split('[')
                .filter(|text| !text.is_empty())
                .all(|predicate| {
                    let (key, value) = predicate.trim_end_matches(']').split_once('=').unwrap();
                    let key = key.split_once(':').map_or(key, |(_, local)| local);
                    let value = match value {
                        "$USER" => user,
                        quoted => quoted.trim_matches(['\'', '"']),
                    };
                    keys.iter()
                        .any(|(name, found)| *name == key && *found == value)
                })
        })
}
