//! Greets whoever the path names.

use tidegate_sdk::{Request, Response, http_handler};

#[http_handler(route = ["/hello/{name}", "/hello"])]
fn hello(request: Request) -> Response {
    Response::text(format!(
        "hello {}\n",
        request.param("name").unwrap_or("world")
    ))
}

#[cfg(test)]
mod tests {
    use tidegate_sdk::testing;

    use super::hello;

    #[test]
    fn greets_by_name() {
        let request = testing::request("GET", "/hello/Zo%C3%AB").param("name", "Zoë");
        let response = testing::respond(hello(request.build()));
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "hello Zoë\n")
        );
    }

    #[test]
    fn greets_the_world_without_a_name() {
        let response = testing::respond(hello(testing::request("GET", "/hello").build()));
        assert_eq!(response.text(), "hello world\n");
    }
}
