//! `wasi:logging/logging`: lines for the function's log.

use wasmtime::component::HasData;

use crate::bindings::imports::wasi::logging::logging::{Host, Level as GuestLevel};
use crate::observe::log_line::Level;
use crate::observe::output::Output;

/// Names [`Output`] to the linker.
pub struct HasLogging;

impl HasData for HasLogging {
    type Data<'a> = &'a mut Output;
}

impl Host for Output {
    async fn log(
        &mut self,
        level: GuestLevel,
        context: String,
        message: String,
    ) -> wasmtime::Result<()> {
        let level = match level {
            GuestLevel::Trace => Level::Trace,
            GuestLevel::Debug => Level::Debug,
            GuestLevel::Info => Level::Info,
            GuestLevel::Warn => Level::Warn,
            GuestLevel::Error => Level::Error,
            GuestLevel::Critical => Level::Critical,
        };
        Output::log(self, level, &context, &message);
        Ok(())
    }
}
