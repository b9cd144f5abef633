//! Log lines with a level: `log::info!("{count} readings")`. They appear in `tidegate logs` beside what the function
//! writes to standard output and error, with the module's path as their context.

use crate::bindings::wasi::logging::logging;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// What happens in the normal course.
    Info,
    /// Something is off, but handled.
    Warn,
    /// Something failed.
    Error,
    /// Nothing works any more.
    Critical,
}

/// Writes one line; the macros of this module are shorter.
pub fn log(level: Level, context: &str, message: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
        Level::Critical => logging::Level::Critical,
    };
    logging::log(level, context, message);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_line {
    ($level:ident, $($message:tt)+) => {
        $crate::log::log($crate::log::Level::$level, ::core::module_path!(), &::std::format!($($message)+))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace { ($($message:tt)+) => { $crate::__log_line!(Trace, $($message)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug { ($($message:tt)+) => { $crate::__log_line!(Debug, $($message)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info { ($($message:tt)+) => { $crate::__log_line!(Info, $($message)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn { ($($message:tt)+) => { $crate::__log_line!(Warn, $($message)+) }; }
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error { ($($message:tt)+) => { $crate::__log_line!(Error, $($message)+) }; }

#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace,
    __log_warn as warn,
};

#[cfg(test)]
mod tests {
    use crate::log::Level;
    use crate::{log, testing};

    #[test]
    fn lines_carry_level_and_context() {
        log::warn!("{} of {}", 1, 2);
        log::log(Level::Critical, "boiler", "dry");
        let lines = testing::log_lines();
        assert_eq!(
            (lines[0].level, lines[0].message.as_str()),
            (Level::Warn, "1 of 2")
        );
        assert_eq!(lines[0].context, "tidegate_sdk::log::tests");
        assert_eq!(
            (lines[1].level, lines[1].context.as_str()),
            (Level::Critical, "boiler")
        );
    }
}
