//! Searching lines. Unlike with `memmem`, nothing is built before a search in a text as short as a line
//! normally is: in an interpreter the building costs more than the search.

use memchr::{memchr, memmem, memrchr};

/// From this length on, building a searcher pays.
const LONG: usize = 512;

/// Where `needle` first stands in `text`.
pub fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    if text.len() >= LONG {
        return memmem::find(text, needle);
    }
    let (first, rest) = needle.split_first()?;
    let last = text.len().checked_sub(needle.len())?;
    let mut at = 0;
    while at <= last {
        at += memchr(*first, &text[at..=last])?;
        if text[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Where `needle` last stands in `text`.
pub fn rfind(text: &[u8], needle: &[u8]) -> Option<usize> {
    if text.len() >= LONG {
        return memmem::rfind(text, needle);
    }
    let (first, rest) = needle.split_first()?;
    let mut end = text.len().checked_sub(needle.len())? + 1;
    loop {
        let at = memrchr(*first, &text[..end])?;
        if text[at + 1..].starts_with(rest) {
            return Some(at);
        }
        end = at;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_memmem(text in "[ab]{0,20}", needle in "[ab]{1,4}") {
            let (text, needle) = (text.as_bytes(), needle.as_bytes());
            prop_assert_eq!(find(text, needle), memchr::memmem::find(text, needle));
            prop_assert_eq!(rfind(text, needle), memchr::memmem::rfind(text, needle));
        }
    }
}
