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
