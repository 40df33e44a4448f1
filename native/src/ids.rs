//! A set of hashes of ids: whether an id was never seen is certain, that it was is as good as certain.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::shelf::Shelf;
use crate::sorted::NUMBER_BITS;

/// So many bits choose a shelf. What one puts into its file should take no time to speak of.
const SHELF_BITS: u32 = 6;
/// Bits of a hash that count: among ten million, one new id in seven million looks like one of them.
const KEPT_BITS: u32 = SHELF_BITS + NUMBER_BITS;
/// Hashes wait until they are so many: to put in what stands together costs less.
const MOST_WAITING: usize = 1 << 17;

/// In memory three to five bytes for each of up to three million, or of an eighth of those in files; there five for each.
#[pyclass(frozen)]
pub struct IdSet {
    /// Odd, and nobody's who chooses ids: hashes times this are spread evenly.
    factor: u64,
    /// Where the files are made; None: all stay in memory.
    folder: Option<PathBuf>,
    inside: Mutex<Inside>,
}

struct Inside {
    shelves: Vec<Shelf>,
    waiting: Vec<u64>,
}

#[pymethods]
impl IdSet {
    #[new]
    #[pyo3(signature = (folder=None, most_in_memory=2_000_000))]
    fn new(folder: Option<PathBuf>, most_in_memory: usize) -> Self {
        let shelves = 1 << SHELF_BITS;
        let most = most_in_memory / shelves;
        // Not all at one time.
        let most_of = |shelf| most + most * shelf / shelves + 1;
        let shelves = (0..shelves)
            .map(|shelf| Shelf::new(most_of(shelf)))
            .collect();
        let waiting = Vec::new();
        Self {
            factor: RandomState::new().hash_one(0) | 1,
            folder,
            inside: Mutex::new(Inside { shelves, waiting }),
        }
    }

    /// Puts hashes in; those that were there before, in their order.
    fn put(&self, py: Python<'_>, hashes: Vec<u64>) -> Vec<u64> {
        py.detach(|| {
            let mut inside = self.lock();
            self.settle(&mut inside);
            let known = |hash: &u64| {
                let (shelf, number) = inside.place(self.kept(*hash));
                !shelf.put(number, self.folder.as_deref())
            };
            hashes.into_iter().filter(known).collect()
        })
    }

    /// Puts many hashes in: a buffer of 64-bit integers of this machine.
    fn put_all(&self, py: Python<'_>, hashes: PyBuffer<u8>) -> PyResult<()> {
        let bytes = hashes.to_vec(py)?;
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(PyValueError::new_err("a hash has 8 bytes"));
        }
        py.detach(|| {
            let mut inside = self.lock();
            let kept = words
                .iter()
                .map(|word| self.kept(u64::from_ne_bytes(*word)));
            inside.waiting.extend(kept);
            if inside.waiting.len() >= MOST_WAITING {
                self.settle(&mut inside);
            }
        });
        Ok(())
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| {
            let mut inside = self.lock();
            self.settle(&mut inside);
            inside.shelves.iter().map(Shelf::len).sum()
        })
    }
}

impl IdSet {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, hash: u64) -> u64 {
        hash.wrapping_mul(self.factor) >> (u64::BITS - KEPT_BITS)
    }

    fn settle(&self, inside: &mut Inside) {
        let mut waiting = std::mem::take(&mut inside.waiting);
        waiting.sort_unstable();
        for kept in waiting {
            let (shelf, number) = inside.place(kept);
            shelf.add(number, self.folder.as_deref());
        }
    }
}

impl Inside {
    /// The shelf of a hash, and what stands there.
    fn place(&mut self, kept: u64) -> (&mut Shelf, u64) {
        let shelf = (kept >> NUMBER_BITS) as usize;
        (&mut self.shelves[shelf], kept & ((1 << NUMBER_BITS) - 1))
    }
}
