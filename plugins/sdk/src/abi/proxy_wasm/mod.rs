//! The shell for proxy-wasm 0.2.1: log shipping through Envoy and its like, and watching what goes through it.
//!
//! `plugin` starts the filter from its config, `exchange` carries the bodies of a request
//! and its response through it, `watch` shows it requests in passing, `metrics` counts, `sys` calls the host. How records lie in a body is not
//! known here but in [`payload`](crate::payload).
//!
//! `tamis bake` makes a module of an instance whose filter is started: `tamis_bake` starts it,
//! and in that module `_initialize` is `tamis_resume`. Contexts and metrics are the host's and
//! are not yet there then; each plugin of the module comes to the one filter when it is configured.
//!
//! A panic kills the VM of a worker: requests on it are answered with 503 from then on.
//! Nothing here panics, and no status of the host is taken for granted.

mod exchange;
mod metrics;
mod plugin;
mod sys;
mod watch;

use std::{cell::OnceCell, rc::Rc};

use proxy_wasm::traits::RootContext;

use crate::{ConfigError, Filter};

/// Make a filter known to the host, `new_plugin` being what makes [`Baked::plugin`]s of it.
/// Called once, from `_initialize`; a host may refuse any call but logging then, so none is made.
pub fn start(new_plugin: fn(u32) -> Box<dyn RootContext>) {
    proxy_wasm::set_root_context(new_plugin);
}

/// The filter that was started for a snapshot, if it was.
pub struct Baked<F: Filter>(OnceCell<Rc<plugin::Ready<F>>>);

impl<F: Filter> Default for Baked<F> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<F: Filter> Baked<F> {
    /// A plugin of the host's config, with this filter if there is one.
    pub fn plugin(&self) -> Box<dyn RootContext> {
        Box::new(plugin::Plugin::new(self.0.get().cloned()))
    }

    /// Start the filter with the config at `config`, memory from `proxy_on_memory_allocate`. The
    /// answer is null, or what is wrong with the config, NUL-terminated, in memory that stays.
    pub fn bake(&self, config: *mut u8, config_len: usize) -> *const u8 {
        let ready = String::from_utf8(sys::take(config, config_len))
            .map_err(|_| ConfigError::new("$", "not UTF-8: save it as UTF-8"))
            .and_then(|text| plugin::Ready::start(&text));
        match ready {
            Ok(ready) => {
                // It is called once.
                let _ = self.0.set(Rc::new(ready));
                std::ptr::null()
            }
            Err(error) => format!("{error}\0").leak().as_ptr(),
        }
    }
}

/// Emit the exports of a proxy-wasm module for one filter type. All but `_initialize` come
/// from the proxy-wasm crate.
#[macro_export]
macro_rules! export_filter {
    ($filter:ty) => {
        #[allow(unsafe_code)]
        mod tamis_proxy_wasm {
            use $crate::abi::proxy_wasm::{self, Baked};

            #[cfg(target_os = "wasi")]
            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            std::thread_local! {
                static BAKED: Baked<super::TamisExportedFilter> = Baked::default();
            }

            /// Called by the host once, before anything else.
            #[unsafe(no_mangle)]
            pub extern "C" fn _initialize() {
                #[cfg(target_os = "wasi")]
                // SAFETY: the linker makes this function; it runs once, before all other code.
                unsafe {
                    __wasm_call_ctors();
                }
                proxy_wasm::start(|_| BAKED.with(Baked::plugin));
            }

            /// Called in place of a host, once, by `tamis bake`.
            #[unsafe(no_mangle)]
            pub extern "C" fn tamis_bake(config: *mut u8, config_len: usize) -> *const u8 {
                _initialize();
                BAKED.with(|baked| baked.bake(config, config_len))
            }

            /// The `_initialize` of what was baked: nothing is left to do.
            #[unsafe(no_mangle)]
            pub extern "C" fn tamis_resume() {}
        }

        type TamisExportedFilter = $filter;
    };
}
