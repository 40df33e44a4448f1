//! What Python calls.

use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::chunk::Gathering;
use crate::decoded::{Answers, Decoded, record_batch};
use crate::envelope::Shared;
use crate::export::Rows;
use crate::known::{Answer, Known, Recent};
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
    resources: Recent,
    scopes: Recent,
}

/// Rows, how many of them are open, the rows themselves, those of payloads, and the rows of the tables of
/// resources and scopes, in their order.
type Gathered = (
    usize,
    usize,
    Option<Rows>,
    Option<Rows>,
    Vec<Py<PyAny>>,
    Vec<Py<PyAny>>,
);

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
            resources: Recent::default(),
            scopes: Recent::default(),
        })
    }

    /// Remember a resource: its id, the texts of its wanted attributes, and its row.
    fn know_resource(
        &self,
        message: &[u8],
        schema_url: &str,
        number: u64,
        texts: Vec<Option<String>>,
        dimension: Py<PyAny>,
    ) -> PyResult<()> {
        if texts.len() != self.plan.resource_columns.len() {
            return Err(PyValueError::new_err("not what was asked for"));
        }
        let answer = Arc::new(Answer { id: number, texts });
        self.resources
            .put(message, schema_url, Known { answer, dimension });
        Ok(())
    }

    /// Remember a scope: its id and its row.
    fn know_scope(&self, message: &[u8], schema_url: &str, number: u64, dimension: Py<PyAny>) {
        let texts = Vec::new();
        let answer = Arc::new(Answer { id: number, texts });
        self.scopes
            .put(message, schema_url, Known { answer, dimension });
    }

    /// The spans of an uncompressed request, appended to those of others; None: it has to be decoded alone,
    /// for something about it is out of the ordinary, or a resource or scope is not known.
    fn gather(
        &self,
        py: Python<'_>,
        gathering: &Bound<'_, Gathering>,
        payload: &[u8],
        first_row: u64,
    ) -> Option<Gathered> {
        let gathering = gathering.get();
        let known = (&self.resources, &self.scopes);
        let place = detached(py, is_small("traces", payload), || {
            gathering.append(payload, &self.plan, first_row, known)
        })?;
        let rows_of = |known: Vec<Arc<Known>>| {
            let dimensions = known.iter().map(|each| each.dimension.clone_ref(py));
            dimensions.collect()
        };
        Some((
            place.rows.len(),
            place.open_count,
            Rows::of_spans(&place),
            Rows::of_payloads(&place),
            rows_of(place.resources),
            rows_of(place.scopes),
        ))
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
            let batch = record_batch(&self.decoded, answers, &self.plan, self.names)?;
            Ok(Rows::new(batch))
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
