//! Apps that are deployed again after their `spin.toml` has changed, and what is left of the one before.

use serde_json::{Value, json};
use tidegate_tests::command_line::run;
use tidegate_tests::{AdminClient, TestHost, artifacts};

use crate::spin_toml::{AppDirectory, get};

/// An app whose components tell their names, each at its routes.
fn app(name: &str, components: &[(&str, &[&str])]) -> AppDirectory {
    let directory = AppDirectory::new("", &[("shows.wasm", "app_shows")]);
    change(&directory, name, components);
    directory
}

fn change(directory: &AppDirectory, name: &str, components: &[(&str, &[&str])]) {
    let mut text = format!("spin_manifest_version = 2\napplication = {{ name = \"{name}\" }}\n");
    for (component, routes) in components {
        for route in *routes {
            text +=
                &format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{component}\"\n");
        }
    }
    for (component, _) in components {
        text += &format!(
            "[component.{component}]\nsource = \"shows.wasm\"\nenvironment = {{ WHO = \"{component}\" }}\n"
        );
    }
    directory.write("spin.toml", &text);
}

/// Who answers at a path.
async fn who(host: &TestHost, path: &str) -> String {
    let reply = get(host, &format!("{path}?env=WHO")).await;
    match reply.status {
        200 => reply.text(),
        status => status.to_string(),
    }
}

/// The functions that there are, with their revisions.
async fn functions(admin: &AdminClient) -> Vec<(String, u64)> {
    let listed = admin.get("/api/v1/functions").await.expect(200).json();
    let shown = |function: &Value| {
        let name = function["name"].as_str().expect("a name").to_owned();
        (name, function["revision"].as_u64().expect("a number"))
    };
    let functions = listed["functions"].as_array().expect("a list");
    functions.iter().map(shown).collect()
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = |(name, revision): &(&str, u64)| ((*name).to_owned(), *revision);
    expected.iter().map(owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_moves_to_another_component_of_the_app() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let app = app("shop", &[("a", &["/x"]), ("b", &["/y", "/z/..."])]);
    let file = app.text("spin.toml");
    run(&host, &["deploy", &file]).await.ok();
    assert_eq!(who(&host, "/x").await, "a");
    assert_eq!(who(&host, "/z/1").await, "b");

    // The one that gives it up comes later in the manifest.
    change(&app, "shop", &[("a", &["/x", "/z/..."]), ("b", &["/y"])]);
    run(&host, &["deploy", &file]).await.ok();
    assert_eq!(who(&host, "/z/1").await, "a");
    assert_eq!(who(&host, "/y").await, "b");

    // And a new one takes it, of which the old one knows nothing.
    change(
        &app,
        "shop",
        &[("0", &["/x"]), ("a", &["/w"]), ("b", &["/y"])],
    );
    run(&host, &["deploy", &file]).await.ok();
    assert_eq!(who(&host, "/x").await, "0");
    assert_eq!(who(&host, "/z/1").await, "404");
    assert_eq!(
        functions(&admin).await,
        named(&[("shop-0", 1), ("shop-a", 3), ("shop-b", 2)])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_does_not_have_any_more_is_removed() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let app = app(
        "shop",
        &[("old", &["/x"]), ("stays", &["/y"]), ("unused", &["/z"])],
    );
    let file = app.text("spin.toml");
    run(&host, &["deploy", &file]).await.ok();
    let by_hand = "[app]\nname = \"shop\"\ncomponent = \"by-hand\"\n[[http]]\nroute = \"/hand\"\n";
    let guest = artifacts::guest("app_shows");
    admin.deployed_with("other", guest, by_hand).await;
    let before = functions(&admin).await;

    change(&app, "shop", &[("new", &["/x"]), ("stays", &["/y"])]);
    let forecast = run(&host, &["deploy", &file, "--dry-run"]).await.ok();
    let forecast = forecast.says(&[
        "shop-new: a deployment would make a new revision",
        "clashes  shop-old",
        "shop-old: a deployment would remove it: the app has no such component any more",
        "shop-unused: a deployment would remove it",
        "shop-stays: a deployment would change nothing",
    ]);
    assert!(!forecast.out.contains("other:"), "{forecast:?}");
    assert_eq!(functions(&admin).await, before);
    assert_eq!(who(&host, "/x").await, "old");

    let done = run(&host, &["deploy", &file]).await.ok();
    done.says(&[
        "removed shop-old: the app has no such component any more",
        "removed shop-unused: the app has no such component any more",
        "shop-new: revision 1",
    ]);
    assert_eq!(who(&host, "/x").await, "new");
    assert_eq!(who(&host, "/z").await, "404");
    assert_eq!(
        functions(&admin).await,
        named(&[("other", 1), ("shop-new", 1), ("shop-stays", 1)])
    );

    // As JSON, too.
    change(&app, "shop", &[("new", &["/x"])]);
    for (arguments, key) in [(&["--dry-run"][..], "would_remove"), (&[], "removed")] {
        let arguments = [&["deploy", file.as_str(), "--json"], arguments].concat();
        let told = run(&host, &arguments).await.ok();
        let told: Value = serde_json::from_str(&told.out).expect("JSON");
        assert_eq!(
            told[1],
            json!({ "name": "shop-stays", (key): true }),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_redeployed_changes_nothing() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let app = app("shop", &[("a", &["/x"]), ("b", &["/y"]), ("old", &["/o"])]);
    let file = app.text("spin.toml");
    run(&host, &["deploy", &file]).await.ok();
    let by_hand = "[app]\nname = \"shop\"\n[[http]]\nroute = \"/hand\"\n";
    let guest = || artifacts::guest("app_shows");
    admin.deployed_with("other", guest(), by_hand).await;
    admin.deployed("stranger", guest(), "route=/strange").await;
    let before = functions(&admin).await;
    let refused = async |components: &[(&str, &[&str])], said: &[&str]| {
        change(&app, "shop", components);
        for arguments in [
            &["deploy", file.as_str()][..],
            &["deploy", &file, "--dry-run"],
        ] {
            run(&host, arguments).await.failed(1, said);
        }
        assert_eq!(functions(&admin).await, before, "{components:?}");
    };
    let swapped: &[(&str, &[&str])] = &[("a", &["/y"]), ("b", &["/x"])];
    let circle = [
        "spin.toml:9: ",
        "`shop-a` and `shop-b`",
        "once without these routes",
    ];
    refused(swapped, &circle).await;
    let of_stranger: &[(&str, &[&str])] = &[("a", &["/x", "/y"]), ("c", &["/strange"])];
    refused(of_stranger, &["spin.toml:15: ", "`stranger`", "clashes"]).await;
    let of_hand: &[(&str, &[&str])] = &[("a", &["/x"]), ("c", &["/hand"])];
    refused(
        of_hand,
        &["spin.toml:12: ", "a route of `other`", "delete that one"],
    )
    .await;
    for (path, name) in [("/x", "a"), ("/y", "b"), ("/o", "old")] {
        assert_eq!(who(&host, path).await, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_others_are_not_replaced() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let shop = app("shop", &[("cart-api", &["/a"])]);
    run(&host, &["deploy", &shop.text("spin.toml")]).await.ok();
    let cart = app("shop-cart", &[("api", &["/b"])]);
    let said = [
        "spin.toml:6: ",
        "`shop-cart-api` already that is no part of the app `shop-cart`",
        "tidegate functions delete shop-cart-api",
    ];
    let refused = run(&host, &["deploy", &cart.text("spin.toml")]).await;
    refused.failed(1, &said);

    let guest = artifacts::guest("app_shows");
    admin.deployed("pages", guest, "route=/pages").await;
    let pages = AppDirectory::new(
        "spin_manifest_version = 2\napplication = { name = \"pages\" }\n\
         [[trigger.http]]\nroute = \"/new\"\nstatic_response = { body = \"new\" }\n",
        &[],
    );
    let refused = run(&host, &["deploy", &pages.text("spin.toml")]).await;
    refused.failed(1, &["spin.toml:3: ", "`pages` already"]);
    let all = named(&[("pages", 1), ("shop-cart-api", 1)]);
    assert_eq!(functions(&admin).await, all);
    assert_eq!(who(&host, "/a").await, "cart-api");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_not_left_half_deployed() {
    let host = TestHost::start().await;
    let admin = host.admin();
    let app = app("shop", &[("a", &["/x"]), ("b", &["/y"])]);
    let file = app.text("spin.toml");
    // All names are right, so that only compiling and linking finds what is wrong.
    let wrong = wat::parse_str(
        "(component (import \"wasi:random/random@0.2.0\" (instance
           (export \"get-random-u64\" (func (result string)))))
         (instance $nothing) (export \"wasi:http/incoming-handler@0.2.0\" (instance $nothing)))",
    );
    std::fs::write(app.path("wrong.wasm"), wrong.expect("a component")).expect("written");
    let manifest = std::fs::read_to_string(app.path("spin.toml")).expect("a manifest");
    let (first, last) = manifest.rsplit_once("shows.wasm").expect("a source");
    app.write("spin.toml", &format!("{first}wrong.wasm{last}"));
    let refused = run(&host, &["deploy", &file]).await;
    refused.failed(1, &["spin.toml:12: ", "cannot be linked"]);
    assert_eq!(functions(&admin).await, []);

    // Components that bring along the same route are different in spin.toml, and not to the host.
    std::fs::copy(
        artifacts::guest_path("manifest_embedded"),
        app.path("shows.wasm"),
    )
    .expect("copied");
    app.write("spin.toml", &manifest);
    let refused = run(&host, &["deploy", &file]).await;
    refused.failed(1, &["spin.toml:12: ", "which `shop-a` has as well"]);
    assert_eq!(functions(&admin).await, []);
}
