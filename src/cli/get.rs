//! `lifeline get`: configuration or the whole state, filtered, as XML.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::connect::ConnectArgs;
use super::document;
use super::pretty::pretty;
use crate::proto::netconf::names;
use crate::xml::{Element, escape_attr};

/// Prefixes an XPath may use without declaring them.
const PREFIXES: [(&str, &str); 5] = [
    ("esc", "http://www.cisco.com/esc/esc"),
    ("ll", "urn:lifeline:yang:lifeline"),
    ("sim", "urn:lifeline:yang:lifeline-sim"),
    ("ncm", "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"),
    ("nc", names::BASE),
];

/// Show configuration and operational data.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// Configuration only (get-config).
    #[arg(long)]
    config: bool,
    /// Datastore to read with --config.
    #[arg(long, value_enum, default_value = "running", requires = "config")]
    source: Source,
    /// Only what this XPath selects, for example //opdata; prefixes esc, ll, sim, ncm and nc are known.
    #[arg(long, value_name = "XPATH", conflicts_with = "subtree")]
    xpath: Option<String>,
    /// Another prefix for the XPath.
    #[arg(long, value_name = "PREFIX=URI", requires = "xpath")]
    ns: Vec<String>,
    /// Only what the subtree filter in this file selects; - is standard input.
    #[arg(long, value_name = "FILE")]
    subtree: Option<PathBuf>,
    /// How default values are shown (RFC 6243).
    #[arg(long, value_enum)]
    with_defaults: Option<WithDefaults>,
    /// Output: the data as indented XML, or the reply exactly as sent.
    #[arg(long, value_enum, default_value = "xml")]
    format: Format,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Source {
    Running,
    Candidate,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum WithDefaults {
    ReportAll,
    ReportAllTagged,
    Trim,
    Explicit,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    Xml,
    Raw,
}

impl GetArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the filter cannot be read, the server not be reached, or the request is refused.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let request = self.request()?;
        let mut client = self.connect.connect()?;
        let reply = client.rpc(&request)?;
        client.close();
        document::warn(&reply.warnings);
        let Some(data) = reply.element.child(names::BASE, "data") else {
            bail!("the server sent a reply without data");
        };
        let text = match self.format {
            Format::Xml => pretty(data),
            Format::Raw => format!("{}\n", reply.text.trim()),
        };
        document::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> anyhow::Result<String> {
        let mut filter = String::new();
        if let Some(xpath) = &self.xpath {
            filter = xpath_filter(xpath, &self.ns)?;
        } else if let Some(file) = &self.subtree {
            let element = document::read(file, self.connect.takes_stdin())?;
            let content = unwrap_filter(&element);
            filter = format!("<filter type=\"subtree\">{content}</filter>");
        }
        let defaults = self.with_defaults.map_or(String::new(), |mode| {
            let mode = mode.to_possible_value();
            let mode = mode.as_ref().map_or("", |m| m.get_name());
            let ns = names::WITH_DEFAULTS;
            format!("<with-defaults xmlns=\"{ns}\">{mode}</with-defaults>")
        });
        Ok(if self.config {
            let source = match self.source {
                Source::Running => "running",
                Source::Candidate => "candidate",
            };
            format!("<get-config><source><{source}/></source>{filter}{defaults}</get-config>")
        } else {
            format!("<get>{filter}{defaults}</get>")
        })
    }
}

/// An XPath filter element with the well-known prefixes and those of the user.
pub(super) fn xpath_filter(xpath: &str, more: &[String]) -> anyhow::Result<String> {
    let mut decls = String::new();
    let mut declare = |prefix: &str, uri: &str| {
        decls.push_str(&format!(" xmlns:{prefix}=\"{}\"", escape_attr(uri)));
    };
    let mut given = Vec::new();
    for pair in more {
        let Some((prefix, uri)) = pair.split_once('=') else {
            bail!("--ns takes PREFIX=URI, not {pair}");
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !prefix.chars().all(plain)
        {
            bail!("{prefix} cannot be a prefix");
        }
        given.push(prefix);
        declare(prefix, uri);
    }
    for (prefix, uri) in PREFIXES {
        if !given.contains(&prefix) {
            declare(prefix, uri);
        }
    }
    let select = escape_attr(xpath);
    Ok(format!(
        "<filter type=\"xpath\"{decls} select=\"{select}\"/>"
    ))
}

/// The content of a filter file: it may hold the filter element or only what goes into it.
fn unwrap_filter(element: &Element) -> String {
    if &*element.local != "filter" {
        return element.to_xml();
    }
    element.elements().map(Element::to_xml).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        get: GetArgs,
    }

    fn request(args: &[&str]) -> anyhow::Result<String> {
        let cli = Cli::try_parse_from([&["get"], args].concat())?;
        cli.get.request()
    }

    #[test]
    fn options_become_the_request() {
        assert_eq!(request(&[]).unwrap(), "<get></get>");
        assert_eq!(
            request(&[
                "--config",
                "--source",
                "candidate",
                "--with-defaults",
                "report-all"
            ])
            .unwrap(),
            "<get-config><source><candidate/></source><with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">report-all</with-defaults></get-config>"
        );
        assert!(request(&["--source", "candidate"]).is_err());
        assert!(request(&["--xpath", "/a", "--subtree", "f"]).is_err());
    }

    #[test]
    fn an_xpath_is_quoted_and_knows_its_prefixes() {
        let text = request(&[
            "--xpath",
            "/esc:a[b=\"<&'\"]",
            "--ns",
            "x=urn:x",
            "--ns",
            "ll=urn:other",
        ])
        .unwrap();
        let get = crate::xml::parse_str(&text).unwrap();
        let filter = get.child("", "filter").unwrap();
        assert_eq!(filter.attr("", "select"), Some("/esc:a[b=\"<&'\"]"));
        assert_eq!(filter.scope.resolve("x"), Some("urn:x"));
        assert_eq!(filter.scope.resolve("ll"), Some("urn:other"));
        assert_eq!(
            filter.scope.resolve("esc"),
            Some("http://www.cisco.com/esc/esc")
        );
        assert!(request(&["--xpath", "/a", "--ns", "x"]).is_err());
        assert!(request(&["--xpath", "/a", "--ns", "1 x=urn"]).is_err());
    }

    #[test]
    fn a_subtree_file_may_hold_the_filter_element_or_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f.xml");
        for text in [
            "<top xmlns='urn:x'/>",
            "<filter><top xmlns='urn:x'/></filter>",
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(
                request(&["--subtree", file.to_str().unwrap()]).unwrap(),
                "<get><filter type=\"subtree\"><top xmlns=\"urn:x\"/></filter></get>"
            );
        }
        std::fs::write(&file, "<top>").unwrap();
        assert!(request(&["--subtree", file.to_str().unwrap()]).is_err());
    }
}
