//! Tests of the whole room, on the product's own modules.

use super::*;

const ESC: &str = "http://www.cisco.com/esc/esc";

fn schema() -> &'static Schema {
    match Schema::load(LoadOptions { simulator: true }) {
        Ok(schema) => schema,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_products_modules_load_without_a_warning() {
    assert!(Schema::load(LoadOptions { simulator: false }).is_ok());
    let schema = schema();
    for node in schema.nodes() {
        if std::env::var("DUMP").is_ok() {
            println!(
                "{} {:?} {:?} unit={}",
                schema.path(node.id),
                node.kind,
                node.value,
                node.is_unit
            );
        }
    }
    assert!(schema.top(ESC, "esc_datamodel").is_some());
}

fn dep(inner: &str) -> String {
    format!(
        "<esc_datamodel xmlns='{ESC}'><tenants><tenant><name>t</name><deployments><deployment><name>d</name>{inner}</deployment></deployments></tenant></tenants></esc_datamodel>"
    )
}
const G: &str = "<bootup_time>+20</bootup_time><recovery_wait_time>0</recovery_wait_time>";
#[test]
fn explore() {
    let s = schema();
    for x in [
        dep(""),
        dep("<vm_group><name>g</name></vm_group>"),
        dep(&format!(
            "<vm_group><name>g</name>{G}<scaling><min_active>3</min_active><max_active>1</max_active></scaling></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g'x\"</name>{G}<scaling><min_active>3</min_active><max_active>1</max_active></scaling></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}<bogus/><flavor/></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}<flavor/><scaling><min_active>x</min_active><max_active>0</max_active></scaling><bogus/></vm_group><q/>"
        )),
        dep(&format!("<vm_group>{G}</vm_group>")),
        dep(&format!(
            "<vm_group><name>g</name>{G}<rules><admin_rules><rule><event_name>n</event_name><action>TRUE x</action><action>x</action></rule></admin_rules></rules></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}<rules><admin_rules><rule><event_name>n</event_name><action>TRUE x</action></rule></admin_rules></rules></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}<config_data><configuration><dst>n</dst></configuration></config_data></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}<config_data><configuration><dst>n</dst><file>x</file><data>y</data></configuration></config_data></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}<interfaces><interface><nicid>0</nicid><network>n</network><mac_address>00:00:00:00:00:0A</mac_address></interface><interface><nicid>2</nicid><network>n</network><mac_address>00:00:00:00:00:0a</mac_address></interface></interfaces></vm_group>"
        )),
        dep(&format!(
            "<vm_group><name>g</name>{G}</vm_group><vm_group><name>g</name>{G}</vm_group>"
        )),
        dep(&format!("<vm_group><name>g</name>{G}{G}</vm_group>")),
        format!("<esc_datamodel xmlns='{ESC}'><opdata><status>x</status></opdata></esc_datamodel>"),
        format!("<esc_datamodel xmlns='{ESC}'><opdata>"),
        format!("<esc_datamodel xmlns='{ESC}'>text</esc_datamodel>"),
        format!("<esc_datamodel xmlns='urn:x'/>"),
        format!("<esc_datamodel xmlns='{ESC}' bad:a='1'/>"),
        format!("<!DOCTYPE x><esc_datamodel xmlns='{ESC}'/>"),
        format!(
            "<esc_datamodel xmlns='{ESC}'><default_vim_connector>v</default_vim_connector></esc_datamodel>"
        ),
    ] {
        println!("--- {x}");
        println!("{:#?}", s.validate_unit(&x));
    }
    for x in [
        format!("<vmAction xmlns='{ESC}'/>"),
        format!("<vmAction xmlns='{ESC}'><actionType>X</actionType><vmName/></vmAction>"),
        format!("<vmActio xmlns='{ESC}'/>"),
        format!(
            "<vmAction xmlns='{ESC}'><actionType>STOP</actionType><vmName>x</vmName></vmAction>"
        ),
        format!(
            "<vmAction xmlns='{ESC}'><actionType>STOP</actionType><vmName>x</vmName><vmName>y</vmName></vmAction>"
        ),
    ] {
        println!("--- {x}");
        println!("{:#?}", s.validate_rpc(&x));
    }
}
