//! Reaches others through WASI 0.3. After the `?` stands what: the URL of a request, or its path alone, whose answer is
//! passed on as it comes, or `tcp:` and a name and a port, which is looked up and connected to, and answered with
//! `connected`, or `make:` and how many sockets to make. What went wrong is answered as text with the status 502.

use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket,
};
use wasip3::{wit_bindgen, wit_future, wit_stream};

struct Outbound;

wasip3::http::service::export!(Outbound);

impl wasip3::exports::http::handler::Guest for Outbound {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let what = target.split_once('?').map_or("", |(_, what)| what);
        let done = match what.split_once(':') {
            Some(("tcp", to)) => connect(to).await.map(|()| text("connected")),
            Some(("make", sockets)) => make(sockets.parse().unwrap_or_default()),
            _ => ask(what).await,
        };
        Ok(done.unwrap_or_else(|reason| {
            let response = text(&reason);
            let _ = response.set_status_code(502);
            response
        }))
    }
}

fn text(text: &str) -> Response {
    let (mut to, body) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    let bytes = text.as_bytes().to_vec();
    wit_bindgen::spawn(async move {
        to.write_all(bytes).await;
    });
    response
}

async fn ask(url: &str) -> Result<Response, String> {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    let refused = |()| "refused".to_owned();
    let path = match url.split_once("://") {
        None => url,
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
            let scheme = match scheme {
                "https" => Scheme::Https,
                _ => Scheme::Http,
            };
            request.set_scheme(Some(&scheme)).map_err(refused)?;
            request.set_authority(Some(authority)).map_err(refused)?;
            path
        }
    };
    request.set_path_with_query(Some(path)).map_err(refused)?;
    let response = client::send(request).await;
    let response = response.map_err(|code| format!("{code:?}"))?;
    let (_, was_taken) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, was_taken);
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    Ok(response)
}

fn make(sockets: usize) -> Result<Response, String> {
    let mut made = Vec::new();
    for number in 0..sockets {
        let socket = TcpSocket::create(IpAddressFamily::Ipv4);
        made.push(socket.map_err(|code| format!("{number} of {sockets}: {code:?}"))?);
    }
    Ok(text("made"))
}

async fn connect(to: &str) -> Result<(), String> {
    let (name, port) = to.rsplit_once(':').ok_or("no port")?;
    let port = port.parse().map_err(|_| "no port")?;
    let found = resolve_addresses(name.to_owned()).await;
    let found = found.map_err(|code| format!("{code:?}"))?;
    let v4 = found.into_iter().find_map(|address| match address {
        IpAddress::Ipv4(address) => Some(address),
        IpAddress::Ipv6(_) => None,
    });
    let address = v4.ok_or("no address of IPv4")?;
    let socket = TcpSocket::create(IpAddressFamily::Ipv4).map_err(|code| format!("{code:?}"))?;
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address });
    socket
        .connect(address)
        .await
        .map_err(|code| format!("{code:?}"))
}
