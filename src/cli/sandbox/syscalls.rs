//! seccomp: which system calls may still be made.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};

use super::Needs;

/// Calls by their number, with what their arguments must be; without any, all are allowed.
type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// What reading, computing, writing and ending take, whatever the arguments.
const ALWAYS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What gives a report its name, and takes away what is of no use any more.
const NAMING: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_renameat,
    libc::SYS_renameat2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    libc::SYS_unlinkat,
];

/// What makes the directories of a table.
const MAKING: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
];

/// What takes packets from an interface that is open.
const WATCHING: &[i64] = &[
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_getsockopt,
    // A signal wakes the program so.
    libc::SYS_sendto,
    // libpcap leaves an interface as it was.
    libc::SYS_setsockopt,
];

/// What answers who asks for counters.
const SERVING: &[i64] = &[libc::SYS_accept4, libc::SYS_shutdown];

/// Questions to a terminal, and about an interface that is watched.
#[allow(clippy::unnecessary_cast, reason = "not every C library has these as the kernel does")]
const IOCTLS: &[u64] = &[
    libc::TCGETS as u64,
    libc::TIOCGWINSZ as u64,
    libc::FIONBIO as u64,
    libc::SIOCGIFINDEX as u64,
    libc::SIOCGIFNAME as u64,
    libc::SIOCGIFFLAGS as u64,
];

/// What is asked of an open file: its flags, and another number for it. Others have signals sent.
#[allow(clippy::unnecessary_cast, reason = "not every C library has these as the kernel does")]
const FCNTLS: &[u64] = &[
    libc::F_GETFD as u64,
    libc::F_SETFD as u64,
    libc::F_GETFL as u64,
    libc::F_SETFL as u64,
    libc::F_DUPFD_CLOEXEC as u64,
];

/// Refuses every call that is not needed, to all threads: it is as if the kernel did not have it. What asks for a newer
/// call then takes the older one, of which more can be known.
pub(super) fn restrict(needs: &Needs) -> Result<(), String> {
    let cannot = |e: &dyn std::fmt::Display| format!("seccomp could not be had ({e})");
    let program = program(needs).map_err(|e| cannot(&e))?;
    apply_filter_all_threads(&program).map_err(|e| cannot(&e))
}

fn program(needs: &Needs) -> Result<BpfProgram, seccompiler::BackendError> {
    let refused = SeccompAction::Errno(libc::ENOSYS as u32);
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls(needs)?, refused, SeccompAction::Allow, arch)?.try_into()
}

fn calls(needs: &Needs) -> Result<Calls, seccompiler::BackendError> {
    let mut calls = Calls::new();
    let mut any = |list: &[i64]| calls.extend(list.iter().map(|call| (*call, Vec::new())));
    any(ALWAYS);
    if !needs.names.is_empty() || needs.creates() {
        any(NAMING);
    }
    if !needs.trees.is_empty() {
        any(MAKING);
    }
    if needs.live {
        any(WATCHING);
    }
    if needs.serves {
        any(SERVING);
    }
    let mut only = |call: i64, index: u8, mask: u64, values: &[u64]| {
        let rule = |value: &u64| {
            let is = SeccompCondition::new(index, Dword, SeccompCmpOp::MaskedEq(mask), *value)?;
            SeccompRule::new(vec![is])
        };
        let rules: Result<Vec<_>, _> = values.iter().map(rule).collect();
        rules.map(|rules| calls.insert(call, rules))
    };
    let all = u64::from(u32::MAX);
    // Memory that is written is never run.
    only(libc::SYS_mmap, 2, libc::PROT_EXEC as u64, &[0])?;
    only(libc::SYS_mprotect, 2, libc::PROT_EXEC as u64, &[0])?;
    // Threads, and no processes. What asks by `clone3`, of which the flags cannot be seen, asks again so.
    only(libc::SYS_clone, 0, libc::CLONE_THREAD as u64, &[libc::CLONE_THREAD as u64])?;
    only(libc::SYS_prctl, 0, all, &[libc::PR_SET_NAME as u64, 0x5356_4d41, libc::PR_SET_THP_DISABLE as u64])?;
    only(libc::SYS_ioctl, 1, all, IOCTLS)?;
    only(libc::SYS_fcntl, 1, all, FCNTLS)?;
    if needs.creates() {
        only(libc::SYS_openat, 0, 0, &[0])?;
    } else if needs.opens() {
        let writes = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC;
        only(libc::SYS_openat, 2, writes as u64, &[0])?;
    }
    // An abort is a signal to itself, and to nobody else.
    let is = |index, value| SeccompCondition::new(index, Dword, SeccompCmpOp::Eq, value);
    let abort = vec![is(0, u64::from(std::process::id()))?, is(2, libc::SIGABRT as u64)?];
    calls.insert(libc::SYS_tgkill, vec![SeccompRule::new(abort)?]);
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_not_needed_is_not_allowed() {
        let has = |needs: &Needs, call| calls(needs).unwrap().contains_key(&call);
        let plain = Needs::of(1);
        for call in [libc::SYS_socket, libc::SYS_connect, libc::SYS_execve, libc::SYS_ptrace, libc::SYS_clone3] {
            assert!(!has(&plain, call), "{call}");
        }
        assert!(!has(&plain, libc::SYS_openat) && !has(&plain, libc::SYS_renameat2) && !has(&plain, libc::SYS_sendto));
        assert!(has(&Needs::of(1).reads([Path::new("a.pcap")]), libc::SYS_openat));
        assert!(has(&Needs::of(1).output(Some(Path::new("a.json"))), libc::SYS_renameat2));
        assert!(has(&Needs::of(1).tables(Path::new("tables")), libc::SYS_mkdirat) && !has(&plain, libc::SYS_mkdirat));
        assert!(!program(&plain).unwrap().is_empty());
    }
}
