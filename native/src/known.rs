//! Resources and scopes of recent requests, of which Python has said what they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// How many are remembered, twice at most. Senders choose what they send: each is bounded by Python, in bytes.
const MAX_KNOWN: usize = 1024;

/// What the rows of a resource or scope say of it.
#[derive(PartialEq)]
pub struct Answer {
    pub id: u64,
    /// Texts of its wanted attributes; of scopes none.
    pub texts: Vec<Option<String>>,
}

/// A resource or scope.
pub struct Known {
    pub answer: Arc<Answer>,
    /// The row of its table.
    pub dimension: Py<PyAny>,
}

/// Those that were asked for last: what is asked for gets into `young`, and when that is full, it becomes
/// `old` and what was old is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<Box<[u8]>, Arc<Known>>,
    old: HashMap<Box<[u8]>, Arc<Known>>,
}

/// Resources, or scopes, by their bytes and schema_url.
#[derive(Default)]
pub struct Recent {
    known: Mutex<Generations>,
}

impl Recent {
    pub fn put(&self, message: &[u8], schema_url: &str, known: Known) {
        let mut key = Vec::new();
        write_key(&mut key, message, schema_url);
        self.lock().put(key.into(), Arc::new(known));
    }

    /// All of these, or None where one is not known.
    pub fn find<'a>(
        &self,
        messages: impl Iterator<Item = (&'a [u8], &'a str)>,
    ) -> Option<Vec<Arc<Known>>> {
        let mut key = Vec::new();
        let mut known = self.lock();
        messages
            .map(|(message, schema_url)| {
                write_key(&mut key, message, schema_url);
                known.find(&key)
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, key: Box<[u8]>, known: Arc<Known>) {
        if self.young.len() >= MAX_KNOWN {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, known);
    }

    fn find(&mut self, key: &[u8]) -> Option<Arc<Known>> {
        if let Some(known) = self.young.get(key) {
            return Some(Arc::clone(known));
        }
        let (key, known) = self.old.remove_entry(key)?;
        self.put(key, Arc::clone(&known));
        Some(known)
    }
}

/// The two one after the other; their lengths tell them apart.
fn write_key(key: &mut Vec<u8>, message: &[u8], schema_url: &str) {
    key.clear();
    key.extend_from_slice(&message.len().to_le_bytes());
    key.extend_from_slice(message);
    key.extend_from_slice(schema_url.as_bytes());
}
