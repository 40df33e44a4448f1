//! What Python calls.

use std::collections::HashMap;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::decoded::{Answers, Decoded};
use crate::envelope::Shared;
use crate::export::Rows;
use crate::plan::{Home, Plan, Slot};
use crate::{NotUtf8, Odd, logs, metrics, points, spans, wire};

/// Bytes of a resource or scope, and its schema_url.
type Message<'py, 's> = (Bound<'py, PyBytes>, &'s str);

impl From<wire::Odd> for PyErr {
    fn from(odd: wire::Odd) -> Self {
        if odd == wire::NOT_UTF8 {
            NotUtf8::new_err(odd.0)
        } else {
            Odd::new_err(odd.0)
        }
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

    /// The rows of an uncompressed request; the first span has the number `first_row`.
    fn decode(
        &self,
        py: Python<'_>,
        signal: &str,
        payload: Bound<'_, PyBytes>,
        first_row: u64,
    ) -> PyResult<Part> {
        let bytes = payload.as_bytes();
        let plan = &self.plan;
        type Decode = fn(&[u8], &Plan, u64) -> wire::Result<Decoded>;
        let (names, decode): (&[&str], Decode) = match signal {
            "traces" => (&spans::COLUMNS, spans::decode),
            "logs" => (&logs::COLUMNS, |bytes, plan, _| {
                logs::decode(bytes, plan.max_items)
            }),
            "metrics" => (&points::COLUMNS, |bytes, plan, _| {
                metrics::decode(bytes, plan.max_items)
            }),
            _ => return Err(PyValueError::new_err(format!("no signal: {signal}"))),
        };
        // a panic would be a bug of the kernel; the reference decodes the request all the same
        let is_small = is_small(signal, bytes);
        let caught = detached(py, is_small, || {
            catch_unwind(|| decode(bytes, plan, first_row))
        });
        let decoded = caught.unwrap_or(Err(wire::Odd("a bug")))?;
        Ok(Part {
            decoded,
            plan: Arc::clone(plan),
            payload: payload.unbind(),
            names,
            is_traces: signal == "traces",
            is_small,
        })
    }
}

/// Requests below this size are decoded without giving the interpreter away: to get it back may take as long as
/// another thread's turn (5 ms), which is far longer than they take.
const SMALL_BYTES: usize = 16 << 10;

/// Whether a request takes so little. Points repeat what their metric says, so their bytes tell nothing.
fn is_small(signal: &str, bytes: &[u8]) -> bool {
    bytes.len() < SMALL_BYTES && signal != "metrics"
}

/// What `work` gives, while other threads run Python if it may take long.
fn detached<T: Send>(py: Python<'_>, is_small: bool, work: impl FnOnce() -> T + Send) -> T {
    if is_small { work() } else { py.detach(work) }
}

/// A decoded request that waits for what Python knows of its resources and scopes.
#[pyclass(frozen, module = "stepscope_native")]
pub struct Part {
    decoded: Decoded,
    plan: Arc<Plan>,
    payload: Py<PyBytes>,
    /// Those columns whose names no plan gives.
    names: &'static [&'static str],
    /// Spans have columns that the plan names, too.
    is_traces: bool,
    is_small: bool,
}

#[pymethods]
impl Part {
    #[getter]
    fn row_count(&self) -> usize {
        self.decoded.rows
    }

    #[getter]
    fn open_count(&self) -> usize {
        self.decoded.open_count
    }

    /// Resource messages with their schema_url, in their order.
    #[getter]
    fn resources<'py>(&self, py: Python<'py>) -> Vec<Message<'py, '_>> {
        self.described(py, &self.decoded.envelope.resources)
    }

    /// The same of scopes.
    #[getter]
    fn scopes<'py>(&self, py: Python<'py>) -> Vec<Message<'py, '_>> {
        self.described(py, &self.decoded.envelope.scopes)
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

    /// Rows whose columns do not hold all of their item, with its message.
    #[getter]
    fn inexact<'py>(&self, py: Python<'py>) -> Vec<(usize, Bound<'py, PyBytes>)> {
        self.decoded
            .inexact
            .iter()
            .map(|(row, range)| (*row, self.cut(py, range)))
            .collect()
    }

    /// Rows of data points that have exemplars, with a NumberDataPoint that has nothing else.
    #[getter]
    fn exemplars<'py>(&self, py: Python<'py>) -> Vec<(usize, Bound<'py, PyBytes>)> {
        let exemplars = &self.decoded.exemplars;
        exemplars
            .iter()
            .map(|(row, bytes)| (*row, PyBytes::new(py, bytes)))
            .collect()
    }

    /// Metrics without data of a known type.
    #[getter]
    fn without_data(&self) -> usize {
        self.decoded.without_data
    }

    /// Names of events in sampled spans, which may say that the span has started.
    #[getter]
    fn event_names(&self) -> Vec<&str> {
        self.decoded
            .event_names
            .iter()
            .map(String::as_str)
            .collect()
    }

    #[getter]
    fn payloads(&self) -> Option<Rows> {
        self.decoded.payloads.clone().map(Rows::new)
    }

    /// The rows. For each resource its id and the texts of its wanted attributes; ids of the scopes;
    /// messages kept whole and exemplars, by row.
    fn rows(
        &self,
        py: Python<'_>,
        resource_ids: Vec<u64>,
        resource_texts: Vec<Vec<Option<String>>>,
        scope_ids: Vec<u64>,
        raws: Vec<(usize, Vec<u8>)>,
        exemplars: Vec<(usize, Vec<u8>)>,
    ) -> PyResult<Rows> {
        let answers = Answers {
            resource_ids,
            resource_texts,
            scope_ids,
            raws,
            exemplars,
        };
        let wanted = if self.is_traces {
            self.plan.resource_columns.len()
        } else {
            0
        };
        if self.decoded.rows == 0 || !self.decoded.fits(&answers, wanted) {
            return Err(PyValueError::new_err("not what was asked for"));
        }
        detached(py, self.is_small, || {
            let columns = self.decoded.complete(answers)?;
            let plan = [&self.plan.attribute_columns, &self.plan.resource_columns];
            let planned = plan.into_iter().flatten().map(String::as_str);
            // each column of an attribute that nobody has would cost every statement of the commit
            let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = self
                .names
                .iter()
                .copied()
                .chain(planned)
                .zip(columns)
                .enumerate()
                .filter(|(place, (_, column))| {
                    *place < self.names.len() || column.null_count() < self.decoded.rows
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

impl Part {
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
