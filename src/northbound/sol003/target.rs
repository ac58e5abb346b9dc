//! Places: what links begin with, and where things are.

use axum::http::{HeaderMap, header};

use super::resource::{OccurrenceTask, Task};
use crate::proto::sol003::{Link, Major};

/// The root of one request's links.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Places {
    root: String,
    pub major: Major,
}

impl Places {
    /// Links of answers: the configured root, or as the client named us.
    pub fn of(
        configured: Option<&str>,
        scheme: &str,
        headers: &HeaderMap,
        fallback: &str,
        major: Major,
    ) -> Self {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.filter(|host| {
            host.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
        });
        let root = match configured {
            Some(root) => root.trim_end_matches('/').to_owned(),
            None => format!("{scheme}://{}", host.unwrap_or(fallback)),
        };
        Self { root, major }
    }

    fn at(&self, rest: &str) -> String {
        format!("{}/vnflcm/{}/{rest}", self.root, self.major.segment())
    }

    pub fn instances(&self) -> String {
        self.at("vnf_instances")
    }

    pub fn instance(&self, id: &str) -> String {
        self.at(&format!("vnf_instances/{id}"))
    }

    pub fn task(&self, id: &str, task: Task) -> Link {
        Link::to(self.at(&format!("vnf_instances/{id}/{}", task.segment())))
    }

    pub fn occurrences(&self) -> String {
        self.at("vnf_lcm_op_occs")
    }

    pub fn occurrence(&self, id: &str) -> String {
        self.at(&format!("vnf_lcm_op_occs/{id}"))
    }

    pub fn occurrence_task(&self, id: &str, task: OccurrenceTask) -> Link {
        Link::to(self.at(&format!("vnf_lcm_op_occs/{id}/{}", task.segment())))
    }

    pub fn subscriptions(&self) -> String {
        self.at("subscriptions")
    }

    pub fn subscription(&self, id: &str) -> String {
        self.at(&format!("subscriptions/{id}"))
    }

    /// What links begin with.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Links below a root that was written down.
    pub fn below(root: String, major: Major) -> Self {
        Self { root, major }
    }
}
