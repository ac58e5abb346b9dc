//! Who is logged in, in which version, and what is there for them.

use crate::engine::port::VimError;
use crate::proto::vcloud::{ApiVersion, Link, Org, Vdc};
use crate::vim_http::Secret;

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token: a secret.
    pub token: Secret,
    /// The version agreed on.
    pub version: ApiVersion,
    /// The organisation.
    pub org: Org,
    /// Address of the data centre.
    pub vdc: String,
}

/// What a token alone is good for: the rest is found with it.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The token: a secret.
    pub token: Secret,
    /// The version agreed on.
    pub version: ApiVersion,
}

impl Session {
    /// As a pass.
    pub fn pass(&self) -> Pass {
        Pass {
            token: self.token.clone(),
            version: self.version,
        }
    }

    /// The organisation's catalogs and the like.
    pub fn down<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Link> {
        Link::of_kind(&self.org.links, kind)
    }
}

/// The data centre that is configured, or the only one.
///
/// # Errors
/// There is none, or not one alone.
pub fn data_centre(org: &Org, wanted: Option<&str>) -> Result<String, VimError> {
    let all: Vec<&Link> = Link::of_kind(&org.links, "vdc").collect();
    let name = |link: &&&Link| wanted.is_some() && link.name.as_deref() == wanted;
    let no = |line: String| Err(VimError::Refused(vec![line]));
    match (wanted, all.as_slice()) {
        (Some(wanted), _) => match all.iter().find(name) {
            Some(found) => Ok(found.href.clone()),
            None => no(format!(
                "vCloud: there is no data centre {wanted} in organisation {}",
                org.name
            )),
        },
        (None, [only]) => Ok(only.href.clone()),
        (None, []) => no(format!(
            "vCloud: organisation {} shows no data centre",
            org.name
        )),
        (None, several) => {
            let names: Vec<&str> = several
                .iter()
                .filter_map(|link| link.name.as_deref())
                .collect();
            no(format!(
                "vCloud: there are data centres {}: name one in the connector's property vdc",
                names.join(", ")
            ))
        }
    }
}

/// Where a data centre takes templates.
pub fn instantiate(vdc: &Vdc) -> Option<&Link> {
    Link::of_kind(&vdc.links, "instantiateVAppTemplateParams").next()
}
