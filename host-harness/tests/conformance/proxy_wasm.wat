;; A good proxy-wasm filter that lets all bodies pass, with places where a test puts something
;; worse.
(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set (param i32 i32 i32 i32 i32) (result i32)))
  {{imports}}
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 65536))
  (data (i32.const 1024) "the config is not JSON")
  (data (i32.const 1100) "#")
  (func (export "{{version}}"))
  (func (export "_initialize"))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $top))
    {{advance}}
    (local.set $missing (i32.sub
      (i32.shr_u (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (drop (memory.grow (local.get $missing)))))
    (local.get $at))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  ;; A config of one byte is a broken one.
  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    {{configure}}
    (if (i32.eq (local.get $size) (i32.const 1))
      (then (drop (call $log (i32.const 5) (i32.const 1024) (i32.const 22)))
            (return (i32.const 0))))
    (i32.const 1))
  (func (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    {{body}}
    (i32.const 0)))
