// What the inventory must understand and the shipped programs don't have. Compile it again with
//   clang-19 -g -O2 -target bpf -ffile-prefix-map=$PWD/= -c features.bpf.c -o features.bpf.o
//   llvm-strip-19 -g features.bpf.o
// It needs no headers.

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name
#define __array(name, type) typeof(type) *name[]

enum { HASH = 1, ARRAY = 2, PROG_ARRAY = 3, RINGBUF = 27, ARRAY_OF_MAPS = 12 };

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static __u64 (*ktime)(void) = (void *)5;
static __u32 (*cpu)(void) = (void *)8;
static long (*tail_call)(void *context, void *map, __u32 slot) = (void *)12;
static long (*ringbuf_output)(void *map, void *data, __u64 size, __u64 flags) = (void *)130;
static long (*loop)(__u32 count, void *callback, void *argument, __u64 flags) = (void *)181;

enum colour { RED, GREEN = -5 };
enum wide { WIDE = 0x100000000ULL };

struct key {
	__u32 nr;
	__s32 pid;
} __attribute__((packed));

struct bits {
	int narrow : 3;
	unsigned rest : 5;
	long long large : 40;
	char name[16];
	_Bool valid;
	enum colour colour;
};

struct record {
	__u64 time;
	struct bits bits;
	union {
		int number;
		__u8 bytes[4];
	};
	const volatile __u16 *pointer;
	enum wide wide;
	double real;
	char path[];
};

int first(void *context);
int second(void *context);

struct {
	__uint(type, PROG_ARRAY);
	__uint(max_entries, 300);
	__uint(key_size, 4);
	__array(values, int(void *));
} handlers SEC(".maps") = { .values = { [59] = (void *)&first, [222] = (void *)&second, [223] = (void *)&second } };

struct {
	__uint(type, HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, 1);
	__uint(pinning, 1);
	__type(key, struct key);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static struct {
	__uint(type, ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct record);
} hidden SEC(".maps");

const volatile __u32 filter = 7;
const volatile enum colour colour = GREEN;
static volatile const __u16 step = 3;
int table[3] = { 1, -2, 3 };
char tag[4] SEC(".data.tags") = "ab";
__u64 total;

extern int LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));

static __attribute__((noinline)) int count(__u32 nr)
{
	__u32 slot = nr;
	struct key key = { .nr = nr };
	__u64 *seen = map_lookup(&counts, &key);

	if (seen)
		(*seen)++;
	return map_lookup(&hidden, &slot) ? step : 0;
}

__attribute__((noinline)) int shared(int value)
{
	return value * 3 + cpu();
}

static long each(__u32 index, void *context)
{
	tail_call(context, &handlers, 5);
	return 0;
}

SEC("raw_tracepoint/sys_enter") int dispatch(__u64 *context)
{
	static int calls;
	__u32 nr = context[1];

	calls++;
	total += count(nr);
	table[nr % 3]++;
	if (nr == 7)
		tail_call(context, &handlers, 11);
	else if (nr == filter)
		tail_call(context, &handlers, 12);
	tail_call(context, &handlers, nr);
	return colour;
}

SEC("raw_tracepoint/sys_enter") int first(void *context)
{
	struct record record = { .time = ktime() };

	ringbuf_output(&events, &record, sizeof record, 0);
	return shared(LINUX_KERNEL_VERSION);
}

SEC("?raw_tp/sys_enter") int second(void *context)
{
	bpf_rcu_read_lock();
	return tag[1];
}

struct task_struct {
	int pid;
	struct task_struct *parent;
} __attribute__((preserve_access_index));

SEC("kprobe.multi/tcp_*") int looping(struct task_struct *task)
{
	loop(3, each, task, 0);
	return task->parent->pid;
}

SEC("my_handlers") int own_section(void *context)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
