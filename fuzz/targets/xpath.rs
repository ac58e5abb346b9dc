//! An XPath filter on a configuration, and on an element.

use lifeline::datastore::{Budget, Filter, WithDefaults, XPath};

use super::sample::{ESC, parse, print, tree};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let resolve = |prefix: &str| (prefix == "esc" || prefix == "e").then(|| ESC.to_owned());
    for default in ["", ESC] {
        let Ok(xpath) = XPath::parse(text, &resolve, default) else {
            continue;
        };
        let filter = Filter::XPath(xpath);
        let selected =
            tree().select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(20_000));
        if let Ok(selection) = selected {
            print(&selection);
        }
        let event = parse(b"<escEvent xmlns=\"http://www.cisco.com/esc/esc\"><status>SUCCESS</status><vm_source><vmid>1</vmid></vm_source></escEvent>").expect("XML");
        let _ = filter.wants(&[&event], &mut Budget::new(20_000));
    }
}
