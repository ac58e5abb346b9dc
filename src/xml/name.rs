//! Names of elements and attributes, and lists that are mostly empty: what makes a document small.
//!
//! A document has few names and many elements. A name is in memory once; whoever has it has a pointer.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A name: its namespace, its local part, its prefix as written. `ns` and `prefix` are empty for none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// Namespace, empty for none.
    pub ns: Arc<str>,
    /// Local name.
    pub local: Arc<str>,
    /// Prefix as written, empty for none.
    pub prefix: Arc<str>,
}

/// A list that is empty most of the time and takes one pointer then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Few<T>(Option<Box<Items<T>>>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Items<T>(Vec<T>);

impl<T> Few<T> {
    /// Adds one at the end.
    pub fn push(&mut self, item: T) {
        match &mut self.0 {
            Some(items) => items.0.push(item),
            None => self.0 = Some(Box::new(Items(vec![item]))),
        }
    }

    /// Takes out what `keep` does not want.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        if let Some(items) = &mut self.0 {
            items.0.retain(keep);
            if items.0.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Without room for more.
impl<T> From<Vec<T>> for Few<T> {
    fn from(mut items: Vec<T>) -> Self {
        if items.is_empty() {
            return Self(None);
        }
        items.shrink_to_fit();
        Self(Some(Box::new(Items(items))))
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |items| &items.0)
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_mut().map_or(&mut [], |items| &mut items.0)
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_a_list_and_none_is_a_pointer() {
        let mut few = Few::default();
        assert!(few.is_empty() && few == Few::from(Vec::new()));
        for n in 0..4 {
            few.push(n);
        }
        few[0] = 9;
        assert_eq!(few.iter().collect::<Vec<_>>(), [&9, &1, &2, &3]);
        few.retain(|n| n % 2 == 1);
        assert_eq!(&*few, [9, 1, 3]);
        few.retain(|_| false);
        assert_eq!(few, Few::default());
        assert_eq!(size_of::<Few<[u64; 9]>>(), size_of::<usize>());
    }
}
