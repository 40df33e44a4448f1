//! What Python calls.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::columns::{Blobs, u64s};
use crate::export::Rows;
use crate::plan::{Home, Plan, Slot};
use crate::spans::{self, Decoded, SHARED_CHARS, Shared, prefix};
use crate::{Odd, wire};

/// Columns of spans up to those of attributes, in the order of the reference.
const SPAN_COLUMNS: [&str; 26] = [
    "span_row",
    "trace_id",
    "span_id",
    "parent_span_id",
    "trace_state",
    "flags",
    "name",
    "kind",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "status_code",
    "status_message",
    "attributes",
    "attribute_types",
    "home_bits",
    "dropped_attributes_count",
    "events",
    "dropped_events_count",
    "links",
    "dropped_links_count",
    "raw",
    "resource_id",
    "scope_id",
    "scope_name",
    "exception_type",
    "exception_message",
];
/// Of these, how many are complete before resources and scopes are known.
const BEFORE_RAW: usize = 20;

/// Bytes of a resource or scope, and its schema_url.
type Message<'py, 's> = (Bound<'py, PyBytes>, &'s str);

impl From<wire::Odd> for PyErr {
    fn from(odd: wire::Odd) -> Self {
        Odd::new_err(odd.0)
    }
}

/// (key, number of its column, is planned, (bit, rivals, type code, payload kind) of its home)
type SlotFacts = (
    String,
    usize,
    bool,
    Option<(u64, u64, String, Option<String>)>,
);

/// A decoder for one set of profiles.
#[pyclass(frozen, module = "stepscope_native")]
pub struct Kernel {
    plan: Arc<Plan>,
}

#[pymethods]
impl Kernel {
    #[new]
    fn new(
        slots: Vec<SlotFacts>,
        columns: (Vec<String>, Vec<String>),
        own: (String, u64, u64),
        limits: (usize, usize),
    ) -> PyResult<Self> {
        let slots = slots
            .into_iter()
            .map(|(key, column, is_planned, home)| {
                if column >= columns.0.len() {
                    return Err(PyValueError::new_err(format!("{key}: no column {column}")));
                }
                let home = home.map(|(bit, rivals, code, payload)| Home {
                    bit,
                    rivals,
                    code: code.bytes().next().unwrap_or(b's'),
                    payload,
                });
                Ok(Slot {
                    key: key.into_bytes().into(),
                    column,
                    home,
                    is_planned,
                })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let own = (own.0.into_bytes(), own.1, own.2);
        Ok(Self {
            plan: Arc::new(Plan::new(slots, columns, own, limits)),
        })
    }

    /// The spans of an ExportTraceServiceRequest; the first has the number `first_row`.
    fn spans(&self, payload: Bound<'_, PyBytes>, first_row: u64) -> PyResult<SpanPart> {
        let bytes = payload.as_bytes();
        let mut decoded = payload
            .py()
            .detach(|| spans::decode(bytes, &self.plan, first_row))?;
        Ok(SpanPart {
            payloads: decoded.payloads.take(),
            decoded,
            plan: Arc::clone(&self.plan),
            payload: payload.unbind(),
        })
    }
}

/// Decoded spans that wait for what Python knows of their resources and scopes.
#[pyclass(frozen, module = "stepscope_native")]
pub struct SpanPart {
    decoded: Decoded,
    payloads: Option<RecordBatch>,
    plan: Arc<Plan>,
    payload: Py<PyBytes>,
}

#[pymethods]
impl SpanPart {
    #[getter]
    fn row_count(&self) -> usize {
        self.decoded.rows
    }

    #[getter]
    fn open_count(&self) -> usize {
        self.decoded.open_count
    }

    /// Resource messages with their schema_url, in their order, those without spans included.
    #[getter]
    fn resources<'py>(&self, py: Python<'py>) -> Vec<Message<'py, '_>> {
        self.described(py, &self.decoded.resources)
    }

    /// The same of scopes.
    #[getter]
    fn scopes<'py>(&self, py: Python<'py>) -> Vec<Message<'py, '_>> {
        self.described(py, &self.decoded.scopes)
    }

    /// Span messages that are not stored.
    #[getter]
    fn refused<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.decoded
            .refused
            .iter()
            .map(|range| self.cut(py, range))
            .collect()
    }

    /// Rows whose columns do not hold all of the span, with the message.
    #[getter]
    fn inexact<'py>(&self, py: Python<'py>) -> Vec<(usize, Bound<'py, PyBytes>)> {
        self.decoded
            .inexact
            .iter()
            .map(|(row, range)| (*row, self.cut(py, range)))
            .collect()
    }

    #[getter]
    fn payloads(&self) -> Option<Rows> {
        self.payloads.clone().map(Rows::new)
    }

    /// The rows. For each resource its id and the texts of its wanted attributes; ids of the scopes;
    /// messages to be kept whole, by row.
    fn rows(
        &self,
        py: Python<'_>,
        resource_ids: Vec<u64>,
        resource_texts: Vec<Vec<Option<String>>>,
        scope_ids: Vec<u64>,
        raws: Vec<(usize, Vec<u8>)>,
    ) -> PyResult<Rows> {
        let Decoded {
            resources,
            scopes,
            rows,
            ..
        } = &self.decoded;
        let wanted = self.plan.resource_columns.len();
        if resource_ids.len() != resources.len()
            || resource_texts.len() != resources.len()
            || resource_texts.iter().any(|texts| texts.len() != wanted)
            || scope_ids.len() != scopes.len()
            || *rows == 0
        {
            return Err(PyValueError::new_err("not what was asked for"));
        }
        py.detach(|| {
            let mut columns = Vec::with_capacity(self.decoded.columns.len() + 3 + wanted);
            let (before, after) = self.decoded.columns.split_at(BEFORE_RAW);
            columns.extend_from_slice(before);
            columns.push(raw_column(raws, *rows)?);
            columns.push(spread(&resource_ids, resources, *rows));
            columns.push(spread(&scope_ids, scopes, *rows));
            columns.extend_from_slice(after);
            for place in 0..wanted {
                let texts = resource_texts.iter().map(|texts| texts[place].as_deref());
                columns.push(spread_texts(texts.collect(), resources, *rows)?);
            }
            let names = SPAN_COLUMNS
                .iter()
                .copied()
                .chain(self.plan.attribute_columns.iter().map(String::as_str))
                .chain(self.plan.resource_columns.iter().map(String::as_str));
            // each column of an attribute that nobody has would cost every statement of the commit
            let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = names
                .zip(columns)
                .enumerate()
                .filter(|(place, (_, column))| {
                    *place < SPAN_COLUMNS.len() || column.null_count() < *rows
                })
                .map(|(_, (name, column))| (field_of(name, &column), column))
                .unzip();
            let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
            batch
                .map(Rows::new)
                .map_err(|error| PyValueError::new_err(error.to_string()))
        })
    }
}

impl SpanPart {
    fn cut<'py>(&self, py: Python<'py>, range: &Range<usize>) -> Bound<'py, PyBytes> {
        let payload = self.payload.bind(py).as_bytes();
        PyBytes::new(py, payload.get(range.clone()).unwrap_or_default())
    }

    fn described<'py, 's>(&self, py: Python<'py>, shared: &'s [Shared]) -> Vec<Message<'py, 's>> {
        shared
            .iter()
            .map(|each| (self.cut(py, &each.bytes), each.schema_url.as_str()))
            .collect()
    }
}

fn field_of(name: &str, column: &ArrayRef) -> Field {
    let field = Field::new(name, column.data_type().clone(), true);
    if name == "trace_id" {
        as_uuid(field)
    } else {
        field
    }
}

/// Marks 16 fixed bytes as what DuckDB reads as UUID.
fn as_uuid(field: Field) -> Field {
    let marks = [
        ("ARROW:extension:name", "arrow.uuid"),
        ("ARROW:extension:metadata", ""),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    field.with_metadata(HashMap::from(marks))
}

fn raw_column(mut raws: Vec<(usize, Vec<u8>)>, rows: usize) -> wire::Result<ArrayRef> {
    raws.sort_by_key(|(row, _)| *row);
    let mut column = Blobs::with_capacity(rows, 0);
    for (row, raw) in &raws {
        if *row >= column.len() && *row < rows {
            column.push_nulls(row - column.len());
            column.push(raw);
        }
    }
    column.push_nulls(rows - column.len());
    column.binaries()
}

fn spread(ids: &[u64], shared: &[Shared], rows: usize) -> ArrayRef {
    let mut column = Vec::with_capacity(rows);
    for (id, each) in ids.iter().zip(shared) {
        column.resize(column.len() + each.rows, *id);
    }
    u64s(column)
}

fn spread_texts(
    texts: Vec<Option<&str>>,
    shared: &[Shared],
    rows: usize,
) -> wire::Result<ArrayRef> {
    if texts.iter().all(Option::is_none) {
        return Ok(Arc::new(StringArray::new_null(rows)));
    }
    let mut column = Blobs::with_capacity(rows, rows * 8);
    for (text, each) in texts.iter().zip(shared) {
        let text = text.map(str::as_bytes).filter(|text| !text.is_empty());
        let shown = text.map(|text| &text[..prefix(text, SHARED_CHARS)]);
        for _ in 0..each.rows {
            column.push_option(shown);
        }
    }
    column.strings()
}
