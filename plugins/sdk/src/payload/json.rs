//! JSON documents: one, several one after the other, or arrays of them.

use super::{
    patch::ArrayEditor,
    sift::{Work, scan_value},
};
use crate::{
    Action,
    record::{Kind, Node, scan::ScanError},
};

/// Filter all documents of the body.
pub(super) fn run(work: &mut Work<'_>, tape: &mut Vec<Node>) -> Result<(), ScanError> {
    let mut base = super::sift::skip_space(work.body, 0);
    while base < work.body.len() {
        let next = scan_value(work.body, base, tape)?;
        let shift = |node: &Node| shifted(node, base);
        let Some(root) = tape.first().map(shift) else { return Ok(()) };
        match root.kind {
            Kind::Array => {
                let mut editor = ArrayEditor::default();
                let mut at = 1;
                while let Some(node) = tape.get(at) {
                    at = (node.next as usize).max(at + 1);
                    let (node, outer) = (shift(node), outer(&shift(node)));
                    editor.enter(outer.0, work.patch());
                    let mark = work.patch().mark();
                    let dropped = value(work, &node) == Action::Drop;
                    editor.leave(outer.0, outer.1, dropped, mark, work.patch());
                }
                editor.close(work.patch());
            }
            _ => {
                if value(work, &root) == Action::Drop {
                    // With the white space up to the next document goes its line end, too.
                    work.patch().delete(outer(&root).0, next);
                }
            }
        }
        base = next;
    }
    Ok(())
}

/// Filter one value as a record.
fn value(work: &mut Work<'_>, node: &Node) -> Action {
    let action = match node.kind {
        Kind::Object | Kind::Array => work.document(node.start as usize, node.end as usize, 0),
        Kind::String => work.line(node, 0),
        // No filter has anything to do with a bare number.
        Kind::Number | Kind::Literal => Action::Keep,
    };
    work.report.note(action);
    action
}

/// A node of a tape that was scanned from `base` on, with positions in the whole body.
/// They fit: the scanner refuses 4 GiB, and bodies are limited far below that.
pub(super) fn shifted(node: &Node, base: usize) -> Node {
    let base = u32::try_from(base).unwrap_or(u32::MAX);
    Node {
        start: node.start.saturating_add(base),
        end: node.end.saturating_add(base),
        key_start: node.key_start.saturating_add(base),
        key_end: node.key_end.saturating_add(base),
        ..*node
    }
}

/// Start and end of a value in the text, with the quotes of a string.
pub(super) fn outer(node: &Node) -> (usize, usize) {
    let quote = usize::from(node.kind == Kind::String);
    ((node.start as usize).saturating_sub(quote), node.end as usize + quote)
}
