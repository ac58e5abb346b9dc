//! Values that identify a list entry or a leaf-list entry, in canonical form.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// One key value. Numbers sort as numbers, before text.
#[derive(Clone)]
pub struct Key {
    number: Option<i64>,
    text: Arc<str>,
}

impl Key {
    /// Wraps a canonical value.
    pub fn new(text: Arc<str>) -> Self {
        Self {
            number: text.parse().ok(),
            text,
        }
    }

    /// The value.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_number = match (self.number, other.number) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        // Text decides between "1" and "01", so that the order agrees with equality.
        by_number.then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

/// All key values of one list entry in the order of the `key` statement; for a leaf-list entry its one value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Keys(Arc<[Key]>);

impl Keys {
    /// Wraps canonical values.
    pub fn new<T: Into<Arc<str>>>(values: impl IntoIterator<Item = T>) -> Self {
        Self(values.into_iter().map(|v| Key::new(v.into())).collect())
    }

    /// One value.
    pub fn single(value: impl Into<Arc<str>>) -> Self {
        Self::new([value.into()])
    }

    /// The values.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(Key::text)
    }

    /// The value at a position.
    pub fn get(&self, index: usize) -> Option<&Arc<str>> {
        self.0.get(index).map(Key::text)
    }

    /// The first value; for a leaf-list entry its value.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", |key| key.text())
    }

    /// How many values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers_and_before_text() {
        let mut keys: Vec<_> = ["10", "b", "9", "01", "1", "-3", "a"]
            .map(Keys::single)
            .to_vec();
        keys.sort();
        let texts: Vec<_> = keys.iter().map(Keys::first).collect();
        assert_eq!(texts, ["-3", "01", "1", "9", "10", "a", "b"]);
        assert_ne!(Keys::single("01"), Keys::single("1"));
    }
}
