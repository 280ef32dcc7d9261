;; A stranger in the style of Fluent Bit's sample in Rust, but well-behaved: a cdylib for
;; wasm32-wasip1 with one exported function, no malloc and no free. It wraps what it can hold in
;; a static buffer, and gives everything else back as it came.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 17)
  (data (i32.const 1024) "{\"lang\":\"Rust\",\"original\":")
  (data (i32.const 1100) "{\"error\":\"no record\"}\00")
  (func (export "rust_filter")
    (param $tag i32) (param $tag_len i32) (param $sec i32) (param $nsec i32)
    (param $record i32) (param $len i32) (result i32)
    (if (i32.eqz (local.get $record)) (then (return (i32.const 1100))))
    (if (i32.or (i32.gt_u (local.get $len) (i32.const 4000))
                (i32.ne (i32.load8_u (local.get $record)) (i32.const 0x7b)))
      (then (return (local.get $record))))
    (memory.copy (i32.const 2048) (i32.const 1024) (i32.const 26))
    (memory.copy (i32.const 2074) (local.get $record) (local.get $len))
    (i32.store8 (i32.add (i32.const 2074) (local.get $len)) (i32.const 0x7d))
    (i32.store8 (i32.add (i32.const 2075) (local.get $len)) (i32.const 0))
    (i32.const 2048)))
