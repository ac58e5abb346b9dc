//! A subtree filter on a configuration, and on an event.

use lifeline::datastore::{Budget, Filter, SubtreeFilter, WithDefaults};

use super::sample::{parse, print, tree};

pub fn run(data: &[u8]) {
    let Some(element) = parse(data) else {
        return;
    };
    let filter = Filter::Subtree(SubtreeFilter::decode(&element));
    let selected = tree().select_within(&filter, WithDefaults::ReportAll, &mut Budget::new(20_000));
    if let Ok(selection) = selected {
        print(&selection);
    }
    let _ = filter.wants(&[&element], &mut Budget::new(20_000));
}
