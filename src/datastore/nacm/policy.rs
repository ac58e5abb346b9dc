//! `/nacm` of a configuration as values.

use super::access::Access;
use super::pattern::Pattern;
use crate::datastore::node::Node;
use crate::datastore::tree::Tree;
use crate::datastore::view::NodeRef;

/// The container, named as [`NodeRef`] wants it.
const NACM: &str = "ietf-netconf-acm:nacm";

/// What a rule is about (the choice `rule-type`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// No case of the choice: everything.
    Anything,
    /// `rpc-name`; `None` for `*`.
    Operation(Option<String>),
    /// `notification-name`; `None` for `*`.
    Notification(Option<String>),
    /// `path`.
    Data(Pattern),
}

/// One rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rule {
    /// `module-name`; `None` for `*`.
    pub module: Option<String>,
    pub subject: Subject,
    /// Bits of the access operations.
    pub operations: u8,
    pub permit: bool,
}

/// What applies to one user, in order, with the answers where no rule does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Policy {
    pub enabled: bool,
    pub read_default: bool,
    pub write_default: bool,
    pub exec_default: bool,
    pub rules: Vec<Rule>,
    /// Whether a rule-list names this group, by its name.
    names_admins: bool,
}

/// The subtree that decides; what is compiled from it holds as long as it is the same.
pub(super) fn source(config: &Tree) -> Option<Node> {
    let nacm = config.view().container(NACM)?;
    Some(nacm.node().clone())
}

impl Policy {
    /// Reads what concerns a user of these groups, the transport's (RFC 8341 section 3.4.4, steps 4 to 6).
    pub fn read(config: &Tree, user: &str, external: &[String], admins: &str) -> Self {
        let Some(nacm) = config.view().container(NACM) else {
            return Self::standard();
        };
        let permits = |name: &str, otherwise: bool| match nacm.text(name) {
            Some(word) => word == "permit",
            None => otherwise,
        };
        let is_true = |name: &str| nacm.text(name) != Some("false");
        let mut groups: Vec<String> = Vec::new();
        if let Some(configured) = nacm.container("groups") {
            let mine = configured
                .entries("group")
                .filter(|group| group.values("user-name").contains(&user));
            groups.extend(mine.filter_map(|group| group.text("name").map(str::to_owned)));
        }
        if is_true("enable-external-groups") {
            groups.extend_from_slice(external);
        }
        let lists = || nacm.entries("rule-list");
        let applies = |list: &NodeRef<'_>| {
            let named = list.values("group");
            // In no group at all: not even "*" applies (step 5).
            !groups.is_empty()
                && named
                    .iter()
                    .any(|name| *name == "*" || groups.iter().any(|group| group == name))
        };
        let rules = lists()
            .filter(applies)
            .flat_map(|list| list.entries("rule"))
            .map(|rule| self::rule(config, rule))
            .collect();
        Self {
            enabled: is_true("enable-nacm"),
            read_default: permits("read-default", true),
            write_default: permits("write-default", false),
            exec_default: permits("exec-default", true),
            rules,
            names_admins: lists().any(|list| list.values("group").contains(&admins)),
        }
    }

    /// Without `/nacm`: the defaults of the model.
    fn standard() -> Self {
        Self {
            enabled: true,
            read_default: true,
            write_default: false,
            exec_default: true,
            rules: Vec::new(),
            names_admins: false,
        }
    }

    /// Whether the rules provide for the administrators themselves.
    pub fn provides_for_admins(&self) -> bool {
        self.names_admins
    }

    /// Where no rule matches (section 3.4.5, steps 11 to 13, and their kin).
    pub fn default(&self, access: Access) -> bool {
        match access {
            Access::Read => self.read_default,
            Access::Exec => self.exec_default,
            Access::Create | Access::Update | Access::Delete => self.write_default,
        }
    }
}

fn rule(config: &Tree, rule: NodeRef<'_>) -> Rule {
    let unless_any = |text: &str| (text != "*").then(|| text.to_owned());
    let permit = rule.text("action") == Some("permit");
    let (subject, permit) = if let Some(name) = rule.explicit("rpc-name") {
        (Subject::Operation(unless_any(name)), permit)
    } else if let Some(name) = rule.explicit("notification-name") {
        (Subject::Notification(unless_any(name)), permit)
    } else if let Some(path) = rule.explicit("path") {
        match Pattern::parse(config.schema(), path) {
            Some(pattern) => (Subject::Data(pattern), permit),
            // Refused when it is configured; a schema that changed since must not open what was closed.
            None if permit => return never(),
            None => (Subject::Anything, false),
        }
    } else {
        (Subject::Anything, permit)
    };
    Rule {
        module: rule.text("module-name").and_then(unless_any),
        subject,
        operations: rule.text("access-operations").map_or(u8::MAX, Access::bits),
        permit,
    }
}

/// A rule that matches nothing.
fn never() -> Rule {
    Rule {
        module: None,
        subject: Subject::Anything,
        operations: 0,
        permit: false,
    }
}
