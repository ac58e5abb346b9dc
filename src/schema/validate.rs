//! Judging documents, and libyang's errors put into our words.

use std::ffi::CString;

use yang5::ffi;

use super::error::{ErrorKind, ValidationError};
use super::lookup::Schema;
use super::node::{NodeId, NodeKind};
use super::path;
use super::sys::{DataTree, RawError};
use super::value::sentence;

/// What libyang was doing when it found an error; its texts alone do not always tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Parse,
    Validate,
}

impl Schema {
    /// Judges one unit of configuration: `xml` is a whole document from the root elements down,
    /// in which the unit stands in the skeleton of its ancestors' keys. What is wrong with the
    /// skeleton itself is not told: it is judged with the unit it belongs to.
    ///
    /// Returns the document as libyang prints it: canonical, sorted, without defaults that were
    /// not set, without empty non-presence containers, without white space.
    ///
    /// # Errors
    /// Everything that is wrong. Values and names first: only if they are all right are the
    /// constraints judged. State data is an error.
    pub fn validate_unit(&self, xml: &str) -> Result<String, Vec<ValidationError>> {
        let tree = self.judge(xml, false)?;
        tree.print()
            .ok_or_else(|| vec![other("the document could not be printed")])
    }

    /// Judges a whole tree of configuration and state.
    ///
    /// # Errors
    /// Everything that is wrong, as for [`validate_unit`](Self::validate_unit).
    pub fn validate_data(&self, xml: &str) -> Result<(), Vec<ValidationError>> {
        self.judge(xml, true).map(drop)
    }

    /// Judges the content of an `<rpc>` or `<action>`: the one element that names the operation, or the path to it. Whether an
    /// instance exists that a value of it names is not asked: that is in a datastore.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate_rpc(&self, xml: &str) -> Result<(), Vec<ValidationError>> {
        self.judge_operation(xml, ffi::lyd_type::LYD_TYPE_RPC_YANG)
    }

    /// Judges the content of a `<notification>` after its eventTime. Whether an instance exists
    /// that a value of it names is not asked: that is in a datastore.
    ///
    /// # Errors
    /// What is wrong.
    pub fn validate_notification(&self, xml: &str) -> Result<(), Vec<ValidationError>> {
        self.judge_operation(xml, ffi::lyd_type::LYD_TYPE_NOTIF_YANG)
    }

    fn judge(&self, xml: &str, state: bool) -> Result<DataTree, Vec<ValidationError>> {
        let xml = terminated(xml)?;
        let mut tree = DataTree::parse(self.context, &xml, state)
            .map_err(|errors| self.put(&errors, Phase::Parse, None))?;
        let unit = if state { None } else { self.unit_path(&tree) };
        match tree.validate(state) {
            Ok(()) => Ok(tree),
            Err(errors) => {
                let errors = self.put(&errors, Phase::Validate, unit.as_deref());
                // None left: only the skeleton is incomplete.
                if errors.is_empty() {
                    Ok(tree)
                } else {
                    Err(errors)
                }
            }
        }
    }

    fn judge_operation(
        &self,
        xml: &str,
        kind: ffi::lyd_type::Type,
    ) -> Result<(), Vec<ValidationError>> {
        let xml = terminated(xml)?;
        let mut tree = DataTree::parse_operation(self.context, &xml, kind)
            .map_err(|errors| self.put(&errors, Phase::Parse, None))?;
        let Err(errors) = tree.validate_operation(kind) else {
            return Ok(());
        };
        let mut errors = self.put(&errors, Phase::Validate, None);
        errors.retain(|error| error.kind != ErrorKind::LeafrefMissing);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// The path, as libyang writes it, of the unit that a document is about: the deepest one, if
    /// no level has two. `None` for the root unit and for documents of many units.
    fn unit_path(&self, tree: &DataTree) -> Option<String> {
        tree.deepest(|schema| self.units.iter().any(|unit| unit.0 == schema))
    }

    /// libyang's errors in our words, without those outside of `unit`. An error without a data path
    /// is about nodes that are there, and in a skeleton there are but keys: it is always told.
    fn put(&self, errors: &[RawError], phase: Phase, unit: Option<&str>) -> Vec<ValidationError> {
        let mut put: Vec<ValidationError> = Vec::new();
        for error in errors {
            let inside = match (unit, &error.path) {
                (Some(unit), Some(path)) => path
                    .strip_prefix(unit)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                _ => true,
            };
            if inside {
                let error = self.put_one(error, phase);
                // Of two nodes that stand twice, libyang tells both.
                if !put.contains(&error) {
                    put.push(error);
                }
            }
        }
        put
    }

    fn put_one(&self, error: &RawError, phase: Phase) -> ValidationError {
        let kind = kind_of(error, phase);
        let (path, schema_node) = match (&error.path, &error.schema_path) {
            (Some(raw), _) if matches!(kind, ErrorKind::TooFew | ErrorKind::TooMany) => {
                self.place(path::without_last_predicate(&path::readable(raw)))
            }
            (Some(raw), _) => self.place(&path::readable(raw)),
            (None, Some(raw)) => self.place_in_schema(raw),
            (None, None) => ("/".to_owned(), None),
        };
        let mut put = ValidationError {
            kind,
            path,
            schema_node,
            message: sentence(error.message.clone()),
            app_tag: error.app_tag.clone(),
            element: None,
            non_unique: Vec::new(),
        };
        match put.kind {
            ErrorKind::UnknownElement => put.element = unknown_element(&error.message),
            ErrorKind::DataNotUnique => self.put_unique(error, &mut put),
            _ => {}
        }
        put
    }

    /// Takes the leafs and the two entries out of libyang's text.
    fn put_unique(&self, error: &RawError, put: &mut ValidationError) {
        let second = error.path.as_deref().unwrap_or("/");
        let Some((leafs, first)) = error
            .message
            .strip_prefix("Unique data leaf(s) \"")
            .and_then(|rest| rest.strip_suffix(&format!("\" and \"{second}\".")))
            .and_then(|rest| rest.split_once("\" not satisfied in \""))
        else {
            return;
        };
        for entry in [first, second].map(path::readable) {
            for leaf in leafs.split_whitespace() {
                let (path, _) = self.place(&format!("{entry}/{leaf}"));
                put.non_unique.push(path);
            }
        }
        put.message = format!("two entries have the same {}", leafs.replace(' ', " and "));
    }

    /// A path with prefixes, and the schema node it ends at; `/` for one that starts nowhere (of a
    /// node that libyang had not put into the tree yet).
    fn place(&self, raw: &str) -> (String, Option<NodeId>) {
        let mut at: Option<NodeId> = None;
        let mut namespace = String::new();
        for (depth, (module, name)) in path::steps(raw).into_iter().enumerate() {
            if let Some(id) = self.module_by_name(&module) {
                namespace = self.module(id).namespace.to_string();
            }
            at = match at {
                None if depth == 0 => self.top(&namespace, &name),
                None => break,
                Some(parent) => self.child(parent, &namespace, &name),
            };
            if at.is_none() && depth == 0 {
                return ("/".to_owned(), None);
            }
        }
        let prefix = |module: &str| {
            self.module_by_name(module)
                .map(|id| self.module(id).prefix.to_string())
        };
        let shown = path::qualify_steps(raw, prefix).unwrap_or_else(|| raw.to_owned());
        (shown, at)
    }

    /// As [`place`](Self::place), for a schema path: the nearest data node, its path without keys.
    fn place_in_schema(&self, raw: &str) -> (String, Option<NodeId>) {
        let mut at: Option<NodeId> = None;
        let mut namespace = String::new();
        for (module, name) in path::steps(raw) {
            if let Some(id) = self.module_by_name(&module) {
                namespace = self.module(id).namespace.to_string();
            }
            let among = at.map_or(&self.top, |id| &self.node(id).children);
            match self.find_among(among, &namespace, &name) {
                Some(found) => at = Some(found),
                None => break,
            }
        }
        while let Some(node) = at.map(|id| self.node(id)) {
            let is_data = !matches!(
                node.kind,
                NodeKind::Choice | NodeKind::Case | NodeKind::Input | NodeKind::Output
            );
            if is_data {
                break;
            }
            at = node.parent;
        }
        (at.map_or("/".to_owned(), |id| self.data_path(id)), at)
    }
}

fn terminated(xml: &str) -> Result<CString, Vec<ValidationError>> {
    CString::new(xml).map_err(|_| {
        vec![ValidationError {
            kind: ErrorKind::Malformed,
            ..other("the document has a NUL character")
        }]
    })
}

fn other(message: &str) -> ValidationError {
    ValidationError {
        kind: ErrorKind::Other,
        path: "/".to_owned(),
        schema_node: None,
        message: message.to_owned(),
        app_tag: None,
        element: None,
        non_unique: Vec::new(),
    }
}

/// What libyang means. Where it has no code of its own its texts decide; they are those of the
/// one version we are built with, and the tests of this room hold every one of them.
fn kind_of(error: &RawError, phase: Phase) -> ErrorKind {
    let text = error.message.as_str();
    let between = |before: &str, after: &str| {
        text.strip_prefix(before)?
            .strip_suffix(after)
            .map(str::to_owned)
    };
    match error.app_tag.as_deref() {
        Some("instance-required") => return ErrorKind::LeafrefMissing,
        Some("data-not-unique") => return ErrorKind::DataNotUnique,
        Some("too-few-elements") => return ErrorKind::TooFew,
        Some("too-many-elements") => return ErrorKind::TooMany,
        Some("must-violation") => return ErrorKind::Must,
        _ => {}
    }
    if let Some(choice) = between("Mandatory choice \"", "\" data do not exist.") {
        ErrorKind::MandatoryChoice { choice }
    } else if let Some(name) = between("Mandatory node \"", "\" instance does not exist.") {
        ErrorKind::Mandatory { name }
    } else if let Some(key) = between("List instance is missing its key \"", "\".") {
        ErrorKind::MissingKey { key }
    } else if between("When condition \"", "\" not satisfied.").is_some() {
        ErrorKind::When
    } else if text.starts_with("Data for both cases ") {
        ErrorKind::MultipleCases
    } else if text.starts_with("Duplicate instance of ") {
        ErrorKind::InvalidValue
    } else if unknown_element(text).is_some() || text.starts_with("No module with namespace ") {
        ErrorKind::UnknownElement
    } else if matches!(
        error.class,
        ffi::LY_VECODE::LYVE_SYNTAX
            | ffi::LY_VECODE::LYVE_SYNTAX_XML
            | ffi::LY_VECODE::LYVE_REFERENCE
    ) {
        ErrorKind::Malformed
    } else if error.class != ffi::LY_VECODE::LYVE_DATA {
        ErrorKind::Other
    } else if phase == Phase::Parse {
        ErrorKind::InvalidValue
    } else if error.app_tag.is_some() {
        // Every must has an app-tag: its own, or must-violation.
        ErrorKind::Must
    } else {
        ErrorKind::InvalidValue
    }
}

/// The name of an element that has no place, from libyang's text.
fn unknown_element(text: &str) -> Option<String> {
    let starts = ["Node \"", "Child element \"", "Unexpected child element \""];
    let state = ["state", "input", "output"];
    let rest = starts
        .iter()
        .find_map(|start| text.strip_prefix(start))
        .or_else(|| {
            state.iter().find_map(|kind| {
                text.strip_prefix("Unexpected data ")?
                    .strip_prefix(kind)?
                    .strip_prefix(" node \"")
            })
        })?;
    rest.split('"').next().map(str::to_owned)
}
