//! The `T` of an instance's `Store<T>`: everything that belongs to one invocation and dies with it.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::http::wagi;
use super::limiter::MemoryLimiter;
use super::ready::ReadyFunction;
use crate::capability::config::ConfigContext;
use crate::capability::key_value::{KeyValueContext, KeyValueView};
use crate::capability::mqtt_client::MqttContext;
use crate::capability::outbound::http::HttpHooks;
use crate::capability::outbound::in_process::{AppCalls, InProcess};
use crate::capability::outbound::sockets::{NameLookup, Sockets};
use crate::capability::outbound::{Denials, Outbound};
use crate::capability::spin_mqtt::SpinMqttView;
use crate::capability::sqlite::{SqliteContext, SqliteView};
use crate::capability::standard_output::StandardOutput;
use crate::capability::under_way::UnderWay;
use crate::limits;
use crate::model::cpu_time::CpuTime;
use crate::model::secret::Secrets;
use crate::observe::calls::{Call, Calls, OpenCall};
use crate::observe::metrics::Metrics;
use crate::observe::output::{Output, Stream};
use crate::storage::database::Database;
use crate::storage::guest_databases::{Caller, GuestDatabases};
use tidegate_broker::Broker;

/// What functions reach through their capabilities.
#[derive(Clone)]
pub struct Services {
    /// Key-value state.
    pub database: Database,
    /// SQL databases.
    pub guest_databases: Arc<GuestDatabases>,
    /// Where functions publish; none where MQTT is switched off.
    pub broker: Option<Broker>,
    /// What functions are granted by name.
    pub secrets: Secrets,
    /// How functions reach others.
    pub outbound: Outbound,
    /// What the host counts.
    pub metrics: Arc<Metrics>,
    /// Who answers calls within an app: set when there are functions to be called.
    pub in_process: Arc<OnceLock<Arc<dyn InProcess>>>,
}

/// What one invocation starts with.
pub(super) struct Start {
    /// Where its output goes.
    pub(super) output: Output,
    /// What it computes is added here.
    pub(super) cpu: CpuTime,
    /// What it does beyond computing.
    pub(super) calls: Calls,
    /// Functions that its event has passed through.
    pub(super) hops: u32,
    /// For a program: its environment and its pipes.
    pub(super) program: Option<wagi::Start>,
}

/// The state of one invocation.
pub(super) struct InstanceState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    http_hooks: HttpHooks,
    table: ResourceTable,
    key_value: KeyValueContext,
    sqlite: SqliteContext,
    sockets: Sockets,
    pub(super) limiter: MemoryLimiter,
    pub(super) cpu: CpuTime,
    pub(super) calls: Calls,
    pub(super) config: ConfigContext,
    pub(super) output: Output,
    pub(super) mqtt: MqttContext,
}

impl InstanceState {
    pub(super) fn new(
        function: &ReadyFunction,
        services: &Services,
        files: Option<&Path>,
        start: Start,
        limiter: MemoryLimiter,
    ) -> InstanceState {
        let output = start.output;
        let mut wasi = wasi(function, files, start.program, &output);
        let outbound = function.outbound(&services.outbound);
        let denials = Denials::new(output.clone());
        let sockets = Sockets::new(outbound.clone(), denials.clone(), start.calls.clone());
        sockets.allow(&mut wasi);
        let until = Instant::now() + function.limits.timeout;
        let app_calls = app_calls(function, services, start.hops);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits::FIELDS_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::HANDLES_MAX);
        let under_way = UnderWay::default();
        InstanceState {
            wasi: wasi.build(),
            http,
            http_hooks: HttpHooks::new(
                outbound.clone(),
                denials,
                app_calls,
                until,
                start.calls.clone(),
            ),
            table,
            sockets,
            key_value: KeyValueContext {
                database: services.database.clone(),
                grants: function.grants.clone(),
                under_way: under_way.clone(),
                calls: start.calls.clone(),
            },
            sqlite: SqliteContext::new(
                services.guest_databases.clone(),
                Caller {
                    function: function.name.clone(),
                    cpu: start.cpu.clone(),
                },
                function.grants.clone(),
                under_way.clone(),
                start.calls.clone(),
            ),
            limiter,
            cpu: start.cpu,
            config: ConfigContext {
                calls: start.calls.clone(),
                config: function.config.clone(),
                grants: function.grants.clone(),
                secrets: services.secrets.clone(),
            },
            output,
            mqtt: MqttContext {
                broker: services.broker.clone(),
                grants: function.grants.clone(),
                outbound,
                under_way,
                hops: start.hops,
                calls: start.calls.clone(),
            },
            calls: start.calls,
        }
    }

    /// Its instance is being made until this is told how that ended.
    pub(super) fn instantiating(&self) -> OpenCall {
        self.calls.begin(Call::Instantiate, || "")
    }

    pub(super) fn key_value(&mut self) -> KeyValueView<'_> {
        KeyValueView {
            context: &self.key_value,
            table: &mut self.table,
        }
    }

    pub(super) fn sqlite(&mut self) -> SqliteView<'_> {
        SqliteView {
            context: &self.sqlite,
            table: &mut self.table,
        }
    }

    pub(super) fn spin_mqtt(&mut self) -> SpinMqttView<'_> {
        SpinMqttView {
            context: &self.mqtt,
            table: &mut self.table,
        }
    }

    pub(super) fn sockets(&mut self) -> &Sockets {
        &self.sockets
    }

    pub(super) fn name_lookup(&mut self) -> NameLookup<'_> {
        NameLookup {
            sockets: &self.sockets,
            table: &mut self.table,
        }
    }

    /// The HTTP view for taking in the request: the guest is to see the host that it was asked for.
    pub(super) fn http_incoming<T>(&mut self, take_in: impl FnOnce(WasiHttpCtxView<'_>) -> T) -> T {
        self.http_hooks.host_forbidden = false;
        let taken_in = take_in(self.http());
        self.http_hooks.host_forbidden = true;
        taken_in
    }
}

/// Environment, standard streams, random numbers and files; of sockets nothing yet.
fn wasi(
    function: &ReadyFunction,
    files: Option<&Path>,
    program: Option<wagi::Start>,
    output: &Output,
) -> WasiCtxBuilder {
    let mut wasi = WasiCtx::builder();
    let environment: Vec<_> = function.manifest.environment.iter().collect();
    wasi.envs(&environment);
    if let Some(files) = files
        && let Err(error) = wasi.preopened_dir(files, "/", FsPerms::ReadOnly)
    {
        tracing::error!(function = %function.name, %error, "the function's files are gone");
    }
    match program {
        Some(program) => wasi
            .args(&program.arguments)
            .envs(&program.environment)
            .stdin(program.stdin)
            .stdout(program.stdout),
        None => wasi.stdout(StandardOutput::new(output.clone(), Stream::Stdout)),
    };
    wasi.stderr(StandardOutput::new(output.clone(), Stream::Stderr))
        .max_random_size(limits::RANDOM_BYTES_MAX);
    wasi
}

/// How a function that belongs to an app calls the others of it.
fn app_calls(function: &ReadyFunction, services: &Services, hops: u32) -> Option<AppCalls> {
    let app = function.manifest.app.as_ref()?;
    Some(AppCalls {
        in_process: services.in_process.get()?.clone(),
        app: app.name.clone(),
        hops,
    })
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http_hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
