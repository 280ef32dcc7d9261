//! PyPI tokens.

use crate::{Definition, Example, Severity};

pub(crate) static DEFINITION: Definition = Definition {
    id: "pypi-token",
    title: "PyPI API token",
    what: "Upload tokens of the Python Package Index: `pypi-AgE` and base64url.",
    why: "Publishes packages that others install.",
    severity: Severity::Critical,
    pattern: r"\bpypi-AgE[A-Za-z0-9_-]{40,}",
    validator: "At least one digit. One that the text's end cuts needs 8 characters only.",
    on_by_default: true,
    matches: &[Example {
        text: concat!(
            "twine ",
            "py",
            "pi-Ag",
            "EIcHlwaS5vcmcCa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8_-x",
            " ok"
        ),
        found: &[concat!("py", "pi-Ag", "EIcHlwaS5vcmcCa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8_-x")],
    }],
    no_matches: &[
        "pypi-AgE",
        "pypi-server-1",
        concat!("pyp", "i-agEIcHlwaS5vcmcCa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    ],
};
