//! Following connections on several threads, of which the caller's is one, and putting in order what comes of them.
//!
//! ```text
//! caller's thread: all packets -> its connections ------+
//!                                                       +--> in order -> register -> report
//! follower 1: all packets -> its connections --batches--+
//! ```
//! Each thread reads the whole input: to walk over a packet costs little beside what becomes of it. Whose a connection is
//! depends on its four-tuple; when it is over, and what is known of it, on its own packets. What comes of connections is
//! put in the order of the packets that told it, so that what comes out is, to the last byte, what one thread makes of it.
//! Followers judge by what they know; whose client a connection is, which a few causes ask for, is for the caller's thread
//! to say, which judges anew where the guess was wrong.
//!
//! From one core to another is a long way. So the caller's thread follows as many connections as it has time for, and what
//! becomes of them stays with it. What a follower made goes back to it when it is done with: an allocator takes back at less
//! cost what it gave to the same thread, and a connection is some twenty pieces of memory.
//!
//! A follower waits for nothing but room for what it tells. The caller's thread waits for a follower only when that one has
//! room: when there is nothing of it to take.

use std::collections::VecDeque;
use std::io;
use std::iter::{once, repeat_n};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::{Builder, ScopedJoinHandle, scope};

use foldhash::{HashMap, HashMapExt as _};

use crate::observation::Connection;
use crate::source::Source;

use super::engine::{Opened, Part, Register, SHARDS, is_divided};
use super::run::{self, Batch, Failure, Order, Over, PROGRESS_EVERY, Progress, Take};
use super::{Noticed, Options};

/// What a follower hands over at once weighs as much as so many connections: to wake the other thread costs as much as to
/// judge some of them.
const HANDED_OVER: usize = 128 * run::CONNECTION;

/// As many times that on their way from one follower: it may be that much ahead of the others. What one packet ends is
/// handed over at once, however much it is: after a silence, all that are open.
const MAX_BATCHES: usize = 4;

/// What the caller's thread keeps of its own connections while it does not wait for those of the followers.
const MAX_LEAD: usize = MAX_BATCHES * HANDED_OVER;

/// Packets after which a follower tells how far it is, and be it nothing else.
const TOLD_AFTER: u64 = PROGRESS_EVERY;

/// Bytes of the input for each packet up to which it pays to walk over those of others: larger ones are but walked over,
/// and reading them twice costs as much.
const SMALL_PACKETS: u64 = 768;

/// Bytes of the first capture by which that is judged: it may begin with the small ones of handshakes.
const SAMPLE: u64 = 4 << 20;

/// To put in order and to tell what comes of all connections takes as long as to follow so many of the [`SHARDS`].
const IN_ORDER: usize = 2;

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

/// How the connections are shared out.
pub(super) struct Shared {
    /// Shards that the caller's thread follows itself.
    own: usize,
    /// The captures once more for each thread but the first that reads them.
    twins: Vec<Sources>,
}

impl Shared {
    /// All of them to one follower.
    pub(super) const TO_ONE: Shared = Shared { own: 0, twins: Vec::new() };

    /// To as many threads as are asked for, as far as they are worth their start; `None` where the input is better read
    /// once.
    pub(super) fn out(sources: &[(String, Source)], options: &Options) -> Option<Shared> {
        let (_, first) = sources.first()?;
        let threads = options.threads.min(SHARDS + 1);
        if threads < 2 || !is_divided(options) || !has_small_packets(first.twin()?) {
            return None;
        }
        let own = own_share(threads);
        let readers = followers(threads, own) + usize::from(own > 0);
        let twin = || sources.iter().map(|(name, source)| Some((name.clone(), source.twin()?))).collect();
        let twins = (1..readers).map(|_| twin()).collect::<Option<_>>()?;
        Some(Shared { own, twins })
    }

    /// The part of the caller's thread, if it has one, and those of the followers.
    fn parts(&self) -> (Option<Part>, Vec<Part>) {
        let has_own = self.own > 0;
        let followers = self.twins.len() + usize::from(!has_own);
        let each = (SHARDS - self.own).div_ceil(followers.max(1));
        let sizes = has_own.then_some(self.own).into_iter().chain(repeat_n(each, followers));
        let mut parts = Part::of_sizes(sizes);
        (has_own.then(|| parts.remove(0)), parts)
    }
}

fn has_small_packets(mut sample: Source) -> bool {
    while sample.info().bytes < SAMPLE && sample.next_packet().is_some() {}
    let info = sample.info();
    info.frames > 0 && info.bytes / info.frames <= SMALL_PACKETS
}

/// How many shards the caller's thread follows, of so many threads: as many as it has time for.
fn own_share(threads: usize) -> usize {
    ((SHARDS + IN_ORDER) / threads).saturating_sub(IN_ORDER)
}

/// How many followers share the others: the fewest with which none has more than it must.
fn followers(threads: usize, own: usize) -> usize {
    let others = SHARDS - own;
    others.div_ceil(others.div_ceil(threads - 1))
}

/// Like [`run::read`], with the work shared out to threads. Where none can be had it is done on this one.
pub(super) fn read(
    sources: &mut [(String, Source)],
    shared: Shared,
    options: &Options,
    done: &mut Take<'_>,
    progress: &mut Progress<'_>,
) -> Result<Noticed, Failure> {
    let (own, parts) = shared.parts();
    let Shared { mut twins, .. } = shared;
    // A capture may bring secrets: each thread learns of them where it meets them.
    let forked: Vec<_> = twins.iter().map(|_| Options { keys: options.keys.fork(), ..options.clone() }).collect();
    let of_followers = once(options).chain(&forked).skip(usize::from(own.is_some()));
    scope(|threads| {
        let (mut lanes, mut followers) = (Vec::new(), Vec::new());
        lanes.extend(own.map(|_| Lane::new(None)));
        for (&part, options) in parts.iter().zip(of_followers) {
            let (to_judge, told) = sync_channel(MAX_BATCHES);
            let (give_back, given_back) = channel();
            let (hand_over, handed_over) = sync_channel::<&mut [(String, Source)]>(1);
            let named = Builder::new().name(format!("follow {}", part.index + 1));
            let follower = named.spawn_scoped(threads, move || {
                // Nothing to read means that nobody wants it read.
                let sources = handed_over.recv().map_err(|_| nobody_listens())?;
                follow(sources, options, part, &to_judge, &given_back)
            });
            let Ok(follower) = follower else { break };
            followers.push((follower, hand_over));
            lanes.push(Lane::new(Some(Way { told, spent: Spent::new(), weight: 0, give_back })));
        }
        if followers.len() < parts.len() {
            // Those that have begun to wait are told that there is nothing to do.
            drop(followers);
            return run::read(sources, options, Part::ALL, done, progress);
        }
        let mut captures = once(sources).chain(twins.iter_mut().map(Vec::as_mut_slice));
        let own = own.and_then(|part| Some((captures.next()?, part)));
        let followers: Vec<_> = followers
            .into_iter()
            .zip(captures)
            .map(|((follower, hand_over), sources)| {
                // One that has ended says why when it is joined.
                let _ = hand_over.send(sources);
                follower
            })
            .collect();
        let gathered = Gathering::new(lanes, options, done).all(own, options, progress);
        let noticed: Vec<_> = followers.into_iter().map(joined).collect();
        let (own, all) = gathered?;
        let noticed = noticed.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut noticed = own.into_iter().chain(noticed);
        let Some(mut all) = all else { return noticed.next().ok_or_else(nobody_listens) };
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
    let (mut gathered, mut told) = (Batch::default(), 0);
    let mut take = |batch: &mut Batch| {
        given_back.try_iter().for_each(drop);
        batch.judge();
        gathered.append(batch);
        let is_long_ago = gathered.upto.packet.saturating_sub(told) >= TOLD_AFTER;
        if gathered.weight < HANDED_OVER && !gathered.is_urgent && !is_long_ago {
            return Ok(());
        }
        told = gathered.upto.packet;
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

/// What was told of one part of the connections and not yet passed on.
struct Lane {
    /// From the follower; `None` for what the caller's thread follows.
    way: Option<Way>,
    opened: VecDeque<Opened>,
    over: VecDeque<Over>,
    /// What both of them weigh.
    weight: usize,
    /// All that was told before this is here; `None` at the end.
    upto: Option<Order>,
    /// Nobody knows when there will be more.
    is_urgent: bool,
}

/// The way from a follower, and back to it.
struct Way {
    told: Receiver<Told>,
    /// What is done with.
    spent: Spent,
    weight: usize,
    give_back: Sender<Spent>,
}

impl Way {
    /// Gives back what is done with, where that is worth the way.
    fn take_back(&mut self, connection: Box<Connection>) {
        self.weight += run::weight(&connection);
        self.spent.push(connection);
        if self.weight >= HANDED_OVER {
            self.weight = 0;
            // A follower that has ended has no use for it.
            let _ = self.give_back.send(std::mem::take(&mut self.spent));
        }
    }
}

impl Lane {
    fn new(way: Option<Way>) -> Lane {
        let (opened, over) = (VecDeque::new(), VecDeque::new());
        Lane { way, opened, over, weight: 0, upto: Some(Order::default()), is_urgent: false }
    }

    /// The earliest that is still to come, here or on its way.
    fn horizon(&self) -> Option<Order> {
        self.over.front().map(|over| over.order).or(self.upto)
    }

    /// Takes what comes next.
    fn add(&mut self, batch: &mut Batch) {
        self.opened.extend(batch.opened.drain(..));
        self.over.extend(batch.over.drain(..));
        self.weight += std::mem::take(&mut batch.weight);
        (self.upto, self.is_urgent) = (Some(batch.upto), batch.is_urgent);
    }

    /// Nothing more will come.
    fn end(&mut self) {
        (self.upto, self.is_urgent) = (None, false);
    }

    /// The earliest that is here.
    fn pop(&mut self) -> Option<Over> {
        let over = self.over.pop_front()?;
        self.weight = self.weight.saturating_sub(over.weight);
        Some(over)
    }

    /// The next connection that was opened, where that was before this.
    fn pop_opened(&mut self) -> Option<Opened> {
        self.weight = self.weight.saturating_sub(1);
        self.opened.pop_front()
    }

    /// Takes more from the follower, and waits for it where that is wanted. Says whether there was any.
    fn receive(&mut self, waiting: bool, progress: &mut Progress<'_>) -> bool {
        let Some(way) = &self.way else { return false };
        let told = if waiting { way.told.recv().map_err(TryRecvError::from) } else { way.told.try_recv() };
        match told {
            Ok(Told::Batch(mut batch)) => self.add(&mut batch),
            Ok(Told::Progress(capture, bytes)) => progress(capture, bytes),
            Err(TryRecvError::Disconnected) => self.end(),
            Err(TryRecvError::Empty) => return false,
        }
        true
    }
}

/// Puts in order what is told of all parts, and keeps the register that none of them can keep.
struct Gathering<'g, 'd> {
    /// One for each part, in their order.
    lanes: Vec<Lane>,
    /// `None` where there is but one part, which keeps it.
    register: Option<Register<'g>>,
    /// Of the connections that are open, by the position of their first packet.
    numbers: HashMap<u64, u64>,
    /// What comes next in order.
    batch: Batch,
    done: &'g mut Take<'d>,
}

impl<'g, 'd> Gathering<'g, 'd> {
    fn new(lanes: Vec<Lane>, options: &'g Options, done: &'g mut Take<'d>) -> Gathering<'g, 'd> {
        let register = (lanes.len() > 1).then(|| Register::new(&options.prefixes));
        let batch = Batch { spent: Some(Vec::new()), ..Batch::default() };
        Gathering { lanes, register, numbers: HashMap::new(), batch, done }
    }

    /// Passes on all connections, and follows those of the caller's own part. Gives what was noticed of that one, and of all
    /// of them. Whoever stops listening stops the followers: the channels close when the lanes go.
    fn all(
        mut self,
        own: Option<(&mut [(String, Source)], Part)>,
        options: &Options,
        progress: &mut Progress<'_>,
    ) -> Result<(Option<Noticed>, Option<Noticed>), Failure> {
        let mut noticed = None;
        if let Some((sources, part)) = own {
            let mut take = |batch: &mut Batch| {
                self.lanes.get_mut(part.index).into_iter().for_each(|lane| lane.add(batch));
                self.pass_on(&mut |_, _| {})
            };
            noticed = Some(run::read(sources, options, part, &mut take, progress)?);
            self.lanes.get_mut(part.index).into_iter().for_each(Lane::end);
        }
        self.pass_on(progress)?;
        self.enter(Order::END);
        self.hand_on()?;
        Ok((noticed, self.register.map(Register::finish)))
    }

    /// Passes on what is here, as far as nothing that is still to come is earlier.
    fn pass_on(&mut self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        while let Some(lane) = earliest(&mut self.lanes) {
            if let Some(over) = lane.pop() {
                self.pass(over)?;
                continue;
            }
            if lane.receive(false, progress) {
                continue;
            }
            let (is_own, upto) = (lane.way.is_none(), lane.upto);
            upto.into_iter().for_each(|upto| self.enter(upto));
            if self.lanes.iter().any(|lane| lane.is_urgent) {
                self.hand_on()?;
            }
            if is_own || !self.may_wait() {
                break;
            }
            earliest(&mut self.lanes).into_iter().for_each(|lane| _ = lane.receive(true, progress));
        }
        Ok(())
    }

    fn pass(&mut self, mut over: Over) -> Result<(), Failure> {
        self.enter(over.order);
        self.complete(&mut over);
        self.batch.push(over);
        if self.batch.is_full() { self.hand_on() } else { Ok(()) }
    }

    /// Hands on what comes next, and gives back what is done with.
    fn hand_on(&mut self) -> Result<(), Failure> {
        self.batch.hand_to(self.done)?;
        for (part, connection) in self.batch.spent.iter_mut().flat_map(|spent| spent.drain(..)) {
            if let Some(way) = self.lanes.get_mut(part).and_then(|lane| lane.way.as_mut()) {
                way.take_back(connection);
            }
        }
        Ok(())
    }

    /// Whether the caller's thread has nothing better to do than to wait for a follower.
    fn may_wait(&self) -> bool {
        let goes_on = |lane: &Lane| lane.way.is_none() && lane.upto.is_some();
        let own = self.lanes.first().filter(|lane| goes_on(lane));
        own.is_none_or(|lane| lane.is_urgent || lane.weight > MAX_LEAD)
    }

    /// Tells a connection what its follower could not know.
    fn complete(&mut self, over: &mut Over) {
        let Some(register) = &mut self.register else { return };
        let Over { connection, diagnosis, .. } = over;
        connection.id = self.numbers.remove(&connection.first.order()).unwrap_or(connection.id);
        let guessed = connection.role;
        register.close(connection);
        if connection.role != guessed {
            *diagnosis = None;
        }
    }

    /// Enters the connections that were opened before this.
    fn enter(&mut self, before: Order) {
        let Some(register) = &mut self.register else { return };
        let first = |lane: &&mut Lane| lane.opened.front().is_some_and(|opened| Order::opened(opened.order) < before);
        let next = |lane: &&mut Lane| lane.opened.front().map(|opened| opened.order);
        while let Some(lane) = self.lanes.iter_mut().filter(first).min_by_key(next) {
            if let Some(opened) = lane.pop_opened() {
                let number = register.open(&opened);
                self.numbers.insert(opened.order, number);
            }
        }
    }
}

/// The lane with the earliest of what is still to come.
fn earliest(lanes: &mut [Lane]) -> Option<&mut Lane> {
    lanes.iter_mut().filter(|lane| lane.horizon().is_some()).min_by_key(|lane| lane.horizon())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_followed_by_one_thread() {
        for (threads, sizes) in [(2, &[3, 5][..]), (3, &[1, 4, 3]), (4, &[3, 3, 2]), (7, &[2; 4]), (9, &[1; 8])] {
            let own = own_share(threads);
            let twins = followers(threads, own) - usize::from(own == 0);
            let shared = Shared { own, twins: (0..twins).map(|_| Sources::new()).collect() };
            let (first, followers) = shared.parts();
            assert_eq!(first.is_some(), own > 0);
            let parts: Vec<_> = first.into_iter().chain(followers).collect();
            assert!(parts.iter().map(|part| part.index).eq(0..parts.len()));
            assert!(parts.iter().map(|part| part.len()).eq(sizes.iter().copied()), "{parts:?}");
        }
        assert!(matches!(Shared::TO_ONE.parts(), (None, parts) if parts == [Part::ALL]));
    }
}
