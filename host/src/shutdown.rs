//! When to stop: SIGTERM or Ctrl-C once to drain, twice to stop at once. A file that may not grow is no reason.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop the host.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    /// Listened to so that it does not end the process: a write beyond a limit on file sizes is an error like that of a full
    /// disk.
    _file_too_large: Signal,
}

const FILE_TOO_LARGE: i32 = rustix::process::Signal::XFSZ.as_raw();

impl StopSignals {
    /// Takes over the signals' handling.
    pub fn listen() -> std::io::Result<StopSignals> {
        Ok(StopSignals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_too_large: signal(SignalKind::from_raw(FILE_TOO_LARGE))?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
