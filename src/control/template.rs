//! Deployment templates: what a `vnfdId` names. A template is the content of a deployment with variables; an
//! instantiation gives them values. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::datastore::{NodeRef, Tree};
use crate::ids::DeploymentKey;
use crate::xml::{Element, XmlError, escape_text, parse_str};

/// Namespace of the ESC model.
const ESC_NS: &str = "http://www.cisco.com/esc/esc";
/// Characters of a template with its values.
const MOST: usize = 1024 * 1024;

/// Why a template gives no deployment.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is none of that id.
    #[error("no template [{0}] is configured")]
    Unknown(String),
    /// The template does not have that flavour.
    #[error("template [{template}] has no flavour [{flavour}]")]
    Flavour {
        /// The template.
        template: String,
        /// The flavour.
        flavour: String,
    },
    /// A variable without value.
    #[error("variable [{0}] has no value: additionalParams must give one")]
    Variable(String),
    /// A value that is neither text nor number nor truth value.
    #[error("the value of [{0}] must be a string, a number or a boolean")]
    Value(String),
    /// `${` without `}`.
    #[error("the template is cut off within a variable")]
    Open,
    /// Too long once its values are in.
    #[error("the template has more than {MOST} characters with its values")]
    Long,
    /// A group that is not there.
    #[error("there is no group [{0}]")]
    Group(String),
    /// Not XML once its values are in.
    #[error("the template is not XML with its values: {0}")]
    Xml(#[from] XmlError),
}

/// One template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// Its id.
    pub vnfd_id: String,
    /// Who provides the VNF.
    pub provider: String,
    /// The product.
    pub product: String,
    /// Version of the software.
    pub software_version: String,
    /// Version of the template.
    pub version: String,
    /// Flavours; none: any name will do.
    pub flavours: Vec<String>,
    /// Values of variables that nobody gives.
    pub defaults: BTreeMap<String, String>,
    /// Content of the deployment.
    pub body: String,
}

impl Template {
    /// The template of that id.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(config: &Tree, id: &str) -> Result<Self, TemplateError> {
        let found = config
            .view()
            .container("esc_datamodel")
            .and_then(|root| root.container("vnf-templates"))
            .and_then(|templates| templates.entry("vnf-template", &[id]));
        found
            .map(read)
            .ok_or_else(|| TemplateError::Unknown(id.to_owned()))
    }

    /// The edit that makes a deployment of it.
    ///
    /// # Errors
    /// When a variable has no value, or the result is not XML.
    pub fn instantiate(
        &self,
        key: &DeploymentKey,
        flavour: &str,
        values: &Map<String, Value>,
        counts: &[(String, u32)],
    ) -> Result<Element, TemplateError> {
        if !self.flavours.is_empty() && !self.flavours.iter().any(|known| known == flavour) {
            return Err(TemplateError::Flavour {
                template: self.vnfd_id.clone(),
                flavour: flavour.to_owned(),
            });
        }
        let mut known = self.defaults.clone();
        for (name, value) in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                // Others may be meant for somebody else; a variable has to be one of these.
                _ if !self.uses(name) => continue,
                _ => return Err(TemplateError::Value(name.clone())),
            };
            known.insert(name.clone(), text);
        }
        known.insert("tenant".to_owned(), key.tenant.clone());
        known.insert("deployment".to_owned(), key.name.clone());
        known.insert("flavour".to_owned(), flavour.to_owned());
        let body = fill(&self.body, &known)?;
        let mut root = parse_str(&edit(key, "create", &body))?;
        for (group, count) in counts {
            set_count(&mut root, group, *count)?;
        }
        Ok(root)
    }

    fn uses(&self, name: &str) -> bool {
        self.body.contains(&format!("${{{name}}}"))
    }
}

fn read(view: NodeRef<'_>) -> Template {
    let text = |name: &str| view.text(name).unwrap_or_default().to_owned();
    Template {
        vnfd_id: text("vnfd-id"),
        provider: text("provider"),
        product: text("product-name"),
        software_version: text("software-version"),
        version: text("version"),
        flavours: view
            .values("flavour-id")
            .into_iter()
            .map(str::to_owned)
            .collect(),
        defaults: view
            .entries("variable")
            .filter_map(|variable| {
                let default = variable.text("default")?;
                Some((variable.text("name")?.to_owned(), default.to_owned()))
            })
            .collect(),
        body: text("deployment"),
    }
}

/// The edit that removes a deployment; it may be gone already.
///
/// # Errors
/// When a name is not XML text.
pub fn removal(key: &DeploymentKey) -> Result<Element, TemplateError> {
    Ok(parse_str(&edit(key, "remove", ""))?)
}

/// The edit that gives groups of a deployment their counts.
///
/// # Errors
/// When a name is not XML text.
pub fn counts(key: &DeploymentKey, counts: &[(String, u32)]) -> Result<Element, TemplateError> {
    let mut body = String::new();
    for (group, count) in counts {
        body.push_str(&format!(
            "<vm_group><name>{}</name><scaling><min_active>{count}</min_active></scaling></vm_group>",
            escape_text(group)
        ));
    }
    Ok(parse_str(&edit(key, "merge", &body))?)
}

fn edit(key: &DeploymentKey, operation: &str, body: &str) -> String {
    format!(
        "<esc_datamodel xmlns=\"{ESC_NS}\" xmlns:nc=\"{}\"><tenants><tenant><name>{}</name><deployments>\
         <deployment nc:operation=\"{operation}\"><name>{}</name>{body}</deployment>\
         </deployments></tenant></tenants></esc_datamodel>",
        crate::datastore::NETCONF_NS,
        escape_text(&key.tenant),
        escape_text(&key.name),
    )
}

/// `${name}` becomes its value, as text; `$${` stands for `${`.
fn fill(body: &str, values: &BTreeMap<String, String>) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = from.get(2..).unwrap_or_default();
            continue;
        }
        out.push_str(before);
        let from = from.get(2..).unwrap_or_default();
        let (name, after) = from.split_once('}').ok_or(TemplateError::Open)?;
        let value = values.get(name.trim());
        let value = value.ok_or_else(|| TemplateError::Variable(name.trim().to_owned()))?;
        out.push_str(&escape_text(value));
        if out.len() > MOST {
            return Err(TemplateError::Long);
        }
        rest = after;
    }
    out.push_str(rest);
    match out.len() > MOST {
        true => Err(TemplateError::Long),
        false => Ok(out),
    }
}

fn set_count(root: &mut Element, group: &str, count: u32) -> Result<(), TemplateError> {
    let unknown = || TemplateError::Group(group.to_owned());
    let mut at = root;
    for name in ["tenants", "tenant", "deployments", "deployment"] {
        at = at.child_mut(ESC_NS, name).ok_or_else(unknown)?;
    }
    let named = |element: &Element| {
        let name = element.child(ESC_NS, "name");
        element.is(ESC_NS, "vm_group") && name.is_some_and(|name| name.text() == group)
    };
    let found = at.elements_mut().find(|element| named(element));
    let found = found.ok_or_else(unknown)?;
    if found.child(ESC_NS, "scaling").is_none() {
        found.push(Element::new(ESC_NS, "scaling"));
    }
    let Some(scaling) = found.child_mut(ESC_NS, "scaling") else {
        return Err(unknown());
    };
    let text = Element::new(ESC_NS, "min_active").with_text(count.to_string());
    match scaling.child_mut(ESC_NS, "min_active") {
        Some(leaf) => *leaf = text,
        None => scaling.push(text),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template(body: &str) -> Template {
        Template {
            vnfd_id: "v".into(),
            provider: String::new(),
            product: String::new(),
            software_version: String::new(),
            version: String::new(),
            flavours: vec!["default".into()],
            defaults: [("image".to_owned(), "cirros".to_owned())].into(),
            body: body.into(),
        }
    }

    fn made(body: &str, values: Value, counts: &[(String, u32)]) -> Result<String, TemplateError> {
        let key = DeploymentKey::new("t", "d");
        let values = values.as_object().unwrap();
        let edit = template(body).instantiate(&key, "default", values, counts)?;
        Ok(edit.to_xml())
    }

    #[test]
    fn values_come_from_the_request_then_from_defaults_and_are_text_not_markup() {
        let body = "<vm_group><name>g</name><image>${image}</image><flavor>${ flavor }</flavor>\
                    <x>$${kept}</x></vm_group>";
        let xml = made(body, json!({"flavor": "<&>"}), &[]).unwrap();
        assert!(xml.contains("<image>cirros</image>"), "{xml}");
        assert!(xml.contains("&lt;&amp;&gt;</flavor>"), "{xml}");
        assert!(xml.contains("${kept}"), "{xml}");
        let xml = made(body, json!({"flavor": 7, "image": true, "more": []}), &[]).unwrap();
        assert!(
            xml.contains("<image>true</image><flavor>7</flavor>"),
            "{xml}"
        );
    }

    #[test]
    fn what_cannot_be_filled_is_said() {
        let error = |body: &str, values| made(body, values, &[]).unwrap_err();
        assert!(matches!(
            error("<a>${x}</a>", json!({})),
            TemplateError::Variable(_)
        ));
        assert!(matches!(
            error("<a>${x}</a>", json!({"x": []})),
            TemplateError::Value(_)
        ));
        assert!(matches!(
            error("<a>${x</a>", json!({"x": 1})),
            TemplateError::Open
        ));
        assert!(matches!(error("<a>", json!({})), TemplateError::Xml(_)));
        let other =
            template("").instantiate(&DeploymentKey::new("t", "d"), "big", &Map::new(), &[]);
        assert!(matches!(other, Err(TemplateError::Flavour { .. })));
    }

    #[test]
    fn a_count_is_put_into_its_group() {
        let body = "<vm_group><name>a</name></vm_group><vm_group><name>b</name><scaling>\
                    <min_active>1</min_active><max_active>4</max_active></scaling></vm_group>";
        let xml = made(body, json!({}), &[("a".into(), 2), ("b".into(), 3)]).unwrap();
        assert!(xml.contains("<min_active>2</min_active>"), "{xml}");
        assert!(
            xml.contains("<min_active>3</min_active><max_active>4"),
            "{xml}"
        );
        let none = made(body, json!({}), &[("c".into(), 2)]);
        assert!(matches!(none, Err(TemplateError::Group(_))));
    }
}
