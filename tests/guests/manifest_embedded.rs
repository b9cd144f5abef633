//! Carries a route, limits and configuration in its manifest, from two macros; answers the
//! configured `greeting`.

#![cfg(target_arch = "wasm32")]

use tidegate_sdk::{config, http_handler, manifest};

manifest!(
    r#"
[limits]
timeout = "2s"
memory = "32MiB"

[config]
greeting = "hello from the manifest"
"#
);

#[http_handler(route = "/embedded")]
fn answer() -> Result<String, config::Error> {
    Ok(config::get("greeting")?.unwrap_or_else(|| "no greeting".to_owned()))
}
