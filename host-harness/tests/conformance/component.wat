;; A good component of tamis:log-filter that keeps all records, with places where a test puts
;; something worse. Address 1024 holds zeros, which is an empty list, string or `ok`.
(module
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 65536))
  (data (i32.const 256) "{{name}}")
  (data (i32.const 320) "1.2.3")
  (data (i32.const 384) "{\"type\":\"object\"}")
  (data (i32.const 448) "$")
  (data (i32.const 449) "not JSON")
  ;; err: path and message
  (data (i32.const 512) "\01\00\00\00\c0\01\00\00\01\00\00\00\c1\01\00\00\08\00\00\00")
  (func $reserve (param $size i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $size)))
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (local.get $missing)))))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (call $reserve (local.get 3)))
  (func (export "tamis:log-filter/lifecycle@0.1.0#initialize")
    (param $config i32) (param $len i32) (result i32)
    {{initialize}}
    ;; A config of one byte is a broken one.
    (if (i32.eq (local.get $len) (i32.const 1)) (then (return (i32.const 512))))
    (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#describe") (result i32)
    (i32.store (i32.const 600) (i32.const 256)) (i32.store (i32.const 604) (i32.const {{name_len}}))
    (i32.store (i32.const 608) (i32.const 320)) (i32.store (i32.const 612) (i32.const 5))
    (i32.store (i32.const 616) (i32.const 384)) (i32.store (i32.const 620) (i32.const {{schema_len}}))
    (i32.const 600))
  (func (export "tamis:log-filter/filter@0.1.0#flush") (result i32) (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#counters") (result i32) (i32.const 1024))
  (func (export "tamis:log-filter/filter@0.1.0#process")
    (param $tag i32) (param $tag_len i32) (param $encoding i32)
    (param $times i32) (param $records i32)
    (param $bodies i32) (param $bodies_len i32) (param $ends i32) (param $ends_len i32)
    (result i32)
    (local $verdicts i32)
    ;; All memory of the batch before is free again.
    {{reset}}
    (local.set $verdicts (call $reserve (local.get $records)))
    (memory.fill (local.get $verdicts) (i32.const {{verdict}}) (local.get $records))
    {{process}}
    (i32.store (i32.const 700) (local.get $verdicts)) (i32.store (i32.const 704) (local.get $records))
    (i32.store (i32.const 708) (i32.const 1024)) (i32.store (i32.const 712) (i32.const 0))
    (i32.store (i32.const 716) (i32.const 1024)) (i32.store (i32.const 720) (i32.const 0))
    (i32.const 700)))
