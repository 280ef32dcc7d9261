//! Any bytes through the scanner: no panic, and its tape lies within the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tamis_sdk::record::scan::{NO_NODE, scan};

fuzz_target!(|text: &[u8]| {
    let mut tape = Vec::new();
    if scan(text, &mut tape).is_err() {
        return;
    }
    assert!(!tape.is_empty());
    for (index, node) in tape.iter().enumerate() {
        assert!(node.start <= node.end && node.end as usize <= text.len());
        assert!(node.key_start <= node.key_end && node.key_end <= node.start);
        assert!(node.next as usize > index && node.next as usize <= tape.len());
        assert!(node.parent == NO_NODE || (node.parent as usize) < index);
    }
});
