//! The columns of data points, while they are filled.

use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Float64Type, UInt64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, PrimitiveArray, StructArray,
    UInt64Array,
};
use arrow_buffer::NullBufferBuilder;
use arrow_schema::{DataType, Field};

use crate::columns::{Blobs, Maps, list_of, u32s, u64s};
use crate::decoded::Column;
use crate::wire::{Odd, Result};

/// Columns in the order of the reference.
pub const COLUMNS: [&str; 34] = [
    "name",
    "description",
    "unit",
    "type",
    "metadata",
    "metadata_types",
    "start_time_unix_nano",
    "time_unix_nano",
    "flags",
    "temporality",
    "is_monotonic",
    "value_double",
    "value_int",
    "count",
    "sum",
    "min",
    "max",
    "scale",
    "zero_count",
    "zero_threshold",
    "positive_offset",
    "negative_offset",
    "exemplars",
    "raw",
    "explicit_bounds",
    "bucket_counts",
    "positive_bucket_counts",
    "negative_bucket_counts",
    "quantiles",
    "attributes",
    "attribute_types",
    "execution_id",
    "resource_id",
    "scope_id",
];

/// A point; None where points of its type have no such field.
#[derive(Default)]
pub struct Point {
    pub start: u64,
    pub time: u64,
    pub flags: u32,
    pub temporality: Option<i32>,
    pub is_monotonic: Option<bool>,
    pub double: Option<f64>,
    pub int: Option<i64>,
    pub count: Option<u64>,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub scale: Option<i32>,
    pub zero_count: Option<u64>,
    pub zero_threshold: Option<f64>,
    pub positive_offset: Option<i32>,
    pub negative_offset: Option<i32>,
    pub explicit_bounds: Option<Vec<f64>>,
    pub bucket_counts: Option<Vec<u64>>,
    pub positive_counts: Option<Vec<u64>>,
    pub negative_counts: Option<Vec<u64>>,
    pub quantiles: Option<Vec<(f64, f64)>>,
}

impl Point {
    /// A second value would replace the first, which the reference does.
    pub fn has_no_value(&self) -> bool {
        self.double.is_none() && self.int.is_none()
    }
}

/// A list or null per row.
struct Lists<T> {
    entries: Vec<T>,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
        }
    }
}

impl<T> Lists<T> {
    fn push(&mut self, values: Option<Vec<T>>) {
        self.nulls.append(values.is_some());
        self.entries.extend(values.into_iter().flatten());
        self.offsets.push(self.entries.len() as i32);
    }

    /// The list of entries that `array` makes.
    fn finish(mut self, array: impl Fn(Vec<T>) -> Result<ArrayRef>) -> Result<ArrayRef> {
        if i32::try_from(self.entries.len()).is_err() {
            return Err(Odd("column of 2**31 entries"));
        }
        list_of(self.offsets, self.nulls.finish(), array(self.entries)?)
    }
}

#[derive(Default)]
pub struct Points {
    pub name: Blobs,
    pub description: Blobs,
    pub unit: Blobs,
    pub kind: Blobs,
    pub metadata: Maps,
    pub attributes: Maps,
    pub execution_id: Blobs,
    start: Vec<u64>,
    time: Vec<u64>,
    flags: Vec<u32>,
    temporality: Vec<Option<i32>>,
    is_monotonic: Vec<Option<bool>>,
    double: Vec<Option<f64>>,
    int: Vec<Option<i64>>,
    count: Vec<Option<u64>>,
    sum: Vec<Option<f64>>,
    min: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
    scale: Vec<Option<i32>>,
    zero_count: Vec<Option<u64>>,
    zero_threshold: Vec<Option<f64>>,
    positive_offset: Vec<Option<i32>>,
    negative_offset: Vec<Option<i32>>,
    explicit_bounds: Lists<f64>,
    bucket_counts: Lists<u64>,
    positive_counts: Lists<u64>,
    negative_counts: Lists<u64>,
    quantiles: Lists<(f64, f64)>,
}

impl Points {
    pub fn push(&mut self, point: Point) {
        self.start.push(point.start);
        self.time.push(point.time);
        self.flags.push(point.flags);
        self.temporality.push(point.temporality);
        self.is_monotonic.push(point.is_monotonic);
        self.double.push(point.double);
        self.int.push(point.int);
        self.count.push(point.count);
        self.sum.push(point.sum);
        self.min.push(point.min);
        self.max.push(point.max);
        self.scale.push(point.scale);
        self.zero_count.push(point.zero_count);
        self.zero_threshold.push(point.zero_threshold);
        self.positive_offset.push(point.positive_offset);
        self.negative_offset.push(point.negative_offset);
        self.explicit_bounds.push(point.explicit_bounds);
        self.bucket_counts.push(point.bucket_counts);
        self.positive_counts.push(point.positive_counts);
        self.negative_counts.push(point.negative_counts);
        self.quantiles.push(point.quantiles);
    }

    pub fn finish(self) -> Result<Vec<Column>> {
        let [metadata, metadata_types] = self.metadata.arrays()?;
        let [attributes, attribute_types] = self.attributes.arrays()?;
        let scalars: [ArrayRef; 22] = [
            self.name.strings()?,
            self.description.strings()?,
            self.unit.strings()?,
            self.kind.strings()?,
            metadata,
            metadata_types,
            u64s(self.start),
            u64s(self.time),
            u32s(self.flags),
            Arc::new(Int32Array::from(self.temporality)),
            Arc::new(BooleanArray::from(self.is_monotonic)),
            Arc::new(Float64Array::from(self.double)),
            Arc::new(Int64Array::from(self.int)),
            Arc::new(UInt64Array::from(self.count)),
            Arc::new(Float64Array::from(self.sum)),
            Arc::new(Float64Array::from(self.min)),
            Arc::new(Float64Array::from(self.max)),
            Arc::new(Int32Array::from(self.scale)),
            Arc::new(UInt64Array::from(self.zero_count)),
            Arc::new(Float64Array::from(self.zero_threshold)),
            Arc::new(Int32Array::from(self.positive_offset)),
            Arc::new(Int32Array::from(self.negative_offset)),
        ];
        let mut columns: Vec<Column> = scalars.map(Column::Ready).into();
        columns.extend([Column::Exemplars, Column::Raw]);
        let lists = [
            self.explicit_bounds.finish(numbers::<Float64Type>)?,
            self.bucket_counts.finish(numbers::<UInt64Type>)?,
            self.positive_counts.finish(numbers::<UInt64Type>)?,
            self.negative_counts.finish(numbers::<UInt64Type>)?,
            self.quantiles.finish(quantiles)?,
            attributes,
            attribute_types,
            self.execution_id.strings()?,
        ];
        columns.extend(lists.map(Column::Ready));
        columns.extend([Column::ResourceId, Column::ScopeId]);
        Ok(columns)
    }
}

fn numbers<T: ArrowPrimitiveType>(entries: Vec<T::Native>) -> Result<ArrayRef> {
    Ok(Arc::new(PrimitiveArray::<T>::from_iter_values(entries)))
}

fn quantiles(entries: Vec<(f64, f64)>) -> Result<ArrayRef> {
    let (quantiles, values): (Vec<f64>, Vec<f64>) = entries.into_iter().unzip();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from(quantiles)),
        Arc::new(Float64Array::from(values)),
    ];
    let fields = ["quantile", "value"].map(|name| Field::new(name, DataType::Float64, true));
    let entries = StructArray::try_new(Vec::from(fields).into(), columns, None);
    Ok(Arc::new(entries.map_err(|_| Odd("quantiles"))?))
}
