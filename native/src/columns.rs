//! Columns while they are filled. Strings are appended as bytes and checked once, when the column is
//! made: a whole buffer of UTF-8 is checked at memory speed, and so is that every value ends between
//! characters.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, ListArray, MapArray, StringArray, StructArray, UInt32Array,
    UInt64Array,
};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};

use crate::wire::{NOT_UTF8, Odd, Result, check_utf8};

/// Rows for which room is made at once; what a request announces must not become memory.
pub const MAX_RESERVED: usize = 1 << 14;

const TOO_LARGE: Odd = Odd("column above 2 GiB");

/// Byte strings of any length, or null.
pub struct Blobs {
    data: Vec<u8>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for Blobs {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
        }
    }
}

impl Blobs {
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            data: Vec::with_capacity(bytes),
            offsets,
            nulls: NullBufferBuilder::new(rows),
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        // wraps beyond 2 GiB, which `parts` finds before anything reads the offsets
        self.offsets.push(self.data.len() as i32);
        self.nulls.append_non_null();
    }

    #[inline]
    pub fn push_null(&mut self) {
        self.offsets.push(self.data.len() as i32);
        self.nulls.append_null();
    }

    pub fn push_nulls(&mut self, count: usize) {
        self.offsets
            .resize(self.offsets.len() + count, self.data.len() as i32);
        self.nulls.append_n_nulls(count);
    }

    #[inline]
    pub fn push_option(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.push(value),
            None => self.push_null(),
        }
    }

    /// Null for the empty string.
    #[inline]
    pub fn push_filled(&mut self, value: &[u8]) {
        if value.is_empty() {
            self.push_null()
        } else {
            self.push(value)
        }
    }

    /// The value at a place, empty for null; only valid below 2 GiB of data.
    pub fn get(&self, index: usize) -> &[u8] {
        let start = self.offsets.get(index).map_or(0, |&at| at as usize);
        let end = self.offsets.get(index + 1).map_or(0, |&at| at as usize);
        self.data.get(start..end).unwrap_or_default()
    }

    pub fn is_null(&self, index: usize) -> bool {
        !self.nulls.is_valid(index)
    }

    /// Drop all values from a place on.
    pub fn truncate(&mut self, length: usize) {
        if length < self.len() {
            let end = self.offsets[length] as usize;
            self.data.truncate(end);
            self.offsets.truncate(length + 1);
            self.nulls.truncate(length);
        }
    }

    /// Whether the values from a place on are UTF-8, each for itself; what a column is made of is
    /// checked again, so this is for columns that several requests fill.
    pub fn check_text(&self, first: usize) -> Result<()> {
        self.check_size()?;
        let offsets = self.offsets.get(first..).unwrap_or_default();
        let Some(&start) = offsets.first() else {
            return Ok(());
        };
        let data = &self.data[start as usize..];
        if data.is_ascii() {
            return Ok(());
        }
        let text = std::str::from_utf8(data).map_err(|_| NOT_UTF8)?;
        let is_end = |end: &i32| text.is_char_boundary((end - start) as usize);
        if offsets.iter().all(is_end) {
            Ok(())
        } else {
            Err(NOT_UTF8)
        }
    }

    /// Whether offsets still say where values are.
    pub fn check_size(&self) -> Result<()> {
        if self.data.len() > i32::MAX as usize {
            Err(TOO_LARGE)
        } else {
            Ok(())
        }
    }

    fn parts(mut self) -> Result<(OffsetBuffer<i32>, Buffer, Option<NullBuffer>)> {
        self.check_size()?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Ok((offsets, Buffer::from_vec(self.data), self.nulls.finish()))
    }

    pub fn strings(self) -> Result<ArrayRef> {
        Ok(Arc::new(self.string_array()?))
    }

    fn string_array(self) -> Result<StringArray> {
        let (offsets, data, nulls) = self.parts()?;
        StringArray::try_new(offsets, data, nulls).map_err(|_| NOT_UTF8)
    }

    pub fn binaries(self) -> Result<ArrayRef> {
        let (offsets, data, nulls) = self.parts()?;
        let array = BinaryArray::try_new(offsets, data, nulls).map_err(|_| TOO_LARGE)?;
        Ok(Arc::new(array))
    }
}

/// A text column in which most rows have nothing; rows in between are filled up when one has.
#[derive(Default)]
pub struct Sparse {
    values: Option<Box<Blobs>>,
}

impl Sparse {
    /// Give a row, the last one or a later one, its text; of two texts the later holds.
    #[inline]
    pub fn put(&mut self, row: usize, rows: usize, text: Option<&[u8]>) -> Result<()> {
        let values = match &mut self.values {
            Some(values) => values,
            None if text.is_none() => return Ok(()),
            None => {
                let rows = rows.min(MAX_RESERVED);
                self.values
                    .insert(Box::new(Blobs::with_capacity(rows, rows * 16)))
            }
        };
        let length = values.len();
        if length > row {
            values.check_size()?;
            check_utf8(values.get(row))?;
            values.truncate(row);
        } else if length < row {
            values.push_nulls(row - length);
        }
        values.push_option(text);
        Ok(())
    }

    /// Whether the texts from a row on are UTF-8.
    pub fn check_text(&self, row: usize) -> Result<()> {
        match &self.values {
            Some(values) => values.check_text(row),
            None => Ok(()),
        }
    }

    /// Drop all rows from one on.
    pub fn truncate(&mut self, rows: usize) {
        if let Some(values) = &mut self.values {
            values.truncate(rows);
        }
    }

    /// The column of so many rows; None when every row is null.
    pub fn finish(self, rows: usize) -> Result<Option<ArrayRef>> {
        match self.values {
            None => Ok(None),
            Some(mut values) => {
                values.push_nulls(rows - values.len());
                values.strings().map(Some)
            }
        }
    }
}

/// Attributes of n rows: maps cut from flat keys and values, and the type codes of each row.
pub struct Maps {
    pub keys: Blobs,
    pub values: Blobs,
    pub offsets: Vec<i32>,
    pub types: Blobs,
}

impl Default for Maps {
    fn default() -> Self {
        Self {
            keys: Blobs::default(),
            values: Blobs::default(),
            offsets: vec![0],
            types: Blobs::default(),
        }
    }
}

impl Maps {
    pub fn with_capacity(rows: usize, entries: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            keys: Blobs::with_capacity(entries, entries * 16),
            values: Blobs::with_capacity(entries, entries * 16),
            offsets,
            types: Blobs::with_capacity(rows, rows * 4),
        }
    }

    /// End a row whose entries have been pushed; null codes mean that all are strings.
    #[inline]
    pub fn end_row(&mut self, codes: &[u8]) {
        self.offsets.push(self.keys.len() as i32);
        if codes.iter().all(|&code| code == b's') {
            self.types.push_null();
        } else {
            self.types.push(codes);
        }
    }

    /// Whether the texts from a row on are UTF-8.
    pub fn check_text(&self, row: usize) -> Result<()> {
        let entry = self.offsets.get(row).map_or(0, |&at| at as usize);
        self.keys.check_text(entry)?;
        self.values.check_text(entry)?;
        self.types.check_text(row)
    }

    /// Drop all rows from one on, and entries that belong to none.
    pub fn truncate(&mut self, rows: usize) {
        if let Some(&entries) = self.offsets.get(rows) {
            self.keys.truncate(entries as usize);
            self.values.truncate(entries as usize);
            self.offsets.truncate(rows + 1);
            self.types.truncate(rows);
        }
    }

    /// Keep of equal keys from an entry on the last value, at the place of the first; else nothing.
    ///
    /// Returns whether any key stood twice.
    pub fn last_wins(&mut self, first: usize, codes: &mut Vec<u8>) -> Result<bool> {
        let count = self.keys.len() - first;
        if count < 2 {
            return Ok(false);
        }
        self.keys.check_size()?;
        let mut places: Vec<(&[u8], usize)> = Vec::with_capacity(count);
        let mut index = std::collections::HashMap::with_capacity(count);
        for entry in first..first + count {
            let key = self.keys.get(entry);
            let place = *index.entry(key).or_insert_with(|| {
                places.push((key, entry));
                places.len() - 1
            });
            places[place].1 = entry;
        }
        if places.len() == count {
            return Ok(false);
        }
        self.values.check_size()?;
        for entry in first..first + count {
            check_utf8(self.keys.get(entry))?;
            check_utf8(self.values.get(entry))?;
        }
        type Kept = (Vec<u8>, Option<Vec<u8>>, u8);
        let kept: Vec<Kept> = places
            .iter()
            .map(|&(key, entry)| {
                let value = (!self.values.is_null(entry)).then(|| self.values.get(entry).to_vec());
                (key.to_vec(), value, codes[entry - first])
            })
            .collect();
        self.keys.truncate(first);
        self.values.truncate(first);
        codes.clear();
        for (key, value, code) in kept {
            self.keys.push(&key);
            self.values.push_option(value.as_deref());
            codes.push(code);
        }
        Ok(true)
    }

    /// The maps and the type codes.
    pub fn arrays(self) -> Result<[ArrayRef; 2]> {
        let (entries, field) = map_fields();
        let offsets = offsets_of(self.offsets);
        let columns: Vec<ArrayRef> = vec![self.keys.strings()?, self.values.strings()?];
        let entries = StructArray::try_new(entries, columns, None).map_err(|_| TOO_LARGE)?;
        let maps =
            MapArray::try_new(field, offsets, entries, None, false).map_err(|_| TOO_LARGE)?;
        Ok([Arc::new(maps), self.types.strings()?])
    }
}

/// Fields of an entry, and that of the entries: what DuckDB reads as MAP(VARCHAR, VARCHAR).
fn map_fields() -> (Fields, Arc<Field>) {
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ]);
    let field = Arc::new(Field::new(
        "entries",
        DataType::Struct(entries.clone()),
        false,
    ));
    (entries, field)
}

/// Offsets that only ever grew; as many as there are entries, which are fewer than 2**31 bytes of input.
pub fn offsets_of(offsets: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}

/// One list of structs per row.
pub fn lists(
    offsets: Vec<i32>,
    nulls: Option<NullBuffer>,
    columns: Vec<(&str, ArrayRef)>,
) -> Result<ArrayRef> {
    let fields: Fields = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    let entries = StructArray::try_new(fields, arrays, None).map_err(|_| TOO_LARGE)?;
    list_of(offsets, nulls, Arc::new(entries))
}

/// One list per row, or null.
pub fn list_of(
    offsets: Vec<i32>,
    nulls: Option<NullBuffer>,
    entries: ArrayRef,
) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("", entries.data_type().clone(), true));
    let list = ListArray::try_new(field, offsets_of(offsets), entries, nulls);
    Ok(Arc::new(list.map_err(|_| TOO_LARGE)?))
}

/// Null where a list would be empty: empty lists cost DuckDB more to insert and commit.
pub fn filled(offsets: &[i32]) -> Option<NullBuffer> {
    Some(offsets.windows(2).map(|pair| pair[0] < pair[1]).collect())
}

pub fn u64s(values: Vec<u64>) -> ArrayRef {
    Arc::new(UInt64Array::from(values))
}

pub fn u32s(values: Vec<u32>) -> ArrayRef {
    Arc::new(UInt32Array::from(values))
}
