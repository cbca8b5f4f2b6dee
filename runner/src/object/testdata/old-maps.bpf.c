// Maps as they were defined before BTF, and still are by aya-ebpf. Compile it again with
//   clang-19 -O2 -target bpf -c old-maps.bpf.c -o old-maps.bpf.o

typedef unsigned int u32;

#define SEC(name) __attribute__((section(name), used))

struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, flags, id, pinning;
};

struct bpf_map_def SEC("maps") jumps = { 3, 4, 4, 10, 0, 0, 0 };
struct bpf_map_def SEC("maps") counts = { 1, 8, 16, 100, 1, 0, 1 };

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*tail_call)(void *context, void *map, u32 slot) = (void *)12;

u32 wanted = 42;

SEC("kprobe") int hello(void *context)
{
	u32 key[2] = { wanted };

	map_lookup(&counts, key);
	tail_call(context, &jumps, 2);
	return 0;
}

SEC("license") char LICENSE[] = "GPL";
