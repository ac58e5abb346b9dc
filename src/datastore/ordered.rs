//! A persistent keyed collection: entries of a list or of a leaf-list.
//!
//! System-ordered ones are kept in key order. User-ordered ones carry a rank per entry and a second
//! map from rank to key, so that an insertion in the middle costs O(log n) and copies share structure.

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::keys::Keys;

/// Cheap identity: says "same" only when the two surely have the same content.
pub trait Same {
    /// Whether both are one and the same.
    fn same(&self, other: &Self) -> bool;
}

impl Same for () {
    fn same(&self, _: &Self) -> bool {
        true
    }
}

/// Where a user-ordered entry goes (RFC 7950 section 7.8.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Before all others.
    First,
    /// After all others.
    Last,
    /// Right before this one.
    Before(Keys),
    /// Right after this one.
    After(Keys),
}

#[derive(Clone)]
struct Entry<V> {
    rank: i64,
    value: V,
}

impl<V: Same> PartialEq for Entry<V> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank && self.value.same(&other.value)
    }
}

/// A change of one entry between two collections.
pub enum EntryDiff<'a, V> {
    /// Only in the new one.
    Added(&'a Keys, &'a V),
    /// Only in the old one.
    Removed(&'a Keys, &'a V),
    /// In both, not the same pointer, or moved.
    Changed(&'a Keys, &'a V, &'a V),
}

/// Entries by key, in key order or in the user's order.
#[derive(Clone)]
pub struct Ordered<V> {
    entries: OrdMap<Keys, Entry<V>>,
    /// `Some` for a user-ordered collection.
    order: Option<OrdMap<i64, Keys>>,
}

/// Room left between neighbours, so that renumbering is rare.
const GAP: i64 = 1 << 32;

impl<V: Clone + Same> Ordered<V> {
    /// An empty collection.
    pub fn new(user_ordered: bool) -> Self {
        Self {
            entries: OrdMap::new(),
            order: user_ordered.then(OrdMap::new),
        }
    }

    /// Whether the user decides the order.
    pub fn is_user_ordered(&self) -> bool {
        self.order.is_some()
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of a key.
    pub fn get(&self, keys: &Keys) -> Option<&V> {
        self.entries.get(keys).map(|entry| &entry.value)
    }

    /// The entry of a key, to change; copies what is shared on the way to it.
    pub fn get_mut(&mut self, keys: &Keys) -> Option<&mut V> {
        self.entries.get_mut(keys).map(|entry| &mut entry.value)
    }

    /// Whether there is an entry of this key.
    pub fn contains(&self, keys: &Keys) -> bool {
        self.entries.contains_key(keys)
    }

    /// The rank of an entry in a user-ordered collection; 0 in others.
    pub fn rank(&self, keys: &Keys) -> Option<i64> {
        self.entries.get(keys).map(|entry| entry.rank)
    }

    /// Adds an entry (at the end, if the user decides the order) or replaces one where it stands.
    pub fn insert(&mut self, keys: Keys, value: V) {
        if let Some(entry) = self.entries.get_mut(&keys) {
            entry.value = value;
            return;
        }
        let rank = self.last_rank();
        self.put(keys, rank, value);
    }

    /// Adds or moves an entry to a place; without effect on the order of a system-ordered one.
    /// Returns false, with nothing changed, when the neighbour named is not there.
    pub fn insert_at(&mut self, keys: Keys, value: V, place: &Place) -> bool {
        if self.order.is_none() {
            self.insert(keys, value);
            return true;
        }
        if let Place::Before(near) | Place::After(near) = place {
            if !self.contains(near) {
                return false;
            }
            if *near == keys {
                self.insert(keys, value);
                return true;
            }
        }
        self.remove(&keys);
        let rank = match self.rank_at(place) {
            Some(rank) => rank,
            None => {
                self.renumber();
                self.rank_at(place).unwrap_or_else(|| self.last_rank())
            }
        };
        self.put(keys, rank, value);
        true
    }

    /// Whether an entry is there and stands at that place.
    pub fn stands(&self, keys: &Keys, place: &Place) -> bool {
        let (Some(order), Some(rank)) = (&self.order, self.rank(keys)) else {
            return false;
        };
        let is = |at: Option<(&i64, &Keys)>, wanted: &Keys| at.is_some_and(|(_, at)| at == wanted);
        match place {
            Place::First => order.get_min().is_some_and(|(_, first)| first == keys),
            Place::Last => order.get_max().is_some_and(|(_, last)| last == keys),
            Place::Before(near) | Place::After(near) if near == keys => true,
            Place::Before(near) => is(order.range(rank + 1..).next(), near),
            Place::After(near) => is(order.range(..rank).next_back(), near),
        }
    }

    /// Removes an entry.
    pub fn remove(&mut self, keys: &Keys) -> Option<V> {
        let entry = self.entries.remove(keys)?;
        if let Some(order) = &mut self.order {
            order.remove(&entry.rank);
        }
        Some(entry.value)
    }

    /// Entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Keys, &V)> {
        let by_user = self.order.iter().flat_map(|order| order.values());
        let by_user = by_user.filter_map(|keys| Some((keys, &self.entries.get(keys)?.value)));
        let by_key = match self.order {
            None => Some(self.entries.iter()),
            Some(_) => None,
        };
        let by_key = by_key.into_iter().flatten();
        by_user.chain(by_key.map(|(keys, entry)| (keys, &entry.value)))
    }

    /// Whether both are one and the same root.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        let order = match (&self.order, &other.order) {
            (Some(a), Some(b)) => a.ptr_eq(b),
            (None, None) => true,
            _ => false,
        };
        order && self.entries.ptr_eq(&other.entries)
    }

    /// What changed from `old` to `self`, skipping what they share.
    pub fn changes_since<'a>(&'a self, old: &'a Self) -> impl Iterator<Item = EntryDiff<'a, V>> {
        old.entries.diff(&self.entries).map(|item| match item {
            DiffItem::Add(keys, entry) => EntryDiff::Added(keys, &entry.value),
            DiffItem::Remove(keys, entry) => EntryDiff::Removed(keys, &entry.value),
            DiffItem::Update { old, new } => EntryDiff::Changed(new.0, &old.1.value, &new.1.value),
        })
    }

    /// Whether the keys stand in the same order in both; only a user-ordered one can differ.
    pub fn same_order(&self, other: &Self) -> bool {
        match (&self.order, &other.order) {
            (Some(a), Some(b)) => a.ptr_eq(b) || a.values().eq(b.values()),
            _ => true,
        }
    }

    fn put(&mut self, keys: Keys, rank: i64, value: V) {
        if let Some(order) = &mut self.order {
            order.insert(rank, keys.clone());
        }
        self.entries.insert(keys, Entry { rank, value });
    }

    fn last_rank(&self) -> i64 {
        match &self.order {
            None => 0,
            Some(order) => order
                .get_max()
                .map_or(0, |(rank, _)| rank.saturating_add(GAP)),
        }
    }

    /// A free rank for a place; `None` when there is no room between the neighbours.
    fn rank_at(&self, place: &Place) -> Option<i64> {
        let order = self.order.as_ref()?;
        let (low, high) = match place {
            Place::Last => return Some(self.last_rank()),
            Place::First => {
                return Some(
                    order
                        .get_min()
                        .map_or(0, |(rank, _)| rank.saturating_sub(GAP)),
                );
            }
            Place::Before(near) => {
                let high = self.rank(near)?;
                let low = order.range(..high).next_back().map(|(rank, _)| *rank);
                (low.unwrap_or(high.saturating_sub(2 * GAP)), high)
            }
            Place::After(near) => {
                let low = self.rank(near)?;
                let high = order.range(low + 1..).next().map(|(rank, _)| *rank);
                (low, high.unwrap_or(low.saturating_add(2 * GAP)))
            }
        };
        let middle = low + (high - low) / 2;
        (middle > low && middle < high).then_some(middle)
    }

    fn renumber(&mut self) {
        let keys: Vec<Keys> = self.iter().map(|(keys, _)| keys.clone()).collect();
        let mut order = OrdMap::new();
        for (position, keys) in keys.into_iter().enumerate() {
            let rank = (position as i64).saturating_mul(GAP);
            if let Some(entry) = self.entries.get_mut(&keys) {
                entry.rank = rank;
            }
            order.insert(rank, keys);
        }
        self.order = Some(order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order_of(list: &Ordered<()>) -> Vec<String> {
        list.iter().map(|(k, ())| k.first().to_owned()).collect()
    }

    #[test]
    fn a_missing_neighbour_changes_nothing() {
        let mut list = Ordered::new(true);
        list.insert(Keys::single("a"), ());
        assert!(!list.insert_at(Keys::single("b"), (), &Place::Before(Keys::single("x"))));
        assert_eq!(order_of(&list), ["a"]);
    }

    #[test]
    fn the_room_between_two_neighbours_never_runs_out() {
        let mut list = Ordered::new(true);
        list.insert(Keys::single("a"), ());
        list.insert(Keys::single("z"), ());
        for n in 0..100 {
            let at = Place::After(Keys::single("a"));
            assert!(list.insert_at(Keys::single(n.to_string()), (), &at));
        }
        let mut expected: Vec<String> = (0..100).rev().map(|n| n.to_string()).collect();
        expected.insert(0, "a".into());
        expected.push("z".into());
        assert_eq!(order_of(&list), expected);
    }

    proptest! {
        #[test]
        fn user_order_follows_a_vector(ops in proptest::collection::vec((0u8..12, 0u8..5, 0u8..12), 0..60)) {
            let mut list: Ordered<()> = Ordered::new(true);
            let mut model: Vec<u8> = Vec::new();
            for (key, op, near) in ops {
                let k = Keys::single(key.to_string());
                let n = Keys::single(near.to_string());
                let near_at = |m: &Vec<u8>| m.iter().position(|x| *x == near);
                match op {
                    0 => {
                        list.remove(&k);
                        model.retain(|x| *x != key);
                    }
                    1 => {
                        list.insert_at(k, (), &Place::First);
                        model.retain(|x| *x != key);
                        model.insert(0, key);
                    }
                    2 => {
                        list.insert_at(k, (), &Place::Last);
                        model.retain(|x| *x != key);
                        model.push(key);
                    }
                    _ => {
                        let place = if op == 3 { Place::Before(n) } else { Place::After(n) };
                        let done = list.insert_at(k, (), &place);
                        prop_assert_eq!(done, near_at(&model).is_some());
                        if done && near != key {
                            model.retain(|x| *x != key);
                            let at = near_at(&model).unwrap() + usize::from(op != 3);
                            model.insert(at, key);
                        }
                    }
                }
            }
            let expected: Vec<String> = model.iter().map(|x| x.to_string()).collect();
            prop_assert_eq!(&order_of(&list), &expected);
            for (at, key) in expected.iter().enumerate() {
                let k = Keys::single(key.as_str());
                prop_assert_eq!(list.stands(&k, &Place::First), at == 0);
                prop_assert_eq!(list.stands(&k, &Place::Last), at + 1 == expected.len());
                for (other, near) in expected.iter().enumerate() {
                    let n = Keys::single(near.as_str());
                    let itself = at == other;
                    prop_assert_eq!(list.stands(&k, &Place::Before(n.clone())), itself || at + 1 == other);
                    prop_assert_eq!(list.stands(&k, &Place::After(n)), itself || at == other + 1);
                }
            }
        }
    }
}
