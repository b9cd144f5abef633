//! The dashboard in a real browser: what people do with it, and what others try to do to them with it.
//!
//! What is done there is in the scripts of `tests/browser`, one for each of these tests.

use serde_json::json;
use tidegate_tests::browser::{look, look_with};
use tidegate_tests::{SOON, TestHost, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_by_a_link_or_a_token_and_out_again() {
    let host = TestHost::builder().lines().start().await;
    eventually("the link is told", SOON, async || {
        host.stdout().contains("/#login=").then_some(())
    })
    .await;
    look(&host, "sign_in.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_dropped_is_deployed() {
    let host = TestHost::start().await;
    look(&host, "deploy.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_deployed_by_keyboard_alone() {
    let host = TestHost::start().await;
    look(&host, "keyboard.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_seen_as_it_happens() {
    let host = TestHost::start().await;
    look(&host, "live.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_rolled_back_after_a_look_at_what_changes() {
    let host = TestHost::start().await;
    look(&host, "rollback.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_looked_at_retried_and_dropped() {
    let host = TestHost::start().await;
    look(&host, "dead_letter.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_stays_text() {
    let host = TestHost::start().await;
    look(&host, "hostile.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody() {
    let host = TestHost::start().await;
    let screenshots = std::env::var("TIDEGATE_SCREENSHOTS").ok();
    let more = json!({ "screenshots": screenshots });
    look_with(&host, "pages.mjs", more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_offered_nothing_that_changes_anything() {
    let host = TestHost::start().await;
    look(&host, "viewer.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_events_leaves_the_page_usable() {
    let host = TestHost::start().await;
    look(&host, "flood.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_stale_or_cut_off_says_so() {
    let host = TestHost::start().await;
    look(&host, "stale.mjs").await;
}
