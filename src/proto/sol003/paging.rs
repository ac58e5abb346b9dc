//! Paging (SOL 013 clause 5.4): a marker names the last entry of the page before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The query parameter that carries the marker.
pub const MARKER: &str = "nextpage_opaque_marker";

/// One page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// Marker of the next page; `None`: this is the last.
    pub next: Option<String>,
}

/// The key that a marker names; `None`: it is none of ours.
pub fn key_of(marker: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()
}

/// Up to `size` of the entries behind the marker. Entries come with a key each, in order of keys. `None`: the marker
/// is none of ours.
pub fn page_of<T>(
    entries: impl IntoIterator<Item = (String, T)>,
    marker: Option<&str>,
    size: usize,
) -> Option<Page<T>> {
    let after = match marker {
        None => None,
        Some(marker) => Some(key_of(marker)?),
    };
    let size = size.max(1);
    let mut behind = entries
        .into_iter()
        .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
    let mut items = Vec::new();
    let mut last = None;
    for (key, item) in behind.by_ref().take(size) {
        last = Some(key);
        items.push(item);
    }
    let next = behind
        .next()
        .and(last)
        .map(|key| URL_SAFE_NO_PAD.encode(key));
    Some(Page { items, next })
}
