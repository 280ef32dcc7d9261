//! Snapshots of components.

use anyhow::ensure;
use wasmparser::{Parser, Payload, ValType};
use wasmtime::component::{ComponentNamedList, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::{ready, refuse_random, unfit};
use crate::{
    host::{
        Engines, HostOptions,
        component::{self, Running},
    },
    inspect,
};

/// Reads, by functions that wizer has added, what an instance holds.
struct Reader {
    running: Running,
    /// The first call that failed.
    error: Option<wasmtime::Error>,
}

/// Bake `config` into a component.
pub(super) fn bake(
    engines: &Engines,
    wasm: &[u8],
    config: &str,
    options: &HostOptions,
) -> anyhow::Result<Vec<u8>> {
    refuse_random(&inspect::inspect(wasm)?.imports)?;
    refuse_vector_globals(wasm)?;
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(wasm).map_err(unfit)?;
    let compiled = component::compile(engines, &instrumented)?;
    let running = component::initialized(engines, &compiled, config, options)?;
    let mut reader = Reader { running, error: None };
    let baked = ready(wizer.snapshot_component(&context, &mut reader))?.map_err(unfit)?;
    match reader.error {
        None => Ok(baked),
        Some(error) => Err(unfit(error)),
    }
}

/// Wizer cannot carry them out of a component.
fn refuse_vector_globals(wasm: &[u8]) -> anyhow::Result<()> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::GlobalSection(section) = payload? {
            for global in section {
                let ty = global?.ty;
                let vector = ty.mutable && ty.content_type == ValType::V128;
                ensure!(!vector, "this component cannot be snapshotted: it has a global of type v128");
            }
        }
    }
    Ok(())
}

impl Reader {
    fn call<R, T: Default>(
        &mut self,
        instance: &str,
        func: &str,
        with: impl FnOnce(&wasmtime::Store<component::State>, R) -> T,
    ) -> T
    where
        R: 'static,
        (R,): ComponentNamedList + Lift,
    {
        let Running { store, instance: component, .. } = &mut self.running;
        let found = component
            .get_export(&mut *store, None, instance)
            .and_then(|(_, i)| component.get_export(&mut *store, Some(&i), func));
        let called = match found {
            Some((_, func)) => component
                .get_typed_func::<(), (R,)>(&mut *store, func)
                .and_then(|func| func.call(&mut *store, ())),
            None => Err(wasmtime::Error::msg(format!("it lost its function `{func}`"))),
        };
        match called {
            Ok((value,)) => with(store, value),
            Err(error) => {
                self.error.get_or_insert(error);
                T::default()
            }
        }
    }
}

impl ComponentInstanceState for Reader {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        self.call(instance, func, |store, list: WasmList<u8>| contents(list.as_le_slice(store)));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func, |_, value| value)
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func, |_, value| value)
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call(instance, func, |_, value: f32| value.to_bits())
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call(instance, func, |_, value: f64| value.to_bits())
    }
}
