//! Maps of the same keys as structs.
//!
//! DuckDB looks at every key of every map that comes in from Arrow, to refuse those that stand twice: 0.35 µs
//! each. The names of a struct it looks at once for all rows, and its cast from struct to map looks at
//! none. Spans of one program have the same few lists of keys, so nearly all maps can take that way.

use std::collections::{HashMap, HashSet};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, MapArray, StringArray, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};

use crate::columns::{Blobs, Maps};
use crate::wire::{Odd, Result};

/// Structs at most: each is a column of all rows, and a branch for all rows in SQL.
const MAX_SHAPES: usize = 8;
/// Lists of keys that are told apart; the maps of others stay maps.
const MAX_KNOWN: usize = 64;
/// Entries that have to have a list of keys in common: each struct has a fixed cost in every statement,
/// which 16,000 verified keys are worth.
const MIN_ENTRIES: usize = 1 << 14;
/// Keys of a struct: more would make every plan long.
const KEYS: RangeInclusive<usize> = 1..=128;
/// Bytes of each at most.
const MAX_KEY_BYTES: usize = 256;

/// Maps, some of which stand in structs instead.
pub struct Split {
    /// All rows; empty where a struct has the entries.
    pub maps: ArrayRef,
    /// Each of all rows, null where it has not the entries.
    pub structs: Vec<ArrayRef>,
}

/// The maps apart from those whose keys many have in common; None where that gains nothing.
pub fn split(maps: &MapArray) -> Result<Option<Split>> {
    let entries = [maps.keys(), maps.values()].map(|each| each.as_any().downcast_ref());
    let (Some(keys), Some(values)) = entries.into() else {
        return Ok(None);
    };
    if maps.null_count() > 0 || maps.entries().len() < MIN_ENTRIES {
        return Ok(None);
    }
    let rows: Vec<Range<usize>> = maps
        .value_offsets()
        .windows(2)
        .map(|pair| pair[0] as usize..pair[1] as usize)
        .collect();
    let shapes = chosen(keys, &rows);
    if shapes.is_empty() {
        return Ok(None);
    }
    let mut is_taken = vec![false; rows.len()];
    let mut structs = Vec::with_capacity(shapes.len());
    for shape in &shapes {
        for &row in shape {
            is_taken[row] = true;
        }
        structs.push(structure(keys, values, &rows, shape)?);
    }
    let mut left = Maps::default();
    for (entries, is_taken) in rows.into_iter().zip(is_taken) {
        if !is_taken {
            for entry in entries {
                left.keys.push(keys.value(entry).as_bytes());
                left.values.push_option(text(values, entry));
            }
        }
        left.end_row(&[]);
    }
    let [maps, _] = left.arrays()?;
    Ok(Some(Split { maps, structs }))
}

/// The rows of each list of keys that is to be a struct; the most entries first.
fn chosen(keys: &StringArray, rows: &[Range<usize>]) -> Vec<Vec<usize>> {
    let mut known: Vec<Vec<usize>> = Vec::new();
    let mut index: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut last = None;
    for (row, entries) in rows.iter().enumerate().filter(|(_, all)| !all.is_empty()) {
        let is_like = |shape: &usize| are_equal(keys, &rows[known[*shape][0]], entries);
        let found = last.filter(is_like).or_else(|| {
            let alike = index.get(text_of(keys, entries))?;
            alike.iter().copied().find(is_like)
        });
        match found {
            Some(shape) => {
                known[shape].push(row);
                last = found;
            }
            None if known.len() < MAX_KNOWN => {
                index
                    .entry(text_of(keys, entries))
                    .or_default()
                    .push(known.len());
                known.push(vec![row]);
            }
            None => {}
        }
    }
    let size = |shape: &Vec<usize>| shape.len() * rows[shape[0]].len();
    known.retain(|shape| size(shape) >= MIN_ENTRIES && can_be_names(keys, &rows[shape[0]]));
    known.sort_by_key(|shape| std::cmp::Reverse(size(shape)));
    known.truncate(MAX_SHAPES);
    known
}

/// The keys of a row one after the other.
fn text_of<'a>(keys: &'a StringArray, entries: &Range<usize>) -> &'a [u8] {
    let offsets = keys.value_offsets();
    &keys.value_data()[offsets[entries.start] as usize..offsets[entries.end] as usize]
}

/// Whether two rows have the same keys in the same order.
fn are_equal(keys: &StringArray, one: &Range<usize>, other: &Range<usize>) -> bool {
    let offsets = keys.value_offsets();
    let (from, to) = (offsets[one.start], offsets[other.start]);
    one.len() == other.len()
        && text_of(keys, one) == text_of(keys, other)
        && offsets[one.start..one.end]
            .iter()
            .zip(&offsets[other.start..other.end])
            .all(|(left, right)| left - from == right - to)
}

/// Whether keys can be the names of fields: DuckDB knows no case in them, and C no zero byte.
fn can_be_names(keys: &StringArray, entries: &Range<usize>) -> bool {
    let mut seen = HashSet::new();
    KEYS.contains(&entries.len())
        && entries.clone().all(|entry| {
            let key = keys.value(entry);
            (1..=MAX_KEY_BYTES).contains(&key.len())
                && !key.contains('\0')
                && seen.insert(key.to_lowercase())
        })
}

/// A struct that has the entries of some rows, which all have the same keys.
fn structure(
    keys: &StringArray,
    values: &StringArray,
    rows: &[Range<usize>],
    shape: &[usize],
) -> Result<ArrayRef> {
    let names = rows[shape[0]].clone();
    let mut is_there = vec![false; rows.len()];
    for &row in shape {
        is_there[row] = true;
    }
    let room = || Blobs::with_capacity(rows.len(), shape.len() * 8);
    let mut columns: Vec<Blobs> = names.clone().map(|_| room()).collect();
    for &row in shape {
        // row by row, for the texts of a row stand beside each other
        for (column, entry) in columns.iter_mut().zip(rows[row].clone()) {
            if column.len() < row {
                column.push_nulls(row - column.len());
            }
            column.push_option(text(values, entry));
        }
    }
    let columns = columns
        .into_iter()
        .map(|mut column| {
            column.push_nulls(rows.len() - column.len());
            column.strings()
        })
        .collect::<Result<Vec<_>>>()?;
    let fields: Fields = names
        .map(|entry| Field::new(keys.value(entry), DataType::Utf8, true))
        .collect();
    let nulls = Some(NullBuffer::from(is_there));
    let array = StructArray::try_new(fields, columns, nulls).map_err(|_| Odd("shapes"))?;
    Ok(Arc::new(array))
}

#[inline]
fn text(values: &StringArray, entry: usize) -> Option<&[u8]> {
    values
        .is_valid(entry)
        .then(|| values.value(entry).as_bytes())
}
