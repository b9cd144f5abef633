//! Stand-ins for interfaces that are known and not served: each function answers with an error of its own type, and a
//! constructor with a resource whose functions do so.
//!
//! They are made from the types that a component imports, so that there is one mechanism for all of them.

use wasmtime::AsContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, LinkerInstance, Resource, ResourceType, Val};
use wasmtime_wasi::p2::bindings::io::streams::{InputStream, OutputStream};

use crate::model::unserved::is_unserved;

/// Whether a component imports any of them.
pub fn imports_any(component: &Component) -> bool {
    let engine = component.engine();
    let ty = component.component_type();
    ty.imports(engine).any(|(name, _)| is_unserved(name))
}

/// Links a stand-in for each of them that a component imports.
pub fn link<T: Send + 'static>(
    linker: &mut Linker<T>,
    component: &Component,
) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (name, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            continue;
        };
        if !is_unserved(name) {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (item, export) in interface.exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(function) => {
                    link_function(&mut instance, name, item, &function)?;
                }
                ComponentItem::Resource(_) => {
                    instance.resource(item, resource(item), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The type of a resource: of those that interfaces take over from `wasi:io` the host's own.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        _ => nothing(),
    }
}

fn link_function<T: Send + 'static>(
    instance: &mut LinkerInstance<'_, T>,
    interface: &str,
    item: &str,
    function: &ComponentFunc,
) -> wasmtime::Result<()> {
    let text = format!("this host does not serve `{interface}`, so that `{item}` has no effect");
    if function.async_() {
        instance.func_new_concurrent(item, move |accessor, function, given, results| {
            let answered = accessor.with(|access| answer(access, &function, &text, given, results));
            Box::pin(async move { answered })
        })
    } else {
        instance.func_new(item, move |store, function, given, results| {
            answer(store, &function, &text, given, results)
        })
    }
}

/// Answers a call of which nothing can come; a trap where the function's type has no place to say so.
fn answer(
    mut store: impl AsContextMut,
    function: &ComponentFunc,
    text: &str,
    given: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    for handle in given {
        if let Val::Resource(handle) = handle
            && handle.ty() == nothing()
        {
            // What is lent to a call has to be given back before its end.
            Resource::<()>::try_from_resource_any(*handle, &mut store)?;
        }
    }
    let Some(ty) = function.results().next() else {
        return Ok(());
    };
    let value = match ty {
        Type::Result(result) => match result.err() {
            None => Some(Val::Result(Err(None))),
            Some(ty) => error(&ty, text).map(|error| Val::Result(Err(Some(Box::new(error))))),
        },
        // What is called of it answers with an error of its own.
        Type::Own(ty) if ty == nothing() => {
            let handle = Resource::<()>::new_own(0);
            Some(Val::Resource(handle.try_into_resource_any(store)?))
        }
        _ => None,
    };
    let value = value.ok_or_else(|| wasmtime::Error::msg(text.to_owned()))?;
    results.fill(value);
    Ok(())
}

/// The type of resources that stand for nothing.
fn nothing() -> ResourceType {
    ResourceType::host::<()>()
}

/// A value of an error's type that says `text`, or at least that there was an error; none where that cannot be said.
fn error(ty: &Type, text: &str) -> Option<Val> {
    match ty {
        Type::String => Some(Val::String(text.to_owned())),
        Type::Variant(variant) => {
            let with_text = |name: Option<&str>| {
                let mut cases = variant.cases();
                cases.find(|case| {
                    matches!(case.ty, Some(Type::String))
                        && name.is_none_or(|name| case.name == name)
                })
            };
            let payload = || Some(Box::new(Val::String(text.to_owned())));
            if let Some(case) = with_text(Some("other")).or_else(|| with_text(None)) {
                return Some(Val::Variant(case.name.to_owned(), payload()));
            }
            let mut cases = variant.cases();
            let bare = cases.find(|case| case.ty.is_none() && is_error(case.name))?;
            Some(Val::Variant(bare.name.to_owned(), None))
        }
        Type::Enum(names) => {
            let name = names.names().find(|name| is_error(name))?;
            Some(Val::Enum(name.to_owned()))
        }
        _ => None,
    }
}

/// Some lists of errors have a case for none.
fn is_error(case: &str) -> bool {
    case != "success"
}
