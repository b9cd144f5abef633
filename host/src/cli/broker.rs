//! `tidegate broker`: who is connected, what is published, what waits; `tidegate pub` and `tidegate sub`.

use std::io::{self, Write as _};

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde::Deserialize;

use super::client::{AdminClient, ClientArgs};
use super::event;
use super::event_stream::{EventReader, ServerEvent};
use super::input;
use super::print::{self, Paint, Table};

/// `tidegate broker`.
#[derive(clap::Subcommand)]
pub(super) enum BrokerCommand {
    /// List MQTT clients and their sessions
    Clients {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// End a client's connection and its session
    End {
        /// The client's identifier
        client_id: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List topics with how much comes on them, counted since it was asked first
    Topics {
        /// Only those that this filter matches
        #[arg(default_value = "#")]
        filter: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List what waits for functions
    Inboxes {
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// `tidegate pub`.
#[derive(clap::Args)]
pub(super) struct PubArgs {
    /// The topic
    topic: String,
    /// The payload; standard input where it is left out or `-`
    payload: Option<String>,
    /// How surely it is delivered: 0, 1 or 2. 1 and 2 wait until every taker has it
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Keep it for later subscribers
    #[arg(long, short)]
    retain: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// `tidegate sub`.
#[derive(clap::Args)]
pub(super) struct SubArgs {
    /// The topic filter, as in `sensors/+/temperature` or `sensors/#`
    #[arg(default_value = "#")]
    filter: String,
    /// End after this many messages
    #[arg(long, short, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Deserialize)]
struct Clients {
    clients: Vec<Client>,
}

#[derive(Deserialize)]
struct Client {
    client_id: String,
    identity: Option<String>,
    address: Option<String>,
    transport: Option<String>,
    version: Option<String>,
    subscriptions: Vec<String>,
    inflight: u64,
    queued: u64,
    dropped: u64,
}

#[derive(Deserialize)]
struct Topics {
    topics: Vec<Topic>,
}

#[derive(Deserialize)]
struct Topic {
    topic: String,
    messages: u64,
    rate: f64,
    retained_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Inboxes {
    inboxes: Vec<Inbox>,
}

#[derive(Deserialize)]
struct Inbox {
    function: String,
    depth: u64,
    bytes: u64,
    failing: u64,
    oldest_ms: Option<i64>,
    dropped: u64,
}

#[derive(Deserialize)]
struct Message {
    topic: String,
    #[serde(default)]
    payload: Option<String>,
    #[serde(default)]
    payload_base64: Option<String>,
}

#[derive(Deserialize)]
struct Missed {
    messages: u64,
}

/// Runs `tidegate broker`.
pub(super) async fn run(command: BrokerCommand) -> anyhow::Result<()> {
    match command {
        BrokerCommand::Clients { client } => clients(&client).await,
        BrokerCommand::End { client_id, client } => {
            let client = AdminClient::new(&client).await?;
            let path = ["broker", "clients", client_id.as_str()];
            client.fetch(client.request(Method::DELETE, &path)).await?;
            Ok(())
        }
        BrokerCommand::Topics { filter, client } => topics(&filter, &client).await,
        BrokerCommand::Inboxes { client } => inboxes(&client).await,
    }
}

/// Runs `tidegate pub`.
pub(super) async fn publish(args: PubArgs) -> anyhow::Result<()> {
    let payload = match args.payload.as_deref() {
        None | Some("-") => input::read_stdin()?,
        Some(text) => text.as_bytes().to_vec().into(),
    };
    let client = AdminClient::new(&args.client).await?;
    let message = event::mqtt_event(&args.topic, &payload, args.qos, args.retain);
    let request = client.request(Method::POST, &["broker", "publish"]);
    client.fetch(request.json(&message["mqtt"])).await?;
    Ok(())
}

/// Runs `tidegate sub`.
pub(super) async fn subscribe(args: SubArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(&args.client).await?;
    let request = client.request(Method::GET, &["broker", "messages"]);
    let mut response = client
        .stream(
            request
                .query(&[("filter", &args.filter)])
                .query(&[("follow", true)]),
        )
        .await?;
    let mut reader = EventReader::default();
    let mut left = args.count.unwrap_or(u64::MAX);
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| client.explain(error))?
    {
        for event in reader.push(&chunk)? {
            left -= u64::from(show(&event, args.client.json)?);
            if left == 0 {
                return Ok(());
            }
        }
    }
    eprintln!("The host ended the stream.");
    Ok(())
}

/// Shows one event; whether it was a message.
fn show(event: &ServerEvent, json: bool) -> anyhow::Result<bool> {
    let mut out = io::stdout().lock();
    match event.kind.as_str() {
        "message" if json => writeln!(out, "{}", event.data)?,
        "message" => {
            let message: Message =
                serde_json::from_str(&event.data).context("a message cannot be read")?;
            writeln!(out, "{}", line_of(message)?)?;
        }
        "missed" => {
            let missed: Missed =
                serde_json::from_str(&event.data).context("an event cannot be read")?;
            let note = format!(
                "({} messages came too fast and were left out)",
                missed.messages
            );
            eprintln!("{}", Paint::of_stderr().dim(&note));
            return Ok(false);
        }
        // A newer host may say more.
        _ => return Ok(false),
    }
    Ok(true)
}

/// Topic, space, payload, as `mosquitto_sub -v` prints them; what is not text, as bytes.
fn line_of(message: Message) -> anyhow::Result<String> {
    let topic = print::printable(&message.topic).into_owned();
    let payload = match (message.payload, message.payload_base64) {
        (Some(text), _) => print::printable(&text).into_owned(),
        (None, Some(base64)) => {
            let bytes = BASE64_STANDARD.decode(base64)?;
            bytes.escape_ascii().to_string()
        }
        (None, None) => String::new(),
    };
    Ok(format!("{topic} {payload}"))
}

async fn clients(args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::GET, &["broker", "clients"]);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let listed: Clients = answer.read()?;
    let mut table = Table::new([
        "CLIENT", "IDENTITY", "ADDRESS", "VERSION", "FILTERS", "INFLIGHT", "QUEUED", "DROPPED",
    ]);
    for client in listed.clients {
        let address = client.address.map(|address| {
            let transport = client.transport.unwrap_or_default();
            format!("{transport} {address}")
        });
        table.row([
            client.client_id,
            client.identity.unwrap_or_else(|| "-".to_owned()),
            address.unwrap_or_else(|| "off line".to_owned()),
            client.version.unwrap_or_else(|| "-".to_owned()),
            client.subscriptions.len().to_string(),
            client.inflight.to_string(),
            client.queued.to_string(),
            client.dropped.to_string(),
        ]);
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

async fn topics(filter: &str, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::GET, &["broker", "topics"]);
    let answer = client.fetch(request.query(&[("filter", filter)])).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let listed: Topics = answer.read()?;
    let mut table = Table::new(["TOPIC", "MESSAGES", "PER SECOND", "RETAINED"]);
    for topic in listed.topics {
        table.row([
            topic.topic,
            topic.messages.to_string(),
            format!("{:.1}", topic.rate),
            topic
                .retained_bytes
                .map_or_else(|| "-".to_owned(), print::bytes),
        ]);
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

async fn inboxes(args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::GET, &["broker", "inboxes"]);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let listed: Inboxes = answer.read()?;
    let mut table = Table::new([
        "FUNCTION", "WAITING", "BYTES", "FAILING", "OLDEST", "DROPPED",
    ]);
    for inbox in listed.inboxes {
        let oldest = inbox.oldest_ms.map(|ms| {
            let now = jiff::Timestamp::now().as_millisecond();
            #[expect(clippy::cast_precision_loss, reason = "it is shown")]
            print::milliseconds((now - ms).max(0) as f64)
        });
        table.row([
            inbox.function,
            inbox.depth.to_string(),
            print::bytes(inbox.bytes),
            inbox.failing.to_string(),
            oldest.unwrap_or_else(|| "-".to_owned()),
            inbox.dropped.to_string(),
        ]);
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}
