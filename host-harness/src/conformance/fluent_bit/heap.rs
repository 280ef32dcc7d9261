//! The heap that Fluent Bit puts into the memory of a module that has no `malloc` and `free`.

/// Its size, `wasm_heap_size`, in bytes.
pub(super) const HEAP_BYTES: u32 = 8192;

/// What the runtime's allocator keeps for itself, and before each block.
const HEADER_BYTES: u32 = 8;

/// Blocks in a small part of linear memory, first fit.
#[derive(Debug, Clone, Default)]
pub(super) struct Heap {
    start: u32,
    end: u32,
    /// Address and size, by address.
    blocks: Vec<(u32, u32)>,
}

impl Heap {
    /// A heap at this address.
    pub fn at(start: u32) -> Self {
        Self { start, end: start.saturating_add(HEAP_BYTES), blocks: Vec::new() }
    }

    /// Address of a new block, or 0.
    pub fn malloc(&mut self, bytes: u32) -> u32 {
        let Some(size) = bytes.max(1).checked_next_multiple_of(8) else { return 0 };
        let mut free = self.start + HEADER_BYTES;
        for at in 0..=self.blocks.len() {
            let next = self.blocks.get(at).map_or(self.end, |(block, _)| block - HEADER_BYTES);
            if next.checked_sub(free).is_some_and(|room| room >= size) {
                self.blocks.insert(at, (free, size));
                return free;
            }
            if let Some((block, size)) = self.blocks.get(at) {
                free = block + size + HEADER_BYTES;
            }
        }
        0
    }

    pub fn free(&mut self, address: u32) {
        self.blocks.retain(|(block, _)| *block != address);
    }

    /// The size of the block at this address.
    pub fn size(&self, address: u32) -> Option<u32> {
        self.blocks.iter().find(|(block, _)| *block == address).map(|(_, size)| *size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap_and_come_back() {
        let mut heap = Heap::at(65_536);
        let first = heap.malloc(100);
        let second = heap.malloc(4_000);
        assert!(first >= 65_536 && second >= first + 100);
        assert_eq!(heap.malloc(5_000), 0);
        heap.free(first);
        assert_eq!(heap.malloc(90), first);
        heap.free(second);
        assert_eq!(heap.malloc(u32::MAX), 0);
        let large = heap.malloc(7_000);
        assert!(large > first && large + 7_000 <= 65_536 + HEAP_BYTES);
        assert_eq!((heap.size(large), heap.size(1)), (Some(7_000), None));
    }
}
