//! The native parts of Stepscope: the decoder of OTLP protobuf bytes to Arrow columns, HTTP/2 connections, the checksums
//! of a file's blocks, and a set of hashes.
//!
//! The decoder makes what `stepscope_collector.decode` makes in Python, value for value, or it makes nothing:
//! whatever is out of the ordinary is `Odd`, and the caller decodes that request in Python.

#![forbid(unsafe_code)]

mod attributes;
mod blocks;
mod chunk;
mod columns;
mod decoded;
mod envelope;
mod export;
mod http2;
mod ids;
mod json;
mod kernel;
mod known;
mod logs;
mod metrics;
mod packed;
mod plan;
mod points;
mod shapes;
mod shelf;
mod sorted;
mod spans;
mod text;
mod value;
mod wire;

pub use kernel::{Kernel, Part};

use pyo3::prelude::*;

pyo3::create_exception!(
    stepscope_native,
    Odd,
    pyo3::exceptions::PyValueError,
    "The request is out of the ordinary; the reference decoder knows what to do with it."
);

pyo3::create_exception!(
    stepscope_native,
    NotUtf8,
    Odd,
    "A string of the request is not UTF-8; mended it may be decoded."
);

/// The decoder of Stepscope in Rust.
#[pymodule(gil_used = true)]
fn stepscope_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("API", 10)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("Odd", module.py().get_type::<Odd>())?;
    module.add("NotUtf8", module.py().get_type::<NotUtf8>())?;
    module.add_function(wrap_pyfunction!(blocks::failed_blocks, module)?)?;
    module.add_class::<Kernel>()?;
    module.add_class::<Part>()?;
    module.add_class::<chunk::Gathering>()?;
    module.add_class::<export::Rows>()?;
    module.add_class::<ids::IdSet>()?;
    module.add_class::<http2::Http2>()?;
    Ok(())
}
