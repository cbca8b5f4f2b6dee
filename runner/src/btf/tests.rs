//! The reader and the layouts, against BTF that is written here word by word.

mod names;

use super::{Btf, BtfError, Field, Kind, Layout, Scalar, ScalarKind, Shape, TypeId, size_of};

const INT: u32 = 1;
const POINTER: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FORWARD: u32 = 7;
const TYPEDEF: u32 = 8;
const CONST: u32 = 10;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
const VARIABLE: u32 = 14;
const SECTION: u32 = 15;
const FLOAT: u32 = 16;
const DECLARATION_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

const SIGNED: u32 = 1 << 24;
const BOOL: u32 = 4 << 24;

/// Writes BTF.
struct Writer {
    types: Vec<u32>,
    strings: Vec<u8>,
    count: u32,
    /// Bytes of the strings that these continue.
    strings_before: u32,
    /// Words of the header behind the string table's place, and the section that they name.
    layouts: Option<Vec<u8>>,
}

impl Writer {
    fn new() -> Writer {
        Writer { types: Vec::new(), strings: vec![0], count: 0, strings_before: 0, layouts: None }
    }

    /// For types that continue others, as a module's do.
    fn continuing(base: &Btf) -> Writer {
        let strings_before = base.strings().len() as u32;
        Writer { strings: Vec::new(), count: base.len(), strings_before, ..Writer::new() }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let offset = self.strings_before + self.strings.len() as u32;
        self.strings.extend(name.bytes().chain([0]));
        offset
    }

    /// Adds a type of `entries` entries; `third` is its size or the type that it refers to.
    fn add(&mut self, name: &str, kind: u32, entries: u32, third: u32, payload: &[u32]) -> u32 {
        let name = self.name(name);
        self.types.extend([name, kind << 24 | entries, third]);
        self.types.extend(payload);
        self.count += 1;
        self.count
    }

    fn int(&mut self, name: &str, size: u32, encoding: u32) -> u32 {
        self.add(name, INT, 0, size, &[encoding | (size * 8)])
    }

    fn array(&mut self, element: u32, len: u32) -> u32 {
        self.add("", ARRAY, 0, 0, &[element, element, len])
    }

    /// A structure of members by name, type and offset word.
    fn structure(&mut self, name: &str, kind: u32, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let mut payload = Vec::new();
        for &(name, ty, offset) in members {
            payload.extend([self.name(name), ty, offset]);
        }
        self.add(name, kind, members.len() as u32, size, &payload)
    }

    fn bytes(self) -> Vec<u8> {
        let types: Vec<u8> = self.types.iter().flat_map(|w| w.to_le_bytes()).collect();
        let (types_len, strings_len) = (types.len() as u32, self.strings.len() as u32);
        let layouts = self.layouts.unwrap_or_default();
        let header_size = if layouts.is_empty() { 24 } else { 32 };
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [header_size, 0, types_len, types_len, strings_len] {
            bytes.extend(u32::to_le_bytes(word));
        }
        if header_size == 32 {
            for word in [types_len + strings_len, layouts.len() as u32] {
                bytes.extend(word.to_le_bytes());
            }
        }
        bytes.extend(types);
        bytes.extend(self.strings);
        bytes.extend(layouts);
        bytes
    }

    fn btf(self) -> Btf {
        Btf::parse(self.bytes()).expect("what the writer writes is valid")
    }

    fn error(self) -> BtfError {
        Btf::parse(self.bytes()).expect_err("this BTF is wrong")
    }
}

fn scalar(name: &str, size: u32, signed: bool, kind: ScalarKind) -> Layout {
    Layout::Scalar(Scalar { name: name.to_owned(), size, signed, kind })
}

fn integer(name: &str, size: u32, signed: bool) -> Layout {
    scalar(name, size, signed, ScalarKind::Integer)
}

#[test]
fn every_kind_has_its_shape() {
    let mut writer = Writer::new();
    let int = writer.int("int", 4, SIGNED);
    let pointer = writer.add("", POINTER, 0, int, &[]);
    let array = writer.array(int, 3);
    let structure = writer.structure("s", STRUCT, 4, &[("a", int, 0)]);
    let union = writer.structure("u", UNION, 4, &[("a", int, 0)]);
    let forward = writer.add("f", FORWARD, 0, 0, &[]);
    let typedef = writer.add("t", TYPEDEF, 0, int, &[]);
    let constant = writer.add("", CONST, 0, int, &[]);
    let parameter = writer.name("x");
    let prototype = writer.add("", PROTOTYPE, 1, int, &[parameter, pointer]);
    let function = writer.add("run", FUNCTION, 1, prototype, &[]);
    let variable = writer.add("v", VARIABLE, 0, int, &[1]);
    let section = writer.add(".data", SECTION, 1, 4, &[variable, 0, 4]);
    let float = writer.add("double", FLOAT, 0, 8, &[]);
    let tag = writer.add("user", TYPE_TAG, 0, int, &[]);
    let remark = writer.add("remark", DECLARATION_TAG, 0, structure, &[0]);
    let btf = writer.btf();
    assert_eq!(btf.len(), remark);

    let shape = |id| btf.ty(TypeId(id)).shape();
    assert!(matches!(shape(0), Shape::Void));
    assert!(matches!(shape(int), Shape::Int(int) if int.signed && int.size == 4 && int.bits == 32));
    assert!(matches!(shape(pointer), Shape::Pointer(to) if to.0 == int));
    assert!(matches!(shape(array), Shape::Array(a) if a.element.0 == int && a.len == 3));
    assert!(matches!(shape(structure), Shape::Struct(s) if s.members().count() == 1));
    assert!(matches!(shape(union), Shape::Union(u) if u.size == 4));
    assert!(matches!(shape(forward), Shape::Forward));
    assert!(matches!(shape(typedef), Shape::Typedef(to) if to.0 == int));
    assert!(matches!(shape(constant), Shape::Qualified(to) if to.0 == int));
    assert!(matches!(shape(tag), Shape::Qualified(to) if to.0 == int));
    assert!(matches!(shape(function), Shape::Function(to) if to.0 == prototype));
    assert!(matches!(shape(variable), Shape::Variable(to) if to.0 == int));
    assert!(matches!(shape(float), Shape::Float(8)));
    let Shape::Prototype(prototype) = shape(prototype) else {
        panic!("not a prototype");
    };
    let parameters: Vec<_> = prototype.parameters().map(|p| (p.name, p.ty.0)).collect();
    assert_eq!((prototype.result.0, parameters), (int, vec![("x", pointer)]));
    let Shape::VariableSection(section) = shape(section) else {
        panic!("not a section");
    };
    let variables: Vec<_> = section.variables().map(|v| (v.ty.0, v.offset, v.size)).collect();
    assert_eq!(variables, [(variable, 0, 4)]);
    let Shape::DeclarationTag { target, component } = shape(remark) else {
        panic!("not a declaration tag");
    };
    assert_eq!((target.0, component), (structure, Some(0)));
}

#[test]
fn a_type_is_found_by_name_and_kind() {
    let mut writer = Writer::new();
    let int = writer.int("int", 4, SIGNED);
    writer.add("task", TYPEDEF, 0, int, &[]);
    let structure = writer.structure("task", STRUCT, 0, &[]);
    // "task" ends another string too, which must not be taken for the name.
    writer.structure("subtask", STRUCT, 0, &[]);
    let btf = writer.btf();
    assert_eq!(btf.find("task", Kind::Struct), Some(TypeId(structure)));
    assert_eq!(btf.find("task", Kind::Union), None);
    assert_eq!(btf.find("tas", Kind::Struct), None);
    assert_eq!(btf.find("", Kind::Struct), None);
}

#[test]
fn names_may_share_the_end_of_a_string() {
    let mut writer = Writer::new();
    let long = writer.name("unsigned_int");
    writer.types.extend([long + 9, INT << 24, 4, 32]);
    let btf = writer.btf();
    assert_eq!(btf.find("int", Kind::Int), Some(TypeId(1)));
    assert_eq!(btf.ty(TypeId(1)).name(), "int");
}

#[test]
fn counts_and_kinds_have_the_bits_of_kernel_7_1() {
    let mut writer = Writer::new();
    let members = 70_000;
    let int = writer.int("int", 4, SIGNED);
    let payload = vec![0; members * 3];
    let id = writer.add("large", STRUCT, members as u32, 4, &payload);
    let btf = writer.btf();
    assert_eq!((btf.len(), id), (2, int + 1));
    let Shape::Struct(structure) = btf.ty(TypeId(id)).shape() else {
        panic!("not a structure");
    };
    assert_eq!(structure.members().count(), members);
}

#[test]
fn unknown_kinds_need_a_layout_section() {
    let with_unknown = || {
        let mut writer = Writer::new();
        // Kind 40 with 4 bytes, and 8 for each of its 2 entries.
        writer.add("new", 40, 2, 0, &[1, 2, 3, 4, 5]);
        let int = writer.int("int", 4, SIGNED);
        (writer, int)
    };
    let (writer, _) = with_unknown();
    assert_eq!(writer.error(), BtfError::UnknownKind { kind: 40, id: 1 });

    let (mut writer, int) = with_unknown();
    let mut layouts = vec![0; 41 * 4];
    layouts[40 * 4..].copy_from_slice(&[4, 8, 0, 0]);
    writer.layouts = Some(layouts);
    let btf = writer.btf();
    assert!(matches!(btf.ty(TypeId(1)).shape(), Shape::Unknown(40)));
    assert_eq!(btf.find("int", Kind::Int), Some(TypeId(int)));
    assert_eq!(Layout::of(&btf, TypeId(1)), Layout::Opaque { size: 0 });
}

#[test]
fn wrong_data_is_named() {
    assert_eq!(Btf::parse(Vec::new()).err(), Some(BtfError::NotBtf));
    assert_eq!(Btf::parse(vec![0x7f, b'E']).err(), Some(BtfError::NotBtf));
    assert_eq!(Btf::parse(vec![0xeb, 0x9f]).err(), Some(BtfError::BigEndian));

    let mut version = Writer::new().bytes();
    version[2] = 2;
    assert_eq!(Btf::parse(version).err(), Some(BtfError::Version(2)));

    let mut unterminated = Writer::new();
    unterminated.strings.push(b'x');
    assert_eq!(unterminated.error(), BtfError::Strings);

    let mut endless = Writer::new();
    endless.name(&"x".repeat(20_000));
    assert_eq!(endless.error(), BtfError::Strings);

    let mut name = Writer::new();
    name.types.extend([77, INT << 24, 4, 32]);
    assert_eq!(name.error(), BtfError::Name { id: 1, offset: 77 });

    let mut reference = Writer::new();
    reference.add("", POINTER, 0, 9, &[]);
    let wrong = BtfError::Reference { id: 1, to: 9, last: 1 };
    assert_eq!(reference.error(), wrong);

    let mut entries = Writer::new();
    entries.add("s", STRUCT, 2, 4, &[0, 0, 0]);
    let what = "a type's entries";
    assert_eq!(entries.error(), BtfError::Truncated { what });

    let mut writer = Writer::new();
    writer.int("int", 4, SIGNED);
    let bytes = writer.bytes();
    for len in 2..bytes.len() {
        assert!(Btf::parse(bytes[..len].to_vec()).is_err(), "{len} bytes");
    }
}

#[test]
fn layouts_look_through_names() {
    let mut writer = Writer::new();
    let unsigned = writer.int("unsigned int", 4, 0);
    let inner = writer.add("__u32", TYPEDEF, 0, unsigned, &[]);
    let constant = writer.add("", CONST, 0, inner, &[]);
    let outer = writer.add("port_t", TYPEDEF, 0, constant, &[]);
    let char = writer.int("char", 1, SIGNED);
    let signed_char = writer.int("signed char", 1, SIGNED);
    let bool = writer.int("_Bool", 1, BOOL);
    let wide = writer.int("__int128", 16, SIGNED);
    let float = writer.add("double", FLOAT, 0, 8, &[]);
    let variable = writer.add("v", VARIABLE, 0, outer, &[1]);
    let btf = writer.btf();
    let layout = |id| Layout::of(&btf, TypeId(id));
    assert_eq!(layout(outer), integer("port_t", 4, false));
    assert_eq!(layout(constant), integer("__u32", 4, false));
    assert_eq!(layout(variable), integer("port_t", 4, false));
    assert_eq!(layout(char), scalar("char", 1, true, ScalarKind::Char));
    assert_eq!(layout(signed_char), integer("signed char", 1, true));
    assert_eq!(layout(bool), scalar("_Bool", 1, false, ScalarKind::Bool));
    assert_eq!(layout(wide), integer("__int128", 16, true));
    assert_eq!(layout(float), scalar("double", 8, true, ScalarKind::Float));
    assert_eq!(layout(0), Layout::Opaque { size: 0 });
}

#[test]
fn enumerations_keep_their_values() {
    let mut writer = Writer::new();
    let names = [writer.name("A"), writer.name("B")];
    let minus_five = (-5_i32).cast_unsigned();
    let flag = 1 << 7;
    let signed = writer.add("e", ENUM | flag, 2, 4, &[names[0], 1, names[1], minus_five]);
    let unsigned = writer.add("", ENUM, 1, 4, &[names[0], u32::MAX]);
    let wide = writer.add("w", ENUM64, 1, 8, &[names[0], 7, u32::MAX]);
    let wide_signed = writer.add("w", ENUM64 | flag, 1, 8, &[names[0], u32::MAX, u32::MAX]);
    let alias = writer.add("e_t", TYPEDEF, 0, signed, &[]);
    let btf = writer.btf();
    let values = |id| match Layout::of(&btf, TypeId(id)) {
        Layout::Scalar(Scalar { name, signed, kind: ScalarKind::Enum(values), .. }) => {
            (name, signed, values)
        }
        other => panic!("not an enumeration: {other:?}"),
    };
    let named = |values: &[(&str, i128)]| -> Vec<(String, i128)> {
        values.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    };
    let a_and_b = named(&[("A", 1), ("B", -5)]);
    assert_eq!(values(signed), ("enum e".to_owned(), true, a_and_b.clone()));
    assert_eq!(values(alias), ("e_t".to_owned(), true, a_and_b));
    let greatest = named(&[("A", u32::MAX.into())]);
    assert_eq!(values(unsigned), ("enum".to_owned(), false, greatest));
    let large = named(&[("A", 0xffff_ffff_0000_0007)]);
    assert_eq!(values(wide), ("enum w".to_owned(), false, large));
    assert_eq!(values(wide_signed), ("enum w".to_owned(), true, named(&[("A", -1)])));
}

#[test]
fn bit_fields_of_both_encodings_are_the_same() {
    let mut writer = Writer::new();
    let int = writer.int("int", 4, SIGNED);
    // The members say it: width in the upper 8 bits of the offset.
    let members = [("a", int, 3 << 24), ("b", int, 5 << 24 | 3), ("c", int, 32)];
    let new = writer.structure("s", STRUCT | 1 << 7, 8, &members);
    // The types say it: an int of 3 bits, and one of 5 bits that begins 3 bits later.
    let three = writer.add("int", INT, 0, 4, &[SIGNED | 3]);
    let five = writer.add("int", INT, 0, 4, &[SIGNED | 3 << 16 | 5]);
    let old = writer.structure("s", STRUCT, 8, &[("a", three, 0), ("b", five, 0), ("c", int, 32)]);
    let btf = writer.btf();
    let field = |name: &str, bit_offset, bit_width| Field {
        name: name.to_owned(),
        bit_offset,
        bit_width,
        layout: integer("int", 4, true),
    };
    let expected = Layout::Struct {
        name: "s".to_owned(),
        size: 8,
        fields: vec![field("a", 0, Some(3)), field("b", 3, Some(5)), field("c", 32, None)],
    };
    assert_eq!(Layout::of(&btf, TypeId(new)), expected);
    assert_eq!(Layout::of(&btf, TypeId(old)), expected);
}

#[test]
fn sizes_are_those_of_the_layouts() {
    let mut writer = Writer::new();
    let short = writer.int("short", 2, SIGNED);
    let row = writer.array(short, 3);
    let table = writer.array(row, 5);
    let flexible = writer.array(short, 0);
    let btf = writer.btf();
    for (id, size) in [(short, 2), (row, 6), (table, 30), (flexible, 0), (0, 0)] {
        assert_eq!(size_of(&btf, TypeId(id)), size);
        assert_eq!(Layout::of(&btf, TypeId(id)).size(), size);
    }
}

#[test]
fn circles_end() {
    let mut writer = Writer::new();
    let first = writer.add("a", TYPEDEF, 0, 2, &[]);
    writer.add("b", TYPEDEF, 0, first, &[]);
    let array = writer.array(3, u32::MAX);
    let structure = writer.structure("s", STRUCT, 8, &[("again", 4, 0)]);
    assert_eq!((array, structure), (3, 4));
    let btf = writer.btf();
    assert_eq!(Layout::of(&btf, TypeId(first)), Layout::Opaque { size: 0 });
    for id in [first, array, structure] {
        Layout::of(&btf, TypeId(id)).size();
        size_of(&btf, TypeId(id));
        assert_eq!(Layout::within(&btf, TypeId(id), &mut (1 << 20)), None);
    }
}

#[test]
fn layouts_that_double_at_every_level_are_cut_off() {
    let mut writer = Writer::new();
    let mut ty = writer.int("int", 4, SIGNED);
    for _ in 0..30 {
        ty = writer.structure("s", STRUCT, 4, &[("x", ty, 0), ("y", ty, 0)]);
    }
    let btf = writer.btf();
    let mut budget = 100_000;
    assert_eq!(Layout::within(&btf, TypeId(ty), &mut budget), None);
    assert!(budget < 100, "the budget is used up: {budget}");
    assert_eq!(Layout::of(&btf, TypeId(ty)).size(), 4);
}

/// Nothing in a real kernel's BTF is beyond the limits.
#[test]
fn a_kernels_types_have_whole_layouts() {
    let Ok(bytes) = std::fs::read("/sys/kernel/btf/vmlinux") else {
        // No BTF here: nothing to check.
        return;
    };
    let btf = Btf::parse(bytes).expect("the kernel's BTF is valid");
    let task = btf.find("task_struct", Kind::Struct).expect("every kernel has it");
    assert!(Layout::of(&btf, task).size() > 1000);
    for (id, _) in btf.types().step_by(7) {
        let layout = Layout::within(&btf, id, &mut (1 << 20));
        let layout = layout.expect("within the limits");
        assert_eq!(layout.size(), size_of(&btf, id));
    }
}
