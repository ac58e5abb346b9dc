//! Questions about one node: data, protocol operation, action, notification.

use super::access::Access;
use super::compile::{Compiled, Decision, Nacm};
use super::policy::Subject;
use crate::datastore::keys::Keys;
use crate::datastore::path::Location;
use crate::schema::{NodeId, Schema};

/// Namespace of the operations with rules of their own.
const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// Namespace of what ends replay and subscription (RFC 5277 section 3.4).
const COMPLETE: &str = "urn:ietf:params:xml:ns:netmod:notification";

/// Where a node is, from the root down.
pub(super) type Place<'k> = [(NodeId, Option<&'k Keys>)];

impl Compiled {
    /// Whether an access to the node at that place is permitted, looking at this node alone.
    pub(super) fn permits(&self, access: Access, place: &Place<'_>) -> bool {
        let Some((node, _)) = place.last() else {
            return true;
        };
        match self.decision(*node, access) {
            Decision::Permit => true,
            Decision::Deny => false,
            Decision::ByInstance => {
                let Some(by_instance) = self.by_instance(*node, access) else {
                    return false;
                };
                let rules = by_instance.rules.iter();
                let rules = rules.filter_map(|at| self.policy.rules.get(*at));
                let mut covering = rules.filter(|rule| match &rule.subject {
                    Subject::Data(pattern) => pattern.covers(place, &self.user),
                    _ => false,
                });
                let first = covering.next();
                first.map_or(by_instance.otherwise, |rule| rule.permit)
            }
        }
    }

    /// Whether the node can be seen: it and all above it may be read (RFC 8341 section 3.2.4 omits the
    /// descendants with the node).
    pub(super) fn sees(&self, place: &Place<'_>) -> bool {
        (1..=place.len()).all(|end| {
            let above = place.get(..end).unwrap_or_default();
            self.permits(Access::Read, above)
        })
    }

    /// Rules without a path, for what is no data (section 3.4.4 steps 6 to 9, section 3.4.6).
    fn by_rule(
        &self,
        schema: &Schema,
        node: NodeId,
        access: Access,
        about: impl Fn(&Subject) -> bool,
    ) -> Option<bool> {
        let module = &schema.module(schema.node(node).module).name;
        let mut matching = self.policy.rules.iter().filter(|rule| {
            rule.operations & access.bit() != 0
                && rule.module.as_deref().is_none_or(|name| name == &**module)
                && about(&rule.subject)
        });
        matching.next().map(|rule| rule.permit)
    }
}

impl Nacm {
    /// Whether a protocol operation may be executed (RFC 8341 section 3.4.4).
    pub fn exec(&self, rpc: NodeId) -> bool {
        let Some(rules) = &self.rules else {
            return true;
        };
        let def = self.schema.node(rpc);
        let base = &**self.schema.namespace(rpc) == BASE;
        if base && &*def.name == "close-session" {
            return true;
        }
        let by_rule = rules.by_rule(self.schema, rpc, Access::Exec, |subject| match subject {
            Subject::Anything => true,
            Subject::Operation(name) => name.as_deref().is_none_or(|name| name == &*def.name),
            Subject::Notification(_) | Subject::Data(_) => false,
        });
        by_rule.unwrap_or_else(|| {
            let guarded = base && matches!(&*def.name, "kill-session" | "delete-config");
            !def.deny_all && !guarded && rules.policy.exec_default
        })
    }

    /// Whether an action tied to a data node may be executed: all above it can be read, and the rules
    /// permit exec (RFC 8341 sections 3.1.3 and 3.4.5).
    pub fn exec_action(&self, action: &Location) -> bool {
        self.tied(action, Access::Exec)
    }

    /// Whether a notification tied to a data node may be sent (RFC 8341 section 3.4.6).
    pub fn notification_at(&self, notification: &Location) -> bool {
        self.tied(notification, Access::Read)
    }

    fn tied(&self, location: &Location, access: Access) -> bool {
        let Some(rules) = &self.rules else {
            return true;
        };
        let place = place(location);
        let above = place.split_last().map_or(&[][..], |(_, above)| above);
        rules.sees(above) && rules.permits(access, &place)
    }

    /// Whether an event type may be sent (RFC 8341 section 3.4.6).
    pub fn notification(&self, notification: NodeId) -> bool {
        let Some(rules) = &self.rules else {
            return true;
        };
        let def = self.schema.node(notification);
        let completes = matches!(&*def.name, "replayComplete" | "notificationComplete");
        if completes && &**self.schema.namespace(notification) == COMPLETE {
            return true;
        }
        let by_rule = rules.by_rule(
            self.schema,
            notification,
            Access::Read,
            |subject| match subject {
                Subject::Anything => true,
                Subject::Notification(name) => {
                    name.as_deref().is_none_or(|name| name == &*def.name)
                }
                Subject::Operation(_) | Subject::Data(_) => false,
            },
        );
        by_rule.unwrap_or(!def.deny_all && rules.policy.read_default)
    }

    /// Whether the rules permit an access to one data node; what is above it is not asked
    /// (RFC 8341 section 3.4.5).
    pub fn data(&self, access: Access, location: &Location) -> bool {
        match &self.rules {
            None => true,
            Some(rules) => rules.permits(access, &place(location)),
        }
    }

    /// Whether a data node can be seen: it and everything above it may be read.
    pub fn sees(&self, location: &Location) -> bool {
        match &self.rules {
            None => true,
            Some(rules) => rules.sees(&place(location)),
        }
    }
}

pub(super) fn place(location: &Location) -> Vec<(NodeId, Option<&Keys>)> {
    let steps = location.0.iter();
    steps.map(|step| (step.node, step.keys.as_ref())).collect()
}
