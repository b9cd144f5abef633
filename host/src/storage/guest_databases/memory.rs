//! What SQLite has in memory, counted where it asks for it, and refused to a statement that goes too far.
//!
//! ```text
//! a thread's connection: its own [`SQL_CONNECTION_MEMORY_BYTES`] -> beyond: its function's -> beyond all functions'
//! ```
//!
//! SQLite does not bound what one statement or one transaction takes: savepoints, sorting, long values within one
//! function. A connection of a guest has a thread of its own, so that what the thread asks for is the connection's; what
//! is refused ends the statement that asked (`SQLITE_NOMEM`), and nobody else's. Other threads, which are the host's own,
//! are not counted.

#![expect(
    unsafe_code,
    reason = "SQLite is given an allocator only through its C interface"
)]

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rusqlite::ffi;

use crate::limits::{
    SQL_CONNECTION_MEMORY_BYTES, SQL_FUNCTION_MEMORY_BYTES_MAX, SQL_MEMORY_BYTES_MAX,
};

/// A request for this much is refused when the statement's time is over: it may be in a row of functions, between which
/// SQLite does not look at the clock.
const LARGE_BYTES: isize = 16 * 1024;

/// Bytes that the connections of one function have beyond their own.
pub(super) struct FunctionMemory {
    beyond: AtomicUsize,
    /// The same of all functions.
    all: Arc<AtomicUsize>,
}

impl FunctionMemory {
    pub(super) fn new(all: Arc<AtomicUsize>) -> FunctionMemory {
        FunctionMemory {
            beyond: AtomicUsize::new(0),
            all,
        }
    }

    /// Adds these bytes where there is room for them.
    fn try_add(&self, bytes: usize) -> bool {
        let add = |max| move |held: usize| held.checked_add(bytes).filter(|sum| *sum <= max);
        let add_to = |to: &AtomicUsize, max| {
            let added = to.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add(max));
            added.is_ok()
        };
        if !add_to(&self.beyond, SQL_FUNCTION_MEMORY_BYTES_MAX) {
            return false;
        }
        let added = add_to(&self.all, SQL_MEMORY_BYTES_MAX);
        if !added {
            self.beyond.fetch_sub(bytes, Ordering::Relaxed);
        }
        added
    }

    fn add(&self, bytes: usize) {
        self.beyond.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.beyond.fetch_sub(bytes, Ordering::Relaxed);
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What the thread's connection has.
struct Account {
    /// Less than nothing for a moment where it frees what another connection to the same file asked for.
    bytes: Cell<isize>,
    /// Until when requests may be refused, and large ones are not.
    bounded: Cell<Option<Instant>>,
    function: RefCell<Option<Arc<FunctionMemory>>>,
}

thread_local! {
    static ACCOUNT: Account = const {
        Account {
            bytes: Cell::new(0),
            bounded: Cell::new(None),
            function: RefCell::new(None),
        }
    };
}

/// From now on, this thread's connection is this function's.
pub(super) fn belongs_to(function: Arc<FunctionMemory>) {
    ACCOUNT.with(|account| {
        let beyond = beyond(account.bytes.get());
        function.add(beyond);
        if let Some(before) = account.function.replace(Some(function)) {
            before.subtract(beyond);
        }
    });
}

/// Whether this thread's connection has more than its own.
pub(super) fn is_beyond() -> bool {
    ACCOUNT.with(|account| beyond(account.bytes.get()) > 0)
}

/// Refuses what goes too far meanwhile, and after `until` whatever is large.
pub(super) fn bounded<T>(until: Instant, act: impl FnOnce() -> T) -> T {
    with_bound(Some(until), act)
}

/// Refuses nothing meanwhile.
pub(super) fn unbounded<T>(act: impl FnOnce() -> T) -> T {
    with_bound(None, act)
}

fn with_bound<T>(bound: Option<Instant>, act: impl FnOnce() -> T) -> T {
    let before = ACCOUNT.with(|account| account.bounded.replace(bound));
    let done = act();
    ACCOUNT.with(|account| account.bounded.set(before));
    done
}

fn beyond(bytes: isize) -> usize {
    usize::try_from(bytes)
        .unwrap_or(0)
        .saturating_sub(SQL_CONNECTION_MEMORY_BYTES)
}

impl Account {
    /// Counts what is asked for, unless it is refused.
    fn ask(&self, bytes: isize) -> bool {
        let function = self.function.borrow();
        let Some(function) = &*function else {
            return true;
        };
        let sum = self.bytes.get() + bytes;
        let more = beyond(sum) - beyond(self.bytes.get());
        match self.bounded.get() {
            Some(until) if bytes >= LARGE_BYTES && Instant::now() > until => return false,
            Some(_) if more > 0 && !function.try_add(more) => return false,
            Some(_) => {}
            None => function.add(more),
        }
        self.bytes.set(sum);
        true
    }

    fn give_back(&self, bytes: isize) {
        if let Some(function) = &*self.function.borrow() {
            let rest = self.bytes.get() - bytes;
            function.subtract(beyond(self.bytes.get()) - beyond(rest));
            self.bytes.set(rest);
        }
    }
}

/// Whether this many more bytes may be had. A thread that is about to end has no account any more.
fn ask(bytes: isize) -> bool {
    ACCOUNT
        .try_with(|account| account.ask(bytes))
        .unwrap_or(true)
}

fn give_back(bytes: isize) {
    // See above.
    let _ = ACCOUNT.try_with(|account| account.give_back(bytes));
}

/// SQLite's own allocator, which does the work.
struct Allocator {
    malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    size: unsafe extern "C" fn(*mut c_void) -> c_int,
}

static SQLITES: OnceLock<Allocator> = OnceLock::new();

/// Has SQLite's memory counted: to be called before the process opens its first database.
pub(in crate::storage) fn count() {
    SQLITES.get_or_init(|| {
        let mut methods = ffi::sqlite3_mem_methods {
            xMalloc: None,
            xFree: None,
            xRealloc: None,
            xSize: None,
            xRoundup: None,
            xInit: None,
            xShutdown: None,
            pAppData: null_mut(),
        };
        // SAFETY: this option takes a pointer to a struct that it fills in; SQLite is not in use yet.
        let got = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut methods) };
        assert_eq!(got, ffi::SQLITE_OK, "SQLite is in use already");
        let sqlites = Allocator {
            malloc: methods.xMalloc.expect("SQLite has an allocator"),
            realloc: methods.xRealloc.expect("SQLite has an allocator"),
            free: methods.xFree.expect("SQLite has an allocator"),
            size: methods.xSize.expect("SQLite has an allocator"),
        };
        methods.xMalloc = Some(malloc);
        methods.xRealloc = Some(realloc);
        methods.xFree = Some(free);
        // SAFETY: this option takes a pointer to a struct that it copies; the functions in it do what they are to do.
        let set = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) };
        assert_eq!(set, ffi::SQLITE_OK, "SQLite is in use already");
        sqlites
    });
}

fn sqlites() -> &'static Allocator {
    SQLITES.get().expect("SQLite got the functions after it")
}

fn signed(bytes: c_int) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

unsafe extern "C" fn malloc(bytes: c_int) -> *mut c_void {
    if !ask(signed(bytes)) {
        return null_mut();
    }
    // SAFETY: SQLite asks as it would ask its own allocator.
    let memory = unsafe { (sqlites().malloc)(bytes) };
    if memory.is_null() {
        give_back(signed(bytes));
    }
    memory
}

unsafe extern "C" fn realloc(memory: *mut c_void, bytes: c_int) -> *mut c_void {
    // SAFETY: it is what SQLite got from `malloc` or `realloc`, and is not null, as it promises of these calls.
    let more = signed(bytes) - signed(unsafe { (sqlites().size)(memory) });
    if more > 0 && !ask(more) {
        return null_mut();
    }
    // SAFETY: as above.
    let moved = unsafe { (sqlites().realloc)(memory, bytes) };
    match moved.is_null() {
        true if more > 0 => give_back(more),
        false if more < 0 => give_back(-more),
        _ => {}
    }
    moved
}

unsafe extern "C" fn free(memory: *mut c_void) {
    // SAFETY: as in `realloc`.
    unsafe {
        give_back(signed((sqlites().size)(memory)));
        (sqlites().free)(memory);
    }
}
