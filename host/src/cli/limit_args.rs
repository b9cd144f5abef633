//! What one invocation of a function may use up, as flags: shorthand for the manifest's `[limits]`.

use crate::model::quantity::{Bytes, Rate, Span};

/// Limits of a function. What is left out is the manifest's, or the host's default.
#[derive(clap::Args)]
pub(super) struct LimitArgs {
    /// Time that one invocation may take, such as `5s`
    #[arg(long, value_name = "DURATION")]
    timeout: Option<Span>,
    /// Time that the function itself may compute in one invocation, such as `500ms`
    #[arg(long, value_name = "DURATION")]
    cpu: Option<Span>,
    /// Memory that one invocation may have, such as `64MiB`
    #[arg(long, value_name = "SIZE")]
    memory: Option<Bytes>,
    /// Invocations at once
    #[arg(long, value_name = "NUMBER")]
    concurrency: Option<u32>,
    /// HTTP requests that it takes in a second, minute or hour, such as `200/s`
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
}

impl LimitArgs {
    /// Those that are given, as the query of an upload.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, String)> {
        let pairs = [
            ("timeout", self.timeout.map(|span| span.to_string())),
            ("cpu", self.cpu.map(|span| span.to_string())),
            ("memory", self.memory.map(|bytes| bytes.to_string())),
            (
                "concurrency",
                self.concurrency.map(|number| number.to_string()),
            ),
            ("rate", self.rate.map(|rate| rate.to_string())),
        ];
        let given = |(name, value): (_, Option<String>)| Some((name, value?));
        pairs.into_iter().filter_map(given)
    }
}
