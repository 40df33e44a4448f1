//! Columns for other libraries: the Arrow C stream interface, by arrow-rs and PyO3 without unsafe code.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    Array, ArrayRef, MapArray, RecordBatch, RecordBatchIterator, UInt32Array, UInt64Array,
    new_null_array,
};
use arrow_schema::{ArrowError, Field, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::chunk::{Chunk, Place};
use crate::shapes::split;
use crate::spans::COLUMNS;

/// Decoded rows: one or more record batches of one schema.
#[pyclass(frozen, module = "stepscope_native")]
pub struct Rows {
    source: Source,
    made: OnceLock<Made>,
}

#[derive(Clone)]
enum Source {
    Made(Made),
    Piece(Piece),
}

#[derive(Clone)]
struct Made {
    schema: Arc<Schema>,
    batches: Vec<RecordBatch>,
}

/// Some of the rows in a chunk.
#[derive(Clone)]
struct Piece {
    chunk: Arc<Chunk>,
    rows: Range<usize>,
    are_payloads: bool,
}

impl Rows {
    pub fn new(batch: RecordBatch) -> Self {
        Self::of(Source::Made(Made::new(batch)))
    }

    /// The spans of a request among others; None: it has none.
    pub fn of_spans(place: &Place) -> Option<Self> {
        Self::of_piece(place, &place.rows, false)
    }

    /// The payloads of a request among those of others; None: it has none.
    pub fn of_payloads(place: &Place) -> Option<Self> {
        Self::of_piece(place, &place.payloads, true)
    }

    fn of_piece(place: &Place, rows: &Range<usize>, are_payloads: bool) -> Option<Self> {
        let piece = || Piece {
            chunk: Arc::clone(&place.chunk),
            rows: rows.clone(),
            are_payloads,
        };
        (!rows.is_empty()).then(|| Self::of(Source::Piece(piece())))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            made: OnceLock::new(),
        }
    }

    /// The rows as they are read; those in a chunk are cut from it, which closes it.
    fn made(&self, py: Python<'_>) -> PyResult<&Made> {
        let piece = match &self.source {
            Source::Made(made) => return Ok(made),
            Source::Piece(piece) => piece,
        };
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        // to close a chunk may take ms, and somebody may be at it
        let made = py.detach(|| piece.made())?;
        Ok(self.made.get_or_init(|| made))
    }
}

impl Made {
    fn new(batch: RecordBatch) -> Self {
        Self {
            schema: batch.schema(),
            batches: vec![batch],
        }
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn named(&self, column: &str) -> PyResult<usize> {
        self.schema
            .index_of(column)
            .map_err(|_| PyValueError::new_err(format!("no column: {column}")))
    }
}

impl Piece {
    /// Whether another one goes on where this one ends.
    fn goes_on(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunk, &other.chunk)
            && self.are_payloads == other.are_payloads
            && self.rows.end == other.rows.start
    }

    fn made(&self) -> PyResult<Made> {
        let (spans, payloads) = self.chunk.closed()?;
        let table = if self.are_payloads {
            payloads.ok_or_else(|| PyValueError::new_err("no payloads"))?
        } else {
            spans
        };
        if self.rows.len() == table.num_rows() {
            return Ok(Made::new(table));
        }
        let part = table.slice(self.rows.start, self.rows.len());
        let is_there = |place: &usize| {
            self.are_payloads
                || *place < COLUMNS.len()
                || part.column(*place).null_count() < part.num_rows()
        };
        let kept: Vec<usize> = (0..part.num_columns()).filter(is_there).collect();
        part.project(&kept).map(Made::new).map_err(wrong)
    }
}

#[pymethods]
impl Rows {
    /// The rows of several, in their order, with the columns of all of them, null where one has them
    /// not.
    ///
    /// One batch, for DuckDB makes vectors of each batch alone: 64 requests of 32 spans cost it
    /// 19.5 µs per span as they are, and 3.3 µs in one batch.
    #[staticmethod]
    fn together(py: Python<'_>, parts: Vec<PyRef<'_, Rows>>) -> PyResult<Self> {
        let mut sources: Vec<Source> = Vec::new();
        for part in &parts {
            match (sources.last_mut(), &part.source) {
                (Some(Source::Piece(last)), Source::Piece(piece)) if last.goes_on(piece) => {
                    last.rows.end = piece.rows.end;
                }
                (_, source) => sources.push(source.clone()),
            }
        }
        drop(parts);
        py.detach(|| {
            let parts = sources
                .into_iter()
                .map(|source| match source {
                    Source::Made(made) => Ok(made),
                    Source::Piece(piece) => piece.made(),
                })
                .collect::<PyResult<Vec<_>>>()?;
            one(parts).map(|made| Self::of(Source::Made(made)))
        })
    }

    /// Some rows of a request, one after the other. Those in a chunk stay there; others are copied, for with
    /// an offset every nested column would have to be read with it.
    fn part(&self, py: Python<'_>, first: usize, count: usize) -> PyResult<Self> {
        let end = first
            .checked_add(count)
            .filter(|end| *end <= self.num_rows());
        let Some(Ok(end)) = end.map(u32::try_from) else {
            return Err(PyValueError::new_err("there are not so many rows"));
        };
        let made = match &self.source {
            Source::Made(made) => made,
            Source::Piece(piece) => {
                let start = piece.rows.start + first;
                let rows = start..start + count;
                let piece = piece.clone();
                return Ok(Self::of(Source::Piece(Piece { rows, ..piece })));
            }
        };
        let [batch] = &made.batches[..] else {
            return Err(PyValueError::new_err("not the rows of one request"));
        };
        let places = UInt32Array::from_iter_values(first as u32..end);
        py.detach(|| take_record_batch(batch, &places))
            .map(Self::new)
            .map_err(wrong)
    }

    /// The rows, with those maps of a column that have their keys in common with many others as structs
    /// in columns `shape:0`, `shape:1` and so on, which are null elsewhere.
    fn shaped(&self, py: Python<'_>, column: &str) -> PyResult<Self> {
        let made = self.made(py)?;
        let place = made.named(column)?;
        let same = || Self::of(Source::Made(made.clone()));
        let [batch] = &made.batches[..] else {
            return Ok(same());
        };
        let Some(maps) = batch.column(place).as_any().downcast_ref::<MapArray>() else {
            return Err(PyValueError::new_err(format!(
                "no column of maps: {column}"
            )));
        };
        py.detach(|| {
            let Some(split) = split(maps)? else {
                return Ok(same());
            };
            let mut fields: Vec<Arc<Field>> = made.schema.fields().iter().cloned().collect();
            let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
            columns[place] = split.maps;
            for (number, shape) in split.structs.into_iter().enumerate() {
                let name = format!("shape:{number}");
                fields.push(Arc::new(Field::new(name, shape.data_type().clone(), true)));
                columns.push(shape);
            }
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
                .map(Self::new)
                .map_err(wrong)
        })
    }

    /// Names of the columns, in their order.
    #[getter]
    fn names(&self, py: Python<'_>) -> PyResult<Vec<&str>> {
        let fields = self.made(py)?.schema.fields();
        Ok(fields.iter().map(|field| field.name().as_str()).collect())
    }

    #[getter]
    fn num_rows(&self) -> usize {
        match &self.source {
            Source::Made(made) => made.rows(),
            Source::Piece(piece) => piece.rows.len(),
        }
    }

    #[getter]
    fn num_columns(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.made(py)?.schema.fields().len())
    }

    /// Whether any number stands twice in a column of unsigned 64-bit integers.
    fn repeats(&self, py: Python<'_>, column: &str) -> PyResult<bool> {
        let made = self.made(py)?;
        py.detach(|| {
            let mut numbers = Vec::with_capacity(made.rows());
            for batch in &made.batches {
                let values = batch.column_by_name(column).map(|values| values.as_any());
                let Some(values) = values.and_then(|any| any.downcast_ref::<UInt64Array>()) else {
                    return Err(PyValueError::new_err(format!(
                        "no column of numbers: {column}"
                    )));
                };
                numbers.extend_from_slice(values.values());
            }
            numbers.sort_unstable();
            Ok(numbers.windows(2).any(|pair| pair[0] == pair[1]))
        })
    }

    /// The rows for any library that reads Arrow; may be asked for more than once.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // a wish that producers need not fulfil (Arrow PyCapsule interface)
        drop(requested_schema);
        let made = self.made(py)?;
        let batches: Vec<_> = made.batches.iter().cloned().map(Ok).collect();
        let reader = RecordBatchIterator::new(batches, Arc::clone(&made.schema));
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

/// The rows of several in one batch, with the columns of all of them.
fn one(parts: Vec<Made>) -> PyResult<Made> {
    let Some(first) = parts.first() else {
        return Err(PyValueError::new_err("no rows to put together"));
    };
    let mut schema = Arc::clone(&first.schema);
    if parts.iter().any(|part| part.schema != schema) {
        let schemas = parts.iter().map(|part| part.schema.as_ref().clone());
        schema = Arc::new(Schema::try_merge(schemas).map_err(wrong)?);
    }
    let batches: Vec<RecordBatch> = parts.into_iter().flat_map(|part| part.batches).collect();
    if let [_] = batches[..] {
        return Ok(Made { schema, batches });
    }
    let batches = batches
        .iter()
        .map(|batch| with_columns(batch, &schema))
        .collect::<PyResult<Vec<_>>>()?;
    // texts of more than 2 GiB do not fit into one column
    let batches = match concat_batches(&schema, &batches) {
        Ok(whole) => vec![whole],
        Err(_) => batches,
    };
    Ok(Made { schema, batches })
}

fn wrong(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The batch with the columns of a wider schema.
fn with_columns(batch: &RecordBatch, schema: &Arc<Schema>) -> PyResult<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(column) => Arc::clone(column),
        None => new_null_array(field.data_type(), batch.num_rows()),
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(wrong)
}
