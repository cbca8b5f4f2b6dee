/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which packets a probe looks at: the filter's globals and the match against a
 * packet that is about to enter the network stack.
 *
 * The packet is only read, never counted, in here. A loader sets the globals
 * before the program is verified, so the verifier drops what no filter asks for
 * and an unset filter costs nothing.
 */
#ifndef PACKET_FILTER_H
#define PACKET_FILTER_H

#include "probe.h"

union address {
	u8 bytes[16];
	u32 words[4];
	u64 halves[2];
};

/* An interface's index; 0: any. */
const volatile u32 filter_ifindex = 0;
/* 4 or 6; 0: any packet, IP or not. */
const volatile u8 filter_family = 0;
/* The transport protocol's number, as 17 for UDP; 0: any. */
const volatile u8 filter_protocol = 0;
/* Addresses in network order; IPv4 as ::ffff:a.b.c.d; all zero: any. */
const volatile u8 filter_source[16] __attribute__((aligned(8))) = {};
const volatile u8 filter_destination[16] __attribute__((aligned(8))) = {};
/* Ports as one writes them (host order); 0: any. */
const volatile u16 filter_source_port = 0;
const volatile u16 filter_destination_port = 0;

enum match {
	MATCHES,
	DIFFERS,
	/* The filter asks for bytes that are not in the packet's linear part. */
	UNREADABLE,
};

/* A place in a packet's linear part, the bytes that the kernel keeps at `data`. */
struct cursor {
	const unsigned char *data;
	u32 length;
	u32 offset;
};

struct ipv4_header {
	u8 version_and_length;
	u8 service;
	u16 total_length;
	u16 id;
	u16 fragment;
	u8 time_to_live;
	u8 protocol;
	u16 checksum;
	u32 source;
	u32 destination;
};

struct ipv6_header {
	u32 version_class_flow;
	u16 payload_length;
	u8 next;
	u8 hop_limit;
	union address source;
	union address destination;
};

/* How every IPv6 extension header begins; `fragment` only in a fragment header. */
struct ipv6_extension {
	u8 next;
	u8 length;
	u16 fragment;
};

struct ports {
	u16 source;
	u16 destination;
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_SERVICE_VLAN = 0x88a8,
};

enum {
	HOP_BY_HOP = 0,
	TCP = 6,
	UDP = 17,
	DCCP = 33,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	DESTINATION_OPTIONS = 60,
	SCTP = 132,
	MOBILITY = 135,
	UDP_LITE = 136,
	HOST_IDENTITY = 139,
	SHIM6 = 140,
};

#define MAX_VLAN_TAGS 2
#define MAX_IPV6_EXTENSIONS 8
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_FRAGMENT_OFFSET 0xfff8

static __always_inline bool is_set(const volatile u8 *address)
{
	const volatile u64 *halves = (const volatile u64 *)address;

	return halves[0] || halves[1];
}

static __always_inline bool wants_ports(void)
{
	return filter_source_port || filter_destination_port;
}

static __always_inline bool wants_transport(void)
{
	return filter_protocol || wants_ports();
}

static __always_inline bool wants_addresses(void)
{
	return is_set(filter_source) || is_set(filter_destination);
}

/* Whether the filter asks for anything that only the packet itself tells. */
static __always_inline bool filter_reads_packets(void)
{
	return filter_family || wants_addresses() || wants_transport();
}

/* Copies the next bytes without moving on; false when they are not all there. */
static __always_inline bool peek(const struct cursor *at, void *to, u32 size)
{
	if (at->offset + size > at->length)
		return 0;
	return bpf_probe_read_kernel(to, size, at->data + at->offset) == 0;
}

static __always_inline bool is(const union address *address, const volatile u8 *filter)
{
	const volatile u64 *wanted = (const volatile u64 *)filter;

	return !is_set(filter) ||
	       (address->halves[0] == wanted[0] && address->halves[1] == wanted[1]);
}

static __always_inline bool has_ports(u8 protocol)
{
	return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP ||
	       protocol == UDP_LITE;
}

/* The end of every match: `at` stands behind all network headers. */
static __always_inline enum match transport_match(const struct cursor *at, u8 protocol,
						  bool later_fragment)
{
	struct ports ports;

	if (filter_protocol && protocol != filter_protocol)
		return DIFFERS;
	if (!wants_ports())
		return MATCHES;
	/* Only a packet's first fragment has the transport header. */
	if (!has_ports(protocol) || later_fragment)
		return DIFFERS;
	if (!peek(at, &ports, sizeof(ports)))
		return UNREADABLE;
	if (filter_source_port && from_big_endian_16(ports.source) != filter_source_port)
		return DIFFERS;
	if (filter_destination_port &&
	    from_big_endian_16(ports.destination) != filter_destination_port)
		return DIFFERS;
	return MATCHES;
}

static __always_inline enum match ipv4_match(struct cursor *at)
{
	union address source = {}, destination = {};
	struct ipv4_header header;
	u32 length;

	if (!peek(at, &header, sizeof(header)))
		return UNREADABLE;
	length = (header.version_and_length & 0x0f) * 4;
	if (length < sizeof(header))
		return UNREADABLE;

	source.bytes[10] = source.bytes[11] = 0xff;
	source.words[3] = header.source;
	destination.bytes[10] = destination.bytes[11] = 0xff;
	destination.words[3] = header.destination;
	if (!is(&source, filter_source) || !is(&destination, filter_destination))
		return DIFFERS;

	at->offset += length;
	return transport_match(at, header.protocol,
			       from_big_endian_16(header.fragment) & IPV4_FRAGMENT_OFFSET);
}

static __always_inline bool is_ipv6_extension(u8 next)
{
	switch (next) {
	case HOP_BY_HOP:
	case ROUTING:
	case FRAGMENT:
	case AUTHENTICATION:
	case DESTINATION_OPTIONS:
	case MOBILITY:
	case HOST_IDENTITY:
	case SHIM6:
		return 1;
	default:
		return 0;
	}
}

static __always_inline enum match ipv6_match(struct cursor *at)
{
	struct ipv6_extension extension;
	struct ipv6_header header;
	u8 next;

	if (!peek(at, &header, sizeof(header)))
		return UNREADABLE;
	if (!is(&header.source, filter_source) || !is(&header.destination, filter_destination))
		return DIFFERS;
	if (!wants_transport())
		return MATCHES;

	at->offset += sizeof(header);
	next = header.next;
	for (int i = 0; i <= MAX_IPV6_EXTENSIONS; i++) {
		/* A filter may ask for an extension itself, as 51 (authentication). */
		if (!is_ipv6_extension(next) || (filter_protocol && next == filter_protocol))
			return transport_match(at, next, 0);
		if (!peek(at, &extension, sizeof(extension)))
			return UNREADABLE;

		if (next == FRAGMENT) {
			if (from_big_endian_16(extension.fragment) & IPV6_FRAGMENT_OFFSET)
				return transport_match(at, extension.next, 1);
			at->offset += 8;
		} else if (next == AUTHENTICATION) {
			at->offset += (extension.length + 2) * 4;
		} else {
			at->offset += (extension.length + 1) * 8;
		}
		next = extension.next;
	}
	return UNREADABLE;
}

/*
 * Compares a packet by its linear part, of `length` bytes at `data`, and by its
 * ethertype in network order. `data` is at the network header when the stack
 * takes a packet in (the packet's own `network_header` is set only later). A
 * VLAN tag that the card has taken off is not seen; one that is still in the
 * packet stands before the network header and tells the real type.
 */
static __always_inline enum match packet_match(const unsigned char *data, u32 length,
					       u16 ethertype)
{
	struct cursor at = { .data = data, .length = length };
	u16 type = from_big_endian_16(ethertype);

	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct {
			u16 tag;
			u16 type;
		} vlan;

		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_SERVICE_VLAN)
			break;
		if (!peek(&at, &vlan, sizeof(vlan)))
			return UNREADABLE;
		at.offset += sizeof(vlan);
		type = from_big_endian_16(vlan.type);
	}

	if (type == ETHERTYPE_IPV4 && filter_family != 6)
		return wants_addresses() || wants_transport() ? ipv4_match(&at) : MATCHES;
	if (type == ETHERTYPE_IPV6 && filter_family != 4)
		return wants_addresses() || wants_transport() ? ipv6_match(&at) : MATCHES;
	return DIFFERS;
}

#endif
