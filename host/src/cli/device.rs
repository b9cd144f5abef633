//! `tidegate device`: MQTT clients that the host knows, and what each may do.
//!
//! A password is standard output's only line, so that a script can take it; what there is to say about it goes to
//! standard error.

use std::io::{self, Write as _};

use anyhow::ensure;
use reqwest::Method;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use serde::{Deserialize, Serialize};
use tidegate_broker::access::PermissionFilter;

use super::client::{AdminClient, Answer, ClientArgs};
use super::input;
use super::print::{self, Paint, Table};
use crate::model::name::Name;

/// `tidegate device`.
#[derive(clap::Subcommand)]
pub(super) enum DeviceCommand {
    /// Add a device and print its password, which is shown this once
    Add {
        /// The device's name, which is its MQTT user name
        name: Name,
        #[command(flatten)]
        settings: SettingsArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List all devices
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show what a device may do
    Show {
        /// The device's name
        name: Name,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Change what a device may do; what is not given stays as it is
    Set {
        /// The device's name
        name: Name,
        #[command(flatten)]
        settings: SettingsArgs,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Give a device a new password and print it; its connections end
    Password {
        /// The device's name
        name: Name,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Delete a device; its connections end
    Delete {
        /// The device's name
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(clap::Args)]
pub(super) struct SettingsArgs {
    /// A topic filter that it may publish to; `%c` stands for its client id, `%u` for its name
    #[arg(long, value_name = "FILTER")]
    publish: Vec<PermissionFilter>,
    /// Take away all that it may publish to
    #[arg(long, conflicts_with = "publish")]
    no_publish: bool,
    /// A topic filter that it may subscribe to, and to all within
    #[arg(long, value_name = "FILTER")]
    subscribe: Vec<PermissionFilter>,
    /// Take away all that it may subscribe to
    #[arg(long, conflicts_with = "subscribe")]
    no_subscribe: bool,
    /// A name in a client certificate that stands for the device: a common name, or a DNS, URI or e-mail name
    /// [default: the device's name]
    #[arg(long, value_name = "NAME")]
    certificate: Vec<String>,
    /// Let no client certificate stand for it
    #[arg(long, conflicts_with = "certificate")]
    no_certificate: bool,
}

/// What the API takes.
#[derive(Serialize)]
struct Settings {
    publish: Vec<String>,
    subscribe: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<String>>,
}

/// What it answers.
#[derive(Deserialize)]
struct Device {
    name: String,
    publish: Vec<String>,
    subscribe: Vec<String>,
    certificates: Vec<String>,
    created_at: String,
}

#[derive(Deserialize)]
struct DeviceList {
    devices: Vec<Device>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct PasswordAnswer {
    password: String,
}

/// Runs `tidegate device`.
pub(super) async fn run(command: DeviceCommand) -> anyhow::Result<()> {
    match command {
        DeviceCommand::Add {
            name,
            settings,
            client,
        } => add(&name, settings, &client).await,
        DeviceCommand::List { client } => list(&client).await,
        DeviceCommand::Show { name, client } => show(&name, &client).await,
        DeviceCommand::Set {
            name,
            settings,
            client,
        } => set(&name, settings, &client).await,
        DeviceCommand::Password { name, client } => renew_password(&name, &client).await,
        DeviceCommand::Delete { name, yes, client } => {
            if !yes {
                input::confirm(&name, "its permissions")?;
            }
            delete(&name, &client).await
        }
    }
}

async fn add(name: &Name, settings: SettingsArgs, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let settings = Settings {
        certificates: settings.certificates(),
        publish: settings.publish().unwrap_or_default(),
        subscribe: settings.subscribe().unwrap_or_default(),
    };
    let request = client.request(Method::PUT, &["devices", name.as_str()]);
    let request = request.header(IF_NONE_MATCH, "*").json(&settings);
    let answer = client.fetch(request).await?;
    if settings.publish.is_empty() && settings.subscribe.is_empty() {
        eprintln!("It may do nothing yet: `tidegate device set {name} --publish … --subscribe …`");
    }
    print_password(&answer, args)
}

async fn list(args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let mut table = Table::new(["NAME", "PUBLISH", "SUBSCRIBE", "CERTIFICATES"]);
    let mut cursor = None;
    loop {
        let mut request = client.request(Method::GET, &["devices"]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let answer = client.fetch(request).await?;
        if args.json {
            answer.print()?;
        }
        let page: DeviceList = answer.read()?;
        for device in page.devices {
            table.row([
                device.name,
                device.publish.join(", "),
                device.subscribe.join(", "),
                device.certificates.join(", "),
            ]);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    if args.json {
        return Ok(());
    }
    Ok(table.write(&mut io::stdout().lock(), Paint::of_stdout())?)
}

async fn show(name: &Name, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let answer = fetch(&client, name).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    let device: Device = answer.read()?;
    let mut out = io::stdout().lock();
    let lists = [
        ("publish", device.publish),
        ("subscribe", device.subscribe),
        ("certificate", device.certificates),
    ];
    for (what, list) in &lists {
        for entry in list {
            writeln!(out, "{what:11}  {}", print::printable(entry))?;
        }
    }
    Ok(writeln!(
        out,
        "added        {}",
        print::printable(&device.created_at)
    )?)
}

async fn set(name: &Name, settings: SettingsArgs, args: &ClientArgs) -> anyhow::Result<()> {
    ensure!(
        settings.says_something(),
        "say what is to change: --publish, --subscribe or --certificate, or one of them with `--no-`"
    );
    let client = AdminClient::new(args).await?;
    let before: Device = fetch(&client, name).await?.read()?;
    let changed = Settings {
        certificates: settings.certificates().or(Some(before.certificates)),
        publish: settings.publish().unwrap_or(before.publish),
        subscribe: settings.subscribe().unwrap_or(before.subscribe),
    };
    let request = client.request(Method::PUT, &["devices", name.as_str()]);
    let request = request.header(IF_MATCH, "*").json(&changed);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    Ok(writeln!(io::stdout(), "changed {name}")?)
}

async fn renew_password(name: &Name, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::POST, &["devices", name.as_str(), "password"]);
    print_password(&client.fetch(request).await?, args)
}

async fn delete(name: &Name, args: &ClientArgs) -> anyhow::Result<()> {
    let client = AdminClient::new(args).await?;
    let request = client.request(Method::DELETE, &["devices", name.as_str()]);
    let answer = client.fetch(request).await?;
    if args.json {
        return Ok(answer.print()?);
    }
    Ok(writeln!(io::stdout(), "deleted {name}")?)
}

async fn fetch(client: &AdminClient, name: &Name) -> anyhow::Result<Answer> {
    let request = client.request(Method::GET, &["devices", name.as_str()]);
    client.fetch(request).await
}

fn print_password(answer: &Answer, args: &ClientArgs) -> anyhow::Result<()> {
    if args.json {
        return Ok(answer.print()?);
    }
    let answer: PasswordAnswer = answer.read()?;
    eprintln!("The device's password, which is shown this once:");
    Ok(writeln!(
        io::stdout(),
        "{}",
        print::printable(&answer.password)
    )?)
}

impl SettingsArgs {
    fn says_something(&self) -> bool {
        let lists = [self.publish(), self.subscribe(), self.certificates()];
        lists.iter().any(Option::is_some)
    }

    /// What it may publish to, where something was said of that. So the others.
    fn publish(&self) -> Option<Vec<String>> {
        let said = self.no_publish || !self.publish.is_empty();
        said.then(|| {
            self.publish
                .iter()
                .map(PermissionFilter::to_string)
                .collect()
        })
    }

    fn subscribe(&self) -> Option<Vec<String>> {
        let said = self.no_subscribe || !self.subscribe.is_empty();
        said.then(|| {
            self.subscribe
                .iter()
                .map(PermissionFilter::to_string)
                .collect()
        })
    }

    fn certificates(&self) -> Option<Vec<String>> {
        let said = self.no_certificate || !self.certificate.is_empty();
        said.then(|| self.certificate.clone())
    }
}
