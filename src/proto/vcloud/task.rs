//! Tasks: what an operation that takes its time is followed by.

use super::element::{Tools, own};
use super::org::{Link, Reference};
use super::{ApiVersion, DecodeError, Document, VcloudError, media_type};
use crate::xml::Element;

/// Where a task stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TaskStatus {
    /// Waits.
    Queued,
    /// About to run, from 1.5 on.
    PreRunning,
    /// Under way.
    Running,
    /// Done.
    Success,
    /// Failed.
    Error,
    /// Stopped by a person, from 1.5 on.
    Canceled,
    /// Stopped by the cloud, from 1.5 on.
    Aborted,
    /// A word that is not known here.
    Other(String),
}

impl TaskStatus {
    const ALL: [Self; 7] = [
        Self::Queued,
        Self::PreRunning,
        Self::Running,
        Self::Success,
        Self::Error,
        Self::Canceled,
        Self::Aborted,
    ];

    /// The wire word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::PreRunning => "preRunning",
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
            Self::Canceled => "canceled",
            Self::Aborted => "aborted",
            Self::Other(word) => word,
        }
    }

    /// Whether nothing more will come of it.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Success | Self::Error | Self::Canceled | Self::Aborted
        )
    }
}

impl From<&str> for TaskStatus {
    fn from(text: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str() == text)
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

/// A task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// Where.
    pub href: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it does, in words.
    pub operation: String,
    /// The same as a name, `vdcInstantiateVapp` and others; from 1.5 on.
    pub operation_name: Option<String>,
    /// When it began.
    pub start_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// When it is forgotten.
    pub expiry_time: Option<String>,
    /// What it is about.
    pub owner: Option<Reference>,
    /// Why it failed.
    pub error: Option<VcloudError>,
    /// Percent; from 1.5 on.
    pub progress: Option<u8>,
    /// What can be done with it: `task:cancel`.
    pub links: Vec<Link>,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            href: String::new(),
            status: TaskStatus::Queued,
            operation: String::new(),
            operation_name: None,
            start_time: None,
            end_time: None,
            expiry_time: None,
            owner: None,
            error: None,
            progress: None,
            links: Vec::new(),
        }
    }
}

impl Document for Task {
    const ROOT: &'static str = "Task";

    fn to_element(&self, version: ApiVersion) -> Element {
        let newer = version > ApiVersion::V1_0;
        let mut task = own(version, Self::ROOT)
            .with_attr("status", self.status.as_str())
            .with_maybe("startTime", self.start_time.as_deref())
            .with_attr("operation", self.operation.as_str());
        if newer {
            let id = self.href.rsplit('/').next().unwrap_or_default();
            task = task
                .with_attr("name", "task")
                .with_attr("id", format!("urn:vcloud:task:{id}"))
                .with_maybe("operationName", self.operation_name.as_deref());
        }
        task = task
            .with_maybe("expiryTime", self.expiry_time.as_deref())
            .with_maybe("endTime", self.end_time.as_deref())
            .with_attr("type", media_type("task"))
            .with_attr("href", self.href.as_str())
            .with_all(self.links.iter().map(|link| link.to_element(version)));
        if let Some(owner) = &self.owner {
            task.push(owner.to_element(version, "Owner"));
        }
        if let Some(error) = &self.error {
            task.push(error.to_element(version));
        }
        if let Some(progress) = self.progress.filter(|_| newer) {
            task = task.with_leaf(version, "Progress", &progress.to_string());
        }
        task
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let at = |name: &str| element.at(name).map(str::to_owned);
        Ok(Self {
            href: element.must("href")?,
            status: TaskStatus::from(element.must("status")?.as_str()),
            operation: at("operation").unwrap_or_default(),
            operation_name: at("operationName"),
            start_time: at("startTime"),
            end_time: at("endTime"),
            expiry_time: at("expiryTime"),
            owner: element
                .find("Owner")
                .map(Reference::from_element)
                .transpose()?,
            error: element
                .find("Error")
                .map(VcloudError::from_element)
                .transpose()?,
            progress: element.leaf("Progress").and_then(|text| text.parse().ok()),
            links: Link::all(element)?,
        })
    }
}

/// What is under way in an organisation, and what ended lately.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TasksList {
    /// Tasks.
    pub tasks: Vec<Task>,
}

impl Document for TasksList {
    const ROOT: &'static str = "TasksList";

    fn to_element(&self, version: ApiVersion) -> Element {
        own(version, Self::ROOT)
            .with_attr("type", media_type("tasksList"))
            .with_all(self.tasks.iter().map(|task| task.to_element(version)))
    }

    fn from_element(element: &Element) -> Result<Self, DecodeError> {
        let tasks = element.all("Task").map(Task::from_element);
        Ok(Self {
            tasks: tasks.collect::<Result<_, _>>()?,
        })
    }
}
