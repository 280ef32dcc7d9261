//! The fast way for the lines that make up a verbose log.

use tamis_sdk::Edits;

use super::Scrubber;

/// Note the edits of `text` if it is a line that is recognised whole; else note nothing and say `false`.
pub fn scrub(_scrubber: &mut Scrubber, _text: &[u8], _edits: &mut Edits) -> bool {
    false
}
