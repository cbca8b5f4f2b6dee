//! Which columns a map or a record has, and where in the bytes each is.
//!
//! The key's fields come first, then the value's, in the order of the source; nested structures and
//! unions become columns of their own, named `outer.inner`. A view renames, decodes and hides
//! columns but doesn't add any.

mod error;
mod fields;

pub use error::ColumnError;

use std::borrow::Cow;

use crate::btf::{Layout, Scalar, ScalarKind};
use crate::desired::{Decoder, Metric, Plot, Scale, Sort, View};
use crate::read::bits::little_endian;
use crate::read::decode::Place;
use crate::read::decoders;

/// Mistakes of one view that are told: a view may come from anywhere, and each costs a search.
const MOST_ERRORS: usize = 100;

/// The columns of one map or record, and the order of its rows.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The columns that are shown, from left to right.
    pub shown: Vec<Column>,
    /// Every field of the key, hidden ones too: rows come in the order of these.
    pub(super) key: Vec<Column>,
    /// The whole value's type, by which per-CPU values are added up.
    pub(super) value: Layout,
    /// Position of the column in `shown` to sort by before the key, and whether the largest comes
    /// first.
    pub(super) sort: Option<(usize, bool)>,
    /// How many rows a table for people shows at most.
    pub(super) top: Option<usize>,
    /// Whether each CPU's value is a row.
    pub(super) by_cpu: bool,
    /// The bits of the key that tell rows apart, where some don't.
    pub(super) mask: Option<Vec<u8>>,
    /// What is drawn below the table.
    pub(super) plot: Option<Plot>,
    /// Whether they are what the view asks for: it may not fit what was loaded.
    pub fits_view: bool,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Heading and JSON name.
    pub name: String,
    /// The field that it shows, as a view names it.
    pub field: String,
    /// Whether it comes from the key or from the value.
    pub source: Source,
    /// How its values become text, if not by their type alone.
    pub decoder: Option<Decoder>,
    /// What its numbers are, if that was said.
    pub kind: Option<Metric>,
    /// What they say, in a sentence.
    pub description: Option<String>,
    /// The column of the process that a user stack is of.
    pub(super) process: Option<Box<Column>>,
    /// What its number means, where it is the bucket of what is drawn: its bounds are shown instead.
    pub(super) bucket: Option<Scale>,
    layout: Layout,
    bit_offset: u64,
    bit_width: Option<u32>,
}

/// A key and its value, whose per-CPU parts were added up.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key's bytes.
    pub key: &'a [u8],
    /// The value's bytes.
    pub value: &'a [u8],
}

/// The place of an integer of 1, 2, 4 or 8 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integer {
    source: Source,
    offset: usize,
    pub size: usize,
    pub is_signed: bool,
}

impl Integer {
    /// The integer's bits, with the sign in all above it; `None` if not all of its bytes are there.
    pub fn of(self, entry: Entry<'_>) -> Option<u64> {
        let bytes = match self.source {
            Source::Key => entry.key,
            Source::Value => entry.value,
        };
        let bytes = bytes.get(self.offset..)?.get(..self.size)?;
        // Of 8 bytes at most.
        let bits = little_endian(bytes) as u64;
        let unused = 64 - 8 * self.size as u32;
        Some(match self.is_signed {
            true => (bits.cast_signed() << unused >> unused).cast_unsigned(),
            false => bits,
        })
    }
}

/// Where a column's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the key.
    Key,
    /// In the value, or in the record.
    Value,
}

/// The fields that a view of this map can name, in the order of the columns. `key` is `None` for
/// records.
///
/// A field whose name is in both the key and the value is `key.NAME` and `value.NAME`.
pub fn field_names(key: Option<&Layout>, value: &Layout) -> Vec<String> {
    fields::all(key, value).into_iter().map(|column| column.field).collect()
}

impl Columns {
    /// The columns that rows are listed with, and their positions: what is drawn isn't also listed.
    pub fn listed(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.shown.iter().enumerate().filter(|(_, column)| column.buckets().is_none())
    }

    /// The columns of a map of this key and value, or of a record (`key` is `None`), as the view
    /// asks for them; without a view all of them as their types say.
    ///
    /// # Errors
    /// Everything in which the view doesn't fit, in the order of the view.
    pub fn new(
        key: Option<&Layout>,
        value: &Layout,
        view: Option<&View>,
    ) -> Result<Columns, Vec<ColumnError>> {
        let mut plain = Columns::plain(key, value);
        let Some(view) = view else {
            return Ok(plain);
        };
        if let Some(key) = key.filter(|_| view.by_cpu) {
            plain.split_by_cpu(key);
        }
        let mut columns = plain.shown;
        let mut errors = customise(&mut columns, view);
        let mask = group(&mut columns, key, view, &mut errors);
        if let Some(Plot::Histogram { bucket, scale, .. }) = &view.plot {
            let buckets = columns.iter_mut().filter(|column| column.name == *bucket);
            buckets.for_each(|column| column.bucket = Some(*scale));
        }
        errors.extend(names_twice(&columns));
        // What is wrong above would only be told again.
        let plot = view.plot.as_ref().filter(|_| errors.is_empty());
        errors.extend(plot.and_then(|plot| unknown_in_plot(plot, &columns)));
        let sort = view.sort.as_ref().and_then(|sort| {
            let position = columns.iter().position(|column| column.name == sort.column);
            if position.is_none() {
                errors.push(ColumnError::UnknownSort {
                    column: sort.column.clone(),
                    known: columns.iter().map(|column| column.name.clone()).collect(),
                });
            }
            position.map(|position| (position, sort.descending))
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Columns {
            shown: columns,
            key: plain.key,
            value: plain.value,
            sort,
            top: view.top,
            by_cpu: view.by_cpu && key.is_some(),
            mask,
            plot: view.plot.clone(),
            fits_view: true,
        })
    }

    /// The CPU becomes the key's last 4 bytes, and its column the key's last.
    fn split_by_cpu(&mut self, key: &Layout) {
        let column = fields::cpu(key, &self.shown);
        let position = self.key.len();
        self.shown.insert(position, column.clone());
        self.key.push(column);
    }

    /// The same rows in another order, or fewer of them, as options of a command ask for.
    ///
    /// # Errors
    /// No such column is shown.
    pub fn arranged(
        mut self,
        sort: Option<&Sort>,
        top: Option<usize>,
    ) -> Result<Columns, ColumnError> {
        if let Some(sort) = sort {
            let mut names = self.shown.iter().map(|column| &column.name);
            let Some(position) = names.position(|name| *name == sort.column) else {
                return Err(ColumnError::UnknownSort {
                    column: sort.column.clone(),
                    known: self.shown.iter().map(|column| column.name.clone()).collect(),
                });
            };
            self.sort = Some((position, sort.descending));
        }
        self.top = top.or(self.top);
        Ok(self)
    }

    /// A shown column by its name.
    pub(super) fn find(&self, name: &str) -> Option<&Column> {
        self.shown.iter().find(|column| column.name == name)
    }

    /// All columns of a map or a record, as their types say.
    pub fn plain(key: Option<&Layout>, value: &Layout) -> Columns {
        let shown = fields::all(key, value);
        let key = shown.iter().filter(|column| column.source == Source::Key).cloned().collect();
        Columns {
            shown,
            key,
            value: value.clone(),
            sort: None,
            top: None,
            by_cpu: false,
            mask: None,
            plot: None,
            fits_view: true,
        }
    }

    /// The same, for a view that doesn't fit.
    pub fn plain_instead(key: Option<&Layout>, value: &Layout) -> Columns {
        Columns { fits_view: false, ..Columns::plain(key, value) }
    }

    /// The names by which JSON and templates know the columns that are shown, and of decoded ones the
    /// raw value too.
    pub fn json_names(&self) -> Vec<String> {
        self.shown.iter().flat_map(Column::json_names).map(Cow::into_owned).collect()
    }
}

/// Applies the view's columns and drops the hidden ones.
fn customise(columns: &mut Vec<Column>, view: &View) -> Vec<ColumnError> {
    let mut errors = Vec::new();
    let mut hidden = Vec::new();
    for (position, wish) in view.columns.iter().enumerate() {
        if errors.len() >= MOST_ERRORS {
            break;
        }
        let Some(column) = columns.iter_mut().find(|column| column.field == wish.field) else {
            errors.push(ColumnError::UnknownField {
                field: wish.field.clone(),
                known: columns.iter().map(|column| column.field.clone()).collect(),
            });
            continue;
        };
        if view.columns[..position].iter().any(|earlier| earlier.field == wish.field) {
            errors.push(ColumnError::FieldTwice { field: wish.field.clone() });
            continue;
        }
        if let Some(name) = &wish.name {
            column.name.clone_from(name);
        }
        column.kind = wish.kind;
        column.description.clone_from(&wish.description);
        if let Some(kind) = wish.kind.filter(|kind| !is_of_kind(&column.layout, *kind)) {
            errors.push(ColumnError::NotOfKind { field: wish.field.clone(), kind });
        }
        if let Some(decoder) = &wish.decoder {
            let bounds = Layout::untyped(8);
            // The decoder of a histogram writes the bounds of its buckets.
            let layout = if column.is_histogram() { &bounds } else { &column.layout };
            if let Err(reason) = decoders::fits(decoder, layout) {
                errors.push(ColumnError::Unfit {
                    field: wish.field.clone(),
                    decoder: decoder.clone(),
                    reason,
                });
            }
            column.decoder = Some(decoder.clone());
        }
        if wish.hide {
            hidden.push(wish.field.as_str());
        }
    }
    for position in 0..columns.len() {
        if columns[position].decoder == Some(Decoder::Ustack) {
            let process = ["tgid", "pid"].iter().find_map(|name| {
                let mut found =
                    columns.iter().filter(|column| column.field.rsplit('.').next() == Some(*name));
                found.next().cloned()
            });
            if process.is_none() {
                let field = columns[position].field.clone();
                errors.push(ColumnError::NoProcess { field });
            }
            columns[position].process = process.map(Box::new);
        }
    }
    columns.retain(|column| !hidden.contains(&column.field.as_str()));
    errors
}

/// Leaves the columns of the key out by which entries aren't told apart; the mask of those that are.
fn group(
    columns: &mut Vec<Column>,
    key: Option<&Layout>,
    view: &View,
    errors: &mut Vec<ColumnError>,
) -> Option<Vec<u8>> {
    let (Some(key), false) = (key, view.group.is_empty()) else { return None };
    let by_cpu = if view.by_cpu { fields::CPU_SIZE as usize } else { 0 };
    let mut mask = vec![0; key.size() as usize + by_cpu];
    for name in &view.group {
        let found =
            columns.iter().find(|column| column.field == *name && column.source == Source::Key);
        match found {
            Some(column) => column.set_bits(&mut mask),
            None => errors.push(ColumnError::UnknownGroup {
                field: name.clone(),
                known: columns
                    .iter()
                    .filter(|column| column.source == Source::Key)
                    .map(|column| column.field.clone())
                    .collect(),
            }),
        }
    }
    columns.retain(|column| column.source == Source::Value || view.group.contains(&column.field));
    Some(mask)
}

fn unknown_in_plot(plot: &Plot, columns: &[Column]) -> Option<ColumnError> {
    let names = match plot {
        Plot::Histogram { bucket, value, .. } => vec![bucket, value],
        Plot::Heatmap { x, y, value } => vec![x, y, value],
    };
    let unknown = names.into_iter().find(|name| {
        !columns.iter().any(|column| column.name == **name && is_integer(&column.layout))
    })?;
    Some(ColumnError::UnknownPlot {
        column: unknown.clone(),
        known: columns
            .iter()
            .filter(|column| is_integer(&column.layout))
            .map(|column| column.name.clone())
            .collect(),
    })
}

fn is_integer(layout: &Layout) -> bool {
    matches!(layout, Layout::Scalar(scalar) if scalar.kind != ScalarKind::Float)
}

fn is_of_kind(layout: &Layout, kind: Metric) -> bool {
    match (kind, layout) {
        (Metric::Histogram(_), Layout::Array { element, .. }) => is_integer(element),
        (Metric::Histogram(_), _) => false,
        (Metric::Counter | Metric::Gauge, Layout::Scalar(scalar)) => {
            matches!(scalar.kind, ScalarKind::Integer | ScalarKind::Float)
        }
        (Metric::Counter | Metric::Gauge, _) => false,
    }
}

fn names_twice(columns: &[Column]) -> Vec<ColumnError> {
    let mut seen: Vec<Cow<'_, str>> = Vec::new();
    let mut errors = Vec::new();
    for name in columns.iter().flat_map(Column::json_names) {
        if seen.contains(&name) {
            errors.push(ColumnError::NameTwice { name: name.clone().into_owned() });
        }
        seen.push(name);
    }
    errors
}

impl Column {
    /// The column's bytes in an entry, as many as there are; `None` if there are none.
    pub(super) fn bytes<'b>(&self, key: &'b [u8], value: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        let place =
            Place { bit_offset: self.bit_offset, bit_width: self.bit_width, layout: &self.layout };
        place.bytes(match self.source {
            Source::Key => key,
            Source::Value => value,
        })
    }

    /// Sets the column's bits in a key.
    fn set_bits(&self, key: &mut [u8]) {
        let size = u64::from(self.layout.size()) * 8;
        let width = self.bit_width.map_or(size, u64::from);
        for bit in self.bit_offset..self.bit_offset + width.min(8 * key.len() as u64) {
            if let Some(byte) = key.get_mut((bit / 8) as usize) {
                *byte |= 1 << (bit % 8);
            }
        }
    }

    /// What the number of a bucket means, where the column is an array of buckets.
    pub fn buckets(&self) -> Option<Scale> {
        match self.kind {
            Some(Metric::Histogram(scale)) => Some(scale),
            _ => None,
        }
    }

    fn is_histogram(&self) -> bool {
        self.buckets().is_some()
    }

    /// Where the column is, if it is an integer of whole bytes as it stands in the key or the value, which
    /// most are: large maps are read by this.
    pub(super) fn integer(&self) -> Option<Integer> {
        let Layout::Scalar(Scalar { kind: ScalarKind::Integer, size, signed, .. }) = self.layout
        else {
            return None;
        };
        let is_whole = self.bit_width.is_none() && self.bit_offset.is_multiple_of(8);
        let offset = usize::try_from(self.bit_offset / 8).ok()?;
        (is_whole && matches!(size, 1 | 2 | 4 | 8)).then_some(Integer {
            source: self.source,
            offset,
            size: size as usize,
            is_signed: signed,
        })
    }

    /// The type of the column's bytes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the values are amounts: aligned to the right, and ordered by their raw value even
    /// where a decoder writes them in another way.
    pub fn is_quantity(&self) -> bool {
        match (&self.decoder, &self.layout) {
            _ if self.bucket.is_some() => true,
            (Some(_), _) if self.is_histogram() => false,
            (Some(decoder), _) => decoders::is_quantity(decoder),
            (None, Layout::Scalar(scalar)) => {
                matches!(scalar.kind, ScalarKind::Integer | ScalarKind::Float)
            }
            (None, _) => false,
        }
    }

    /// Whether something else is shown than the type alone says; JSON then has the raw value beside it.
    pub(super) fn is_decoded(&self) -> bool {
        self.decoder.is_some() || self.bucket.is_some()
    }

    /// The name of the raw value beside a decoded one, in JSON and templates.
    pub(super) fn raw_name(&self) -> String {
        format!("{}_raw", self.name)
    }

    fn json_names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let raw = self.is_decoded().then(|| Cow::Owned(self.raw_name()));
        std::iter::once(Cow::Borrowed(self.name.as_str())).chain(raw)
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::Layout;
    use crate::desired::{Column as Wish, Decoder, View};
    use crate::read::columns::{Columns, field_names};
    use crate::read::sample::{
        bit_field, column, field, rps_key, sort, structure, union, unsigned, view,
    };

    /// The mistakes in a view of the RPS probe's map, as they are written.
    fn mistakes(view: &View) -> Vec<String> {
        let errors = Columns::new(Some(&rps_key()), &unsigned(8), Some(view))
            .expect_err("the view has mistakes");
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_of_the_key_come_before_those_of_the_value() {
        assert_eq!(field_names(Some(&unsigned(4)), &unsigned(8)), ["key", "value"]);
        assert_eq!(
            field_names(Some(&rps_key()), &unsigned(8)),
            ["ifindex", "curr_node_id", "curr_cpu", "targ_cpu", "value"]
        );
        assert_eq!(field_names(None, &rps_key()).len(), 4);
        assert_eq!(field_names(None, &Layout::Opaque { size: 16 }), ["value"]);
    }

    #[test]
    fn nested_members_are_named_with_their_outer_ones() {
        let times =
            structure(16, vec![field("user", 0, unsigned(8)), field("system", 8, unsigned(8))]);
        let layout = structure(
            40,
            vec![
                field("nr", 0, unsigned(4)),
                bit_field("", 32, 7, unsigned(4)),
                field(
                    "",
                    8,
                    union(16, vec![field("spent", 0, times), field("word", 0, unsigned(8))]),
                ),
                field("end", 24, structure(8, vec![field("at", 0, unsigned(8))])),
            ],
        );
        assert_eq!(
            field_names(None, &layout),
            ["nr", "spent.user", "spent.system", "word", "end.at"]
        );
        let columns = Columns::new(None, &layout, None).expect("no view");
        let bytes: Vec<u8> = (0..40).collect();
        let first: Vec<Option<u8>> = columns
            .shown
            .iter()
            .map(|column| column.bytes(&[], &bytes)?.first().copied())
            .collect();
        assert_eq!(first, [Some(0), Some(8), Some(16), Some(8), Some(24)]);
    }

    #[test]
    fn a_name_in_both_key_and_value_is_told_apart() {
        let value = structure(
            16,
            vec![field("curr_cpu", 0, unsigned(4)), field("packets", 8, unsigned(8))],
        );
        assert_eq!(
            field_names(Some(&rps_key()), &value),
            ["ifindex", "curr_node_id", "key.curr_cpu", "targ_cpu", "value.curr_cpu", "packets"]
        );
    }

    #[test]
    fn a_view_renames_decodes_and_hides() {
        let mut view = view("rps_record");
        view.columns = vec![
            column("value", Some("packets"), None),
            column("ifindex", Some("device"), Some(Decoder::Ifname)),
            Wish { hide: true, ..column("curr_node_id", None, None) },
        ];
        view.sort = sort("packets", true);
        let columns = Columns::new(Some(&rps_key()), &unsigned(8), Some(&view)).expect("it fits");
        let names: Vec<&str> = columns.shown.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["device", "curr_cpu", "targ_cpu", "packets"]);
        assert_eq!(columns.shown[0].decoder, Some(Decoder::Ifname));
        assert_eq!(columns.sort, Some((3, true)));
    }

    #[test]
    fn every_mistake_is_told_with_what_there_is() {
        let mut view = view("rps_record");
        view.columns = vec![
            column("ifidx", None, None),
            column("ifindex", None, Some(Decoder::Mac)),
            column("targ_cpu", Some("target"), None),
            column("targ_cpu", None, None),
        ];
        view.sort = sort("targ_cpu", false);
        assert_eq!(
            mistakes(&view),
            [
                "there is no field `ifidx`; there are `ifindex`, `curr_node_id`, `curr_cpu`, `targ_cpu`, `value`",
                "`ifindex` can't be shown as mac: it takes 6 bytes, not `__u32`",
                "the field `targ_cpu` is listed twice",
                "can't sort by `targ_cpu`: no such column is shown; there are `ifindex`, `curr_node_id`, `curr_cpu`, `target`, `value`",
            ]
        );
    }

    #[test]
    fn names_stay_apart_even_from_raw_ones() {
        let mut view = view("rps_record");
        view.columns = vec![column("value", Some("curr_cpu"), None)];
        assert_eq!(
            mistakes(&view),
            ["two columns would be called `curr_cpu` (a decoded column `x` also has `x_raw`)"]
        );
        view.columns = vec![
            column("ifindex", Some("device"), Some(Decoder::Ifname)),
            column("value", Some("device_raw"), None),
        ];
        assert_eq!(
            mistakes(&view),
            ["two columns would be called `device_raw` (a decoded column `x` also has `x_raw`)"]
        );
    }
}
