//! Making a TCP socket takes a place among the outbound connections: it is an open file from then on, connected or not.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p3::bindings::sockets::types as p3;
use wasmtime_wasi::p3::bindings::sockets::types::HostTcpSocket as _;
use wasmtime_wasi::sockets::WasiSocketsView;

use super::Sockets;

/// Puts the making of sockets with a place in the stead of WASI's own.
pub fn link_creation<T: WasiSocketsView + 'static>(
    linker: &mut Linker<T>,
    sockets: fn(&mut T) -> &Sockets,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut create = linker.instance("wasi:sockets/tcp-create-socket@0.2.12")?;
    create.func_wrap(
        "create-tcp-socket",
        move |mut store: StoreContextMut<'_, T>, (family,): (IpAddressFamily,)| {
            let state = store.data_mut();
            if !sockets(state).take_place() {
                return Ok((Err(ErrorCode::NewSocketLimit),));
            }
            Ok((match state.sockets().create_tcp_socket(family) {
                Ok(socket) => Ok(socket),
                Err(error) => Err(error.downcast()?),
            },))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// [`link_creation`] for WASI 0.3.
pub fn link_async_creation<T: WasiSocketsView + 'static>(
    linker: &mut Linker<T>,
    sockets: fn(&mut T) -> &Sockets,
) -> wasmtime::Result<()> {
    type Created = Result<Resource<p3::TcpSocket>, p3::ErrorCode>;

    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:sockets/types@0.3.0")?;
    types.func_wrap(
        "[static]tcp-socket.create",
        move |mut store: StoreContextMut<'_, T>, (family,): (p3::IpAddressFamily,)| {
            let state = store.data_mut();
            if !sockets(state).take_place() {
                let text = "too many sockets are open".to_owned();
                return Ok((Err(p3::ErrorCode::Other(Some(text))) as Created,));
            }
            Ok((match state.sockets().create(family) {
                Ok(socket) => Ok(socket),
                Err(error) => Err(error.downcast()?),
            },))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
