//! Every question of CO-RE and its answer for `made-up-kernel.bpf.c`, reckoned by hand from the two
//! sources. libbpf has to give the same: `cargo xtask libbpf-diff tests/objects/prebuilt --btf
//! tests/objects/prebuilt/x86_64/made-up-kernel.bpf.o`.

use super::{link, message, object, program};

const QUESTIONS: &[u8] = object!("core-made-up");
const LIKENESS: &[u8] = object!("core-like");

/// What a program returns: its first instruction loads it, with 32 bits or 64.
fn answer(bytes: &[u8], name: &str) -> u64 {
    let program = program(bytes, name);
    assert!(program.missing.is_empty(), "{name}: {:?}", program.missing);
    let first = program.instructions[0];
    assert_eq!(first.destination, 0, "{name}");
    match first.code {
        0x18 => {
            let high = program.instructions[1].immediate.cast_unsigned();
            u64::from(high) << 32 | u64::from(first.immediate.cast_unsigned())
        }
        0xb7 | 0xb4 => first.immediate as u64,
        code => panic!("{name} begins with operation {code:#x}"),
    }
}

/// What of the kernel a program lacks, with the instruction that needs it.
fn missing(name: &str) -> Vec<(usize, String)> {
    let program = program(QUESTIONS, name);
    for missing in &program.missing {
        let call = program.instructions[missing.instruction];
        assert_eq!((call.code, call.immediate), (0x85, super::super::POISON), "{name}");
    }
    program.missing.into_iter().map(|missing| (missing.instruction, missing.what)).collect()
}

#[test]
fn fields_are_where_the_kernel_has_them() {
    for (name, expected) in [
        ("offset_moved", 12),
        ("offset_flavor", 0),
        ("offset_nested", 24),
        ("offset_anonymous", 8),
        ("offset_deep", 4),
        ("offset_element", 20),
        ("offset_grid", 76),
        ("offset_item", 140),
        ("offset_flexible", 28),
        ("offset_grown_flexible", 12),
        ("offset_second_object", 40),
        ("offset_union", 0),
        ("offset_typedef", 8),
        ("size_grown", 8),
        ("size_array", 32),
        ("size_element", 8),
        ("size_struct", 16),
        ("signed_grown", 0),
        ("signed_sign", 1),
        ("signed_flag", 0),
        ("signed_letter", 1),
    ] {
        assert_eq!(answer(QUESTIONS, name), expected, "{name}");
    }
}

#[test]
fn fields_exist_if_name_and_kind_fit() {
    for (name, expected) in [
        ("exists_moved", 1),
        ("exists_gone", 0),
        ("exists_flavor", 0),
        ("exists_no_struct", 0),
        ("exists_few", 1),
        ("exists_beyond_few", 0),
        ("exists_was_number", 0),
        ("exists_was_struct", 0),
        ("exists_other_enum", 0),
        ("exists_pointer", 1),
        ("exists_number_pointer", 1),
        ("exists_real", 1),
        ("exists_function", 1),
        ("exists_qualified", 1),
        ("exists_typedefed", 1),
        ("exists_only_first", 1),
        ("bits_exists", 1),
        ("bits_lost_exists", 0),
    ] {
        assert_eq!(answer(QUESTIONS, name), expected, "{name}");
    }
}

#[test]
fn bit_fields_are_read_with_what_is_around_them() {
    for (name, expected) in [
        ("bits_narrow_offset", 0),
        ("bits_narrow_size", 4),
        ("bits_narrow_left", 64 - 8),
        ("bits_narrow_right", 64 - 3),
        ("bits_narrow_signed", 0),
        ("bits_sign_left", 64 - 15),
        ("bits_sign_right", 64 - 7),
        ("bits_sign_signed", 1),
        ("bits_wide_offset", 0),
        ("bits_wide_size", 8),
        ("bits_wide_left", 64 - 55),
        // No bit-field in the kernel.
        ("bits_plain_offset", 7),
        ("bits_plain_size", 1),
        ("bits_plain_left", 64 - 8),
        ("bits_plain_right", 64 - 8),
        // Bits 30 to 39 of units of 32.
        ("bits_crossing_offset", 0),
        ("bits_crossing_size", 8),
        ("bits_crossing_left", 64 - 40),
    ] {
        assert_eq!(answer(QUESTIONS, name), expected, "{name}");
    }
}

#[test]
fn types_are_found_by_name_and_kind() {
    for (name, expected) in [
        ("id_missing", 0),
        ("type_exists", 1),
        ("type_exists_flavor", 1),
        ("type_exists_not", 0),
        ("type_exists_union", 1),
        ("type_exists_enum", 1),
        ("type_exists_large", 1),
        ("type_exists_typedef", 1),
        ("type_exists_number", 1),
        ("type_exists_handler", 1),
        ("type_exists_other_handler", 0),
        ("type_exists_no_typedef", 0),
        ("type_exists_twice", 1),
        ("type_size", 16),
        ("type_size_union", 16),
        ("type_size_typedef", 16),
        ("type_size_enum", 8),
        ("type_size_not", 0),
    ] {
        assert_eq!(answer(QUESTIONS, name), expected, "{name}");
    }
}

#[test]
fn type_ids_are_those_of_the_types() {
    let kernel = super::made_up_kernel();
    let moved = kernel.find("moved", crate::btf::Kind::Struct).expect("it is there");
    assert_eq!(answer(QUESTIONS, "id_kernel"), u64::from(moved.id.0));
    let object = super::Linkable::open(QUESTIONS).expect("a good object");
    let own = object.types().and_then(|types| types.find("moved", crate::btf::Kind::Struct));
    assert_eq!(answer(QUESTIONS, "id_local"), u64::from(own.expect("it is there").0));
}

#[test]
fn enumerators_have_the_kernels_values() {
    for (name, expected) in [
        ("enumerator_red", 5),
        ("enumerator_green", 7),
        ("enumerator_behind", -3),
        ("enumerator_flavor", 5),
        ("enumerator_small", 3),
        ("enumerator_large", 0x12_3456_789a),
        ("enumerator_negative", -5),
        ("enumerator_shrunk", 12),
        ("enumerator_top", 0xffff_ffff_0000_0001_u64.cast_signed()),
        ("enumerator_exists", 1),
        ("enumerator_exists_blue", 0),
        ("enumerator_exists_nowhere", 0),
        ("enumerator_exists_twice", 1),
        ("enumerator_once", 4),
    ] {
        assert_eq!(answer(QUESTIONS, name).cast_signed(), expected, "{name}");
    }
}

#[test]
fn what_the_kernel_lacks_is_named() {
    let not_here = |what: &str| vec![(0, format!("{what} is not in this kernel"))];
    for (name, what) in [
        ("offset_gone", "field gone of struct moved"),
        ("offset_no_struct", "struct not_there"),
        ("offset_of_few", "field few[3] of struct arrays"),
        ("offset_beyond_flexible", "field rest[4] of struct grown_flexible"),
        ("bits_lost_left", "field lost of struct bits"),
        ("enumerator_blue", "enumerator BLUE of enum colour"),
        ("enumerator_lost", "enumerator LARGE_LOST of enum large"),
        ("load_gone", "field gone of struct moved"),
    ] {
        assert_eq!(missing(name), not_here(what), "{name}");
    }
    // Both slots of a load of 64 bits are made unreachable.
    let wide = program(QUESTIONS, "enumerator_blue");
    assert_eq!(wide.instructions[0], wide.instructions[1]);
}

#[test]
fn a_guarded_miss_leaves_the_rest_alone() {
    let program = program(QUESTIONS, "load_guarded");
    assert_eq!(program.missing.len(), 1);
    let at = program.missing[0].instruction;
    assert!(at > 0, "the guard comes first");
    let log = format!(
        "0: R1=ctx() R10=fp0\n; return x;\n{at}: (85) call unknown#195896080\n\
         invalid func unknown#195896080\nprocessed 3 insns (limit 1000000)\n"
    );
    let explained = program.explain(&log).expect("the log says it");
    assert_eq!(explained.what, "field gone of struct moved is not in this kernel");
    assert!(program.explain("0: (95) exit\nR0 !read_ok").is_none());
    assert!(program.explain("1: (85) call unknown#195896080").is_none());
}

#[test]
fn names_that_the_kernel_has_twice_need_one_answer() {
    for (name, expected) in [("twice_same", 0), ("twice_only_first", 8), ("twice_only_second", 12)]
    {
        assert_eq!(answer(QUESTIONS, name), expected, "{name}");
    }
    for (name, about) in [
        ("twice_differs", "field differs of struct twice"),
        ("twice_size", "struct twice"),
        ("twice_id", "struct twice"),
        ("twice_enumerator", "enumerator TWICE of enum twice_enum"),
    ] {
        let message = message(QUESTIONS, name);
        assert!(message.contains(about), "{message}");
        let place = format!("{name}, instruction 0 (tests/objects/core-made-up.bpf.c:");
        assert!(message.starts_with(&place), "{message}");
    }
    assert!(message(QUESTIONS, "twice_differs").contains("gives 4, type"));
}

#[test]
fn an_answer_leaves_only_the_types_that_it_fits() {
    let program = program(QUESTIONS, "twice_pruned");
    let numbers: Vec<i32> = program.instructions.iter().map(|it| it.immediate).collect();
    // The second layout, that of the member asked for first, has `differs` at 8.
    assert!(numbers.contains(&12) && numbers.contains(&8), "{numbers:?}");
}

#[test]
fn loads_and_stores_take_the_kernels_sizes() {
    for (name, code, offset) in [
        // 4 bytes stay 4, of which clang extends the sign itself.
        ("load_moved", 0x61, 12),
        ("load_grown", 0x79, 0),
        ("load_shrunk", 0x69, 8),
        ("load_sign_same", 0x61, 24),
        ("load_pointer", 0x79, 32),
        ("load_byte", 0x71, 47),
        ("load_word", 0x79, 80),
        ("load_flexible", 0x61, 12),
    ] {
        let first = program(QUESTIONS, name).instructions[0];
        assert_eq!((first.code, first.offset), (code, offset), "{name}");
    }
    let stored: Vec<(u8, i16)> = program(QUESTIONS, "store")
        .instructions
        .iter()
        .filter(|instruction| matches!(instruction.code & 7, 2 | 3))
        .map(|instruction| (instruction.code, instruction.offset))
        .collect();
    let sorted = |mut stores: Vec<(u8, i16)>| {
        stores.sort_unstable();
        stores
    };
    assert_eq!(sorted(stored), sorted(vec![(0x7b, 0), (0x6b, 8), (0x73, 43)]));
}

#[test]
fn numbers_with_signs_are_not_read_in_another_size() {
    let [(0, what)] = &missing("load_sign_grown")[..] else {
        panic!("the first instruction");
    };
    assert!(what.starts_with("field sign_grown of struct widths has another size"), "{what}");
}

#[test]
fn likeness_is_decided_member_by_member() {
    for (name, expected) in [
        ("same", 1),
        ("fewer", 1),
        ("sign", 0),
        ("width", 0),
        ("length", 0),
        ("pointer", 0),
        ("pointer_to_union", 0),
        ("by_value", 0),
        ("extra", 0),
        ("call", 1),
        ("other_call", 0),
        ("result", 0),
        ("hidden", 1),
        ("kind", 0),
        ("nowhere", 0),
        ("enumeration", 1),
        ("enumeration_more", 0),
        ("function", 1),
        ("number", 1),
        ("number_long", 0),
    ] {
        assert_eq!(answer(LIKENESS, name), expected, "{name}");
    }
}

#[test]
fn the_kernels_types_are_needed_only_if_something_asks() {
    let object = super::Linkable::open(QUESTIONS).expect("a good object");
    let request = |programs| super::Request {
        programs,
        kernel: None,
        facts: None,
        globals: &[],
        features: crate::btf::BtfFeatures::ALL,
    };
    let needs = object.needs(&["id_local"]);
    assert!(needs.types.is_empty());
    assert!(object.link(&request(&["id_local"])).is_ok());
    let needs = object.needs(&["offset_moved", "type_exists_not"]);
    assert_eq!(needs.types.into_iter().collect::<Vec<_>>(), ["moved", "not_there"]);
    let error = object.link(&request(&["offset_moved"])).expect_err("types are needed");
    assert!(error.to_string().contains("CONFIG_DEBUG_INFO_BTF"), "{error}");
}

#[test]
fn unused_programs_may_be_wrong() {
    assert!(link(QUESTIONS, &["twice_same", "offset_moved"]).is_ok());
    assert!(link(QUESTIONS, &["twice_same", "twice_differs"]).is_err());
    let message = message(QUESTIONS, "nothing");
    assert!(message.starts_with("there is no program `nothing`; the object has offset_moved"));
}

#[test]
fn programs_linked_each_for_itself_fail_alone() {
    let kernel = super::made_up_kernel();
    let object = super::Linkable::open(QUESTIONS).expect("a good object");
    let request = super::Request {
        programs: &["twice_same", "twice_differs", "nothing", "offset_moved"],
        kernel: Some(&kernel),
        facts: None,
        globals: &[],
        features: crate::btf::BtfFeatures::ALL,
    };
    let linked = object.link_each(&request).expect("what they have in common is there");
    let outcomes: Vec<(&str, bool)> =
        linked.programs.iter().map(|(name, program)| (name.as_str(), program.is_ok())).collect();
    let expected = [
        ("twice_same", true),
        ("twice_differs", false),
        ("nothing", false),
        ("offset_moved", true),
    ];
    assert_eq!(outcomes, expected);
    let alone = object.link(&super::Request { programs: &["offset_moved"], ..request });
    let alone = alone.expect("it can be linked").programs.remove(0);
    let together = linked.programs[3].1.as_ref().expect("it was linked");
    assert_eq!(alone.instructions, together.instructions);
}
