use serde_json::{Value, json};

use super::*;

const EXAMPLE: &str = include_str!("testdata/op_occ_example.json");
const ATTRIBUTES: &str = include_str!("testdata/op_occ_attributes.txt");

/// A documented example fills every value with its type's name; enumerations get a word of theirs.
fn filled() -> VnfLcmOpOcc {
    let mut example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let map = example.as_object_mut().unwrap();
    map.insert("operationState".into(), "FAILED_TEMP".into());
    map.insert("operation".into(), "INSTANTIATE".into());
    map.insert("cancelMode".into(), "GRACEFUL".into());
    // Its type follows the operation: documented in the table, absent from the example.
    map.insert("operationParams".into(), json!({"flavourId": "x"}));
    serde_json::from_value(example).unwrap()
}

/// Every key with the kind of its value, arrays by their first element.
fn shape(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, below) in map {
                shape(below, &format!("{path}/{name}"), out);
            }
        }
        Value::Array(items) => shape(items.first().unwrap(), &format!("{path}[]"), out),
        Value::String(_) => out.push(format!("{path} string")),
        Value::Bool(_) => out.push(format!("{path} boolean")),
        Value::Number(_) => out.push(format!("{path} number")),
        Value::Null => out.push(format!("{path} null")),
    }
}

#[test]
fn an_occurrence_has_every_attribute_of_the_documented_example_and_no_other() {
    let mut documented = Vec::new();
    shape(&serde_json::from_str(EXAMPLE).unwrap(), "", &mut documented);
    let mut ours = Vec::new();
    shape(&serde_json::to_value(filled()).unwrap(), "", &mut ours);
    ours.retain(|line| !line.starts_with("/operationParams"));
    documented.sort();
    ours.sort();
    assert!(documented.len() > 90, "{}", documented.len());
    assert_eq!(documented, ours);
}

#[test]
fn an_occurrence_s_attributes_are_required_and_typed_as_documented() {
    let full = serde_json::to_value(filled()).unwrap();
    let mut seen = 0;
    for line in ATTRIBUTES.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split(" | ");
        let (name, kind, mark) = (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap(),
        );
        seen += 1;
        let value = &full[name];
        let fits = match kind {
            "string" | "string date-time" => value.is_string(),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            "array of object" => value.as_array().unwrap().iter().all(Value::is_object),
            "array of string" => value.as_array().unwrap().iter().all(Value::is_string),
            other => panic!("{other}"),
        };
        assert!(fits, "{name} is not a {kind}: {value}");
        // Without it: what is required does not parse, what is optional is left out again.
        let mut without = full.clone();
        without.as_object_mut().unwrap().remove(name);
        let parsed = serde_json::from_value::<VnfLcmOpOcc>(without.clone());
        match mark {
            "required" => assert!(parsed.is_err(), "{name} is required"),
            "optional" => {
                let again = serde_json::to_value(parsed.unwrap()).unwrap();
                assert_eq!(again, without, "{name} is optional");
            }
            other => panic!("{other}"),
        }
        for word in parts.flat_map(str::split_whitespace) {
            let mut with = full.clone();
            with[name] = word.into();
            let parsed: VnfLcmOpOcc = serde_json::from_value(with).unwrap();
            assert_eq!(serde_json::to_value(parsed).unwrap()[name], word);
        }
        let listed = OCCURRENCES.has(name);
        assert!(listed, "{name} can be filtered and selected");
        // `_links` is documented as optional and always given (clause 5.5.2.13).
        let mandatory = OCCURRENCES.mandatory.contains(&name);
        assert_eq!(mandatory, mark == "required" || name == "_links", "{name}");
    }
    assert_eq!(seen, full.as_object().unwrap().len());
    assert_eq!(
        OperationType::ALL.len() + OperationStateType::ALL.len() + CancelMode::ALL.len(),
        12 + 7 + 2
    );
}

fn matches(filter: &str, resource: &Value) -> bool {
    Filter::parse(filter, &OCCURRENCES)
        .unwrap()
        .matches(resource)
}

#[test]
fn filters_hold_as_sol_013_says() {
    let occ = json!({
        "id": "a'b,c", "operation": "HEAL", "isAutomaticInvocation": true,
        "startTime": "2026-11-22T05:00:00Z",
        "error": {"status": 500, "detail": "VIM said (no)"},
        "resourceChanges": {"affectedVnfcs": [{"id": "x", "vduId": "g1"}, {"id": "y", "vduId": "g2"}]},
        "operationParams": {"additionalParams": {"a/b": {"deep": 7}, "@k": "v"}},
    });
    let table = [
        ("(eq,operation,HEAL)", true),
        ("(eq,operation,SCALE)", false),
        ("(neq,operation,SCALE)", true),
        ("(in,operation,SCALE,HEAL)", true),
        ("(nin,operation,SCALE,HEAL)", false),
        ("(eq,isAutomaticInvocation,true)", true),
        ("(gt,error/status,99)", true),
        ("(lt,error/status,1000)", true),
        ("(gte,error/status,500);(lte,error/status,500)", true),
        ("(gte,error/status,500);(lt,error/status,500)", false),
        ("(gt,startTime,2026-11-22T04:59:59Z)", true),
        ("(cont,error/detail,VIM)", true),
        ("(ncont,error/detail,VIM,x)", false),
        ("(cont,error/detail,'(no)')", true),
        ("(eq,id,'a''b,c')", true),
        ("(eq,resourceChanges/affectedVnfcs/vduId,g2)", true),
        ("(eq,resourceChanges/affectedVnfcs/vduId,g3)", false),
        ("(eq,grantId,x)", false),
        ("(neq,grantId,x)", false),
        ("(eq,operationParams/additionalParams/a~1b/deep,7)", true),
        ("(eq,operationParams/additionalParams/~bk,v)", true),
        ("(eq,operationParams/additionalParams/@key,a/b)", true),
        ("(eq,operationParams/additionalParams/@key/deep,7)", true),
        ("(eq,operation,)", false),
    ];
    for (filter, expected) in table {
        assert_eq!(matches(filter, &occ), expected, "{filter}");
    }
}

#[test]
fn what_is_not_a_filter_is_refused() {
    for text in [
        "",
        "eq,id,x",
        "(eq,id,x",
        "(eq,id)",
        "(eq,id,x)(eq,id,y)",
        "(eq,id,x);",
        "(is,id,x)",
        "(eq,id,x,y)",
        "(eq,,x)",
        "(eq,id/,x)",
        "(eq,noSuchThing,x)",
        "(eq,id,'x)",
        "(eq,id,a'b)",
        "()",
        "(eq,(id),x)",
    ] {
        assert!(Filter::parse(text, &OCCURRENCES).is_err(), "{text}");
    }
    let many = vec!["(eq,id,x)"; 65].join(";");
    assert!(Filter::parse(&many, &OCCURRENCES).is_err());
}

fn shown(query: &[(&str, &str)]) -> Result<Vec<String>, SelectorError> {
    let full = serde_json::to_value(filled()).unwrap();
    let selector = Selector::parse(query.iter().copied(), OCCURRENCES)?;
    let value = selector.apply(full);
    Ok(value.as_object().unwrap().keys().cloned().collect())
}

#[test]
fn selectors_show_as_sol_013_says() {
    let all = shown(&[("all_fields", "")]).unwrap();
    assert_eq!(all.len(), 22);
    let default = shown(&[]).unwrap();
    assert_eq!(default, shown(&[("exclude_default", "")]).unwrap());
    assert_eq!(default.len(), 17, "{default:?}");
    assert!(!default.contains(&"error".to_owned()));
    let fields = shown(&[("fields", "error,resourceChanges/affectedVnfcs/id")]).unwrap();
    assert_eq!(fields.len(), OCCURRENCES.mandatory.len() + 2, "{fields:?}");
    let both = shown(&[("fields", "error"), ("exclude_default", "")]).unwrap();
    assert_eq!(both.len(), 18);
    let excluded = shown(&[("exclude_fields", "error,warnings")]).unwrap();
    assert_eq!(excluded.len(), 20);
}

#[test]
fn a_field_below_a_field_is_shown_alone() {
    let full = serde_json::to_value(filled()).unwrap();
    let query = [("fields", "resourceChanges/affectedVnfcs/id")];
    let value = Selector::parse(query, OCCURRENCES)
        .unwrap()
        .apply(full.clone());
    assert_eq!(
        value["resourceChanges"],
        json!({"affectedVnfcs": [{"id": "string"}]})
    );
    let query = [("exclude_fields", "resourceChanges/affectedVnfcs/id")];
    let value = Selector::parse(query, OCCURRENCES).unwrap().apply(full);
    let vnfc = &value["resourceChanges"]["affectedVnfcs"][0];
    assert!(vnfc.get("id").is_none() && vnfc.get("vduId").is_some());
}

#[test]
fn selectors_that_do_not_go_together_are_refused() {
    for query in [
        vec![("all_fields", ""), ("fields", "error")],
        vec![("all_fields", ""), ("exclude_default", "")],
        vec![("fields", "error"), ("exclude_fields", "warnings")],
        vec![("exclude_fields", "error"), ("exclude_default", "")],
        vec![("fields", "")],
        vec![("fields", "noSuchThing")],
        vec![("exclude_fields", "id")],
        vec![("all_fields", "perhaps")],
    ] {
        assert!(shown(&query).is_err(), "{query:?}");
    }
}

#[test]
fn pages_cover_every_entry_once_and_end() {
    let entries = || (0..7).map(|n| (format!("k{n}"), n));
    let (mut marker, mut seen) = (None, Vec::new());
    loop {
        let page = page_of(entries(), marker.as_deref(), 3).unwrap();
        seen.extend(page.items);
        marker = page.next;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).collect::<Vec<_>>());
    let page = page_of(entries(), None, 7).unwrap();
    assert_eq!((page.items.len(), page.next), (7, None));
    assert!(page_of(entries(), Some("not ours!"), 3).is_none());
}

#[test]
fn a_version_is_answered_by_its_numbers() {
    assert_eq!(Major::V2.answer("2.0.0"), Some("2.0.0"));
    assert_eq!(
        Major::V2.answer("2.0.0-impl:etsi.org:ETSI_NFV_OpenAPI:1"),
        Some("2.0.0")
    );
    assert_eq!(Major::V2.answer("1.3.0"), None);
    assert_eq!(Major::V1.answer("1.3.0"), Some("1.3.0"));
    let both = serde_json::to_value(ApiVersionInformation::of(&Major::ALL)).unwrap();
    assert_eq!(both["uriPrefix"], "/vnflcm");
    assert_eq!(
        both["apiVersions"][1],
        json!({"version": "2.0.0", "isDeprecated": false})
    );
}

#[test]
fn null_in_a_patch_is_not_absence() {
    let patch: VnfInfoModificationRequest =
        serde_json::from_value(json!({"vnfInstanceName": null, "metadata": {"a": 1}})).unwrap();
    assert_eq!(patch.vnf_instance_name, Some(None));
    assert_eq!(patch.vnf_instance_description, None);
    assert!(matches!(patch.metadata, Some(Some(_))));
}
