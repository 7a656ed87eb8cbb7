//! Version 2: signature, version and command, family and protocol, length, addresses, further fields (section 2.2).

use std::net::IpAddr;

use crate::base::{Cursor, Endpoint, Short};

use super::header::{Command, Fault, Header, Transport};
use super::tlv;

/// Bytes up to the length of the rest, with it.
pub(super) const FIXED: usize = 16;

/// Bytes of a header that are kept, as in nginx; addresses come first, and no known field needs more.
pub(super) const MAX_HEADER: usize = 4_096;

/// The length of the whole header, once its fixed part is there.
pub(super) fn len(bytes: &[u8]) -> Option<usize> {
    let rest: [u8; 2] = bytes.get(FIXED - 2..FIXED)?.try_into().ok()?;
    Some(FIXED + usize::from(u16::from_be_bytes(rest)))
}

/// Reads the bytes of a header that are at hand; its end may be missing.
pub(super) fn read(bytes: &[u8], header: &mut Header) {
    // Bytes that are missing are no fault: the header is told not to be whole.
    if let Ok(Some(fault)) = fields(bytes, header) {
        header.fault = Some(fault);
    }
}

fn fields(bytes: &[u8], header: &mut Header) -> Result<Option<Fault>, Short> {
    let mut all = Cursor::new(bytes);
    all.take(FIXED - 4)?;
    let (what, family, rest) = (all.u8()?, all.u8()?, all.u16()?);
    if what >> 4 != 2 {
        return Ok(Some(Fault::Version(what >> 4)));
    }
    header.command = match what & 0xf {
        0 => Command::Local,
        1 => Command::Proxy,
        other => return Ok(Some(Fault::Command(other))),
    };
    let Some((transport, needed)) = transport(family) else {
        // What the sender says of itself does not count (section 2.2, the LOCAL command).
        return Ok((header.command == Command::Proxy).then_some(Fault::Family(family)));
    };
    if header.command == Command::Proxy {
        header.transport = transport;
    }
    if usize::from(rest) < needed {
        return Ok((header.command == Command::Proxy).then_some(Fault::Addresses));
    }
    let mut addresses = all.sub(needed)?;
    if header.command == Command::Proxy {
        (header.source, header.destination) = endpoints(transport, &mut addresses)?;
    }
    let kept_whole = header.whole && bytes.len() as u64 == header.len;
    let (extras, fault) = tlv::read(bytes, all, kept_whole);
    header.extras = extras;
    Ok(fault)
}

/// What the byte of family and protocol stands for, and how many bytes of addresses it brings.
fn transport(family: u8) -> Option<(Transport, usize)> {
    Some(match family {
        0x00 => (Transport::Unspecified, 0),
        0x11 => (Transport::Tcp4, 12),
        0x12 => (Transport::Udp4, 12),
        0x21 => (Transport::Tcp6, 36),
        0x22 => (Transport::Udp6, 36),
        0x31 => (Transport::UnixStream, 216),
        0x32 => (Transport::UnixDatagram, 216),
        _ => return None,
    })
}

fn endpoints(transport: Transport, c: &mut Cursor<'_>) -> Result<(Option<Endpoint>, Option<Endpoint>), Short> {
    let six = match transport {
        Transport::Tcp4 | Transport::Udp4 => false,
        Transport::Tcp6 | Transport::Udp6 => true,
        Transport::Unspecified | Transport::UnixStream | Transport::UnixDatagram => return Ok((None, None)),
    };
    let (source, destination) = (address(c, six)?, address(c, six)?);
    let (from, to) = (c.u16()?, c.u16()?);
    Ok((Some(Endpoint { ip: source, port: from }), Some(Endpoint { ip: destination, port: to })))
}

fn address(c: &mut Cursor<'_>, six: bool) -> Result<IpAddr, Short> {
    if !six {
        return Ok(IpAddr::from(c.u32()?.to_be_bytes()));
    }
    let mut octets = [0; 16];
    for (place, &byte) in octets.iter_mut().zip(c.take(16)?) {
        *place = byte;
    }
    Ok(octets.into())
}
