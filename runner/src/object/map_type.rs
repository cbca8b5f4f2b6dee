//! Map types by number and name.

use std::fmt;

/// Names in the order of `enum bpf_map_type`, to kernel 6.19.
const NAMES: [&str; 35] = [
    "unspec",
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
    "user_ringbuf",
    "cgrp_storage",
    "arena",
    "insn_array",
];

/// `enum bpf_map_type`, as the number the object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MapType(pub u32);

impl MapType {
    /// `BPF_MAP_TYPE_HASH`.
    pub const HASH: MapType = MapType(1);
    /// `BPF_MAP_TYPE_ARRAY`.
    pub const ARRAY: MapType = MapType(2);
    /// `BPF_MAP_TYPE_PROG_ARRAY`.
    pub const PROG_ARRAY: MapType = MapType(3);
    /// `BPF_MAP_TYPE_PERF_EVENT_ARRAY`.
    pub const PERF_EVENT_ARRAY: MapType = MapType(4);
    /// `BPF_MAP_TYPE_PERCPU_HASH`.
    pub const PERCPU_HASH: MapType = MapType(5);
    /// `BPF_MAP_TYPE_PERCPU_ARRAY`.
    pub const PERCPU_ARRAY: MapType = MapType(6);
    /// `BPF_MAP_TYPE_STACK_TRACE`.
    pub const STACK_TRACE: MapType = MapType(7);
    /// `BPF_MAP_TYPE_LRU_HASH`.
    pub const LRU_HASH: MapType = MapType(9);
    /// `BPF_MAP_TYPE_LRU_PERCPU_HASH`.
    pub const LRU_PERCPU_HASH: MapType = MapType(10);
    /// `BPF_MAP_TYPE_LPM_TRIE`.
    pub const LPM_TRIE: MapType = MapType(11);
    /// `BPF_MAP_TYPE_ARRAY_OF_MAPS`.
    pub const ARRAY_OF_MAPS: MapType = MapType(12);
    /// `BPF_MAP_TYPE_HASH_OF_MAPS`.
    pub const HASH_OF_MAPS: MapType = MapType(13);
    /// `BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE`.
    pub const PERCPU_CGROUP_STORAGE: MapType = MapType(21);
    /// `BPF_MAP_TYPE_QUEUE`.
    pub const QUEUE: MapType = MapType(22);
    /// `BPF_MAP_TYPE_STACK`.
    pub const STACK: MapType = MapType(23);
    /// `BPF_MAP_TYPE_RINGBUF`.
    pub const RINGBUF: MapType = MapType(27);
    /// `BPF_MAP_TYPE_USER_RINGBUF`.
    pub const USER_RINGBUF: MapType = MapType(31);

    /// The type's name in lower case, without `BPF_MAP_TYPE_`: `hash`, `prog_array`, …;
    /// `unknown (N)` for numbers that came after this program was written.
    pub fn name(self) -> String {
        match NAMES.get(self.0 as usize) {
            Some(name) => (*name).to_owned(),
            None => format!("unknown ({})", self.0),
        }
    }

    /// Whether its values are maps.
    pub fn holds_maps(self) -> bool {
        matches!(self, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS)
    }

    /// Whether user space can list its entries and store them in another map.
    pub fn has_copyable_entries(self) -> bool {
        self.has_fill_level() || matches!(self, MapType::ARRAY | MapType::PERCPU_ARRAY)
    }

    /// Whether its values belong to something else of the kernel (a socket, a task), as many as there
    /// are: it has no capacity.
    pub fn is_storage(self) -> bool {
        const CGROUP_STORAGE: u32 = 19;
        const PERCPU_CGROUP_STORAGE: u32 = 21;
        const SK_STORAGE: u32 = 24;
        const INODE_STORAGE: u32 = 28;
        const TASK_STORAGE: u32 = 29;
        const CGRP_STORAGE: u32 = 32;
        matches!(
            self.0,
            CGROUP_STORAGE
                | PERCPU_CGROUP_STORAGE
                | SK_STORAGE
                | INODE_STORAGE
                | TASK_STORAGE
                | CGRP_STORAGE
        )
    }

    /// Whether the kernel takes types (BTF) of its keys and values. It refuses them of maps that hold
    /// other things than a program's own data (`map_check_no_btf`).
    pub fn takes_types(self) -> bool {
        let refuse = [
            "perf_event_array",
            "stack_trace",
            "cgroup_array",
            "array_of_maps",
            "hash_of_maps",
            "devmap",
            "devmap_hash",
            "sockmap",
            "sockhash",
            "cpumap",
            "xskmap",
            "queue",
            "stack",
            "arena",
        ];
        !refuse.contains(&self.name().as_str())
    }

    /// Whether it is a hash, shared or per CPU.
    pub fn is_hash(self) -> bool {
        matches!(
            self,
            MapType::HASH | MapType::LRU_HASH | MapType::PERCPU_HASH | MapType::LRU_PERCPU_HASH
        )
    }

    /// Whether it is a hash or a trie: how many entries it has changes.
    pub fn has_fill_level(self) -> bool {
        self.is_hash() || self == MapType::LPM_TRIE
    }

    /// Whether records come through it, and it holds no entries.
    pub fn holds_records(self) -> bool {
        matches!(self, MapType::RINGBUF | MapType::PERF_EVENT_ARRAY)
    }

    /// Whether each CPU has a value of its own.
    pub fn is_per_cpu(self) -> bool {
        matches!(
            self,
            MapType::PERCPU_HASH
                | MapType::PERCPU_ARRAY
                | MapType::LRU_PERCPU_HASH
                | MapType::PERCPU_CGROUP_STORAGE
        )
    }
}

impl fmt::Display for MapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::MapType;

    #[test]
    fn names_follow_the_numbers() {
        assert_eq!(MapType::HASH.name(), "hash");
        assert_eq!(MapType::PROG_ARRAY.name(), "prog_array");
        assert_eq!(MapType::LRU_PERCPU_HASH.name(), "lru_percpu_hash");
        assert_eq!(MapType::ARRAY_OF_MAPS.name(), "array_of_maps");
        assert_eq!(MapType::HASH_OF_MAPS.name(), "hash_of_maps");
        assert_eq!(MapType::PERCPU_CGROUP_STORAGE.name(), "percpu_cgroup_storage");
        assert_eq!(MapType::RINGBUF.name(), "ringbuf");
        assert_eq!(MapType::USER_RINGBUF.name(), "user_ringbuf");
        assert_eq!(MapType(34).name(), "insn_array");
        assert_eq!(MapType(35).name(), "unknown (35)");
    }
}
