//! `why502 live`: open the interfaces, give up the right to, watch.

use std::fs::DirBuilder;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt as _, lchown};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};
use why502::analysis::{self, Ended, Failure, Keep, Ring, Until};
use why502::base::escape;
use why502::report::TextOptions;
use why502::source::live::{Live, LiveOptions, expression};

use super::args::{self, Format};
use super::output::Output;
use super::rights::{self, User};
use super::sandbox::{self, Needs};
use super::watcher::Lines;
use super::{ERROR, colour, metrics, renderer, say, status};
use crate::options;
use crate::options::follow::Followed;

/// Watches until it is told to end; says the exit status.
pub(super) fn live(typed: &args::Live) -> Result<u8, String> {
    let format = options::format(typed.format, typed.output.as_deref())?;
    let keys = Followed::open(&typed.look.keylog)?;
    let options = options::live(typed, keys.keys())?;
    let user = rights::user(typed.user.as_deref())?;
    let filter = expression(typed.look.filter.as_deref(), &typed.look.port);
    let wish = LiveOptions {
        snap_length: typed.snap_length,
        buffer_size: typed.buffer_size,
        immediate: typed.immediate_mode,
        filter,
    };
    let interfaces = Live::open(&typed.interface, &wish).map_err(|e| e.to_string())?;
    let listener = typed.metrics.map(metrics::listen).transpose()?;
    if let Some(dir) = &typed.ring {
        own_directory(dir, user.as_ref())?;
    }
    rights::give_up(user.as_ref())?;
    let signals = Signals::listen().map_err(|e| format!("cannot listen to signals: {e}"))?;

    let to_terminal = typed.output.is_none() && io::stdout().is_terminal();
    let by_user = |e: String| match &user {
        Some(user) => format!("{e} (by {}: see --user)", escape(&user.name)),
        None => e,
    };
    let mut out = Output::open(typed.output.as_deref(), format == Format::Text).map_err(&by_user)?;
    let text = TextOptions { colour: colour(typed.look.color, to_terminal), all: typed.told.all };
    let mut renderer = renderer(format, &mut out, text, true);
    let ring = typed.ring.as_deref().zip(typed.ring_size).map(|(dir, size)| {
        let save = if typed.save.is_some() { Keep::Failing } else { Keep::All };
        let cannot = |e: io::Error| by_user(format!("{}: cannot be written: {e}", escape(&dir.to_string_lossy())));
        Ring::begin(dir, (size, save), interfaces.link_types()).map_err(cannot)
    });
    let ring = ring.transpose()?;
    let needs = Needs::of(typed.told.max_connections.get()).output(typed.output.as_deref());
    let serves = listener.is_some();
    let needs = needs.live(&typed.interface, serves, typed.ring.as_deref(), &typed.look.keylog);
    sandbox::enter(typed.look.confined, &needs);
    let mut watcher = Lines::new(
        format != Format::Ndjson,
        typed.told.all_peers,
        colour(typed.look.color, io::stderr().is_terminal()),
        keys,
    );
    if let Some(listener) = listener {
        metrics::serve(listener, watcher.metrics()).map_err(|e| format!("--metrics: {e}"))?;
    }
    let names = escape(&typed.interface.join(", ")).into_owned();
    let by = user.as_ref().map(|user| format!(" as {}", escape(&user.name))).unwrap_or_default();
    say(&format!("watching {names}{by}; Ctrl-C ends it with the report"));
    let until = Until {
        duration: typed.duration,
        count: typed.count,
        stop: Some(signals.wake.as_fd()),
        stopped: &|| signals.came.load(Ordering::Relaxed),
    };
    let done = analysis::live((interfaces, ring), &until, &options, renderer.as_mut(), &mut watcher);
    watcher.clear();
    drop(renderer);
    match done {
        Ok((summary, ended)) => {
            out.finish()?;
            if ended == Ended::NoInterface {
                say(&format!("no interface is left to watch ({names}); start it again when there is one"));
                return Ok(ERROR);
            }
            Ok(status(&summary))
        }
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(failure) => Err(failure.to_string()),
    }
}

/// Makes the directory, if there is none, one of who writes to it.
fn own_directory(dir: &Path, user: Option<&User>) -> Result<(), String> {
    let cannot = |e: io::Error| format!("{}: {e}", escape(&dir.to_string_lossy()));
    if dir.exists() {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).create(dir).map_err(cannot)?;
    match user {
        // Where others could have put a link in its place, the link is given away and not what it names.
        Some(user) => lchown(dir, Some(user.uid), Some(user.gid)).map_err(cannot),
        None => Ok(()),
    }
}

/// What asks the program to end.
struct Signals {
    came: Arc<AtomicBool>,
    /// Readable once one came.
    wake: UnixStream,
}

impl Signals {
    /// The first one asks for the report; a second one ends the program as it is.
    fn listen() -> io::Result<Signals> {
        let came = Arc::new(AtomicBool::new(false));
        let (wake, woken) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_default(signal, Arc::clone(&came))?;
            flag::register(signal, Arc::clone(&came))?;
            pipe::register(signal, woken.try_clone()?)?;
        }
        Ok(Signals { came, wake })
    }
}
