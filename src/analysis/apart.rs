//! Reading and judging on two threads.
//!
//! ```text
//! follower: packets -> connections --batches--> caller's thread: verdicts -> report
//! ```
//! Connections are handed on in the order in which they are over, and judged in that order by one thread: what comes out
//! is, to the last byte, what one thread makes of it.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, scope};

use crate::observation::Connection;
use crate::source::Source;

use super::run::{self, Failure, Progress, Take};
use super::{Noticed, Options};

/// Connections that change hands at once: few enough to be in the cache of both threads.
const BATCH: usize = 32;

/// Batches on their way: the one thread may be that much ahead of the other.
const MAX_BATCHES: usize = 16;

/// What the follower tells.
#[expect(clippy::vec_box, reason = "they are in their boxes already, and large")]
enum Told {
    /// These are over.
    Over(Vec<Box<Connection>>),
    /// So many bytes of this capture are read.
    Progress(usize, u64),
}

/// Like [`run::read`], with the captures read on a thread of their own. Where none can be had it is done on this one.
pub(super) fn read(
    sources: &mut [(String, Source)],
    options: &Options,
    done: &mut Take<'_>,
    progress: &mut Progress<'_>,
) -> Result<Noticed, Failure> {
    scope(|threads| {
        let (to_judge, told) = sync_channel(MAX_BATCHES);
        let (hand_over, handed_over) = sync_channel::<&mut [(String, Source)]>(1);
        let named = Builder::new().name("follow".to_owned());
        let follower = named.spawn_scoped(threads, move || {
            // Nothing to read means that nobody wants it read.
            handed_over.recv().map_or_else(|_| Err(nobody_listens()), |sources| follow(sources, options, &to_judge))
        });
        let Ok(follower) = follower else { return run::read(sources, options, done, progress) };
        if hand_over.send(sources).is_err() {
            return Err(nobody_listens());
        }
        // Whoever stops listening stops the other: the channel closes when the iterator goes.
        let judged = told.into_iter().try_for_each(|told| match told {
            Told::Over(batch) => batch.into_iter().try_for_each(&mut *done),
            Told::Progress(capture, bytes) => {
                progress(capture, bytes);
                Ok(())
            }
        });
        let noticed = follower.join().unwrap_or_else(|panic| resume_unwind(panic));
        judged.and(noticed)
    })
}

/// Reads, and sends off what is over.
fn follow(
    sources: &mut [(String, Source)],
    options: &Options,
    to_judge: &SyncSender<Told>,
) -> Result<Noticed, Failure> {
    let send = |told| to_judge.send(told).map_err(|_| nobody_listens());
    let mut batch = Vec::with_capacity(BATCH);
    let mut take = |connection| {
        batch.push(connection);
        if batch.len() < BATCH {
            Ok(())
        } else {
            send(Told::Over(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))))
        }
    };
    let noticed = run::read(sources, options, &mut take, &mut |capture, bytes| {
        // Where nobody listens, the next batch says so.
        let _ = to_judge.send(Told::Progress(capture, bytes));
    })?;
    send(Told::Over(batch))?;
    Ok(noticed)
}

/// The other thread has failed, and says why.
fn nobody_listens() -> Failure {
    Failure::Output(io::ErrorKind::BrokenPipe.into())
}
