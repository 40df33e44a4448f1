//! A part of a large set of numbers: those that came last are in memory, and, once they are many, the others in a file.

use std::io;
use std::iter::Peekable;
use std::path::Path;

use crate::packed::{Packed, VALUE_BITS};
use crate::sorted::{NUMBER_BITS, Sorted};

/// So many bits choose one of the packed sets. Each moves when it grows, which should take no time to speak of.
const SET_BITS: u32 = NUMBER_BITS - VALUE_BITS;
/// The file is written anew when the numbers in memory are this part of those in it.
const PART: usize = 8;

/// A set of numbers of `NUMBER_BITS` bits.
pub struct Shelf {
    sets: Vec<Packed>,
    /// Numbers in `sets`, and how many may be there.
    fresh: usize,
    most_fresh: usize,
    least_most: usize,
    stored: Option<Sorted>,
    /// Numbers in `sets` that are in the file as well.
    doubled: usize,
}

impl Shelf {
    /// Args: how many numbers are in memory before there is a file.
    pub fn new(most_fresh: usize) -> Self {
        Self {
            sets: (0..1 << SET_BITS).map(|_| Packed::default()).collect(),
            fresh: 0,
            most_fresh,
            least_most: most_fresh,
            stored: None,
            doubled: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.fresh - self.doubled + self.stored.as_ref().map_or(0, Sorted::len)
    }

    /// Puts a number in; whether it is new. One of a file that cannot be read may be: it is not.
    pub fn put(&mut self, number: u64, folder: Option<&Path>) -> bool {
        if !self.add(number, folder) {
            return false;
        }
        let stored = self.stored.as_ref();
        let is_stored = stored.is_some_and(|stored| stored.holds(number).unwrap_or(true));
        self.doubled += usize::from(is_stored);
        !is_stored
    }

    /// Puts a number in; whether it was not in memory. One that is in the file counts twice in `len` for a while.
    pub fn add(&mut self, number: u64, folder: Option<&Path>) -> bool {
        if let Some(folder) = folder
            && self.fresh >= self.most_fresh
        {
            self.store(folder);
        }
        let is_fresh = self
            .sets
            .get_mut((number >> VALUE_BITS) as usize)
            .is_some_and(|set| set.put(number & ((1 << VALUE_BITS) - 1)));
        self.fresh += usize::from(is_fresh);
        is_fresh
    }

    /// Puts what is in memory into the file. On a full disk, or while the file is not what was
    /// written, it stays where it is, and so do as many again before the next try.
    fn store(&mut self, folder: &Path) {
        let Ok(stored) = self.stored_with_fresh(folder) else {
            self.most_fresh *= 2;
            return;
        };
        self.most_fresh = self.least_most.max(stored.len() / PART);
        self.stored = Some(stored);
        self.sets.fill_with(Packed::default);
        (self.fresh, self.doubled) = (0, 0);
    }

    fn stored_with_fresh(&mut self, folder: &Path) -> io::Result<Sorted> {
        let sets = self.sets.iter_mut().enumerate();
        let fresh = sets.flat_map(|(set, packed)| {
            let begin = (set as u64) << VALUE_BITS;
            packed.numbers().into_iter().map(move |value| begin | value)
        });
        match &self.stored {
            None => Sorted::write(folder, fresh.map(Ok)),
            Some(stored) => Sorted::write(
                folder,
                Merged(stored.numbers()?.peekable(), fresh.peekable()),
            ),
        }
    }
}

/// Two runs of numbers in order; what is in both comes once.
struct Merged<A: Iterator<Item = io::Result<u64>>, B: Iterator<Item = u64>>(
    Peekable<A>,
    Peekable<B>,
);

impl<A: Iterator<Item = io::Result<u64>>, B: Iterator<Item = u64>> Iterator for Merged<A, B> {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        match (self.0.peek(), self.1.peek()) {
            (Some(Ok(stored)), Some(fresh)) if fresh < stored => self.1.next().map(Ok),
            (Some(Ok(stored)), Some(fresh)) if fresh == stored => {
                self.1.next();
                self.0.next()
            }
            (Some(_), _) => self.0.next(),
            (None, _) => self.1.next().map(Ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Numbers that look random, the same each time; every third comes again, soon or late.
    fn numbers(count: usize) -> Vec<u64> {
        let mut state = 1_u64;
        let mut all: Vec<u64> = Vec::new();
        while all.len() < count {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let number = state >> (64 - NUMBER_BITS);
            let again = all.get(number as usize % all.len().max(1)).copied();
            all.push(again.filter(|_| number % 3 == 0).unwrap_or(number));
        }
        all
    }

    #[test]
    fn what_is_in_the_file_is_known_as_well() {
        let folder = std::env::temp_dir();
        let (mut shelf, mut told) = (Shelf::new(100), HashSet::new());
        for number in numbers(20_000) {
            assert_eq!(shelf.put(number, Some(&folder)), told.insert(number));
            assert!(!shelf.put(number, Some(&folder)));
            assert_eq!(shelf.len(), told.len());
            assert!(shelf.fresh <= 100.max(told.len() / PART));
        }
        assert!(told.iter().all(|number| !shelf.put(*number, Some(&folder))));
    }

    #[test]
    fn what_is_added_is_known() {
        let folder = std::env::temp_dir();
        let mut shelf = Shelf::new(100);
        let all = numbers(5_000);
        all.iter().for_each(|number| {
            shelf.add(*number, Some(&folder));
        });
        assert!(all.iter().all(|number| !shelf.put(*number, Some(&folder))));
    }

    #[test]
    fn where_the_file_cannot_be_made_anew_the_numbers_stay_in_memory_until_it_can() {
        let folder = std::env::temp_dir().join(format!("shelf-{}", std::process::id()));
        let (mut shelf, all) = (Shelf::new(100), numbers(5_000));
        for (begin, end, is_there) in [(0, 1000, true), (1000, 3000, false), (3000, 5000, true)] {
            if is_there {
                std::fs::create_dir(&folder).unwrap();
            }
            for number in &all[begin..end] {
                shelf.put(*number, Some(&folder));
            }
            assert!(
                all[..end]
                    .iter()
                    .all(|number| !shelf.put(*number, Some(&folder)))
            );
            assert_eq!(shelf.fresh <= end / PART, is_there);
            if is_there {
                std::fs::remove_dir(&folder).unwrap(); // it is empty
            }
        }
    }

    #[test]
    fn a_number_of_a_file_that_cannot_be_read_may_be_there() {
        let mut shelf = Shelf::new(100);
        for number in 0..1000 {
            shelf.put(number * 7, Some(&std::env::temp_dir()));
        }
        let is_new = |shelf: &mut Shelf| shelf.put(50, None);
        let stored = shelf.stored.as_ref().unwrap();
        stored.truncate();
        assert!(!is_new(&mut shelf));
    }

    #[test]
    fn without_a_file_all_stays_in_memory() {
        let nowhere = std::env::temp_dir().join("there/is/none");
        for folder in [None, Some(nowhere.as_path())] {
            let (mut shelf, mut told) = (Shelf::new(100), HashSet::new());
            for number in numbers(5_000) {
                assert_eq!(shelf.put(number, folder), told.insert(number));
            }
            assert!(shelf.stored.is_none());
            assert_eq!(shelf.fresh, told.len());
        }
    }
}
