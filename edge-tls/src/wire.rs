//! Where s2n-tls reads, writes and logs its secrets: the one place that needs `unsafe`.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s2n_tls::config::Builder;
use s2n_tls::connection::Connection;
use s2n_tls::error::Error;

/// What lies between the library and whoever holds the socket.
#[derive(Default)]
pub(super) struct State {
    pub(super) inbox: VecDeque<u8>,
    pub(super) outbox: Vec<u8>,
    pub(super) secrets: Vec<u8>,
    /// Nothing more will come in.
    pub(super) ended: bool,
}

/// The state, at an address that stays the same.
#[derive(Default)]
pub(super) struct Wire(Arc<Mutex<State>>);

impl Wire {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn context(&self) -> *mut c_void {
        Arc::as_ptr(&self.0).cast_mut().cast()
    }

    /// Lets a connection read and write here; the wire must outlive it.
    pub(super) fn attach(&self, connection: &mut Connection) -> Result<(), Error> {
        connection.set_receive_callback(Some(receive))?.set_send_callback(Some(send))?;
        // SAFETY: `Client` drops the connection before the wire, and the callbacks use the context as what it is.
        unsafe { connection.set_receive_context(self.context())?.set_send_context(self.context())? };
        Ok(())
    }

    /// Lets the connections of a configuration log their secrets here; the wire must outlive them.
    pub(super) fn log_secrets(&self, config: &mut Builder) -> Result<(), Error> {
        // SAFETY: as above: the configuration belongs to one client, whose connection goes before the wire.
        unsafe { config.set_key_log_callback(Some(log), self.context())? };
        Ok(())
    }
}

/// Turns the library's own verification off. Nothing confidential is sent on such a connection, and what it shows is
/// judged by `why502`.
pub(super) fn verify_nothing(config: &mut Builder) -> Result<(), Error> {
    // SAFETY: `unsafe` warns of a connection that may be to anybody; no memory is at stake.
    unsafe { config.disable_x509_verification()? };
    Ok(())
}

/// # Safety
/// `context` is a [`Wire`]'s.
unsafe fn state<'w>(context: *mut c_void) -> MutexGuard<'w, State> {
    // SAFETY: it points to the mutex of a wire, which outlives the connection that calls.
    unsafe { &*context.cast::<Mutex<State>>() }.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" fn receive(context: *mut c_void, buffer: *mut u8, length: u32) -> c_int {
    // SAFETY: the context is from `attach`; the library hands over a buffer of this length.
    let (mut state, buffer) = unsafe { (state(context), std::slice::from_raw_parts_mut(buffer, length as usize)) };
    if state.inbox.is_empty() && !state.ended {
        errno::set_errno(errno::Errno(WOULD_BLOCK));
        return -1;
    }
    state.inbox.read(buffer).ok().and_then(|n| c_int::try_from(n).ok()).unwrap_or(-1)
}

unsafe extern "C" fn send(context: *mut c_void, buffer: *const u8, length: u32) -> c_int {
    // SAFETY: as above, for reading.
    let (mut state, buffer) = unsafe { (state(context), std::slice::from_raw_parts(buffer, length as usize)) };
    state.outbox.write(buffer).ok().and_then(|n| c_int::try_from(n).ok()).unwrap_or(-1)
}

unsafe extern "C" fn log(
    context: *mut c_void,
    _: *mut s2n_tls_sys::s2n_connection,
    line: *mut u8,
    length: usize,
) -> c_int {
    // SAFETY: the context is from `log_secrets`; the library hands over a line of this length.
    let (mut state, line) = unsafe { (state(context), std::slice::from_raw_parts(line, length)) };
    state.secrets.extend(line);
    state.secrets.push(b'\n');
    0
}

/// EAGAIN, which the library takes for "later".
const WOULD_BLOCK: i32 = 11;
