//! Attributes of a span: to the columns of those that have one, to the payloads, or to the map.

use super::Spans;
use crate::columns::Maps;
use crate::plan::Home;
use crate::text::{characters, prefix};
use crate::value::{key_value, to_text};
use crate::wire::{Odd, Result};

/// Strings of more characters go to the payloads (`WHOLE_VALUE_BYTES` of the reference).
const WHOLE_VALUE_CHARS: usize = 8192;
/// Characters of such a string that stay in the map.
const PREVIEW_CHARS: usize = 256;
/// Of 2**64.
const MAX_DIGITS: usize = 20;
/// Payloads times attributes of a span up to which sizes before cutting are looked for one by one.
const MAX_LOOKED_AT: usize = 1 << 16;

/// Keys that the last span had, place by place: spans of one program come in few shapes, and comparing
/// is cheaper than looking up.
#[derive(Default)]
pub(super) struct Shape<'a> {
    keys: Vec<(&'a [u8], Option<usize>)>,
    /// So many keys from the start are known to be different from each other.
    distinct: usize,
}

impl<'a> Spans<'a, '_> {
    /// The attributes of a span to their columns; false when those do not hold all of them.
    pub(super) fn attributes(&mut self, row: usize, is_own: bool) -> Result<bool> {
        let plan = self.plan;
        let first = self.columns.attributes.keys.len();
        let mut text_scratch = std::mem::take(&mut self.scratch.text);
        let mut codes = std::mem::take(&mut self.scratch.codes);
        codes.clear();
        let (mut bits, mut misfits) = (0u64, 0u64);
        let mut is_exact = true;
        let mut is_same_shape = self.own_attributes.len() <= self.shape.distinct;
        for place in 0..self.own_attributes.len() {
            let (key, value) = key_value(self.own_attributes[place])?;
            let (text, code) = to_text(value, &mut text_scratch)?;
            let found = match self.shape.keys.get(place) {
                Some(&(known, found)) if known == key => found,
                _ => {
                    is_same_shape = false;
                    self.learn(place, key)
                }
            };
            if let Some(slot) = found.map(|found| &plan.slots[found]) {
                match &slot.home {
                    Some(home) if is_own => {
                        if let Some(text) = text.filter(|text| fits(home, text, code)) {
                            is_exact &= bits & home.rivals == 0;
                            bits |= home.bit;
                            match &home.payload {
                                None => {
                                    self.columns.wanted[slot.column].put(
                                        row,
                                        self.expected,
                                        Some(text),
                                    )?;
                                }
                                Some(kind) => {
                                    self.payload(
                                        row,
                                        kind.as_bytes(),
                                        key,
                                        b"application/json",
                                        text,
                                    );
                                }
                            }
                            continue;
                        }
                        misfits |= home.bit;
                    }
                    _ if slot.is_planned => {
                        self.columns.wanted[slot.column].put(row, self.expected, text)?;
                    }
                    _ => {}
                }
            }
            self.columns.attributes.keys.push(key);
            match text {
                Some(text) if code == b's' && is_fat(text) => {
                    self.payload(row, b"attribute", key, b"text/plain", text);
                    self.columns
                        .attributes
                        .values
                        .push(&text[..prefix(text, PREVIEW_CHARS)]);
                    codes.push(b'p');
                }
                _ => {
                    self.columns.attributes.values.push_option(text);
                    codes.push(code);
                }
            }
        }
        if bits & plan.cuttable_bits != 0 {
            self.note_cuts(row, first)?;
        }
        if !is_same_shape {
            self.shape.distinct = 0;
            if self.columns.attributes.last_wins(first, &mut codes)? {
                is_exact = false;
            } else {
                self.learn_distinct();
            }
        }
        self.columns.attributes.end_row(&codes);
        self.columns.home_bits.push(bits);
        self.scratch.text = text_scratch;
        self.scratch.codes = codes;
        Ok(is_exact && bits & misfits == 0)
    }

    #[cold]
    fn learn(&mut self, place: usize, key: &'a [u8]) -> Option<usize> {
        let found = self.plan.find(key);
        match self.shape.keys.get_mut(place) {
            Some(known) => *known = (key, found),
            None => self.shape.keys.push((key, found)),
        }
        found
    }

    /// Note the shape of a span whose keys are all different, those with a home included.
    #[cold]
    fn learn_distinct(&mut self) {
        let count = self.own_attributes.len();
        let keys = &self.shape.keys[..count.min(self.shape.keys.len())];
        let mut all: Vec<&[u8]> = keys.iter().map(|(key, _)| *key).collect();
        all.sort_unstable();
        if all.windows(2).all(|pair| pair[0] != pair[1]) {
            self.shape.distinct = count;
        }
    }

    fn payload(&mut self, row: usize, kind: &[u8], key: &[u8], media_type: &[u8], body: &[u8]) {
        let payloads = &mut self.columns.payloads;
        payloads.row.push(self.first_row + (row - self.base) as u64);
        payloads.kind.push(kind);
        payloads.key.push(key);
        payloads.media_type.push(media_type);
        payloads.body.push(body);
        payloads.size_bytes.push(body.len() as u64);
        payloads.sha256.push(None);
        payloads.is_truncated.push(false);
    }

    /// Give the payloads of this row the size and hash their sender had before it cut them.
    fn note_cuts(&mut self, row: usize, first: usize) -> Result<()> {
        let row = self.first_row + (row - self.base) as u64;
        let of_row = self
            .columns
            .payloads
            .row
            .iter()
            .rev()
            .take_while(|&&other| other == row)
            .count();
        if of_row * (self.columns.attributes.keys.len() - first) > MAX_LOOKED_AT {
            return Err(Odd("very many payloads in one span"));
        }
        self.columns.attributes.keys.check_size()?;
        self.columns.attributes.values.check_size()?;
        self.columns.payloads.key.check_size()?;
        let last = self.columns.payloads.row.len();
        for index in last - of_row..last {
            let key = self.columns.payloads.key.get(index);
            let Some(size) = self.said(first, key, b".size") else {
                continue;
            };
            if !size.is_ascii() {
                return Err(Odd("size in digits that are not ASCII"));
            }
            if size.is_empty() || size.len() > MAX_DIGITS || !size.iter().all(u8::is_ascii_digit) {
                continue;
            }
            let bytes = size.iter().fold(0u64, |sum, digit| {
                sum.saturating_mul(10)
                    .saturating_add(u64::from(digit - b'0'))
            });
            let sha256 = self.said(first, key, b".sha256").map(<[u8]>::to_vec);
            self.columns.payloads.size_bytes[index] = bytes;
            self.columns.payloads.sha256[index] = sha256;
            self.columns.payloads.is_truncated[index] = true;
        }
        Ok(())
    }

    /// The last value in the map at hand of the key that begins and ends so; None for null.
    fn said(&self, first: usize, start: &[u8], end: &[u8]) -> Option<&[u8]> {
        let Maps { keys, values, .. } = &self.columns.attributes;
        (first..keys.len())
            .rev()
            .find(|&entry| keys.get(entry).strip_prefix(start) == Some(end))
            .filter(|&entry| !values.is_null(entry))
            .map(|entry| values.get(entry))
    }
}

/// Whether a value may live in its key's own column.
#[inline]
fn fits(home: &Home, text: &[u8], code: u8) -> bool {
    home.code == code && !text.is_empty() && (code != b'i' || fits_int32(text))
}

fn fits_int32(digits: &[u8]) -> bool {
    // the digits are ours: those of an i64
    digits.len() < 10 || std::str::from_utf8(digits).is_ok_and(|text| text.parse::<i32>().is_ok())
}

#[inline]
fn is_fat(text: &[u8]) -> bool {
    text.len() > WHOLE_VALUE_CHARS && characters(text) > WHOLE_VALUE_CHARS
}
