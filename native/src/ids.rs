//! A set of hashes of ids: whether an id was never seen is certain, that it was is as good as certain.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::packed::{Packed, VALUE_BITS};

/// So many bits choose one of the packed sets. Each moves when it grows, which should take no time to speak of.
const SET_BITS: u32 = 9;
/// Bits of a hash that count: among ten million, one new id in seven million looks like one of them.
const KEPT_BITS: u32 = SET_BITS + VALUE_BITS;
/// Hashes wait until they are so many: to put in what stands together costs less.
const MOST_WAITING: usize = 1 << 17;

/// Less than four bytes for each of ten million, three for each of forty.
#[pyclass(frozen)]
pub struct IdSet {
    /// Odd, and nobody's who chooses ids: hashes times this are spread evenly.
    factor: u64,
    inside: Mutex<Inside>,
}

struct Inside {
    sets: Vec<Packed>,
    waiting: Vec<u64>,
}

#[pymethods]
impl IdSet {
    #[new]
    fn new() -> Self {
        let sets = (0..1 << SET_BITS).map(|_| Packed::default()).collect();
        let waiting = Vec::new();
        Self {
            factor: RandomState::new().hash_one(0) | 1,
            inside: Mutex::new(Inside { sets, waiting }),
        }
    }

    /// Puts hashes in; those that were there before, in their order.
    fn put(&self, py: Python<'_>, hashes: Vec<u64>) -> Vec<u64> {
        py.detach(|| {
            let mut inside = self.lock();
            inside.settle();
            let known = |hash: &u64| !inside.put(self.kept(*hash));
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
                inside.settle();
            }
        });
        Ok(())
    }

    fn __len__(&self) -> usize {
        let mut inside = self.lock();
        inside.settle();
        inside.sets.iter().map(Packed::len).sum()
    }
}

impl IdSet {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, hash: u64) -> u64 {
        hash.wrapping_mul(self.factor) >> (u64::BITS - KEPT_BITS)
    }
}

impl Inside {
    fn settle(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        for kept in waiting {
            self.put(kept);
        }
    }

    /// Whether it is new.
    fn put(&mut self, kept: u64) -> bool {
        self.sets[(kept >> VALUE_BITS) as usize].put(kept & ((1 << VALUE_BITS) - 1))
    }
}
