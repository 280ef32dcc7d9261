//! The shell for proxy-wasm 0.2.1: log shipping through Envoy and its like, and watching what goes through it.
//!
//! `plugin` starts the filter from its config, `exchange` carries the bodies of a request
//! and its response through it, `watch` shows it requests in passing, `metrics` counts, `sys` calls the host. How records lie in a body is not
//! known here but in [`payload`](crate::payload).
//!
//! A panic kills the VM of a worker: requests on it are answered with 503 from then on.
//! Nothing here panics, and no status of the host is taken for granted.

mod exchange;
mod metrics;
mod plugin;
mod sys;
mod watch;

use crate::Filter;

/// Make the filter known to the host. Called once, from `_initialize`; a host may refuse
/// any call but logging then, so none is made.
pub fn start<F: Filter>() {
    proxy_wasm::set_root_context(|_| Box::new(plugin::Plugin::<F>::new()));
}

/// Emit the exports of a proxy-wasm module for one filter type. All but `_initialize` come
/// from the proxy-wasm crate.
#[macro_export]
macro_rules! export_filter {
    ($filter:ty) => {
        #[allow(unsafe_code)]
        mod tamis_proxy_wasm {
            #[cfg(target_os = "wasi")]
            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            /// Called by the host once, before anything else.
            #[unsafe(no_mangle)]
            pub extern "C" fn _initialize() {
                #[cfg(target_os = "wasi")]
                // SAFETY: the linker makes this function; it runs once, before all other code.
                unsafe {
                    __wasm_call_ctors();
                }
                $crate::abi::proxy_wasm::start::<super::TamisExportedFilter>();
            }
        }

        type TamisExportedFilter = $filter;
    };
}
