//! A value of the JSON report taken apart into columns: "record shredding" of Dremel (Melnik et al., VLDB 2010), driven by
//! the value's own [`Serialize`].
//!
//! Invariant: whatever a value lacks that the table has must be nullable there, and whatever it has the table has too; a
//! value that does not fit is an error and never a silent gap.

use std::fmt::{self, Display, Write as _};

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::column::{Column, Values};
use super::plan::{Below, Leaf, Node};

/// Why a value does not fit into its table. The schema's tests find those that a report can have.
#[derive(Debug)]
pub(super) struct Misfit(String);

impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misfit {}

impl ser::Error for Misfit {
    fn custom<T: Display>(why: T) -> Misfit {
        Misfit(why.to_string())
    }
}

type Done = Result<(), Misfit>;

/// What values are taken apart into.
pub(super) struct Target<'t> {
    pub(super) columns: &'t mut [Column],
    /// The paths of the captures, by their numbers.
    pub(super) paths: &'t [String],
}

/// One row, from as many parts as there are structs that have its fields.
pub(super) struct Row<'t, 'n> {
    root: &'n Node,
    target: Target<'t>,
    so_far: SoFar,
}

/// What a row has of its fields before it is complete.
#[derive(Clone, Copy)]
struct SoFar {
    /// By the bits of their places.
    has: u64,
    /// Fields of a part that are no fields of the row.
    elsewhere: &'static [&'static str],
}

impl<'t, 'n> Row<'t, 'n> {
    /// Begins a row of this table; what is `elsewhere` is passed over.
    pub(super) fn begin(root: &'n Node, target: Target<'t>, elsewhere: &'static [&'static str]) -> Row<'t, 'n> {
        Row { root, target, so_far: SoFar { has: 0, elsewhere } }
    }

    /// Takes the fields of this struct.
    pub(super) fn part(&mut self, part: &impl Serialize) -> Done {
        let so_far = Some(&mut self.so_far);
        part.serialize(Cell { node: self.root, target: self.target.again(), def: 0, rep: 0, so_far })
    }

    /// Ends it: what no part had is null.
    pub(super) fn end(mut self) -> Done {
        let Below::Group(nodes) = &self.root.below else { return Ok(()) };
        Group { nodes, target: self.target.again(), rep: 0, def: 0, has: self.so_far.has, next: 0, row: None }.fill()
    }
}

impl Target<'_> {
    fn again(&mut self) -> Target<'_> {
        Target { columns: &mut *self.columns, paths: self.paths }
    }
}

/// The fields of a struct that stands in the row.
pub(super) struct Group<'t, 'n> {
    nodes: &'n [Node],
    target: Target<'t>,
    rep: i16,
    /// The definition level of the struct itself.
    def: i16,
    /// Which fields there were, by the bits of their places.
    has: u64,
    /// The field that comes next, if they come in order.
    next: usize,
    /// It is a part of a row, which has others.
    row: Option<&'t mut SoFar>,
}

impl Group<'_, '_> {
    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Done {
        let ahead = self.nodes.iter().enumerate().skip(self.next);
        let mut around = ahead.chain(self.nodes.iter().enumerate());
        let Some((at, node)) = around.find(|(_, node)| node.from == key) else {
            let passed_over = self.row.as_ref().is_some_and(|row| row.elsewhere.contains(&key));
            return if passed_over { Ok(()) } else { Err(Misfit(format!("no field of the table is called {key}"))) };
        };
        self.write(at, node, value)?;
        // A time fills two fields.
        match self.nodes.get(at + 1).filter(|twin| twin.from == key) {
            Some(twin) => self.write(at + 1, twin, value),
            None => Ok(()),
        }
    }

    fn write<T: Serialize + ?Sized>(&mut self, at: usize, node: &Node, value: &T) -> Done {
        if self.has & bit(at) != 0 {
            return Err(Misfit(format!("{} comes twice", node.name)));
        }
        self.has |= bit(at);
        self.next = at + 1;
        value.serialize(Cell { node, target: self.target.again(), def: self.def, rep: self.rep, so_far: None })
    }

    fn end(mut self) -> Done {
        match self.row.take() {
            Some(row) => {
                row.has = self.has;
                Ok(())
            }
            None => self.fill(),
        }
    }

    /// Notes what is not there.
    fn fill(&mut self) -> Done {
        for (_, node) in self.nodes.iter().enumerate().filter(|(at, _)| self.has & bit(*at) == 0) {
            if !node.optional {
                return Err(Misfit(format!("{} is missing", node.name)));
            }
            nothing(node, self.target.columns, self.def, self.rep);
        }
        Ok(())
    }
}

/// Fields beyond those that a plan allows have none.
fn bit(at: usize) -> u64 {
    u32::try_from(at).ok().and_then(|at| 1u64.checked_shl(at)).unwrap_or_default()
}

/// Notes in every column below a node that nothing is there from the level `def` on.
fn nothing(node: &Node, columns: &mut [Column], def: i16, rep: i16) {
    columns.get_mut(node.columns.clone()).into_iter().flatten().for_each(|column| column.place(def, rep));
}

/// The place of one value.
pub(super) struct Cell<'t, 'n> {
    node: &'n Node,
    target: Target<'t>,
    /// The definition level of what it is part of.
    def: i16,
    rep: i16,
    /// It is a whole row.
    so_far: Option<&'t mut SoFar>,
}

/// That a value is no such thing as the field holds. It is made where one is met: that is never, and values are many.
#[cold]
fn misfit(node: &Node, what: &str) -> Misfit {
    Misfit(format!("{} is {what}, which does not fit", node.name))
}

impl<'t, 'n> Cell<'t, 'n> {
    /// Its column, in which the value now stands, and how it becomes one.
    fn stand(self, what: &str) -> Result<(&'t mut Values, Leaf), Misfit> {
        let node = self.node;
        let Below::Leaf(leaf) = node.below else { return Err(misfit(node, what)) };
        let column = self.target.columns.get_mut(node.columns.start).ok_or_else(|| misfit(node, what))?;
        column.place(node.def, self.rep);
        Ok((column.values(), leaf))
    }

    fn integer(self, value: i128) -> Done {
        const WHAT: &str = "a whole number out of range, or none";
        let (node, paths) = (self.node, self.target.paths);
        match self.stand(WHAT)? {
            (Values::Int(all), Leaf::Plain) => all.push(i32::try_from(value).map_err(|_| misfit(node, WHAT))?),
            (Values::Long(all), Leaf::Plain) => all.push(i64::try_from(value).map_err(|_| misfit(node, WHAT))?),
            (Values::Text(text, ends), Leaf::Path) => {
                let path = usize::try_from(value).ok().and_then(|at| paths.get(at));
                text.push_str(path.ok_or_else(|| misfit(node, "the number of no capture"))?);
                ends.push(text.len());
            }
            _ => return Err(misfit(node, WHAT)),
        }
        Ok(())
    }

    fn group(self, what: &str) -> Result<Group<'t, 'n>, Misfit> {
        let Below::Group(nodes) = &self.node.below else { return Err(misfit(self.node, what)) };
        let has = self.so_far.as_ref().map_or(0, |row| row.has);
        Ok(Group { nodes, target: self.target, rep: self.rep, def: self.node.def, has, next: 0, row: self.so_far })
    }
}

/// Nanoseconds since 1970 of a time as the report writes it.
fn nanoseconds(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

impl<'t, 'n> Serializer for Cell<'t, 'n> {
    type Ok = ();
    type Error = Misfit;
    type SerializeSeq = List<'t, 'n>;
    type SerializeTuple = Impossible<(), Misfit>;
    type SerializeTupleStruct = Impossible<(), Misfit>;
    type SerializeTupleVariant = Impossible<(), Misfit>;
    type SerializeMap = Map<'t, 'n>;
    type SerializeStruct = Group<'t, 'n>;
    type SerializeStructVariant = Impossible<(), Misfit>;

    fn serialize_bool(self, value: bool) -> Done {
        let node = self.node;
        let (Values::Bool(all), _) = self.stand("a truth value")? else { return Err(misfit(node, "a truth value")) };
        all.push(value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Done {
        self.integer(value.into())
    }

    fn serialize_i16(self, value: i16) -> Done {
        self.integer(value.into())
    }

    fn serialize_i32(self, value: i32) -> Done {
        self.integer(value.into())
    }

    fn serialize_i64(self, value: i64) -> Done {
        self.integer(value.into())
    }

    fn serialize_u8(self, value: u8) -> Done {
        self.integer(value.into())
    }

    fn serialize_u16(self, value: u16) -> Done {
        self.integer(value.into())
    }

    fn serialize_u32(self, value: u32) -> Done {
        self.integer(value.into())
    }

    fn serialize_u64(self, value: u64) -> Done {
        self.integer(value.into())
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Done {
        let node = self.node;
        let (Values::Double(all), _) = self.stand("a number")? else { return Err(misfit(node, "a number")) };
        all.push(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Done {
        self.collect_str(&value)
    }

    fn serialize_str(self, value: &str) -> Done {
        let node = self.node;
        let time = || nanoseconds(value).ok_or_else(|| misfit(node, "no time"));
        match self.stand("a text")? {
            (Values::Text(text, ends), Leaf::Plain) => {
                text.push_str(value);
                ends.push(text.len());
            }
            (Values::Long(all), Leaf::Nanoseconds) => all.push(time()?),
            (Values::Long(all), Leaf::Microseconds) => all.push(time()?.div_euclid(1_000)),
            _ => return Err(misfit(node, "a text")),
        }
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Done {
        let node = self.node;
        if !matches!(node.below, Below::Leaf(Leaf::Plain)) {
            return self.serialize_str(&value.to_string());
        }
        let (Values::Text(text, ends), _) = self.stand("a text")? else { return Err(misfit(node, "a text")) };
        write!(text, "{value}").map_err(|_| misfit(node, "a text that cannot be written"))?;
        ends.push(text.len());
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Done {
        Err(misfit(self.node, "bytes"))
    }

    fn serialize_none(self) -> Done {
        if !self.node.optional {
            return Err(misfit(self.node, "null"));
        }
        nothing(self.node, self.target.columns, self.def, self.rep);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_none()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Done {
        Err(misfit(self.node, "one of several kinds"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'t, 'n>, Misfit> {
        let Below::List(of, rep) = &self.node.below else { return Err(misfit(self.node, "a list")) };
        Ok(List { node: self.node, of, target: self.target, rep: self.rep, further: *rep, empty: true })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Misfit> {
        Err(misfit(self.node, "a tuple"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Misfit> {
        Err(misfit(self.node, "a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Misfit> {
        Err(misfit(self.node, "one of several kinds"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'t, 'n>, Misfit> {
        Ok(Map { group: self.group("a map")?, key: String::new() })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Group<'t, 'n>, Misfit> {
        self.group(name)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Misfit> {
        Err(misfit(self.node, "one of several kinds"))
    }
}

/// A list in its place.
pub(super) struct List<'t, 'n> {
    node: &'n Node,
    of: &'n Node,
    target: Target<'t>,
    /// The repetition level of the next element, and of those after it.
    rep: i16,
    further: i16,
    empty: bool,
}

impl ser::SerializeSeq for List<'_, '_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        let rep = std::mem::replace(&mut self.rep, self.further);
        self.empty = false;
        value.serialize(Cell { node: self.of, target: self.target.again(), def: self.node.def + 1, rep, so_far: None })
    }

    fn end(self) -> Done {
        if self.empty {
            nothing(self.node, self.target.columns, self.node.def, self.rep);
        }
        Ok(())
    }
}

impl ser::SerializeStruct for Group<'_, '_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
        self.field(key, value)
    }

    fn end(self) -> Done {
        Group::end(self)
    }
}

/// A map whose keys are the fields of a struct.
pub(super) struct Map<'t, 'n> {
    group: Group<'t, 'n>,
    key: String,
}

/// A key, by serde's own writer of keys.
struct Key<'k, T: ?Sized>(&'k T);

impl<T: Serialize + ?Sized> Display for Key<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

impl ser::SerializeMap for Map<'_, '_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.key.clear();
        write!(self.key, "{}", Key(key)).map_err(|_| Misfit("a key is no text".to_owned()))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.group.field(&self.key, value)
    }

    fn end(self) -> Done {
        self.group.end()
    }
}
