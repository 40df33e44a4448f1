//! Which attributes become columns, as the collector's profiles and the schema say.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A key of ours that has a column of its own, where `stepscope` itself is the scope.
#[derive(Clone)]
pub struct Home {
    pub bit: u64,
    /// Bits of all keys that live in the same column, this one included.
    pub rivals: u64,
    /// Type code that a value must have to live there.
    pub code: u8,
    /// Payload kind; None: the text stands in the column of the key.
    pub payload: Option<String>,
}

/// What is known of an attribute key.
#[derive(Clone)]
pub struct Slot {
    pub key: Box<[u8]>,
    /// Number of its column among those of attributes.
    pub column: usize,
    pub home: Option<Home>,
    /// Whether some profile asks for it.
    pub is_planned: bool,
}

/// Everything the kernel knows beside the bytes; made once for each set of profiles.
pub struct Plan {
    pub slots: Vec<Slot>,
    index: HashMap<Box<[u8]>, usize, BuildHasherDefault<Fnv>>,
    longest_key: usize,
    /// Names of columns of attributes, and of resources' attributes.
    pub attribute_columns: Vec<String>,
    pub resource_columns: Vec<String>,
    /// Name of the scope whose attributes have homes.
    pub own_scope: Vec<u8>,
    /// Homes of payloads that senders may cut.
    pub cuttable_bits: u64,
    /// Home that marks a row as a sign of life.
    pub live_bit: u64,
    /// 0: no limit.
    pub max_items: usize,
    pub max_attributes: usize,
}

impl Plan {
    pub fn new(
        slots: Vec<Slot>,
        columns: (Vec<String>, Vec<String>),
        own: (Vec<u8>, u64, u64),
        limits: (usize, usize),
    ) -> Self {
        let index = slots
            .iter()
            .enumerate()
            .map(|(at, slot)| (slot.key.clone(), at))
            .collect();
        Self {
            longest_key: slots.iter().map(|slot| slot.key.len()).max().unwrap_or(0),
            slots,
            index,
            attribute_columns: columns.0,
            resource_columns: columns.1,
            own_scope: own.0,
            cuttable_bits: own.1,
            live_bit: own.2,
            max_items: limits.0,
            max_attributes: limits.1,
        }
    }

    /// Number of the slot of a key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        if key.len() > self.longest_key {
            return None;
        }
        self.index.get(key).copied()
    }
}

/// FNV-1a. The table holds keys of ours only, so senders can make no collisions in it.
#[derive(Default)]
pub struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut hash = self.0 ^ 0xcbf2_9ce4_8422_2325;
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.0 = hash;
    }
}
