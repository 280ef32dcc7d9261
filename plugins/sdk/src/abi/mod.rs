//! The shells: one file per host ABI, none of which knows a filter.
//!
//! | module | host | selected by |
//! |---|---|---|
//! | `component` | Wasmtime harness (WIT contract) | feature `component` |
//! | `fluent_bit` | Fluent Bit `filter_wasm` | feature `fluent-bit` |
//! | `proxy_wasm` | Envoy and other proxy-wasm 0.2.1 hosts | feature `proxy-wasm` |
//!
//! Without a feature, [`export_filter!`](crate::export_filter) emits nothing and the
//! crate is a plain library, which is what the native host links.

#[cfg(feature = "component")]
pub mod component;
#[cfg(feature = "fluent-bit")]
pub mod fluent_bit;
#[cfg(feature = "proxy-wasm")]
pub mod proxy_wasm;

/// Emit the exports of the shell that was chosen at build time, for one filter type.
#[cfg(not(any(feature = "component", feature = "fluent-bit", feature = "proxy-wasm")))]
#[macro_export]
macro_rules! export_filter {
    ($filter:ty) => {
        const _: fn() = || {
            fn is_filter<F: $crate::Filter>() {}
            is_filter::<$filter>();
        };
    };
}
