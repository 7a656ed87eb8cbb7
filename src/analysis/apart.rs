//! Following connections on threads of their own, and judging what is over on the caller's.
//!
//! ```text
//! follower 1: all packets -> its connections --batches--+
//!                                                       +--> caller's thread: in order -> verdicts -> report
//! follower 2: all packets -> its connections --batches--+
//! ```
//! Each follower reads the whole input: to walk over a packet costs little beside what becomes of it. Which follower a
//! connection belongs to depends on its four-tuple; when it is over, and what is known of it, on its own packets. What
//! comes of connections is put in the order of the packets that told it, so that what comes out is, to the last byte,
//! what one thread makes of it. Followers judge by what they know; whose a connection is, which a few causes ask for, is
//! for the caller's thread to say, which judges anew where the guess was wrong.
//!
//! What a follower made goes back to it when it is done with: an allocator takes back at less cost what it gave to the same
//! thread, and a connection is some twenty pieces of memory.

use std::collections::VecDeque;
use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, ScopedJoinHandle, scope};

use foldhash::{HashMap, HashMapExt as _};

use crate::observation::Connection;
use crate::source::Source;

use super::engine::{Opened, Part, Register, SHARDS};
use super::run::{self, Batch, Failure, Order, Over, Progress, Take};
use super::{Noticed, Options};

/// Connections that a follower hands over at once: to wake the other thread costs as much as to judge some of them.
const HANDED_OVER: usize = 128;

/// As many times that on their way from one follower: it may be that much ahead of the others.
const MAX_BATCHES: usize = 4;

/// Bytes of the input for each packet up to which it pays to walk over those of others: larger ones are but walked over,
/// and reading them twice costs as much.
const SMALL_PACKETS: u64 = 768;

/// What a follower tells.
enum Told {
    /// What became of connections.
    Batch(Batch),
    /// So many bytes of this capture are read.
    Progress(usize, u64),
}

/// Connections that are done with, on their way back.
type Spent = Vec<Box<Connection>>;

/// Captures with their names.
type Sources = Vec<(String, Source)>;

/// The captures once more for each further follower that is worth its start; `None` where the input is better read once.
pub(super) fn twins(sources: &mut [(String, Source)], threads: usize) -> Option<Vec<Sources>> {
    let (_, first) = sources.first_mut()?;
    first.due()?;
    let info = first.info();
    if threads < 2 || info.bytes / info.frames.max(1) > SMALL_PACKETS {
        return None;
    }
    let twin = || sources.iter().map(|(name, source)| Some((name.clone(), source.twin()?))).collect();
    (1..threads.min(SHARDS)).map(|_| twin()).collect()
}

/// Like [`run::read`], with the captures read on threads of their own: one for the captures, and one for each of their
/// `twins`. Where none can be had it is done on this one.
pub(super) fn read(
    sources: &mut [(String, Source)],
    mut twins: Vec<Sources>,
    options: &Options,
    done: &mut Take<'_>,
    progress: &mut Progress<'_>,
) -> Result<Noticed, Failure> {
    let of = twins.len() + 1;
    // A capture may bring secrets: each follower learns of them where it meets them.
    let own: Vec<_> = twins.iter().map(|_| Options { keys: options.keys.fork(), ..options.clone() }).collect();
    let options = std::iter::once(options).chain(&own);
    scope(|threads| {
        let (mut lanes, mut followers) = (Vec::with_capacity(of), Vec::with_capacity(of));
        for (index, options) in options.clone().enumerate() {
            let (to_judge, told) = sync_channel(MAX_BATCHES);
            let (give_back, given_back) = channel();
            let (hand_over, handed_over) = sync_channel::<&mut [(String, Source)]>(1);
            let named = Builder::new().name(format!("follow {}", index + 1));
            let part = Part::new(index, of);
            let follower = named.spawn_scoped(threads, move || {
                // Nothing to read means that nobody wants it read.
                let sources = handed_over.recv().map_err(|_| nobody_listens())?;
                follow(sources, options, part, &to_judge, &given_back)
            });
            let Ok(follower) = follower else { break };
            followers.push((follower, hand_over));
            lanes.push(Lane::new(told, give_back));
        }
        if followers.len() < of {
            // Those that have begun to wait are told that there is nothing to do.
            drop(followers);
            let Some(options) = options.clone().next() else { return Err(nobody_listens()) };
            return run::read(sources, options, Part::ALL, done, progress);
        }
        let captures = std::iter::once(sources).chain(twins.iter_mut().map(Vec::as_mut_slice));
        let followers: Vec<_> = followers
            .into_iter()
            .zip(captures)
            .map(|((follower, hand_over), sources)| {
                // One that has ended says why when it is joined.
                let _ = hand_over.send(sources);
                follower
            })
            .collect();
        let Some(options) = options.clone().next() else { return Err(nobody_listens()) };
        let mut gathering = Gathering { register: Register::new(&options.prefixes), numbers: HashMap::new() };
        let gathered = gathering.all(lanes, done, progress);
        let noticed: Vec<_> = followers.into_iter().map(joined).collect();
        gathered?;
        let mut noticed = noticed.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
        if of == 1 {
            return noticed.next().ok_or_else(nobody_listens);
        }
        let mut all = gathering.register.finish();
        noticed.for_each(|of_packets| all.add_packets(of_packets));
        Ok(all)
    })
}

fn joined(follower: ScopedJoinHandle<'_, Result<Noticed, Failure>>) -> Result<Noticed, Failure> {
    follower.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Reads, and sends off what becomes of a part of the connections.
fn follow(
    sources: &mut [(String, Source)],
    options: &Options,
    part: Part,
    to_judge: &SyncSender<Told>,
    given_back: &Receiver<Spent>,
) -> Result<Noticed, Failure> {
    let mut gathered = Batch::default();
    let mut take = |batch: &mut Batch| {
        given_back.try_iter().for_each(drop);
        batch.judge();
        gathered.append(batch);
        if gathered.over.len() < HANDED_OVER && !gathered.is_urgent {
            return Ok(());
        }
        to_judge.send(Told::Batch(std::mem::take(&mut gathered))).map_err(|_| nobody_listens())
    };
    run::read(sources, options, part, &mut take, &mut |capture, bytes| {
        if part.index == 0 {
            // Where nobody listens, the next batch says so.
            let _ = to_judge.send(Told::Progress(capture, bytes));
        }
    })
}

/// The other thread has failed, and says why.
fn nobody_listens() -> Failure {
    Failure::Output(io::ErrorKind::BrokenPipe.into())
}

/// What one follower has told and what was not yet passed on.
struct Lane {
    told: Receiver<Told>,
    opened: VecDeque<Opened>,
    over: VecDeque<Over>,
    /// All that was told before this is here; `None` at the end.
    upto: Option<Order>,
    /// What is done with, and the way back.
    spent: Spent,
    give_back: Sender<Spent>,
}

impl Lane {
    fn new(told: Receiver<Told>, give_back: Sender<Spent>) -> Lane {
        let (opened, over, spent) = (VecDeque::new(), VecDeque::new(), Spent::new());
        Lane { told, opened, over, upto: Some(Order::default()), spent, give_back }
    }

    /// Takes what is done with, and gives it back where that is worth the way.
    fn take_back(&mut self, connection: Box<Connection>) {
        self.spent.push(connection);
        if self.spent.len() >= HANDED_OVER {
            // A follower that has ended has no use for it.
            let _ = self.give_back.send(std::mem::take(&mut self.spent));
        }
    }

    /// The earliest that is still to come, here or on its way.
    fn horizon(&self) -> Option<Order> {
        self.over.front().map(|over| over.order).or(self.upto)
    }

    /// Waits for more.
    fn receive(&mut self, progress: &mut Progress<'_>) {
        match self.told.recv() {
            Ok(Told::Batch(batch)) => {
                self.opened.extend(batch.opened);
                self.over.extend(batch.over);
                self.upto = Some(batch.upto);
            }
            Ok(Told::Progress(capture, bytes)) => progress(capture, bytes),
            Err(_) => self.upto = None,
        }
    }
}

/// Puts in order what several followers tell, and keeps the register that none of them can keep.
struct Gathering<'o> {
    register: Register<'o>,
    /// Of the connections that are open, by the position of their first packet.
    numbers: HashMap<u64, u64>,
}

impl Gathering<'_> {
    /// Passes on all connections. Whoever stops listening stops the followers: the channels close when the lanes go.
    fn all(&mut self, mut lanes: Vec<Lane>, done: &mut Take<'_>, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let alone = lanes.len() == 1;
        let mut batch = Batch { spent: Some(Vec::new()), ..Batch::default() };
        loop {
            let first = lanes.iter_mut().filter(|lane| lane.horizon().is_some());
            let Some(lane) = first.min_by_key(|lane| lane.horizon()) else { break };
            let Some(mut over) = lane.over.pop_front() else {
                lane.receive(progress);
                continue;
            };
            if !alone {
                self.enter(&mut lanes, over.order);
                self.complete(&mut over);
            }
            batch.over.push(over);
            if batch.is_full() {
                done(&mut batch)?;
                for (part, connection) in batch.spent.iter_mut().flat_map(|spent| spent.drain(..)) {
                    if let Some(lane) = lanes.get_mut(part) {
                        lane.take_back(connection);
                    }
                }
            }
        }
        if !alone {
            self.enter(&mut lanes, Order::END);
        }
        done(&mut batch)
    }

    /// Tells a connection what its follower could not know.
    fn complete(&mut self, over: &mut Over) {
        let Over { connection, diagnosis, .. } = over;
        connection.id = self.numbers.remove(&connection.first.order()).unwrap_or(connection.id);
        let guessed = connection.role;
        self.register.close(connection);
        if connection.role != guessed {
            *diagnosis = None;
        }
    }

    /// Enters the connections that were opened before this.
    fn enter(&mut self, lanes: &mut [Lane], before: Order) {
        let first = |lane: &&mut Lane| lane.opened.front().is_some_and(|opened| opened.order < before.packet);
        while let Some(lane) = lanes.iter_mut().filter(first).min_by_key(|lane| lane.opened.front().map(|o| o.order)) {
            if let Some(opened) = lane.opened.pop_front() {
                let number = self.register.open(&opened);
                self.numbers.insert(opened.order, number);
            }
        }
    }
}
