//! Since which version of Linux things are there. Only tables, for notes: whether a kernel has
//! something is asked of its types.

use crate::object::MapType;

/// First helpers of the versions that brought some, by number: `include/uapi/linux/bpf.h` as of each
/// version's release.
const HELPERS: [(u32, &str); 14] = [
    (125, "5.8"),
    (141, "5.9"),
    (143, "5.10"),
    (156, "5.11"),
    (163, "5.12"),
    (164, "5.13"),
    (166, "5.14"),
    (169, "5.15"),
    (176, "5.16"),
    (180, "5.17"),
    (186, "5.18"),
    (194, "5.19"),
    (204, "6.0"),
    (208, "6.1"),
];

/// Map types that came after 5.0, by number.
const MAPS: [(u32, &str); 11] = [
    (24, "5.2"),
    (25, "5.4"),
    (26, "5.6"),
    (27, "5.8"),
    (28, "5.10"),
    (29, "5.11"),
    (30, "5.16"),
    (31, "6.1"),
    (32, "6.2"),
    (33, "6.9"),
    (34, "6.19"),
];

/// Attach types of programs that are run here, by number.
const ATTACH: [(u32, &str); 10] = [
    (23, "5.5"),
    (24, "5.5"),
    (25, "5.5"),
    (26, "5.7"),
    (27, "5.7"),
    (28, "5.8"),
    (42, "5.18"),
    (48, "6.6"),
    (56, "6.10"),
    (57, "6.13"),
];

/// The version that brought a helper; none for old ones and those beyond the list.
pub(super) fn helper(number: u32) -> Option<&'static str> {
    const LAST: u32 = 211;
    if number > LAST {
        return None;
    }
    // The last two came alone.
    if number >= 210 {
        return Some("6.2");
    }
    HELPERS.iter().rev().find(|(first, _)| *first <= number).map(|(_, since)| *since)
}

/// The version that brought a map type.
pub(super) fn map_type(map_type: MapType) -> Option<&'static str> {
    MAPS.iter().find(|(number, _)| *number == map_type.0).map(|(_, since)| *since)
}

/// The version that brought an attach type.
pub(super) fn attach_type(number: u32) -> Option<&'static str> {
    ATTACH.iter().find(|(other, _)| *other == number).map(|(_, since)| *since)
}
