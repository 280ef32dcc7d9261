;; A good filter for Fluent Bit, with places where a test puts something worse. The record goes
;; back as it came; tag and record live in an arena that each record begins anew.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  {{imports}}
  (memory {{memory}} 4)
  (global $top (mut i32) (i32.const 131072))
  (global $stale (mut i32) (i32.const 0))
  (global $count (mut i32) (i32.const 0))
  (data (i32.const 1024) "{\"error\":\"no record\"}\00")
  (func (export "_initialize") {{initialize}})
  ;; Make memory reach up to here.
  (func $reach (param $end i32)
    (local $missing i32)
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (local.get $end) (i32.const 65536)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (local.get $missing))))))
  (func $malloc {{malloc}} (param $size i32) (result i32)
    (local $at i32)
    {{turn}}
    (local.set $at (global.get $top))
    {{advance}}
    (call $reach (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func {{free}} (param i32))
  ;; Whether a byte is in a record.
  (func $has (param $at i32) (param $len i32) (param $byte i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (block $no
      (loop $next
        (br_if $no (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eq (i32.load8_u (local.get $at)) (local.get $byte)) (then (return (i32.const 1))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.const 0))
  ;; Whether a record is an object, or may be one.
  (func $object (param $at i32) (param $len i32) (result i32)
    (i32.and (i32.gt_u (local.get $len) (i32.const 0))
      (i32.or (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x7b))
              (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x20)))))
  {{functions}}
  (func (export "filter") {{params}}
    (param $record i32) (param $len i32) (result i32)
    (global.set $stale (i32.const 1))
    {{null}}
    {{filter}}
    (local.get $record)))
