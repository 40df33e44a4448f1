//! A set of hashes of ids: whether an id was never seen is certain, that it was is as good as certain.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Hashes come as signed integers that are not negative.
const HASH_BITS: u32 = 63;
/// The highest bits of a hash choose one of as many sorted lists; the next 32 bits stand in it.
const LIST_BITS: u32 = 14;
/// Bits of a hash that count: among ten million, one new id in seven million looks like one of them.
const KEPT_BITS: u32 = LIST_BITS + 32;

/// Hashes wait until they are so many: to merge many into a list costs as much as to merge one.
const MOST_WAITING: usize = 1 << 19;

/// Four to five bytes for each of many.
#[pyclass(frozen)]
pub struct IdSet {
    inside: Mutex<Inside>,
}

struct Inside {
    lists: Vec<Vec<u32>>,
    waiting: Vec<u64>,
}

#[pymethods]
impl IdSet {
    #[new]
    fn new() -> Self {
        Self {
            inside: Mutex::new(Inside {
                lists: vec![Vec::new(); 1 << LIST_BITS],
                waiting: Vec::new(),
            }),
        }
    }

    /// Puts hashes of 63 bits in; those that were there before, in their order.
    fn put(&self, py: Python<'_>, hashes: Vec<u64>) -> Vec<u64> {
        py.detach(|| {
            let mut inside = self.lock();
            inside.merge();
            let lists = &mut inside.lists;
            let known = |hash: &u64| !put(&mut lists[place(*hash)], *hash);
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
            let hashes = words.iter().map(|word| u64::from_ne_bytes(*word));
            inside.waiting.extend(hashes);
            if inside.waiting.len() >= MOST_WAITING {
                inside.merge();
            }
        });
        Ok(())
    }

    fn __len__(&self) -> usize {
        let mut inside = self.lock();
        inside.merge();
        inside.lists.iter().map(Vec::len).sum()
    }
}

impl IdSet {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn merge(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable_by_key(|hash| (place(*hash), kept(*hash)));
        for run in waiting.chunk_by(|a, b| place(*a) == place(*b)) {
            let list = &mut self.lists[place(run[0])];
            make_room(list, run.len());
            list.extend(run.iter().map(|hash| kept(*hash)));
            list.sort(); // two sorted runs, which it merges
            list.dedup();
        }
    }
}

fn place(hash: u64) -> usize {
    (hash >> (HASH_BITS - LIST_BITS)) as usize & ((1 << LIST_BITS) - 1)
}

fn kept(hash: u64) -> u32 {
    (hash >> (HASH_BITS - KEPT_BITS)) as u32
}

/// Whether it is new.
fn put(list: &mut Vec<u32>, hash: u64) -> bool {
    let Err(at) = list.binary_search(&kept(hash)) else {
        return false;
    };
    make_room(list, 1);
    list.insert(at, kept(hash));
    true
}

/// Grows by an eighth: doubling would waste a third of the memory.
fn make_room(list: &mut Vec<u32>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more + list.len() / 8);
    }
}
