;; A stranger in the style of TinyGo: a command with `_start`, malloc, free and their family
;; exported, a function that returns the address of a slice. Its heap has two blocks, which it
;; hands out in turn.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (global $turn (mut i32) (i32.const 0))
  (func (export "_start"))
  ;; 16 MiB for each block, as far as they are used.
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (local $at i32) (local $missing i32)
    (global.set $turn (i32.xor (global.get $turn) (i32.const 1)))
    (local.set $at (i32.add (i32.const 65536) (i32.mul (global.get $turn) (i32.const 0x1000000))))
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (local.get $missing)))))
    (local.get $at))
  (func (export "free") (param i32))
  (func (export "calloc") (param i32 i32) (result i32)
    (call $malloc (i32.mul (local.get 0) (local.get 1))))
  (data (i32.const 1024) "{\"tag\":\"conformance\",\"lang\":\"Go\"}\00")
  ;; Records that say nothing become a note, all others pass.
  (func (export "go_filter")
    (param $tag i32) (param $tag_len i32) (param $sec i32) (param $nsec i32)
    (param $record i32) (param $len i32) (result i32)
    (if (i32.or (i32.eqz (local.get $record)) (i32.eq (local.get $len) (i32.const 2)))
      (then (return (i32.const 1024))))
    (local.get $record)))
