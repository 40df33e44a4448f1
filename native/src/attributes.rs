//! Attributes of events, links, log records and data points: `encode_attributes` of the reference.

use crate::columns::Maps;
use crate::json::check_depth;
use crate::value::{key_value, to_text};
use crate::wire::{BYTES, Odd, Reader, Result};

/// Space that is used again for each row.
#[derive(Default)]
pub struct Scratch {
    pub text: Vec<u8>,
    pub codes: Vec<u8>,
}

/// Append one row to the maps; false when a key stood twice, so the map does not hold all of them.
pub fn push_row(messages: &[&[u8]], maps: &mut Maps, scratch: &mut Scratch) -> Result<bool> {
    let first = maps.keys.len();
    scratch.codes.clear();
    for message in messages {
        let (key, value) = key_value(message)?;
        let (text, code) = to_text(value, &mut scratch.text)?;
        maps.keys.push(key);
        maps.values.push_option(text);
        scratch.codes.push(code);
    }
    let is_exact = match messages.len() {
        0 | 1 => true,
        2..=8 if are_distinct(maps, first) => true,
        _ => !maps.last_wins(first, &mut scratch.codes)?,
    };
    maps.end_row(&scratch.codes);
    Ok(is_exact)
}

/// Whether few keys from an entry on are all different.
fn are_distinct(maps: &Maps, first: usize) -> bool {
    (first..maps.keys.len())
        .all(|entry| (first..entry).all(|other| maps.keys.get(other) != maps.keys.get(entry)))
}

/// The value in the last row's map, null values and absent keys being None.
pub fn find<'a>(maps: &'a Maps, first: usize, key: &[u8]) -> Option<&'a [u8]> {
    entry(maps, first, key)
        .filter(|&entry| !maps.values.is_null(entry))
        .map(|entry| maps.values.get(entry))
}

/// Where in the last row's map, which begins at entry `first`, a key stands.
pub fn entry(maps: &Maps, first: usize, key: &[u8]) -> Option<usize> {
    (first..maps.keys.len()).find(|&entry| maps.keys.get(entry) == key)
}

/// Check the attributes in a message that the reference decoder will read alone, as deep as it stands.
///
/// `path` are the field numbers of messages on the way to attributes, and of the attributes.
pub fn check_attributes(message: &[u8], attributes: u32, holders: &[(u32, u32)]) -> Result<()> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        if tag.wire != BYTES {
            reader.skip(tag)?;
            continue;
        }
        let content = reader.bytes()?;
        if tag.number == attributes {
            check_depth(key_value(content)?.1, 0)?;
        } else if let Some(&(_, inner)) = holders.iter().find(|(holder, _)| *holder == tag.number) {
            check_attributes(content, inner, &[])?;
        }
    }
    Ok(())
}

/// The one message or string of a field, of which a second would have to be merged.
pub fn set_once<'a>(field: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<()> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(Odd("a message twice in one field")),
    }
}
