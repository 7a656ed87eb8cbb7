//! Landlock: which paths may still be reached.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::thread::CapabilitySet;

use super::Needs;

/// What is asked for: of Linux 6.12. What later ones can beside it (audit) restricts nothing more.
const WANTED: ABI = ABI::V6;

/// What kernels have learnt since the first Landlock, by its version.
const LEARNT: [(u32, &str); 5] = [
    (2, "moves between directories"),
    (3, "truncation of files"),
    (4, "TCP"),
    (5, "commands to devices"),
    (6, "signals and abstract sockets"),
];

/// Shuts off every path that is not needed.
pub(super) fn restrict(needs: &Needs) -> Result<(), String> {
    let status = ruleset(needs).and_then(RulesetCreated::restrict_self);
    match status {
        Ok(status) if status.ruleset == RulesetStatus::FullyEnforced => Ok(()),
        Ok(status) => Err(missing(&status.landlock, needs.opens())),
        Err(error) => Err(format!("Landlock refuses ({error})")),
    }
}

fn ruleset(needs: &Needs) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    let name = AccessFs::MakeReg | AccessFs::RemoveFile;
    let write = name | AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::ReadDir;
    let needed = [
        (&needs.reads, AccessFs::ReadFile.into()),
        (&needs.names, name),
        (&needs.writes, write),
        (&needs.trees, write | AccessFs::MakeDir),
    ];
    for (paths, access) in needed {
        for path in paths {
            ruleset = allow(ruleset, path, access)?;
        }
    }
    Ok(ruleset)
}

fn allow(ruleset: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    // What is not there cannot be reached either.
    let Ok(opened) = PathFd::new(path) else { return Ok(ruleset) };
    ruleset.add_rule(PathBeneath::new(opened, access))
}

/// What this kernel does not restrict. seccomp knows calls and no paths: where files are `opens`-ed later, any may be.
fn missing(status: &LandlockStatus, opens: bool) -> String {
    let why = match status {
        LandlockStatus::NotEnabled => "Landlock is not enabled on this host",
        LandlockStatus::NotImplemented => "this kernel has no Landlock",
        LandlockStatus::Available { effective_abi, .. } => return lacks(*effective_abi as u32),
    };
    let left = if opens { "which files are opened is not restricted, TCP is left" } else { "files and TCP are left" };
    format!("{why}: {left} to seccomp")
}

fn lacks(abi: u32) -> String {
    let lacks: Vec<&str> = LEARNT.iter().filter(|(since, _)| abi < *since).map(|(_, what)| *what).collect();
    format!("this kernel's Landlock (version {abi}) does not restrict {}", lacks.join(", "))
}

/// The capabilities without which root could not open what it opened before. Landlock leaves it those paths alone.
pub(super) fn kept_rights(needs: &Needs, user: u32) -> CapabilitySet {
    let mut kept = CapabilitySet::empty();
    if user != 0 {
        return kept;
    }
    if needs.reads.iter().any(|path| !is_ours(path, 0o4)) {
        kept |= CapabilitySet::DAC_READ_SEARCH;
    }
    if needs.names.iter().chain(&needs.writes).chain(&needs.trees).any(|path| !is_ours(path, 0o2)) {
        kept |= CapabilitySet::DAC_OVERRIDE;
    }
    kept
}

/// Whether root may do this by the mode of a file and of the directories above it alone.
fn is_ours(path: &Path, bit: u32) -> bool {
    let admits = |path: &Path, bit: u32| {
        fs::metadata(path).is_ok_and(|about| {
            let shift = if about.uid() == 0 { 6 } else { 0 };
            about.mode() >> shift & bit == bit
        })
    };
    let Ok(path) = fs::canonicalize(path) else { return true };
    let own = if path.is_dir() { bit | 0o1 } else { bit };
    admits(&path, own) && path.ancestors().skip(1).all(|above| admits(above, 0o1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_kernel_lacks_is_named() {
        assert_eq!(
            lacks(1),
            "this kernel's Landlock (version 1) does not restrict moves between directories, \
                              truncation of files, TCP, commands to devices, signals and abstract sockets"
        );
        assert_eq!(lacks(5), "this kernel's Landlock (version 5) does not restrict signals and abstract sockets");
        assert!(missing(&LandlockStatus::NotImplemented, false).contains("no Landlock: files and TCP are left"));
        assert!(missing(&LandlockStatus::NotEnabled, true).contains("which files are opened is not restricted"));
    }

    #[test]
    fn others_than_root_keep_no_right() {
        let needs = Needs::of(1).reads([Path::new("/etc/shadow")]);
        assert_eq!(kept_rights(&needs, 1_000), CapabilitySet::empty());
    }
}
