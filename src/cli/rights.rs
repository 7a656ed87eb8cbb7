//! The right to capture, given up as soon as the interfaces are open.
//!
//! What follows reads what strangers send: it is done as nobody, with no capability, and with no way to get one back
//! (`no_new_privs`: no program that is run from here gains rights by its file).

#[cfg(feature = "pcap")]
use std::fs;

#[cfg(feature = "pcap")]
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
};
#[cfg(feature = "pcap")]
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
#[cfg(feature = "pcap")]
use why502::base::escape;

#[cfg(feature = "pcap")]
/// Who to be by default, where it is begun as root.
const NOBODY: &str = "nobody";

#[cfg(feature = "pcap")]
/// Somebody, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// As it was asked for.
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

#[cfg(feature = "pcap")]
/// Who to be from now on: `None` where that is who it is already.
pub(super) fn user(wish: Option<&str>) -> Result<Option<User>, String> {
    if wish.is_none() && !geteuid().is_root() {
        return Ok(None);
    }
    let name = wish.unwrap_or(NOBODY);
    // Names are looked for where every host has them, and nowhere else: a directory service is another host.
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = find(name, &known).ok_or_else(|| {
        format!("--user {}: /etc/passwd has no such user; give a number, or another user's name", escape(name))
    })?;
    if user.uid != geteuid().as_raw() && !geteuid().is_root() {
        return Err(format!("--user {}: only root can become somebody else", escape(name)));
    }
    Ok(Some(user))
}

#[cfg(feature = "pcap")]
/// The user of this name or number in a file as `/etc/passwd`; a number that is not in it stands for itself.
fn find(name: &str, passwd: &str) -> Option<User> {
    let number: Option<u32> = name.parse().ok();
    let listed = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (login, uid) = (fields.next()?, fields.nth(1)?.parse().ok()?);
        let gid = fields.next()?.parse().ok()?;
        (login == name || number == Some(uid)).then(|| User { name: name.to_owned(), uid, gid })
    });
    listed.or_else(|| number.map(|number| User { name: name.to_owned(), uid: number, gid: number }))
}

#[cfg(feature = "pcap")]
/// Becomes this user, if that is another one, and gives up every capability. There is one thread so far: what is done to
/// it is done to the process.
pub(super) fn give_up(user: Option<&User>) -> Result<(), String> {
    let cannot = |what: &str, e: rustix::io::Errno| format!("cannot give up its rights ({what}: {e})");
    if let Some(user) = user.filter(|_| geteuid().is_root()) {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        set_thread_groups(&[gid]).map_err(|e| cannot("groups", e))?;
        set_thread_res_gid(gid, gid, gid).map_err(|e| cannot("group", e))?;
        set_thread_res_uid(uid, uid, uid).map_err(|e| cannot("user", e))?;
    }
    let_go(CapabilitySet::empty())
}

/// Gives up every capability but these, of which it may have fewer, and every way to get one back.
pub(super) fn let_go(but: CapabilitySet) -> Result<(), String> {
    let cannot = |what: &str, e: rustix::io::Errno| format!("cannot give up its rights ({what}: {e})");
    let had = capabilities(None).map_err(|e| cannot("capabilities", e))?;
    let kept = had.permitted & but;
    let kept = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    // A kernel without ambient capabilities has none to clear.
    let _ = clear_ambient_capability_set();
    set_capabilities(None, kept).map_err(|e| cannot("capabilities", e))?;
    set_no_new_privs(true).map_err(|e| cannot("no_new_privs", e))?;
    match capabilities(None) {
        Ok(left) if left == kept => Ok(()),
        Ok(left) => Err(format!("cannot give up its rights (left: {left:?})")),
        Err(e) => Err(cannot("capabilities", e)),
    }
}

#[cfg(all(test, feature = "pcap"))]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";
        for (name, ids) in [
            ("nobody", Some((65_534, 65_533))),
            ("65534", Some((65_534, 65_533))),
            ("0", Some((0, 0))),
            ("4711", Some((4_711, 4_711))),
            ("somebody", None),
            ("", None),
        ] {
            assert_eq!(find(name, passwd).map(|u| (u.uid, u.gid)), ids, "{name}");
        }
    }
}
