//! The composition root: knows every part, known by none.
//!
//! [`run`] starts the host from its settings, says when it is ready, waits for a reason to stop, and drains. The data
//! plane has a runtime with a thread for each core; the admin API has one of its own, so that it answers whatever the
//! guests do.

#[cfg(test)]
mod tests;
pub mod trial;

use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_lc_rs::rand;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tidegate_broker::transport::Transport;
use tidegate_broker::upstream::{UpstreamSettings, client_id_in};
use tidegate_broker::{Broker, Settings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::devices::Devices;
use crate::access::tokens::TokenKey;
use crate::admin::auth::Tokens;
use crate::admin::host::HostFacts;
use crate::admin::login::LoginCode;
use crate::admin::router::{self, AdminState};
use crate::capability::outbound::{ExtraRoots, Outbound};
use crate::config::{Config, MqttConfig, MqttListener};
use crate::data_dir::DataDir;
use crate::deploy::activate::{Deployer, stored_table};
use crate::ingress::app::AppIngress;
use crate::ingress::http::HttpIngress;
use crate::ingress::mqtt::MqttIngress;
use crate::ingress::schedule::ScheduleIngress;
use crate::invoke::engine::PooledEngine;
use crate::invoke::invoker::{Invoker, Services};
use crate::model::device::Anonymous;
use crate::model::secret::Secrets;
use crate::observe::export::Exporter;
use crate::observe::journal::{Journals, Watchers};
use crate::observe::live::Live;
use crate::observe::metrics::Metrics;
use crate::shutdown::StopSignals;
use crate::storage::broker::BrokerStore;
use crate::storage::database::{self, Database};
use crate::storage::guest_databases::GuestDatabases;
use crate::storage::key_value;
use crate::storage::keys::{self, Purpose};
use crate::storage::secrets;
use crate::trigger::tables::TriggerTables;

/// How the host says that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// A line for each listener.
    Lines,
    /// One JSON object on standard output.
    Json,
}

/// Runs a host until it is told to stop, and drains it.
pub fn run(config: &Config, announcement: Announcement) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("guests")
        .build()?;
    let result = runtime.block_on(serve(config, announcement));
    // What has not ended by itself within the drain's time is not waited for any longer.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

/// The listeners, bound.
struct Listeners {
    http: StdTcpListener,
    admin: StdTcpListener,
    mqtt: Vec<(MqttListener, StdTcpListener)>,
}

/// Where the listeners are.
struct Addresses {
    http: SocketAddr,
    admin: SocketAddr,
    /// By the schemes of their URLs.
    mqtt: Vec<(&'static str, SocketAddr)>,
}

/// The parts that both planes share.
struct Parts {
    database: Database,
    devices: Arc<Devices>,
    guest_databases: Arc<GuestDatabases>,
    secrets: Secrets,
    broker: Option<Broker>,
    invoker: Arc<Invoker>,
    journals: Arc<Journals>,
    tables: Arc<TriggerTables>,
}

async fn serve(config: &Config, announcement: Announcement) -> anyhow::Result<()> {
    let mut signals = StopSignals::listen()?;
    allow_open_files();
    let data_dir = DataDir::open(&config.data_dir)?;
    let first_start = !database::file(data_dir.path()).exists();
    let login = first_start.then(random_code).transpose()?;
    let database = Database::open(data_dir.path()).context("the database cannot be opened")?;
    let listeners = Listeners::bind(config)?;
    let addresses = listeners.addresses()?;
    let parts = Parts::make(config, &data_dir, database).await?;

    let draining = CancellationToken::new();
    let state = parts.admin_state(facts(config, &addresses), login.clone(), draining.clone());
    let state = state.await?;
    let stop_admin = CancellationToken::new();
    let admin = AdminThread::start(state, listeners.admin, stop_admin.clone())?;
    let stop_events = CancellationToken::new();
    let events = TaskTracker::new();
    parts.serve_http(listeners.http, &events, &stop_events)?;
    if let Some(mqtt) = &config.mqtt {
        parts
            .serve_mqtt(mqtt, listeners.mqtt, &events, &stop_events)
            .await?;
    }

    parts.start_schedules(&events, &stop_events).await;
    events.spawn(key_value::sweep(
        parts.database.clone(),
        stop_events.clone(),
    ));

    announce(&addresses, announcement, login.as_deref());
    signals.next().await;

    tracing::info!("draining");
    draining.cancel();
    stop_events.cancel();
    events.close();
    let drained = async {
        events.wait().await;
        parts.invoker.idle().await;
    };
    tokio::select! {
        () = drained => tracing::info!("drained"),
        () = tokio::time::sleep(config.drain_timeout) => {
            let running = parts.invoker.running();
            tracing::warn!(running, "not everything has ended within the drain's time");
        }
        () = signals.next() => tracing::warn!("told to stop at once"),
    }
    if let Some(broker) = &parts.broker {
        broker.stop().await;
    }
    stop_admin.cancel();
    admin.join();
    if let Some(exporter) = &parts.journals.watchers().exporter {
        exporter.shutdown();
    }
    Ok(())
}

impl Parts {
    async fn make(
        config: &Config,
        data_dir: &DataDir,
        database: Database,
    ) -> anyhow::Result<Parts> {
        let pooled = PooledEngine::probe(config.instances_max, config.guest_memory_bytes_max)?;
        tracing::info!(pool = %pooled, "instance pool");
        let devices = Arc::new(load_devices(config, &database).await?);
        let broker = match &config.mqtt {
            Some(mqtt) => Some(open_broker(mqtt, data_dir, &database, &devices).await?),
            None => None,
        };
        let guest_databases = Arc::new(GuestDatabases::new(data_dir.databases()));
        let granted = Secrets::default();
        granted.replace(database.read(secrets::all).await?);
        let extra_roots = config.outbound_ca.as_deref().map(ExtraRoots::read);
        let extra_roots = extra_roots.transpose()?.unwrap_or_default();
        let watchers = Watchers {
            metrics: Metrics::new(),
            live: Live::new(),
            exporter: Exporter::from_environment()
                .context(
                    "traces cannot be exported as OTEL_EXPORTER_OTLP_ENDPOINT and its like say",
                )?
                .map(Arc::new),
        };
        let services = Services {
            database: database.clone(),
            guest_databases: guest_databases.clone(),
            broker: broker.clone(),
            outbound: Outbound::new(extra_roots, granted.clone()),
            secrets: granted.clone(),
            metrics: watchers.metrics.clone(),
            in_process: Arc::default(),
        };
        let in_process = services.in_process.clone();
        let cache_key = host_key(&database, Purpose::CompiledComponents).await?;
        let compiled = data_dir.compiled();
        let invoker = Invoker::new(
            pooled,
            config.wasi_p3,
            services,
            compiled,
            cache_key,
            data_dir.files(),
        )?;
        let journals = Arc::new(Journals::new(watchers));
        let table = stored_table(&database, &journals).await?;
        let tables = Arc::new(TriggerTables::new(table));
        let invoker = Arc::new(invoker);
        let calls = AppIngress {
            tables: tables.clone(),
            invoker: Arc::downgrade(&invoker),
        };
        in_process.get_or_init(|| Arc::new(calls));
        Ok(Parts {
            database,
            devices,
            guest_databases,
            secrets: granted,
            broker,
            invoker,
            journals,
            tables,
        })
    }

    async fn admin_state(
        &self,
        facts: HostFacts,
        login: Option<String>,
        draining: CancellationToken,
    ) -> anyhow::Result<AdminState> {
        let token_key = host_key(&self.database, Purpose::Tokens).await?;
        let deployer = Deployer::new(
            self.database.clone(),
            self.invoker.clone(),
            self.tables.clone(),
            self.journals.clone(),
            self.secrets.clone(),
            self.guest_databases.clone(),
        );
        Ok(AdminState {
            tokens: Tokens::new(&token_key),
            login: login.map(LoginCode::new).unwrap_or_default(),
            deployer: Arc::new(deployer),
            invoker: self.invoker.clone(),
            tables: self.tables.clone(),
            database: self.database.clone(),
            devices: self.devices.clone(),
            guest_databases: self.guest_databases.clone(),
            broker: self.broker.clone(),
            watchers: self.journals.watchers().clone(),
            facts,
            draining,
        })
    }

    fn serve_http(
        &self,
        listener: StdTcpListener,
        events: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (tables, invoker) = (self.tables.clone(), self.invoker.clone());
        let ingress = Arc::new(HttpIngress { tables, invoker });
        events.spawn(ingress.serve(TcpListener::from_std(listener)?, stop.clone()));
        Ok(())
    }

    async fn start_schedules(&self, events: &TaskTracker, stop: &CancellationToken) {
        let ingress = Arc::new(ScheduleIngress {
            database: self.database.clone(),
            tables: self.tables.clone(),
            invoker: self.invoker.clone(),
        });
        events.spawn(ingress.run(self.tables.follow(), stop.clone()));
        self.tables.followed().await;
    }

    /// Clients are let in when all triggers have subscribed.
    async fn serve_mqtt(
        &self,
        config: &MqttConfig,
        listeners: Vec<(MqttListener, StdTcpListener)>,
        events: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let broker = self
            .broker
            .clone()
            .context("the MQTT broker was not opened")?;
        let (tables, invoker) = (self.tables.clone(), self.invoker.clone());
        let follower = tables.follow();
        let ingress = Arc::new(MqttIngress {
            broker: broker.clone(),
            tables,
            invoker,
        });
        events.spawn(ingress.run(follower, stop.clone()));
        self.tables.followed().await;
        events.spawn({
            let (broker, stop) = (broker.clone(), stop.clone());
            async move { broker.serve_upstream(stop).await }
        });
        for (listener, socket) in listeners {
            let transport = transport(&listener, config)?;
            let (socket, stop) = (TcpListener::from_std(socket)?, stop.clone());
            let broker = broker.clone();
            events.spawn(async move { broker.serve(socket, transport, stop).await });
        }
        Ok(())
    }
}

async fn open_broker(
    config: &MqttConfig,
    data_dir: &DataDir,
    database: &Database,
    devices: &Arc<Devices>,
) -> anyhow::Result<Broker> {
    let store = Arc::new(BrokerStore::new(database.clone()));
    let upstream = config.external.as_ref().map(|external| {
        let client_id = client_id_in(&data_dir.broker_client_id())?;
        anyhow::Ok(UpstreamSettings {
            password: external.password.clone(),
            tls: external.tls.clone(),
            ..UpstreamSettings::new(external.address.clone(), client_id)
        })
    });
    let settings = Settings {
        commit_delay: config.commit_delay,
        upstream: upstream
            .transpose()
            .context("the client id for the external broker")?,
    };
    let broker = Broker::open(store, devices.clone(), &settings).await;
    broker.context("the MQTT broker's state cannot be read")
}

fn transport(listener: &MqttListener, config: &MqttConfig) -> anyhow::Result<Transport> {
    let transport = match (&config.tls, listener.has_tls()) {
        (Some(files), true) => Transport::tls(files.clone()).context(listener.setting)?,
        _ => Transport::tcp(),
    };
    Ok(match listener.has_web_socket() {
        true => transport.over_web_socket(),
        false => transport,
    })
}

/// Every connection is an open file, and the usual soft limit of 1,024 is less than the listeners' limits together.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}

impl Listeners {
    fn bind(config: &Config) -> anyhow::Result<Listeners> {
        Ok(Listeners {
            http: bind("http", config.http)?,
            admin: bind("admin", config.admin)?,
            mqtt: config
                .mqtt
                .iter()
                .flat_map(|mqtt| &mqtt.listeners)
                .map(|listener| Ok((*listener, bind(listener.setting, listener.address)?)))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    fn addresses(&self) -> std::io::Result<Addresses> {
        Ok(Addresses {
            http: self.http.local_addr()?,
            admin: self.admin.local_addr()?,
            mqtt: self
                .mqtt
                .iter()
                .map(|(listener, socket)| Ok((listener.scheme, socket.local_addr()?)))
                .collect::<std::io::Result<_>>()?,
        })
    }
}

fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<StdTcpListener> {
    let hint = format!(
        "cannot listen on {address}: is another program using it? --{setting} sets another address"
    );
    let listener = StdTcpListener::bind(address).context(hint)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Who MQTT clients may be.
async fn load_devices(config: &Config, database: &Database) -> anyhow::Result<Devices> {
    let tokens = TokenKey::new(&host_key(database, Purpose::Tokens).await?);
    let anonymous = config.mqtt.as_ref();
    let anonymous = anonymous.map_or(Anonymous::Nobody, |mqtt| mqtt.anonymous);
    Ok(Devices::load(database.clone(), tokens, anonymous).await?)
}

/// The host's key for this purpose, made at first start.
async fn host_key(database: &Database, purpose: Purpose) -> anyhow::Result<[u8; 32]> {
    let mut fresh = [0; 32];
    rand::fill(&mut fresh).context("no randomness")?;
    Ok(database
        .write(move |db| keys::find_or_insert(db, purpose, fresh))
        .await?)
}

/// 128 bits, in hexadecimal.
fn random_code() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).context("no randomness")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Serves the admin API on a thread and a runtime of its own.
struct AdminThread(std::thread::JoinHandle<()>);

impl AdminThread {
    fn start(
        state: AdminState,
        listener: StdTcpListener,
        stop: CancellationToken,
    ) -> anyhow::Result<AdminThread> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _within = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let serve = move || {
            let drain = async {
                stop.cancelled().await;
                // Those that read along have been told by now; the others get a moment.
                tokio::time::sleep(Duration::from_secs(2)).await;
            };
            runtime.block_on(async {
                tokio::select! {
                    () = router::serve(Arc::new(state), listener, stop.clone()) => {}
                    () = drain => {}
                }
            });
        };
        Ok(AdminThread(
            std::thread::Builder::new()
                .name("admin".to_owned())
                .spawn(serve)?,
        ))
    }

    fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the admin listener's thread has panicked");
        }
    }
}

fn facts(config: &Config, addresses: &Addresses) -> HostFacts {
    let mqtt = addresses.mqtt.iter();
    HostFacts {
        admin_url: format!("http://{}", addresses.admin),
        mqtt_urls: mqtt
            .map(|(scheme, address)| mqtt_url(scheme, *address))
            .collect(),
        data_dir: std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone()),
        settings: config.shown(),
        ..HostFacts::new(format!("http://{}", addresses.http))
    }
}

#[expect(
    clippy::print_stdout,
    reason = "standard output is where the host says that it is ready"
)]
fn announce(addresses: &Addresses, announcement: Announcement, login: Option<&str>) {
    let (http, admin) = (
        format!("http://{}", addresses.http),
        format!("http://{}", addresses.admin),
    );
    match announcement {
        Announcement::Json => {
            let mut ready = json!({ "http": http, "admin": admin, "mqtt": null });
            for (scheme, address) in &addresses.mqtt {
                ready[*scheme] = mqtt_url(scheme, *address).into();
            }
            println!("{ready}");
        }
        Announcement::Lines => {
            println!("functions  {http}");
            println!("admin      {admin}");
            for (scheme, address) in &addresses.mqtt {
                println!("{scheme:<10} {}", mqtt_url(scheme, *address));
            }
            if addresses.mqtt.is_empty() {
                println!("mqtt       off");
            }
            if let Some(code) = login {
                println!("\nFirst start. This link signs you in once:\n  {admin}/#login={code}");
            }
        }
    }
}

fn mqtt_url(scheme: &str, address: SocketAddr) -> String {
    match scheme {
        "ws" | "wss" => format!("{scheme}://{address}/mqtt"),
        scheme => format!("{scheme}://{address}"),
    }
}
