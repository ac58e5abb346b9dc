//! `[netconf]`: what a session may send and how long it may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::times::MessageTimes;
use crate::datastore::FilterLimits;
use crate::proto::netconf::SessionLimits;
use crate::xml::Limits;

/// Settings of the NETCONF face, whatever the transport.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Octets of one message.
    pub message_bytes: usize,
    /// Octets received ahead of the request being served.
    pub read_ahead_bytes: usize,
    /// Octets of output waiting per session.
    pub output_bytes: usize,
    /// Nesting of elements.
    pub xml_depth: usize,
    /// Attributes of one element.
    pub xml_attributes: usize,
    /// Namespace declarations in scope.
    pub xml_namespaces: usize,
    /// Octets of one name.
    pub xml_name_bytes: usize,
    /// Elements, attributes, namespace declarations and texts of one message.
    pub xml_nodes: usize,
    /// Seconds between two octets of one message.
    pub read_silence_s: u64,
    /// Seconds for the whole of one message.
    pub read_total_s: u64,
    /// Nodes that an XPath filter of a request visits; beyond that `resource-denied`.
    pub xpath_visits: u64,
    /// Milliseconds of processor time that an XPath filter of a request takes; beyond that `resource-denied`.
    pub xpath_milliseconds: u64,
    /// Nesting of parentheses, predicates and function calls of an XPath expression, 256 at most.
    pub xpath_depth: usize,
    /// Octets of an XPath expression.
    pub xpath_bytes: usize,
    /// Nodes that a subtree filter of a request looks at; beyond that `resource-denied`.
    pub subtree_visits: u64,
    /// Nodes that a subscription's filter looks at for one event; beyond that the session ends.
    pub event_filter_visits: u64,
    /// Seconds without any request after which a session is ended; 0: never. Not while it is subscribed or holds a lock.
    pub idle_timeout_s: u64,
    /// Whether stream `escEvent` carries our own elements too.
    pub esc_extensions: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = SessionLimits::default();
        let filters = FilterLimits::default();
        Self {
            message_bytes: limits.message,
            read_ahead_bytes: limits.read_ahead,
            output_bytes: limits.output,
            xml_depth: limits.xml.depth,
            xml_attributes: limits.xml.attributes,
            xml_namespaces: limits.xml.namespaces,
            xml_name_bytes: limits.xml.name_len,
            xml_nodes: limits.xml.nodes,
            read_silence_s: 20,
            read_total_s: 60,
            idle_timeout_s: 0,
            xpath_visits: filters.xpath_visits,
            xpath_milliseconds: filters.xpath_time.as_millis() as u64,
            xpath_depth: filters.xpath_depth,
            xpath_bytes: filters.xpath_bytes,
            subtree_visits: filters.subtree_visits,
            event_filter_visits: filters.event_visits,
            esc_extensions: false,
        }
    }
}

impl Settings {
    /// Limits of one session.
    pub fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            message: self.message_bytes,
            read_ahead: self.read_ahead_bytes,
            output: self.output_bytes,
            xml: Limits {
                depth: self.xml_depth,
                attributes: self.xml_attributes,
                namespaces: self.xml_namespaces,
                name_len: self.xml_name_bytes,
                nodes: self.xml_nodes,
            },
            ..SessionLimits::default()
        }
    }

    /// What filters may cost.
    pub fn filter_limits(&self) -> FilterLimits {
        FilterLimits {
            subtree_visits: self.subtree_visits,
            xpath_visits: self.xpath_visits,
            event_visits: self.event_filter_visits,
            xpath_time: Duration::from_millis(self.xpath_milliseconds),
            xpath_depth: self.xpath_depth,
            xpath_bytes: self.xpath_bytes,
        }
    }

    /// How long one message may take.
    pub fn message_times(&self) -> MessageTimes {
        MessageTimes {
            silence: Duration::from_secs(self.read_silence_s),
            total: Duration::from_secs(self.read_total_s),
            idle: (self.idle_timeout_s > 0).then(|| Duration::from_secs(self.idle_timeout_s)),
        }
    }
}
