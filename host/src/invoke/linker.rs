//! Links every capability, once for the host. What is not here is refused at deploy.

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

use super::instance_state::InstanceState;
use crate::bindings::imports::tidegate::mqtt::client;
use crate::bindings::imports::wasi::config::store as config;
use crate::bindings::imports::wasi::keyvalue::{atomics, batch, store};
use crate::bindings::imports::wasi::logging::logging;
use crate::bindings::sqlite::{version_2, version_3};
use crate::bindings::{foreign, foreign_async};
use crate::capability::config::HasConfig;
use crate::capability::key_value::HasKeyValue;
use crate::capability::logging::HasLogging;
use crate::capability::mqtt_client::HasMqtt;
use crate::capability::outbound::{relative, sockets};
use crate::capability::spin_mqtt::HasSpinMqtt;
use crate::capability::sqlite::HasSqlite;
use crate::capability::unserved;
use crate::model::abi::Abi;

/// Links everything that Tidegate serves to components of this ABI.
pub(super) fn link(engine: &Engine, abi: Abi) -> wasmtime::Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    // All of WASI 0.2: what is not granted is there and gives nothing away (no directories, no network).
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    link_http(&mut linker)?;
    sockets::link_name_lookup(&mut linker, InstanceState::name_lookup)?;
    sockets::link_creation(&mut linker, InstanceState::sockets)?;
    store::add_to_linker::<_, HasKeyValue>(&mut linker, InstanceState::key_value)?;
    atomics::add_to_linker::<_, HasKeyValue>(&mut linker, InstanceState::key_value)?;
    batch::add_to_linker::<_, HasKeyValue>(&mut linker, InstanceState::key_value)?;
    config::add_to_linker::<_, HasConfig>(&mut linker, |state| &mut state.config)?;
    logging::add_to_linker::<_, HasLogging>(&mut linker, |state| &mut state.output)?;
    client::add_to_linker::<_, HasMqtt>(&mut linker, |state| &mut state.mqtt)?;
    link_foreign(&mut linker)?;
    link_sqlite(&mut linker, abi)?;
    if abi == Abi::Async {
        link_async(&mut linker)?;
    }
    Ok(linker)
}

/// Links a component: with stand-ins for what it imports and this host does not serve, where there is anything.
pub(super) fn instantiate_pre(
    linker: &Linker<InstanceState>,
    component: &Component,
) -> wasmtime::Result<InstancePre<InstanceState>> {
    if !unserved::imports_any(component) {
        return linker.instantiate_pre(component);
    }
    let mut linker = linker.clone();
    unserved::link(&mut linker, component)?;
    linker.instantiate_pre(component)
}

/// What only an engine with the asynchronous ABI can link: WASI 0.3 and asynchronous functions of others, beside all of
/// the above.
fn link_async(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    use foreign_async::spin::{key_value::key_value, mqtt::mqtt, variables::variables};
    use wasmtime_wasi_http::p3::bindings::http::types as p3;

    wasmtime_wasi::p3::add_to_linker(linker)?;
    sockets::link_async_name_lookup(linker, InstanceState::name_lookup)?;
    sockets::link_async_creation(linker, InstanceState::sockets)?;
    relative::link_async(linker)?;
    p3::add_to_linker::<_, WasiHttp>(linker, InstanceState::http)?;
    key_value::add_to_linker::<_, HasKeyValue>(linker, InstanceState::key_value)?;
    mqtt::add_to_linker::<_, HasSpinMqtt>(linker, InstanceState::spin_mqtt)?;
    variables::add_to_linker::<_, HasConfig>(linker, |state| &mut state.config)
}

/// Links the interfaces to SQL databases; of the newer one, what this ABI has.
fn link_sqlite(linker: &mut Linker<InstanceState>, abi: Abi) -> wasmtime::Result<()> {
    let mut options = version_3::LinkOptions::default();
    options.concurrent(abi == Abi::Async);
    version_2::add_to_linker::<_, HasSqlite>(linker, InstanceState::sqlite)?;
    version_3::add_to_linker::<_, HasSqlite>(linker, &options, InstanceState::sqlite)
}

/// Links `wasi:http` of WASI 0.2.
fn link_http(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::p2::bindings::http::types;

    relative::link(linker)?;
    let options = types::LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &options, InstanceState::http)
}

/// Links interfaces of others over the same capabilities.
fn link_foreign(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    use foreign::fermyon::{spin, spin2_0_0 as spin_2};
    use foreign::wasi::keyvalue::{atomics, batch, store};
    use foreign::wasi::{config0_2_0_draft as draft, config0_2_0_draft_2024_09_27 as draft_2024};

    spin::key_value::add_to_linker::<_, HasKeyValue>(linker, InstanceState::key_value)?;
    spin_2::key_value::add_to_linker::<_, HasKeyValue>(linker, InstanceState::key_value)?;
    store::add_to_linker::<_, HasKeyValue>(linker, InstanceState::key_value)?;
    atomics::add_to_linker::<_, HasKeyValue>(linker, InstanceState::key_value)?;
    batch::add_to_linker::<_, HasKeyValue>(linker, InstanceState::key_value)?;
    spin_2::mqtt::add_to_linker::<_, HasSpinMqtt>(linker, InstanceState::spin_mqtt)?;
    spin::config::add_to_linker::<_, HasConfig>(linker, |state| &mut state.config)?;
    spin_2::variables::add_to_linker::<_, HasConfig>(linker, |state| &mut state.config)?;
    draft::runtime::add_to_linker::<_, HasConfig>(linker, |state| &mut state.config)?;
    draft_2024::store::add_to_linker::<_, HasConfig>(linker, |state| &mut state.config)?;
    Ok(())
}
