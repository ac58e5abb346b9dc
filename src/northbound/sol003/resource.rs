//! The resources: one table of paths and methods, for routing and for the OpenAPI document alike.

use axum::http::Method;

use crate::proto::sol003::Major;

/// A task of a VNF instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    Instantiate,
    Scale,
    ScaleToLevel,
    ChangeFlavour,
    Terminate,
    Heal,
    Operate,
    ChangeExtConn,
    ChangeVnfpkg,
    CreateSnapshot,
    RevertToSnapshot,
}

impl Task {
    pub const ALL: [Self; 11] = [
        Self::Instantiate,
        Self::Scale,
        Self::ScaleToLevel,
        Self::ChangeFlavour,
        Self::Terminate,
        Self::Heal,
        Self::Operate,
        Self::ChangeExtConn,
        Self::ChangeVnfpkg,
        Self::CreateSnapshot,
        Self::RevertToSnapshot,
    ];

    /// The segment of the path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Instantiate => "instantiate",
            Self::Scale => "scale",
            Self::ScaleToLevel => "scale_to_level",
            Self::ChangeFlavour => "change_flavour",
            Self::Terminate => "terminate",
            Self::Heal => "heal",
            Self::Operate => "operate",
            Self::ChangeExtConn => "change_ext_conn",
            Self::ChangeVnfpkg => "change_vnfpkg",
            Self::CreateSnapshot => "create_snapshot",
            Self::RevertToSnapshot => "revert_to_snapshot",
        }
    }

    /// Whether our VNF instances have it.
    pub fn is_served(self) -> bool {
        matches!(
            self,
            Self::Instantiate
                | Self::Scale
                | Self::ScaleToLevel
                | Self::Terminate
                | Self::Heal
                | Self::Operate
        )
    }
}

/// A task of an operation occurrence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OccurrenceTask {
    Retry,
    Rollback,
    Fail,
    Cancel,
}

impl OccurrenceTask {
    pub const ALL: [Self; 4] = [Self::Retry, Self::Rollback, Self::Fail, Self::Cancel];

    /// The segment of the path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Rollback => "rollback",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
        }
    }
}

/// What a path names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Resource {
    /// Versions of one major version, or of all.
    Versions(Option<Major>),
    Instances(Major),
    Instance(Major, String),
    InstanceTask(Major, String, Task),
    Occurrences(Major),
    Occurrence(Major, String),
    OccurrenceTask(Major, String, OccurrenceTask),
    Subscriptions(Major),
    Subscription(Major, String),
    /// The OpenAPI document.
    Document(Major),
    /// The token endpoint.
    Token,
}

impl Resource {
    /// What that path names; ids are percent-decoded.
    pub fn find(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let segments: Vec<&str> = path.split('/').collect();
        let id = |text: &str| {
            let text = percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .ok()?;
            (!text.is_empty()).then(|| text.into_owned())
        };
        let (major, rest) = match segments.as_slice() {
            ["oauth2", "token"] => return Some(Self::Token),
            ["vnflcm", "api_versions"] | ["vnflcm", "api_versions", ""] => {
                return Some(Self::Versions(None));
            }
            ["vnflcm", major, rest @ ..] => {
                let known = Major::ALL.into_iter().find(|it| it.segment() == *major)?;
                (known, rest)
            }
            _ => return None,
        };
        Some(match rest {
            ["api_versions"] | ["api_versions", ""] => Self::Versions(Some(major)),
            ["openapi.json"] => Self::Document(major),
            ["vnf_instances"] => Self::Instances(major),
            ["vnf_instances", of] => Self::Instance(major, id(of)?),
            ["vnf_instances", of, task] => {
                let task = Task::ALL.into_iter().find(|it| it.segment() == *task)?;
                Self::InstanceTask(major, id(of)?, task)
            }
            ["vnf_lcm_op_occs"] => Self::Occurrences(major),
            ["vnf_lcm_op_occs", of] => Self::Occurrence(major, id(of)?),
            ["vnf_lcm_op_occs", of, task] => {
                let task = OccurrenceTask::ALL
                    .into_iter()
                    .find(|it| it.segment() == *task)?;
                Self::OccurrenceTask(major, id(of)?, task)
            }
            ["subscriptions"] => Self::Subscriptions(major),
            ["subscriptions", of] => Self::Subscription(major, id(of)?),
            _ => return None,
        })
    }

    /// The API version that a path belongs to, whether there is something or not.
    pub fn major_of(path: &str) -> Option<Major> {
        let segment = path.strip_prefix("/vnflcm/")?.split('/').next()?;
        Major::ALL.into_iter().find(|it| it.segment() == segment)
    }

    /// The methods it has.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Self::Versions(_) | Self::Document(_) | Self::Occurrences(_) | Self::Occurrence(..) => {
                &[Method::GET]
            }
            Self::Instances(_) | Self::Subscriptions(_) => &[Method::GET, Method::POST],
            Self::Instance(..) => &[Method::GET, Method::PATCH, Method::DELETE],
            Self::Subscription(..) => &[Method::GET, Method::DELETE],
            Self::InstanceTask(..) | Self::OccurrenceTask(..) | Self::Token => &[Method::POST],
        }
    }

    /// The API version it belongs to, where a `Version` header is due.
    pub fn major(&self) -> Option<Major> {
        match self {
            Self::Versions(_) | Self::Document(_) | Self::Token => None,
            Self::Instances(major)
            | Self::Instance(major, _)
            | Self::InstanceTask(major, ..)
            | Self::Occurrences(major)
            | Self::Occurrence(major, _)
            | Self::OccurrenceTask(major, ..)
            | Self::Subscriptions(major)
            | Self::Subscription(major, _) => Some(*major),
        }
    }

    /// Whether it is read without authentication: it tells nothing of anybody.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Token)
    }
}
