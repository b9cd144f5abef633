//! What serves a component's requests: its handler, or itself as a program in the CGI manner (`wagi`).

use std::ops::Range;

use toml::Spanned;

use super::{Part, Translation};
use crate::cli::spin_app::manifest::{Executor, HttpTrigger};
use crate::cli::spin_app::source::{Mistake, Source};
use crate::model::exports::{self, HttpExport};

/// The executor of all requests of a function, and where it is written, or its first trigger.
pub(in crate::cli::spin_app) struct Requests {
    pub(super) wagi: bool,
    at: Range<usize>,
}

impl Requests {
    /// What is wrong with it.
    pub(in crate::cli::spin_app) fn mistake(
        &self,
        source: &Source,
        what: impl std::fmt::Display,
    ) -> Mistake {
        source.mistake(self.at.clone(), what)
    }

    /// Whether what a component exports can be served so. Of a program that there is none for, the host says it.
    pub(in crate::cli::spin_app) fn check(
        &self,
        source: &Source,
        exported: &[String],
    ) -> Result<(), Mistake> {
        let exported: Vec<&str> = exported.iter().map(String::as_str).collect();
        match exports::http(&exported) {
            Some(HttpExport::Command | HttpExport::AsyncCommand) if !self.wagi => {
                let text = "the component is a program (it exports `wasi:cli/run`, and no handler of requests): write \
                    `executor = { type = \"wagi\" }`";
                Err(self.mistake(source, text))
            }
            _ => Ok(()),
        }
    }
}

impl Translation<'_> {
    /// A component has one executor, whatever the route.
    pub(super) fn requests(&self, part: &Part<'_>) -> Result<Option<Requests>, Mistake> {
        let mut requests: Option<Requests> = None;
        for trigger in &part.http {
            let (wagi, at) = self.executor_of(trigger)?;
            match &requests {
                Some(first) if first.wagi != wagi => {
                    let first = self.source.mistake(first.at.clone(), "");
                    let text = format!(
                        "the component has another executor in line {}: a component has one, whatever the route",
                        first.line()
                    );
                    return Err(self.source.mistake(at, text));
                }
                Some(_) => {}
                None => requests = Some(Requests { wagi, at }),
            }
        }
        Ok(requests)
    }

    fn executor_of(&self, trigger: &Spanned<HttpTrigger>) -> Result<(bool, Range<usize>), Mistake> {
        let Some(executor) = &trigger.get_ref().executor else {
            return Ok((false, trigger.span()));
        };
        Ok((self.is_wagi(executor.get_ref())?, executor.span()))
    }

    fn is_wagi(&self, executor: &Executor) -> Result<bool, Mistake> {
        let wagi = match executor.kind.get_ref().as_str() {
            "http" | "spin" => false,
            "wagi" => true,
            other => {
                let text = format!("there is no executor `{other}`: use `http` or `wagi`");
                return Err(self.mistake(&executor.kind, text));
            }
        };
        let of_wagi = [&executor.argv, &executor.entrypoint]
            .into_iter()
            .flatten()
            .next();
        if let Some(setting) = of_wagi.filter(|_| !wagi) {
            return Err(self.mistake(setting, "only the executor `wagi` takes this"));
        }
        let entrypoint = executor.entrypoint.as_ref();
        if let Some(other) = entrypoint.filter(|entrypoint| entrypoint.get_ref() != "_start") {
            return Err(self.mistake(other, "a program begins at `_start`; remove `entrypoint`"));
        }
        match &executor.argv {
            Some(argv) if argv.get_ref() != "${SCRIPT_NAME} ${ARGS}" => Err(self.mistake(
                argv,
                "programs get no other arguments than `${SCRIPT_NAME} ${ARGS}`",
            )),
            _ => Ok(wagi),
        }
    }
}
