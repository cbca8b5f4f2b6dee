//! The flags of maps that a probe file can set.

use schemars::JsonSchema;
use serde::Deserialize;

/// A flag of `BPF_MAP_CREATE`, by the kernel's name in lower case without `BPF_F_`. Those that say who
/// may use the descriptor aren't among them, since probe-runner fills and reads maps itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MapFlag {
    /// Hash maps allocate an entry when it is stored, not all of them when the map is made.
    NoPrealloc,
    /// LRU hash maps have a list for each CPU instead of one for all: faster, and less exact.
    NoCommonLru,
    /// Stack traces are stored as build id and offset.
    StackBuildId,
    /// Hash maps are seeded with 0: entries come in the same order each time. It takes CAP_SYS_ADMIN.
    ZeroSeed,
    /// Programs may only read it.
    RdonlyProg,
    /// Programs may only write it.
    WronlyProg,
    /// Processes may map the array's values into their memory.
    Mmapable,
    /// Perf event arrays keep their events when the process that stored them ends.
    PreserveElems,
    /// Arrays of other sizes may take this one's place in a map of maps.
    InnerMap,
}

impl MapFlag {
    /// All of them, by ascending bit.
    pub const ALL: [MapFlag; 9] = [
        MapFlag::NoPrealloc,
        MapFlag::NoCommonLru,
        MapFlag::StackBuildId,
        MapFlag::ZeroSeed,
        MapFlag::RdonlyProg,
        MapFlag::WronlyProg,
        MapFlag::Mmapable,
        MapFlag::PreserveElems,
        MapFlag::InnerMap,
    ];

    /// Its bit in `map_flags`.
    pub fn bit(self) -> u32 {
        1 << match self {
            MapFlag::NoPrealloc => 0,
            MapFlag::NoCommonLru => 1,
            MapFlag::StackBuildId => 5,
            MapFlag::ZeroSeed => 6,
            MapFlag::RdonlyProg => 7,
            MapFlag::WronlyProg => 8,
            MapFlag::Mmapable => 10,
            MapFlag::PreserveElems => 11,
            MapFlag::InnerMap => 12,
        }
    }

    /// Its name in a probe file.
    pub fn name(self) -> &'static str {
        match self {
            MapFlag::NoPrealloc => "no_prealloc",
            MapFlag::NoCommonLru => "no_common_lru",
            MapFlag::StackBuildId => "stack_build_id",
            MapFlag::ZeroSeed => "zero_seed",
            MapFlag::RdonlyProg => "rdonly_prog",
            MapFlag::WronlyProg => "wronly_prog",
            MapFlag::Mmapable => "mmapable",
            MapFlag::PreserveElems => "preserve_elems",
            MapFlag::InnerMap => "inner_map",
        }
    }

    /// The names of the flags in some `map_flags`, and what has no name here as a number.
    pub fn names(flags: u32) -> Vec<String> {
        let known = MapFlag::ALL.into_iter().filter(|flag| flags & flag.bit() != 0);
        let mut names: Vec<String> = known.map(|flag| flag.name().to_owned()).collect();
        let rest = MapFlag::ALL.into_iter().fold(flags, |rest, flag| rest & !flag.bit());
        if rest != 0 {
            names.push(format!("{rest:#x}"));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::MapFlag;

    #[test]
    fn flags_have_the_names_that_files_use() {
        for flag in MapFlag::ALL {
            let schema = schemars::schema_for!(MapFlag);
            let text = serde_json::to_string(&schema).expect("a schema is JSON");
            assert!(text.contains(&format!("\"{}\"", flag.name())), "{text}");
        }
    }

    #[test]
    fn bits_are_named() {
        assert_eq!(MapFlag::names(0), Vec::<String>::new());
        assert_eq!(MapFlag::names(0x401), ["no_prealloc", "mmapable"]);
        assert_eq!(MapFlag::names(0x4 | 0x80), ["rdonly_prog", "0x4"]);
    }
}
