//! HTTP as functions and their clients see it.

use tidegate_tests::{TestHost, artifacts};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_function_answers() {
    let host = TestHost::start().await;
    host.admin()
        .deployed("version", artifacts::guest("http_version"), "")
        .await;
    let reply = host.function("/version").send().await.expect("an answer");
    assert_eq!(reply.text().await.expect("text"), "v1");
}
