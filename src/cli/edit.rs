//! `lifeline edit`: sends a configuration document by edit-config.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::connect::ConnectArgs;
use super::document;
use crate::proto::netconf::names;
use crate::xml::{Attr, Child, Element};

/// Change the configuration.
#[derive(Args, Debug)]
pub struct EditArgs {
    /// Document to send: a <config> element or what goes into it; - is standard input.
    file: PathBuf,
    /// Datastore to change.
    #[arg(long, value_enum, default_value = "running")]
    target: Target,
    /// What is done with the document: merge, replace and none are the default operation of the whole
    /// (RFC 6241 section 7.2); create, delete and remove need --at.
    #[arg(long, value_enum, default_value = "merge")]
    operation: Operation,
    /// Elements of the document the operation is for, by their names, for example
    /// /esc_datamodel/tenants/tenant/deployments/deployment; the others only lead there.
    #[arg(long, value_name = "PATH")]
    at: Option<String>,
    /// Only test whether the server would accept it.
    #[arg(long, conflicts_with = "commit")]
    test_only: bool,
    /// With --target candidate: commit afterwards; when that is refused, discard the changes.
    #[arg(long)]
    commit: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum Target {
    Running,
    Candidate,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Merge,
    Replace,
    None,
    Create,
    Delete,
    Remove,
}

impl Operation {
    fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
            Self::None => "none",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Remove => "remove",
        }
    }

    fn is_default(self) -> bool {
        matches!(self, Self::Merge | Self::Replace | Self::None)
    }
}

impl EditArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the document cannot be read, the server not be reached, or the change is refused.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if self.commit && self.target != Target::Candidate {
            bail!("--commit needs --target candidate; a change of running is at once in force");
        }
        let document = document::read(&self.file, self.connect.takes_stdin())?;
        let request = self.request(document)?;
        let mut client = self.connect.connect()?;
        let reply = client.rpc(&request)?;
        document::warn(&reply.warnings);
        if self.commit
            && let Err(error) = client.rpc("<commit/>")
        {
            // Best effort: the error to tell is the first one.
            let _ = client.rpc("<discard-changes/>");
            return Err(error.into());
        }
        client.close();
        document::print("ok\n")?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self, document: Element) -> anyhow::Result<String> {
        let mut roots = roots(document)?;
        let default = match (&self.at, self.operation) {
            (None, operation) if operation.is_default() => operation.word(),
            (None, operation) => {
                bail!(
                    "--operation {} needs --at: the elements it is for",
                    operation.word()
                )
            }
            (Some(_), Operation::None) => bail!("--at does not go with --operation none"),
            (Some(path), operation) => {
                let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
                let marked: usize = roots
                    .iter_mut()
                    .map(|root| mark(root, &steps, operation.word()))
                    .sum();
                if marked == 0 {
                    bail!("the document has no element {path}");
                }
                "none"
            }
        };
        // The leading elements of an addressed one must exist or be made, as merge does.
        let default = match self.operation {
            Operation::Create | Operation::Merge | Operation::Replace if self.at.is_some() => {
                "merge"
            }
            _ => default,
        };
        let target = match self.target {
            Target::Running => "running",
            Target::Candidate => "candidate",
        };
        let test = if self.test_only {
            "<test-option>test-only</test-option>"
        } else {
            ""
        };
        let config: String = roots.iter().map(Element::to_xml).collect();
        Ok(format!(
            "<edit-config><target><{target}/></target><default-operation>{default}</default-operation>{test}<config>{config}</config></edit-config>"
        ))
    }
}

/// The data elements of a document: the children of `<config>` or the root itself.
fn roots(document: Element) -> anyhow::Result<Vec<Element>> {
    let base_or_none = &*document.ns == names::BASE || document.ns.is_empty();
    if base_or_none && &*document.local == "config" {
        let roots: Vec<Element> = document.elements().cloned().collect();
        if roots.is_empty() {
            bail!("the document is an empty <config>");
        }
        return Ok(roots);
    }
    if &*document.ns == names::BASE {
        bail!(
            "the document is <{}>, not configuration: give <config> or what goes into it",
            document.local
        );
    }
    if document.ns.is_empty() {
        bail!(
            "<{}> has no namespace: configuration of ESC needs xmlns=\"http://www.cisco.com/esc/esc\"",
            document.local
        );
    }
    Ok(vec![document])
}

/// Puts the operation on every element the path leads to and counts them.
fn mark(element: &mut Element, steps: &[&str], operation: &str) -> usize {
    let Some((first, rest)) = steps.split_first() else {
        return 0;
    };
    if &*element.local != *first {
        return 0;
    }
    if rest.is_empty() {
        element
            .attrs
            .retain(|a| !(&*a.ns == names::BASE && &*a.local == "operation"));
        element
            .attrs
            .push(Attr::new("nc", names::BASE, "operation", operation));
        return 1;
    }
    element
        .children
        .iter_mut()
        .filter_map(|child| match child {
            Child::Element(child) => Some(mark(child, rest, operation)),
            Child::Text(_) => None,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        edit: EditArgs,
    }

    const DOCUMENT: &str = "<m xmlns='urn:m'><l><k>1</k></l><l><k>2</k></l></m>";

    fn request(args: &[&str], document: &str) -> anyhow::Result<Element> {
        let cli = Cli::try_parse_from([&["edit", "file"], args].concat())?;
        let text = cli.edit.request(crate::xml::parse_str(document)?)?;
        Ok(crate::xml::parse_str(&text)?)
    }

    #[test]
    fn a_document_goes_into_config_whether_it_brings_one_or_not() {
        let wrapped = format!("<config xmlns='{}'>{DOCUMENT}</config>", names::BASE);
        let bare = format!("<config>{DOCUMENT}</config>");
        for document in [DOCUMENT, &wrapped, &bare] {
            let edit = request(&[], document).unwrap();
            assert_eq!(edit.child("", "default-operation").unwrap().text(), "merge");
            let config = edit.child("", "config").unwrap();
            assert_eq!(config.elements().count(), 1);
            assert!(config.child("urn:m", "m").is_some());
        }
        for document in [
            "<config/>",
            "<m/>",
            "<rpc xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'/>",
        ] {
            assert!(request(&[], document).is_err(), "{document}");
        }
    }

    #[test]
    fn delete_is_put_on_the_elements_named_and_the_rest_only_leads_there() {
        let edit = request(&["--operation", "delete", "--at", "/m/l"], DOCUMENT).unwrap();
        assert_eq!(edit.child("", "default-operation").unwrap().text(), "none");
        let m = edit
            .child("", "config")
            .unwrap()
            .child("urn:m", "m")
            .unwrap();
        assert_eq!(m.attr(names::BASE, "operation"), None);
        for l in m.elements() {
            assert_eq!(l.attr(names::BASE, "operation"), Some("delete"));
        }
        assert!(request(&["--operation", "delete"], DOCUMENT).is_err());
        assert!(request(&["--operation", "delete", "--at", "/m/x"], DOCUMENT).is_err());
    }

    #[test]
    fn create_makes_what_leads_to_its_elements() {
        let edit = request(&["--operation", "create", "--at", "m/l"], DOCUMENT).unwrap();
        assert_eq!(edit.child("", "default-operation").unwrap().text(), "merge");
    }

    #[test]
    fn the_candidate_can_be_tested_only() {
        let edit = request(&["--target", "candidate", "--test-only"], DOCUMENT).unwrap();
        assert_eq!(edit.child("", "test-option").unwrap().text(), "test-only");
        assert!(
            edit.child("", "target")
                .unwrap()
                .child("", "candidate")
                .is_some()
        );
    }
}
